// Package incident holds the records that decisions read and make: an incident's
// memory, the events that move it, what is around it, and what a decision comes
// to. It decides nothing.
package incident

import (
	"maps"
	"slices"
	"time"

	"vigie/rules/calendar"
	"vigie/rules/model"
)

// Incident is Vigie's memory of one problem, from the first signal to its
// proven end. It is a plain value: a decision never changes the one
// that it is given.
type Incident struct {
	ID       string       `json:"id"` // given by the store, shown to people
	Key      string       `json:"key"`
	Identity model.Labels `json:"identity"` // the labels that make the key
	Scenario string       `json:"scenario"`
	Policy   string       `json:"policy"`        // content hash of the pinned policy
	Severity string       `json:"severity"`      // minor, major, blocking for platforms
	Level    int          `json:"level"`         // 2 or 3 for platforms
	Entry    string       `json:"entry"`         // kind of the first signal
	Cause    string       `json:"cause"`         // code of the cause
	DataLoss string       `json:"data_loss"`     // the integrity answer
	Scope    string       `json:"scope"`         // all or part
	Number   int          `json:"number"`        // running number, for subjects
	LastErr  string       `json:"last_error"`    // why the newest failing run failed, by its alert or its exporter
	Reporter string       `json:"reporter"`      // who reported first
	External string       `json:"external_ref"`  // ticket number in another tool
	Wording  string       `json:"report_text"`   // the report as received
	Progress Progress     `json:"vars,omitzero"` // what acts and steps leave for later ones

	State model.State         `json:"state"`
	Flags map[model.Flag]bool `json:"flags,omitempty"`
	// Until ends a waiting state.
	Until time.Time `json:"until,omitzero"`

	OpenedAt   time.Time `json:"opened_at,omitzero"`   // our first knowledge
	StartedAt  time.Time `json:"started_at,omitzero"`  // earliest start of the failing state, this episode
	ResolvedAt time.Time `json:"resolved_at,omitzero"` // last resolution or closing
	HandledAt  time.Time `json:"handled_at,omitzero"`
	Episode    int       `json:"episode"` // 1 for the first run from firing to resolved
	// SelfHealed are the times at which it ended without anybody.
	SelfHealed []time.Time `json:"self_healed,omitempty"`
	Failures   int         `json:"failures"` // failing runs seen in this episode
	LastSeen   time.Time   `json:"last_seen,omitzero"`

	Assignee string    `json:"assignee"`
	TakenAt  time.Time `json:"taken_at,omitzero"`

	Alerts   map[string]*Alert  `json:"alerts"` // by fingerprint
	Reports  []model.Signal     `json:"reports,omitempty"`
	Other    Evidence           `json:"other"` // the machine's other backup
	Acts     []ActRecord        `json:"acts,omitempty"`
	Silences map[string]Silence `json:"silences,omitempty"`
	Steps    StepRecords        `json:"steps,omitempty"`   // by occurrence
	Targets  map[string]*Clock  `json:"targets,omitempty"` // by name
	Raised   map[string]Raise   `json:"raised,omitempty"`  // when which flag was raised, how often
	Told     []Party            `json:"told,omitempty"`    // everyone who accepted a message of this incident

	// Measured is the newest unavailability of its platforms, by platform; Exceeded
	// when tolerances were used up, then exceeded, that this incident carries.
	Measured map[string]Unavailability `json:"measured,omitempty"`
	Exceeded map[string][]time.Time    `json:"exceeded,omitempty"`

	Severities []calendar.Severity `json:"severities,omitempty"` // history, for requalification
	Pauses     []calendar.Pause    `json:"pauses,omitempty"`
	Past       []PastEpisode       `json:"past,omitempty"`

	// ProofAsked is when evidence was last asked for; see Decision.Needs.
	ProofAsked time.Time `json:"proof_asked,omitzero"`
	OtherAsked time.Time `json:"other_asked,omitzero"`
	// WakeAt and PollAt are those of the newest decision.
	WakeAt time.Time `json:"wake_at,omitzero"`
	PollAt time.Time `json:"poll_at,omitzero"`
}

