package message

import (
	"cmp"
	"strings"

	"vigie/receiver/message/locale"
)

// people are who has it in hand, and what they said.
type people struct{ *sheet }

// AM is the account manager's name, or "le gestionnaire du compte".
func (i people) AM() string { return i.person(i.f.AccountManager, "account_manager") }

// Lead is the backup lead's name, or the role's words.
func (i people) Lead() string { return i.person(i.f.BackupLead, "backup_lead") }

// Queue is the trace queue's name, or the role's words.
func (i people) Queue() string { return i.person(i.f.TraceQueue, "trace_queue") }

// Who is the person on it; "" for nobody.
func (i people) Who() string { return i.f.Assignee }

// AssignedBy is who assigned it; "" when it was the person's own choice.
func (i people) AssignedBy() string {
	if i.f.AssignedBy == i.f.Assignee {
		return ""
	}
	return i.f.AssignedBy
}

// Actor is who did what this message follows from.
func (i people) Actor() string { return i.f.Actor }

// Automatic tells that no person asked for this message.
func (i people) Automatic() bool { return i.f.Automatic }

// Reason is why somebody did it, in his words or by the name of what he chose.
func (i people) Reason() string { return named(i.Language, i.f.Reason) }

// named gives the usual reasons for closing their names; what somebody wrote stays.
func named(l *locale.Language, reason string) string {
	return cmp.Or(l.Word(locale.Pages+"close."+strings.ReplaceAll(reason, "_", " ")), reason)
}

// Expected is the promised day: "mercredi 12 mars".
func (i people) Expected() string { return i.DateText(i.f.ExpectedDate) }

// ExpectedAhead is Expected while that day is not over; "" afterwards.
func (i people) ExpectedAhead() string {
	if t, ok := i.ParseDate(i.f.ExpectedDate); !ok || t.Before(i.Ref.AddDate(0, 0, -1)) {
		return ""
	}
	return i.Expected()
}

// ExpectedBrief is the promised day for a subject: "12/03", "12 March".
func (i people) ExpectedBrief() string {
	if t, ok := i.ParseDate(i.f.ExpectedDate); ok {
		return i.StampDay(t)
	}
	return i.f.ExpectedDate
}

// Escalates tells that somebody would hear of it if he says that he cannot mend it.
func (i people) Escalates() bool { return !i.f.NoEscalation }

// HandedOn tells that the assignment moved from one person to another, and that
// whoever had it reads about it.
func (i people) HandedOn() bool {
	return len(i.n.To) > 1 || i.f.Assignee != "" && len(i.n.To) == 1 && i.n.To[0].Name != i.f.Assignee
}

// SilenceBy is who silenced the alert.
func (i people) SilenceBy() string { return i.f.SilenceBy }

// SilenceUntil is when that silence ends or ended.
func (i people) SilenceUntil() string { return i.DueAt(i.f.SilenceUntil) }

// LeftBy is who had it until it was given back; "" where nobody gave it back.
func (i people) LeftBy() string { return i.f.LeftBy }

// Again is why somebody is told once more: "", "promise", "waited", "failing", "lapsed" or "worse".
func (i people) Again() string { return i.f.Again }

// RefusedWhat is what was refused: "" an address, "message" or "trouble".
func (i people) RefusedWhat() string { return i.f.RefusedWhat }

// Refused lists the addresses whose mail was refused.
func (i people) Refused() string { return i.few(i.f.Refused, 5) }
