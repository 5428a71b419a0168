package incident

import (
	"time"

	"vigie/rules/model"
)

// Decision is everything that follows from one event: the incident's next
// state, what to journal, whom to tell, and why.
type Decision struct {
	Incident Incident
	Outcome
}

// Outcome is what a decision came to beside the incident that it moved.
type Outcome struct {
	Journal       []Entry
	Notifications []Notification
	// Rewrites replace notifications of the same id that are still held, in their place.
	Rewrites []Notification
	// Withdraw lists notifications that are still held and must not leave.
	Withdraw []string
	Tasks    []Task
	Breaches []Breach
	// Needs is evidence that must be asked before going on; the answer comes
	// back as an [Answered] event.
	Needs *Need
	// Refusal is set when an act was not possible; nothing else changed.
	Refusal *Refusal
	// WakeAt is when time alone may change something; zero means never.
	WakeAt time.Time
	// PollAt is when evidence should be asked again although nothing is due;
	// a poll with an unchanged answer changes nothing.
	PollAt time.Time
	// Touches is true when other incidents of the machine may have to decide
	// again.
	Touches bool
	// From is the state before the event.
	From model.State
}

// Entry is one line of the journal.
type Entry struct {
	At     time.Time `json:"at,omitzero"`
	Kind   string    `json:"kind"` // signal, state, step, act, evidence, silence, message, breach, note
	What   string    `json:"what"` // short machine-readable name
	Actor  string    `json:"actor,omitempty"`
	Reason string    `json:"reason"`
	// Personal is text about persons (notes, names, addresses); it is stored
	// apart so that it can be erased.
	Personal string `json:"personal,omitempty"`
}

// Notification is the intent to tell one party one thing.
type Notification struct {
	ID         string    `json:"id"` // unique per incident, episode, step and occurrence
	IncidentID string    `json:"incident_id"`
	Key        string    `json:"key"`
	Episode    int       `json:"episode"`
	Step       string    `json:"step"`
	Template   string    `json:"template"`
	DecidedAt  time.Time `json:"decided_at,omitzero"`
	// HoldUntil delays the message so that rows of one bundle leave together.
	HoldUntil time.Time `json:"hold_until,omitzero"`
	BundleKey string    `json:"bundle_key"`
	To        []Party   `json:"to"`
	Cc        []Party   `json:"cc,omitempty"`
	Language  string    `json:"language"`
	Trace     bool      `json:"trace"`
	// Solo is a message to one recipient whose address was mended; it is part
	// of the message that the others accepted before.
	Solo   bool        `json:"solo,omitempty"`
	Reason string      `json:"reason"`
	Data   MessageData `json:"facts"`
}

// Task is something that a person has to do.
type Task struct {
	Kind string    `json:"kind"` // call
	Due  time.Time `json:"due,omitzero"`
}

// Breach is a target that was not met in time.
type Breach struct {
	Target string    `json:"target"`
	Due    time.Time `json:"due,omitzero"`
}

// Need asks for evidence about an incident's plans and the machine's other backup.
type Need struct {
	Since  time.Time         // answers asked before this instant are too old
	Alerts map[string]*Alert // the incident's own, by fingerprint
	Other  *OtherNeed        // nil: not needed
}

// OtherNeed names the backup of the same machine in another role.
type OtherNeed struct {
	Customer, Machine string
	Role              string // the incident's own role; every other role is asked for
	Expected          bool   // the inventory expects another backup
}

// Why somebody who knows of a failure is told once more.
const (
	AgainPromise = "promise" // the promised date is over
	AgainFailing = "failing" // it has failed for days
	AgainWaited  = "waited"  // the wait for the customer is over
	AgainLapsed  = "lapsed"  // whoever had it does not have it any more
	AgainWorse   = "worse"   // it is worse, or hits more, than was told
)
