package rules

import "time"

// Decision is everything that follows from one event: the incident's next
// state, what to journal, whom to tell, and why.
type Decision struct {
	Incident      Incident
	Journal       []Entry
	Notifications []Notification
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
	From State
}

// Entry is one line of the journal.
type Entry struct {
	At     time.Time `json:"at"`
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
	DecidedAt  time.Time `json:"decided_at"`
	// HoldUntil delays the message so that rows of one bundle leave together.
	HoldUntil time.Time `json:"hold_until"`
	BundleKey string    `json:"bundle_key"`
	To        []Party   `json:"to"`
	Cc        []Party   `json:"cc,omitempty"`
	Language  string    `json:"language"`
	Trace     bool      `json:"trace"`
	// Solo is a message to one recipient whose address was mended; it is part
	// of the message that the others accepted before.
	Solo   bool      `json:"solo,omitempty"`
	Reason string    `json:"reason"`
	Facts  FactSheet `json:"facts"`
}

// Task is something that a person has to do.
type Task struct {
	Kind string    `json:"kind"` // call
	Due  time.Time `json:"due"`
}

// Breach is a target that was not met in time.
type Breach struct {
	Target string    `json:"target"`
	Due    time.Time `json:"due"`
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

// Refusal says why an act was not possible, with the status that HTTP gives it.
type Refusal struct {
	Status int    `json:"status"`
	Reason string `json:"reason"`
}

// FactSheet is what the templates may say (requirements 9.0, F1 to F14). It is
// taken when the decision is made, so that a mail tells what was known then.
type FactSheet struct {
	Number       int       `json:"number"`
	Scenario     string    `json:"scenario"`
	ScenarioText string    `json:"scenario_text"`
	Customer     string    `json:"customer"` // id
	CustomerName string    `json:"customer_name"`
	Machine      string    `json:"machine"`
	MachineClass string    `json:"machine_class"`
	BackupRole   string    `json:"backup_role"`
	Engine       string    `json:"engine"`
	Plans        []PlanRow `json:"plans"`
	Kind         string    `json:"kind"` // failed, missed, ...
	Offline      bool      `json:"offline"`
	State        State     `json:"state"`
	Flags        []Flag    `json:"flags"`
	Zone         string    `json:"zone"` // for showing instants

	StartedAt     time.Time `json:"started_at"`
	OpenedAt      time.Time `json:"opened_at"`
	LastSuccess   time.Time `json:"last_success,omitzero"`
	Failures      int       `json:"failures"`
	Days          int       `json:"days"` // whole days since the last success, or since the start
	Error         string    `json:"error"`
	AgentLastSeen time.Time `json:"agent_last_seen,omitzero"`
	NextRun       time.Time `json:"next_run,omitzero"`

	Other      Evidence  `json:"other"`
	OtherTexts []PlanRow `json:"other_plans,omitempty"`

	Deadline       time.Time         `json:"deadline,omitzero"` // of the day's duty
	LateStart      bool              `json:"late_start"`
	NextStepAt     time.Time         `json:"next_step_at,omitzero"` // when the account manager will be told by itself
	AccountManager string            `json:"account_manager"`
	TraceQueue     string            `json:"trace_queue"`
	BackupLead     string            `json:"backup_lead"`
	Assignee       string            `json:"assignee"`
	AssignedBy     string            `json:"assigned_by"`
	Automatic      bool              `json:"automatic"` // sent by the safety net, not asked for by a person
	Reason         string            `json:"reason"`    // the person's words
	ExpectedDate   string            `json:"expected_date"`
	History        []HistoryLine     `json:"history"`
	Contact        Party             `json:"contact"`              // whom to call or write
	CallBefore     time.Time         `json:"call_before,omitzero"` // when we shall phone without an answer
	Call           map[string]string `json:"call,omitempty"`
	SilenceBy      string            `json:"silence_by"`
	SilenceUntil   time.Time         `json:"silence_until,omitzero"`
	ResolvedAt     time.Time         `json:"resolved_at,omitzero"`
	StillFires     bool              `json:"still_fires,omitempty"` // a person ended it, and its alert fires on
	AgainAt        time.Time         `json:"again_at,omitzero"`     // when it is then looked at again
	SizeBytes      float64           `json:"size_bytes"`
	Actor          string            `json:"actor"`
	PolicyStep     string            `json:"policy_step"`

	// Platforms (second document).
	Platform    string     `json:"platform"`
	Platforms   []string   `json:"platforms,omitempty"`
	Alertname   string     `json:"alertname"`
	Severity    string     `json:"severity"`
	Provisional bool       `json:"provisional"`
	Level       int        `json:"level"`
	Entry       string     `json:"entry"`
	ReceivedAt  time.Time  `json:"received_at,omitzero"`
	Guarantee   string     `json:"guarantee"`               // G1, G2, G3
	Reopens     time.Time  `json:"guarantee_next,omitzero"` // when a better level begins
	Clocks      []ClockRow `json:"clocks,omitempty"`
	Cause       string     `json:"cause"`
	Scope       string     `json:"scope"`
	DataLoss    string     `json:"data_loss"`
	Workaround  string     `json:"workaround"`
	Percent     int        `json:"percent"` // 50, 75, 100 of a clock
	Target      string     `json:"target"`  // the clock that a warning speaks of
	Report      string     `json:"report"`  // the words of the report
	Reporter    string     `json:"reporter"`
	// Answer is the newest answer of this run: result, note, until, by, at.
	Answer       map[string]string `json:"answer,omitempty"`
	Unverified   bool              `json:"unverified,omitempty"` // reported by somebody unknown, whose words stay inside
	WarnDays     string            `json:"warn_days"`
	Item         string            `json:"item"`
	Affected     []string          `json:"affected,omitempty"` // machines of a common failure
	Refused      []string          `json:"refused,omitempty"`  // addresses refused for good
	RunbookURL   string            `json:"runbook_url"`
	GeneratorURL string            `json:"generator_url"`

	// Again says why somebody is told once more: [AgainPromise], [AgainFailing].
	Again string `json:"again,omitempty"`
	// RefusedWhat is what was refused for them, see [RefusedAddress].
	RefusedWhat string `json:"refused_what,omitempty"`
}

// PlanRow is one plan in a mail's table.
type PlanRow struct {
	Machine     string        `json:"machine"`
	Plan        string        `json:"plan"`
	Engine      string        `json:"engine"`
	Role        string        `json:"role"`
	Kind        string        `json:"kind"`
	LastSuccess time.Time     `json:"last_success,omitzero"`
	Failures    int           `json:"failures"`
	Error       string        `json:"error"`
	State       EvidenceState `json:"state"`
	Source      string        `json:"source"`
	JobID       string        `json:"job_id"`
}

// HistoryLine is one thing that happened, for people.
type HistoryLine struct {
	At   time.Time `json:"at"`
	What string    `json:"what"` // a key that the templates translate: opened, taken, attempt, told...
	Who  string    `json:"who"`
	Text string    `json:"text"`
}

// ClockRow is one running delay, for people.
type ClockRow struct {
	Target string    `json:"target"`
	Due    time.Time `json:"due,omitzero"`
	MetAt  time.Time `json:"met_at,omitzero"`
	Paused bool      `json:"paused"`
	Late   bool      `json:"late"`
}

// Why somebody who knows of a failure is told once more.
const (
	AgainPromise = "promise" // the promised date is over
	AgainFailing = "failing" // it has failed for days
)
