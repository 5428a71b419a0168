package message

import (
	"slices"

	"vigie/receiver/message/locale"
	"vigie/rules/incident"
)

// history is what happened so far.
type history struct{ *sheet }

// Done is what the person who did the last such act wrote: of "resolve", what
// was done; of "qualify", why.
func (i history) Done(verb string) string {
	for _, h := range slices.Backward(i.f.History) {
		if locale.KeyOf(h.What) == verb {
			return h.Text
		}
	}
	return ""
}

// ReopenedBy is who said of what had ended that it still fails; "" for nobody.
func (i history) ReopenedBy() string {
	for _, h := range slices.Backward(i.f.History) {
		if k := locale.KeyOf(h.What); k == "reopen" || k == "reopened" {
			return h.Who
		}
	}
	return ""
}

// Answered tells that the customer has answered, and Written that we wrote.
func (i history) Answered() bool { return i.happened("answer") }

func (i history) Written() bool {
	return slices.ContainsFunc(i.f.History, func(h incident.HistoryLine) bool {
		return h.Text == "B4" || h.Text == "computer-not-backed-up"
	})
}

func (i history) happened(what string) bool {
	return slices.ContainsFunc(i.f.History, func(h incident.HistoryLine) bool { return locale.KeyOf(h.What) == what })
}
