package incident

import (
	"cmp"
	"time"

	"vigie/rules/model"
)

// Event is something that can move an incident. Time alone is a [Tick].
type Event interface{ event() }

type (
	// Fired is a signal that is, or still is, firing. Confirmed says that
	// Alertmanager itself was asked and says so now, so that it cannot be a
	// late copy.
	Fired struct {
		Signal    model.Signal
		Confirmed bool
	}

	// Repeated is alerts that fire on and say nothing new, which the rules tell:
	// what [Fired] says of each of them, at less cost.
	Repeated struct {
		Signals   []model.Signal
		Confirmed bool
	}

	// Cleared says that alerts no longer fire. Trusted is false while
	// nothing proves that Alertmanager hears Prometheus: then no ending is
	// believed. Lost says that the series itself is gone.
	Cleared struct {
		Fingerprints []string
		At           time.Time
		Trusted      bool
		Lost         bool
		// Left are the machines that still fail when a common failure is common no
		// more, as CUSTOMER/MACHINE.
		Left []string
	}

	// EndingUnconfirmed says that alerts no longer fire, which is not believed before
	// Prometheus is proven to have lived after that. When it is, [Cleared]
	// follows; [EndingDropped] or a later [Fired] undoes it.
	EndingUnconfirmed struct {
		Fingerprints []string
		At           time.Time
	}

	// EndingDropped says that unconfirmed endings were none.
	EndingDropped struct{ Fingerprints []string }

	// Tick lets time pass.
	Tick struct{}

	// Acted is an act of a person.
	Acted struct{ Act Act }

	// Answered brings the evidence that a decision asked for.
	Answered struct {
		AskedAt time.Time
		// Plans has one entry per failing alert, by fingerprint.
		Plans map[string]PlanEvidence
		// Other is the state of the machine's other backup; nil when it was
		// not asked.
		Other *Evidence
	}

	// Silenced lists every silence that is active now and covers the
	// incident; one that is missing has ended.
	Silenced struct {
		Active []Silence
		// Partly tells that an alert of the incident fires that none of them covers.
		Partly bool
	}

	// Delivered says that a notification's message was accepted by every To
	// and Cc, which addresses refused it for good, and at which it is tried again.
	Delivered struct {
		NotificationID string
		MessageID      string
		Accepted       []string // addresses
		Refused        []string // addresses, refused for good
		Complete       bool     // every To and Cc accepted
		// Deferred are addresses for which the message itself is refused; it is tried
		// again, another way too.
		Deferred []string
		// What is refused for those: [RefusedAddress] when empty.
		What   string
		Detail string
	}

	// Measured says what a platform's unavailability came to so far.
	Measured struct {
		Platform string
		Unavailability
		// Spent are the instants at which a tolerance was used up, then exceeded,
		// that this incident is to carry.
		Spent []time.Time
	}

	// Returned says what came back for a notification's message after a mail server
	// had accepted it.
	Returned struct {
		NotificationID string
		Address        string // as it was written to
		What           string // one of the constants below
		Detail         string // the reporting server's words, on one line
		Refused        string // what it had something against: [RefusedAddress] when empty
	}

	// Related says that another incident of the same machine, or what
	// watches it, changed; what is so now is in [Circumstances].
	Related struct{}

	// Refreshed says that inventory, rota or policy changed.
	Refreshed struct{}
)

func (Fired) event() {}

func (Repeated) event() {}

func (Cleared) event() {}

func (EndingUnconfirmed) event() {}

func (EndingDropped) event() {}

func (Tick) event() {}

func (Acted) event() {}

func (Answered) event() {}

func (Silenced) event() {}

func (Delivered) event() {}

func (Returned) event() {}

func (Measured) event() {}

func (Related) event() {}

func (Refreshed) event() {}

// PlanEvidence is what Prometheus knows of one plan.
type PlanEvidence struct {
	Known       bool // false: stale, absent or not answered; never counts as good
	LastSuccess time.Time
	LastFailure time.Time // end of the last run that was not a success
	SizeBytes   float64
	Lost        bool // the series is gone while its source is read
	Query       string
	// Error is why the last run failed, in the product's own words; empty when it
	// was not asked for, or is not known.
	Error string
}

// Act is what a person does to an incident. Fields beside verb and person are
// named as in the story format.
type Act struct {
	Verb     string       `json:"verb"`
	By       string       `json:"by"`
	Fields   model.Labels `json:"fields,omitempty"`
	Force    bool         `json:"force,omitempty"`    // take over from somebody
	External bool         `json:"external,omitempty"` // the customer's own answer, by link or mail
	// Link names the link by which somebody acts; each serves once.
	Link string `json:"link,omitempty"`
	// Via says how the person came to act, for the journal; empty for the API.
	Via string `json:"via,omitempty"`
}

// Circumstances are what Decide must know beside the incident itself; the shell reads
// them in the same transaction.
type Circumstances struct {
	// Siblings are the open incidents of the machine's other backups. What else fails on it,
	// a copy or a full disk, says nothing of whether they work.
	Siblings []Sibling
	// SourceDown is true while what reads this machine's backups is blind.
	SourceDown bool
	// Outage is the key of the common failure that this incident is part of.
	Outage string
	// OutageID is its number for people.
	OutageID string
}

// Sibling is what one incident may know of another of the same machine.
type Sibling struct {
	ID         string
	Key        string
	Role       string // backup_role
	Scenario   string
	State      model.State
	Engine     string
	Plans      []string
	OpenedAt   time.Time
	Repaired   bool // proven, this episode
	DoubleTold bool // has already told of the double failure
	Other      Evidence
}

// What a message may be refused for.
const (
	RefusedAddress = ""        // the address itself
	RefusedMessage = "message" // its content or its size
	RefusedTrouble = "trouble" // nothing was wrong with either, for too long
	UnfilledRole   = "role"    // nobody fills a role that must have the written trace
	UnreachedRole  = "nobody"  // nobody fills the role that it is for: it reached nobody
)

// What may come back for a message. Only the first changes anything but the
// journal: what is late is on its way, and a machine's answer is nobody's word.
const (
	ReturnedBounced = "bounced" // it was not delivered after all
	ReturnedDelayed = "delayed" // it is on its way since
	ReturnedAbsence = "absence" // a machine answered for who should read it
)

// SiblingOf is what other incidents of the machine may know of this one.
func SiblingOf(i Incident) Sibling {
	s := Sibling{ID: i.ID, Key: i.Key, Role: i.Identity[model.LabelBackupRole], Scenario: i.Scenario, State: i.State,
		OpenedAt: i.OpenedAt, Repaired: i.State == model.Resolved, Other: i.Other, DoubleTold: i.Progress.DoubleTold != ""}
	for _, key := range SortedAlerts(i.Alerts) {
		a := i.Alerts[key]
		s.Role = cmp.Or(s.Role, a.Labels[model.LabelBackupRole])
		s.Engine = cmp.Or(s.Engine, a.Labels[model.LabelEngine])
		s.Plans = append(s.Plans, a.Labels[model.LabelPlan])
	}
	return s
}
