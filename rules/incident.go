package rules

import (
	"maps"
	"slices"
	"time"

	"vigie/rules/calendar"
)

// Incident is Vigie's memory of one problem, from the first signal to its
// proven end. It is a plain value: [Book.Decide] never changes its argument.
type Incident struct {
	ID       string   `json:"id"` // given by the store, shown to people
	Key      string   `json:"key"`
	Identity Labels   `json:"identity"` // the labels that make the key
	Scenario string   `json:"scenario"`
	Policy   string   `json:"policy"`        // content hash of the pinned policy
	Severity string   `json:"severity"`      // minor, major, blocking for platforms
	Level    int      `json:"level"`         // 2 or 3 for platforms
	Entry    string   `json:"entry"`         // kind of the first signal
	Cause    string   `json:"cause"`         // code of the cause
	DataLoss string   `json:"data_loss"`     // the integrity answer
	Scope    string   `json:"scope"`         // all or part
	Number   int      `json:"number"`        // running number, for subjects
	LastErr  string   `json:"last_error"`    // error text of the newest failing signal
	Reporter string   `json:"reporter"`      // who reported first
	External string   `json:"external_ref"`  // ticket number in another tool
	Wording  string   `json:"report_text"`   // the report as received
	Progress Progress `json:"vars,omitzero"` // what acts and steps leave for later ones

	State State         `json:"state"`
	Flags map[Flag]bool `json:"flags,omitempty"`
	// Until ends a waiting state.
	Until time.Time `json:"until,omitzero"`

	OpenedAt   time.Time `json:"opened_at"`   // our first knowledge
	StartedAt  time.Time `json:"started_at"`  // earliest start of the failing state, this episode
	ResolvedAt time.Time `json:"resolved_at"` // last resolution or closing
	HandledAt  time.Time `json:"handled_at"`
	Episode    int       `json:"episode"` // 1 for the first run from firing to resolved
	SelfHealed []time.Time
	Failures   int       `json:"failures"` // failing runs seen in this episode
	LastSeen   time.Time `json:"last_seen"`

	Assignee string    `json:"assignee"`
	TakenAt  time.Time `json:"taken_at"`

	Alerts   map[string]*Alert  `json:"alerts"` // by fingerprint
	Reports  []Signal           `json:"reports,omitempty"`
	Other    Evidence           `json:"other"` // the machine's other backup
	Acts     []ActRecord        `json:"acts,omitempty"`
	Silences map[string]Silence `json:"silences,omitempty"`
	Steps    StepRecords        `json:"steps,omitempty"`   // by occurrence
	Targets  map[string]*Clock  `json:"targets,omitempty"` // by name
	Raised   map[string]Raise   `json:"raised,omitempty"`  // when which flag was raised, how often
	Told     []Party            `json:"told,omitempty"`    // everyone who accepted a message of this incident

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
	seen := map[string]bool{}
	for _, a := range i.Alerts {
		seen[a.Labels[LabelPlatform]] = true
	}
	for _, r := range i.Reports {
		seen[r.Labels[LabelPlatform]] = true
	}
	delete(seen, "")
	return slices.Sorted(maps.Keys(seen))
}

// Alert is what one incident remembers of one alert.
type Alert struct {
	Labels      Labels            `json:"labels"`
	Annotations map[string]string `json:"annotations,omitempty"`
	StartsAt    time.Time         `json:"starts_at"`
	EndedAt     time.Time         `json:"ended_at,omitzero"`
	Firing      bool              `json:"firing"`
	LastSeen    time.Time         `json:"last_seen"`
	// LastFailure is the end of the last failed run known; a success proves
	// the plan only when it ended later.
	LastFailure time.Time `json:"last_failure,omitzero"`
	// SuccessBefore is the last success known at opening: for missed and
	// never-ran alerts a success proves the plan when it is later than this.
	SuccessBefore time.Time `json:"success_before,omitzero"`
	SuccessKnown  bool      `json:"success_known,omitempty"`
	LastSuccess   time.Time `json:"last_success,omitzero"` // newest answer of Prometheus
	SizeBytes     float64   `json:"size_bytes,omitempty"`
	// Runs are the failed runs of its job in this episode, Run the end of the last
	// one where that is known, RunStart when its alert began.
	Runs     int       `json:"runs,omitempty"`
	Run      time.Time `json:"run,omitzero"`
	RunStart time.Time `json:"run_start,omitzero"`
	Lost     bool      `json:"lost,omitempty"` // its series is gone
	Proven   bool      `json:"proven,omitempty"`
}