// Platforms are all platforms that the incident's signals name, sorted.
func (i *Incident) Platforms() []string {
	var names []string // few, of however many alerts
	add := func(l model.Labels) {
		if name := l[model.LabelPlatform]; name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, a := range i.Alerts {
		add(a.Labels)
	}
	for _, r := range i.Reports {
		add(r.Labels)
	}
	slices.Sort(names)
	return names
}

// AnyFiring reports whether one of its alerts fires.
func (i *Incident) AnyFiring() bool {
	for _, a := range i.Alerts {
		if a.Firing {
			return true
		}
	}
	return false
}

// Began is since when nothing was proven to work: when the episode started, or an
// earlier one after which nothing was.
func (i *Incident) Began() time.Time {
	began := i.StartedAt
	for _, p := range slices.Backward(i.Past) {
		if !p.ResolvedAt.IsZero() {
			break
		}
		began = p.StartedAt
	}
	return began
}

// OfEarlierRun tells of a report that is of an earlier run: whoever made it heard how
// that ended.
func (i *Incident) OfEarlierRun(r model.Signal) bool {
	n := len(i.Past)
	return n > 0 && r.StartsAt.Before(i.Past[n-1].ResolvedAt)
}

// PastEpisode keeps what an episode that is over came to; one that was never
// resolved ended without proof.
type PastEpisode struct {
	Episode    int       `json:"episode"`
	StartedAt  time.Time `json:"started_at,omitzero"`
	ResolvedAt time.Time `json:"resolved_at,omitzero"`
	ReopenedAt time.Time `json:"reopened_at,omitzero"`
	How        string    `json:"how"`
}

// Raise remembers a flag's or an act's latest appearance and how many there were.
type Raise struct {
	At    time.Time `json:"at,omitzero"`
	Count int       `json:"count"`
}

// ActRecord is one act of a person, as remembered by the incident.
type ActRecord struct {
	At      time.Time    `json:"at,omitzero"`
	Verb    string       `json:"verb"`
	By      string       `json:"by"`
	Episode int          `json:"episode"`
	Fields  model.Labels `json:"fields,omitempty"`
	Link    string       `json:"link,omitempty"` // the link by which it was done
}

// Party is one recipient: the role it fills, the person, the address. The address
// of a channel other than e-mail is written channel:address.
type Party struct {
	Role     string `json:"role"`
	Person   string `json:"person"` // id in the inventory
	Name     string `json:"name"`
	Address  string `json:"address"`
	Phone    string `json:"phone,omitempty"`
	Language string `json:"language"`
	Cc       bool   `json:"cc,omitempty"`
	Step     string `json:"step,omitempty"`     // which step told him
	Outside  bool   `json:"outside,omitempty"`  // one of the customer's own people
	Stranger bool   `json:"stranger,omitempty"` // known by his own report alone
	User     bool   `json:"user,omitempty"`     // the machine is his own
}

// Clock is the running measurement of a target.
type Clock struct {
	Target   string    `json:"target"`
	Start    time.Time `json:"start,omitzero"`
	Due      time.Time `json:"due,omitzero"` // zero while paused
	Paused   bool      `json:"paused,omitempty"`
	MetAt    time.Time `json:"met_at,omitzero"`
	MetBy    string    `json:"met_by,omitempty"` // the condition that held
	Breached time.Time `json:"breached,omitzero"`
	// Excused is the cause, the customer's own, for which a time that is over is
	// no breach.
	Excused string `json:"excused,omitempty"`
	Episode int    `json:"episode"`
}

// Evidence is the state of a machine's other backup, with its proof.
type Evidence struct {
	State       model.EvidenceState `json:"state,omitempty"`
	AskedAt     time.Time           `json:"asked_at,omitzero"`
	Role        string              `json:"role,omitempty"` // backup_role it speaks of
	Engine      string              `json:"engine,omitempty"`
	Plan        string              `json:"plan,omitempty"`
	LastSuccess time.Time           `json:"last_success,omitzero"`
	LastRun     time.Time           `json:"last_run,omitzero"`
	Query       string              `json:"query,omitempty"`
	Value       string              `json:"value,omitempty"`
	Error       string              `json:"error,omitempty"`
	// By is the person who checked, when a person answered (S1.12, S1.30).
	By   string `json:"by,omitempty"`
	Note string `json:"note,omitempty"`
}

// MakeMaps makes the maps that an incident read from storage lacks.
func (i *Incident) MakeMaps() {
	if i.Flags == nil {
		i.Flags = map[model.Flag]bool{}
	}
	if i.Raised == nil {
		i.Raised = map[string]Raise{}
	}
	if i.Silences == nil {
		i.Silences = map[string]Silence{}
	}
	if i.Alerts == nil {
		i.Alerts = map[string]*Alert{}
	}
	if i.Steps == nil {
		i.Steps = StepRecords{}
	}
	if i.Targets == nil {
		i.Targets = map[string]*Clock{}
	}
}

// Clone copies everything that a decision may change.
func (i Incident) Clone() Incident {
	c := i
	c.Flags, c.Progress, c.Raised, c.Silences = maps.Clone(i.Flags), i.Progress.clone(), maps.Clone(i.Raised), maps.Clone(i.Silences)
	c.Alerts = make(map[string]*Alert, len(i.Alerts))
	for k, v := range i.Alerts {
		a := *v
		c.Alerts[k] = &a
	}
	c.Steps = make(StepRecords, len(i.Steps))
	for k, v := range i.Steps {
		r := *v
		c.Steps[k] = &r
	}
	c.Targets = make(map[string]*Clock, len(i.Targets))
	for k, v := range i.Targets {
		t := *v
		c.Targets[k] = &t
	}
	// Appending must never write into the original's spare room.
	c.Acts, c.Reports, c.Told = slices.Clip(i.Acts), slices.Clip(i.Reports), slices.Clip(i.Told)
	c.Pauses, c.Severities, c.Past = slices.Clone(i.Pauses), slices.Clip(i.Severities), slices.Clip(i.Past)
	c.Measured, c.Exceeded = maps.Clone(i.Measured), maps.Clone(i.Exceeded)
	c.SelfHealed = slices.Clip(i.SelfHealed)
	return c
}
