package incidents

import (
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
)

// Store is where incidents lie, as one transaction sees them. What it returns
// may be changed at will and takes effect with [Store.Save].
type Store interface {
	// Incident returns one incident by its id.
	Incident(id string) (*Record, error)
	// Candidates returns the incidents that a signal of that key and place may
	// belong to, by number: all open ones, and those that ended after since. The
	// key may be left out where it names the machine.
	Candidates(key string, p Place, since time.Time) ([]*Record, error)
	// OnMachine returns the open incidents of a machine, by number, but for the
	// one whose id is named, if any is: it is at hand already.
	OnMachine(customer, machine, except string) ([]*Record, error)
	// OpenWithKey returns the open incidents of a key.
	OpenWithKey(key string) ([]*Record, error)
	// Blinding returns the open incidents about sources that cannot be read. They are
	// to be looked at, not changed.
	Blinding() ([]*Record, error)
	// Common returns the open incidents that are failures common to others.
	Common() ([]*Record, error)
	// Lately shows the open incidents whose episode began at since or later, and
	// those that are part of a common one, each once and in any order: there may be
	// more than fit into memory. They are to be looked at, not changed.
	Lately(since time.Time, each func(*Record) error) error
	// MembersOf returns the incidents that are part of a common one.
	MembersOf(common string) ([]*Record, error)
	// WithAlert returns the ids of open incidents in which an alert fires.
	WithAlert(model.Signal) ([]string, error)

	// NextNumber gives out the next running number of incidents.
	NextNumber() (int, error)
	// NewRecord returns the record of an incident that is not stored yet.
	NewRecord(incident.Incident) *Record
	// Append adds lines to an incident's journal; the record must then be saved.
	Append(*Record, []incident.Entry) error
	// AppendSystem adds lines to the journal of what belongs to no incident.
	AppendSystem(...incident.Entry) error
	// Save keeps a record.
	Save(*Record) error
	// Notify puts a notification into the outbox, Rewrite replaces one that is still
	// held, and Withdraw takes one back of which nobody's server has accepted anything.
	Notify(incident.Notification) error
	Rewrite(incident.Notification) error
	Withdraw(id string) error

	// WakeSource wakes, with [incident.Related], every open incident with a firing
	// alert from the source, and every one that waits for the proof of its end; an
	// empty source stands for all of them.
	WakeSource(source string, now time.Time) error
	// Ignore remembers an alert for which no incident is kept, and when it is to
	// be offered again if it still fires. It reports whether that is news.
	Ignore(s model.Signal, reason string, again, now time.Time) (news bool, err error)
	// Forget drops an ignored alert, because it fires no more or not in vain.
	Forget(fingerprint string) error
}

// Endings judge what is told of alerts that fire no more. A server has to doubt
// it, for Alertmanager reports everything as resolved when Prometheus dies.
type Endings interface {
	// Judge returns the ending with whether it is trusted. It reports true when the
	// ending is deferred, to be judged later.
	Judge(b *Batch, t *Tracked, ev incident.Cleared) (judged incident.Cleared, deferred bool, err error)
}