// PastEpisode keeps what an ended episode came to.
type PastEpisode struct {
	Episode    int       `json:"episode"`
	StartedAt  time.Time `json:"started_at"`
	ResolvedAt time.Time `json:"resolved_at"`
	ReopenedAt time.Time `json:"reopened_at"`
	How        string    `json:"how"`
}

// Raise remembers a flag's or an act's latest appearance and how many there were.
type Raise struct {
	At    time.Time `json:"at"`
	Count int       `json:"count"`
}

// Silence is an Alertmanager silence that covers the incident: in hand, by
// whom, until when. It is never an ending.
type Silence struct {
	ID       string    `json:"id"`
	Matchers []string  `json:"matchers"`
	By       string    `json:"by"`
	Comment  string    `json:"comment"`
	StartsAt time.Time `json:"starts_at"`
	EndsAt   time.Time `json:"ends_at"`
}

// ActRecord is one act of a person, as remembered by the incident.
type ActRecord struct {
	At      time.Time `json:"at"`
	Verb    string    `json:"verb"`
	By      string    `json:"by"`
	Episode int       `json:"episode"`
	Fields  Labels    `json:"fields,omitempty"`
	Link    string    `json:"link,omitempty"` // the link by which it was done
}

// StepRecord is what became of one occurrence of a step in one episode.
type StepRecord struct {
	Step       string    `json:"step"`
	Episode    int       `json:"episode"`
	Occurrence string    `json:"occurrence,omitempty"`
	Status     string    `json:"status"` // decided, accepted, skipped, blocked
	At         time.Time `json:"at"`     // when that status was reached
	DecidedAt  time.Time `json:"decided_at"`
	DueAt      time.Time `json:"due_at,omitzero"` // when it fell due
	Reason     string    `json:"reason"`
	// Pending are the parties whose mail server has not accepted yet;
	// Refused those whose address was refused for good.
	Pending []Party `json:"pending,omitempty"`
	Refused []Party `json:"refused,omitempty"`
	// Held are those of Pending whose message is refused and tried again.
	Held []string `json:"held,omitempty"`
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

// Party is one recipient: the role it fills, the person, the address. The address
// of a channel other than e-mail is written channel:address; see [SplitAddress].
type Party struct {
	Role     string `json:"role"`
	Person   string `json:"person"` // id in the inventory
	Name     string `json:"name"`
	Address  string `json:"address"`
	Phone    string `json:"phone,omitempty"`
	Language string `json:"language"`
	Cc       bool   `json:"cc,omitempty"`
	Step     string `json:"step,omitempty"`    // which step told him
	Outside  bool   `json:"outside,omitempty"` // one of the customer's own people
}

// Clock is the running measurement of a target.
type Clock struct {
	Target   string    `json:"target"`
	Start    time.Time `json:"start"`
	Due      time.Time `json:"due,omitzero"` // zero while paused
	Paused   bool      `json:"paused,omitempty"`
	MetAt    time.Time `json:"met_at,omitzero"`
	MetBy    string    `json:"met_by,omitempty"` // the condition that held
	Breached time.Time `json:"breached,omitzero"`
	Episode  int       `json:"episode"`
}

// Evidence is the state of a machine's other backup, with its proof.
type Evidence struct {
	State       EvidenceState `json:"state,omitempty"`
	AskedAt     time.Time     `json:"asked_at,omitzero"`
	Role        string        `json:"role,omitempty"` // backup_role it speaks of
	Engine      string        `json:"engine,omitempty"`
	Plan        string        `json:"plan,omitempty"`
	LastSuccess time.Time     `json:"last_success,omitzero"`
	LastRun     time.Time     `json:"last_run,omitzero"`
	Query       string        `json:"query,omitempty"`
	Value       string        `json:"value,omitempty"`
	Error       string        `json:"error,omitempty"`
	// By is the person who checked, when a person answered (S1.12, S1.30).
	By   string `json:"by,omitempty"`
	Note string `json:"note,omitempty"`
}
