package message

import (
	"slices"
	"time"

	"vigie/receiver/message/locale"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// customer is the talk with the customer's people: whom to call, what came of it,
// what they answered.
type customer struct {
	*sheet
	subject
	failure
}

// ContactName is whom to phone or write to, or "l'utilisateur".
func (i customer) ContactName() string { return i.person(i.contact.Name, "contact") }

// ContactPhone is the number to dial.
func (i customer) ContactPhone() string { return i.contact.Phone }

// ContactFacts is whom to phone.
func (i customer) ContactFacts() []fact {
	fs := &facts{t: i.Language}
	fs.add("contact", i.contact.Name)
	fs.add("phone", i.contact.Phone, strong)
	fs.add("mail", i.contact.Address)
	fs.add("customer", i.Customer())
	fs.add("machine", i.machineFact())
	fs.add("last_success", i.LastSuccess())
	fs.add("days", i.Days())
	fs.add("problem", i.PlainCause())
	if i.Offline() {
		fs.add("last_seen", i.Seen())
	}
	return fs.rows
}

// Computer is "votre ordinateur PC-LEA", or "l'ordinateur PC-LEA" for somebody
// who looks after the company's computers.
func (i customer) Computer() string {
	if !i.Workstation() && i.f.MachineClass != "" {
		return i.TheMachine()
	}
	return i.Say("computer."+i.whose(), "name", i.f.Machine)
}

// OfComputer is Computer after "la sauvegarde".
func (i customer) OfComputer() string {
	if !i.Workstation() && i.f.MachineClass != "" {
		return i.OfMachine()
	}
	return i.Say("of_computer."+i.whose(), "name", i.f.Machine)
}

// ComputerUp is Computer at the beginning of a sentence.
func (i customer) ComputerUp() string { return upperFirst(i.Computer()) }

// Theirs tells that the computer is that of whom this is written to, or who is called.
func (i customer) Theirs() bool { return i.whose() == "yours" }

func (i customer) whose() string {
	if !i.contact.User || slices.ContainsFunc(i.n.To, func(p incident.Party) bool { return p.Outside && !p.User }) {
		return "one"
	}
	return "yours"
}

// CallDue tells that what is to be done is a phone call.
func (i customer) CallDue() bool { return i.f.State == model.CallDue }

// CallBefore is the day on which we phone when no answer came.
func (i customer) CallBefore() string { return i.LongDay(i.f.CallBefore) }

// CallFacts is the written summary of a phone call.
func (i customer) CallFacts() []fact {
	fs := &facts{t: i.Language}
	c := i.f.Call
	when := c["at"]
	if t, err := time.Parse(time.RFC3339, when); err == nil {
		when = i.Moment(t)
	}
	if when == "" {
		when = i.Moment(i.n.DecidedAt)
	}
	fs.add("called", when)
	fs.add("who", joinNonEmpty(", ", c["person"]))
	fs.add("outcome", i.NameOf("outcome", c["outcome"]))
	fs.add("agreed", c["agreed"])
	fs.add("next", i.DateText(c["next_date"]))
	return fs.rows
}

// CallDay is the day of the call, for a subject.
func (i customer) CallDay() string {
	if t, err := time.Parse(time.RFC3339, i.f.Call["at"]); err == nil {
		return i.Date(t)
	}
	return i.Date(i.n.DecidedAt)
}

// CallReached tells whether somebody answered.
func (i customer) CallReached() bool {
	o := locale.KeyOf(i.f.Call["outcome"])
	return o == "reached" || o == "refused"
}

// CallFailed tells that this message follows a call that reached nobody, rather
// than one that was not made.
func (i customer) CallFailed() bool { return i.justCalled() && !i.CallReached() }

// CallDeclined tells that this message follows a call that was taken, and led to nothing.
func (i customer) CallDeclined() bool {
	return i.justCalled() && locale.KeyOf(i.f.Call["outcome"]) == "refused"
}

func (i customer) justCalled() bool {
	called, err := time.Parse(time.RFC3339, i.f.Call["at"])
	return len(i.f.Call) > 0 && (err != nil || i.n.DecidedAt.Sub(called) < 24*time.Hour)
}

// NoAnswer tells that nobody took the call, which one that was answered by somebody else
// does not say.
func (i customer) NoAnswer() bool {
	o := locale.KeyOf(i.f.Call["outcome"])
	return i.CallFailed() && (o == "voicemail" || o == "no_answer")
}

// CallOutcome is how the call ended, in words.
func (i customer) CallOutcome() string { return i.NameOf("outcome", i.f.Call["outcome"]) }

// CallNote is what was agreed.
func (i customer) CallNote() string { return i.f.Call["agreed"] }

// CallNext is the agreed day.
func (i customer) CallNext() string { return i.DateText(i.f.Call["next_date"]) }

// AnswerResult is what was answered: done, away, call_me or not_mine; "" when it
// was said in words alone.
func (i customer) AnswerResult() string { return i.f.Answer["result"] }

// AnswerNote is the answer in the person's own words.
func (i customer) AnswerNote() string { return i.f.Answer["note"] }

// AnswerBy is who answered.
func (i customer) AnswerBy() string { return i.f.Answer["by"] }

// WantsCall tells that the newest word of the customer is to be called.
func (i customer) WantsCall() bool {
	said, _ := time.Parse(time.RFC3339, i.f.Answer["at"])
	called, _ := time.Parse(time.RFC3339, i.f.Call["at"])
	return i.AnswerResult() == "call_me" && said.After(called)
}

// AnswerUntil is the day on which it is looked at again.
func (i customer) AnswerUntil() string { return i.DateText(i.f.Answer["until"]) }
