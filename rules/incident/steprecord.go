package incident

import (
	"slices"
	"strings"
	"time"
)

// StepRecord is what became of one occurrence of a step in one episode.
type StepRecord struct {
	Step       string    `json:"step"`
	Episode    int       `json:"episode"`
	Occurrence string    `json:"occurrence,omitempty"`
	Status     string    `json:"status"`      // decided, accepted, skipped, blocked
	At         time.Time `json:"at,omitzero"` // when that status was reached
	DecidedAt  time.Time `json:"decided_at,omitzero"`
	DueAt      time.Time `json:"due_at,omitzero"` // when it fell due
	Reason     string    `json:"reason"`
	// Pending are the parties whose mail server has not accepted yet;
	// Refused those whose address was refused for good.
	Pending []Party `json:"pending,omitempty"`
	Refused []Party `json:"refused,omitempty"`
	// Deferred are those of Pending whose message is refused and tried again.
	Deferred []string `json:"held,omitempty"`
	// Unfilled are roles that must have it and that nobody fills: it is not done.
	Unfilled []string `json:"unfilled,omitempty"`
	// Accepted are the addresses whose mail server has accepted.
	Accepted  []string `json:"accepted,omitempty"`
	MessageID string   `json:"message_id,omitempty"`
	// NotificationID ties the record to its outbox row.
	NotificationID string `json:"notification_id,omitempty"`
	// Stands marks what stays true after the end, such as a missed day or what
	// a person asked for: it is told even if the message has not left by then.
	Stands bool `json:"stands,omitempty"`
	// Resent are rows for single recipients whose address was mended.
	Resent []string `json:"resent,omitempty"`
}

// The statuses of a step record.
const (
	StepDecided  = "decided"  // notification written, not yet accepted everywhere
	StepAccepted = "accepted" // every To and Cc accepted: done
	StepSkipped  = "skipped"  // an `unless` held at its time
	StepBlocked  = "blocked"  // nobody to tell yet
	StepStopped  = "stopped"  // a repeated step that comes no more
)

// Complete reports whether nobody is left who must have the message.
func (r *StepRecord) Complete() bool {
	return len(r.Pending) == 0 && len(r.Refused) == 0 && len(r.Unfilled) == 0
}

// Unaccepted finds the list, and the place in it, of whoever has not accepted
// yet; -1 for nobody. One who was refused may accept when it is sent again.
func (r *StepRecord) Unaccepted(address string) (list *[]Party, i int) {
	same := func(p Party) bool { return strings.EqualFold(p.Address, address) }
	if i = slices.IndexFunc(r.Pending, same); i >= 0 {
		return &r.Pending, i
	}
	return &r.Refused, slices.IndexFunc(r.Refused, same)
}

// Addresses reports whether the step's message went, or goes, to an address.
func (r *StepRecord) Addresses(address string) bool {
	same := func(p Party) bool { return strings.EqualFold(p.Address, address) }
	return slices.ContainsFunc(r.Pending, same) || slices.ContainsFunc(r.Refused, same) ||
		slices.ContainsFunc(r.Accepted, func(a string) bool { return strings.EqualFold(a, address) })
}
