package message

// AnswerResult is what was answered: done, away, call_me or not_mine; "" when it
// was said in words alone.
func (i *item) AnswerResult() string { return i.f.Answer["result"] }

// AnswerNote is the answer in the person's own words.
func (i *item) AnswerNote() string { return i.f.Answer["note"] }

// AnswerBy is who answered.
func (i *item) AnswerBy() string { return i.f.Answer["by"] }

// AnswerUntil is the day on which it is looked at again.
func (i *item) AnswerUntil() string { return i.dateText(i.f.Answer["until"]) }
