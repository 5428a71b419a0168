package story

import (
	"bytes"
	"encoding/json"
	"time"

	"vigie/rules/model"
)

// The kinds of happening.
const (
	happenedState        = "state"
	happenedNotification = "notification"
	happenedBreach       = "breach"
	happenedTask         = "task"
	happenedRefused      = "refused"
	happenedJournal      = "journal"
)

// Happening is one line of a played story. Which fields it has depends on What.
type Happening struct {
	At       time.Time
	What     string // state, notification, breach, task, refused or journal
	Incident string // i1, i2 ... by opening; empty for a report that was refused
	Key      string
	Episode  int

	From, To model.State // state

	// Notification: one message, printed when every recipient has accepted it.
	Step, Template string
	DecidedAt      time.Time
	Recipients, Cc []string // bare addresses, sorted
	Subject        string
	Incidents      []string // when several incidents share the message

	Target string    // breach
	Kind   string    // task; of a journal line: signal, state, step, act ...
	Due    time.Time // breach, task

	Status int    // refused
	Reason string // refused, journal

	Entry string // journal: machine-readable name
	Actor string // journal
}

// MarshalJSON writes exactly the fields that a happening of its kind has, in a
// fixed order.
func (h Happening) MarshalJSON() ([]byte, error) {
	var o object
	o.field("at", h.At.Format(time.RFC3339))
	o.field("what", h.What)
	o.field("incident", h.Incident)
	o.field("key", h.Key)
	o.field("episode", h.Episode)
	switch h.What {
	case happenedState:
		o.field("from_state", h.From)
		o.field("state", h.To)
	case happenedNotification:
		o.field("step", h.Step)
		o.field("template", h.Template)
		o.field("decided_at", h.DecidedAt.Format(time.RFC3339))
		o.field("to", orEmpty(h.Recipients))
		o.field("cc", orEmpty(h.Cc))
		o.field("subject", h.Subject)
		if len(h.Incidents) > 0 {
			o.field("incidents", h.Incidents)
		}
	case happenedBreach:
		o.field("target", h.Target)
		o.field("due", h.Due.Format(time.RFC3339))
	case happenedTask:
		o.field("kind", h.Kind)
		o.field("due", h.Due.Format(time.RFC3339))
	case happenedRefused:
		o.field("status", h.Status)
		o.field("reason", h.Reason)
	case happenedJournal:
		o.field("kind", h.Kind)
		o.field("entry", h.Entry)
		o.field("actor", h.Actor)
		o.field("reason", h.Reason)
	}
	return o.close()
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// object writes a JSON object whose fields keep their order.
type object struct {
	b   bytes.Buffer
	err error
}

func (o *object) field(name string, value any) {
	if o.b.Len() == 0 {
		o.b.WriteByte('{')
	} else {
		o.b.WriteByte(',')
	}
	o.json(name)
	o.b.WriteByte(':')
	o.json(value)
}

func (o *object) json(v any) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil && o.err == nil {
		o.err = err
	}
	o.b.Write(bytes.TrimRight(b.Bytes(), "\n"))
}

func (o *object) close() ([]byte, error) {
	o.b.WriteByte('}')
	return o.b.Bytes(), o.err
}
