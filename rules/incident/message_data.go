package incident

import (
	"time"

	"vigie/rules/model"
)

// MessageData is what the templates may say (requirements 9.0, F1 to F14). It is
// taken when the decision is made, so that a mail tells what was known then.
type MessageData struct {
	Number       int          `json:"number" reads:"stranger"`
	Scenario     string       `json:"scenario" reads:"stranger"`
	ScenarioText string       `json:"scenario_text" reads:"stranger"`
	Customer     string       `json:"customer" reads:"customer"` // id
	CustomerName string       `json:"customer_name" reads:"customer"`
	Machine      string       `json:"machine" reads:"customer"`
	MachineClass string       `json:"machine_class" reads:"customer"`
	BackupRole   string       `json:"backup_role" reads:"customer"`
	Engine       string       `json:"engine" reads:"customer"`
	Plans        []PlanRow    `json:"plans" reads:"customer"`
	Kind         string       `json:"kind" reads:"customer"` // failed, missed, ...
	Offline      bool         `json:"offline" reads:"customer"`
	State        model.State  `json:"state" reads:"stranger"`
	Flags        []model.Flag `json:"flags" reads:"customer"`
	Zone         string       `json:"zone" reads:"stranger"` // for showing instants

	StartedAt     time.Time `json:"started_at,omitzero" reads:"customer"`
	OpenedAt      time.Time `json:"opened_at,omitzero" reads:"customer"`
	LastSuccess   time.Time `json:"last_success,omitzero" reads:"customer"`
	Failures      int       `json:"failures" reads:"customer"`
	Days          int       `json:"days" reads:"customer"` // whole days since the last success, or since the start
	Error         string    `json:"error"`
	AgentLastSeen time.Time `json:"agent_last_seen,omitzero" reads:"customer"`
	NextRun       time.Time `json:"next_run,omitzero" reads:"customer"`

	Other      Evidence  `json:"other"`
	OtherTexts []PlanRow `json:"other_plans,omitempty"`

	Deadline       time.Time         `json:"deadline,omitzero" reads:"customer"` // of the day's duty
	LateStart      bool              `json:"late_start"`
	NextStepAt     time.Time         `json:"next_step_at,omitzero" reads:"customer"` // when the account manager will be told by itself
	AccountManager string            `json:"account_manager"`
	TraceQueue     string            `json:"trace_queue"`
	BackupLead     string            `json:"backup_lead"`
	Assignee       string            `json:"assignee" reads:"customer"`
	AssignedBy     string            `json:"assigned_by"`
	Automatic      bool              `json:"automatic"` // sent by the safety net, not asked for by a person
	Reason         string            `json:"reason"`    // the person's words
	ExpectedDate   string            `json:"expected_date" reads:"customer"`
	History        []HistoryLine     `json:"history" reads:"customer"`
	Contact        Party             `json:"contact" reads:"customer"`              // whom to call or write
	CallBefore     time.Time         `json:"call_before,omitzero" reads:"customer"` // when we shall phone without an answer
	Call           map[string]string `json:"call,omitempty" reads:"customer"`
	SilenceBy      string            `json:"silence_by"`
	SilenceUntil   time.Time         `json:"silence_until,omitzero"`
	ResolvedAt     time.Time         `json:"resolved_at,omitzero" reads:"stranger"`
	StillFires     bool              `json:"still_fires,omitempty" reads:"stranger"` // a person ended it, and its alert fires on
	AgainAt        time.Time         `json:"again_at,omitzero" reads:"stranger"`     // when it is then looked at again
	SizeBytes      float64           `json:"size_bytes"`
	Actor          string            `json:"actor" reads:"customer"`
	PolicyStep     string            `json:"policy_step"`

	// Platforms (second document).
	Platform  string   `json:"platform" reads:"stranger"`
	Platforms []string `json:"platforms,omitempty" reads:"stranger"`
	// PlatformNames are what people call them, by id, where that is something else.
	PlatformNames map[string]string `json:"platform_names,omitempty" reads:"stranger"`
	Alertname     string            `json:"alertname" reads:"customer"`
	// Summary is what the alert says of itself, in its author's words and language.
	Summary string `json:"summary,omitempty"`
	// Labels are those of an alert that no scenario knows.
	Labels      []string `json:"labels,omitempty"`
	Severity    string   `json:"severity" reads:"customer"`
	Provisional bool     `json:"provisional" reads:"customer"`
	// CauseProposed tells that no person said the cause: the signals suggest it.
	CauseProposed bool `json:"cause_proposed,omitempty" reads:"customer"`
	// Grades is set where people qualify, work around and cascade.
	Grades bool `json:"grades,omitempty" reads:"customer"`
	// NoCalls is set where the scenario has no phone calls.
	NoCalls bool `json:"no_calls,omitempty"`
	// NoEscalation is set where nobody is told by an escalation.
	NoEscalation bool `json:"no_escalation,omitempty"`
	// NoRepairDue is set where no target asks for the repair by a time.
	NoRepairDue bool `json:"no_repair_due,omitempty"`
	// NoOther is set where the scenario does not look at the machine's other backup.
	NoOther bool `json:"no_other,omitempty"`
	// Ungated is set where an end does not wait for the state of the other backup.
	Ungated    bool      `json:"ungated,omitempty"`
	Level      int       `json:"level"`
	Entry      string    `json:"entry" reads:"stranger"`
	ReceivedAt time.Time `json:"received_at,omitzero" reads:"stranger"`
	Guarantee  string    `json:"guarantee" reads:"customer"`               // G1, G2, G3
	Reopens    time.Time `json:"guarantee_next,omitzero" reads:"stranger"` // when a better level begins
	// NoIntervention is true while that level makes nobody act.
	NoIntervention bool       `json:"no_intervention,omitempty" reads:"stranger"`
	Clocks         []ClockRow `json:"clocks,omitempty" reads:"customer"`
	Cause          string     `json:"cause" reads:"customer"`
	Scope          string     `json:"scope" reads:"customer"`
	DataLoss       string     `json:"data_loss" reads:"customer"`
	// IntegrityOwed is set where somebody must still say whether data was lost.
	IntegrityOwed bool   `json:"integrity_owed,omitempty"`
	Workaround    string `json:"workaround" reads:"customer"`
	Percent       int    `json:"percent"`                 // 50, 75, 100 of a clock
	Target        string `json:"target"`                  // the clock that a warning speaks of
	Report        string `json:"report" reads:"stranger"` // the words of the report
	Reporter      string `json:"reporter" reads:"stranger"`
	// Unwritable tells that who reported left no address: nothing written reaches him.
	Unwritable bool `json:"unwritable,omitempty"`
	// Answer is the newest answer of this run: result, note, until, by, at.
	Answer       map[string]string `json:"answer,omitempty"`
	Unverified   bool              `json:"unverified,omitempty" reads:"stranger"` // reported by somebody unknown, whose words stay inside
	WarnDays     string            `json:"warn_days" reads:"customer"`
	Item         string            `json:"item" reads:"customer"`
	Parts        []string          `json:"parts,omitempty" reads:"customer"` // of a platform that its alerts name: probes
	Affected     []string          `json:"affected,omitempty"`               // machines of a common failure
	Refused      []string          `json:"refused,omitempty"`                // addresses refused for good
	RunbookURL   string            `json:"runbook_url"`
	GeneratorURL string            `json:"generator_url"`

	// Unavailability is that of the platforms of which the message speaks.
	Unavailability []UnavailabilityRow `json:"unavailability,omitempty" reads:"customer"`

	// Again says why somebody is told once more: [AgainPromise], [AgainWaited],
	// [AgainFailing], [AgainLapsed], [AgainWorse].
	Again string `json:"again,omitempty" reads:"customer"`
	// LeftBy is who had it until it was given back.
	LeftBy string `json:"left_by,omitempty"`
	// AnswerBy is until when whoever is told should answer.
	AnswerBy time.Time `json:"answer_by,omitzero"`
	// ExpiresAt is when what the alert warns of ends.
	ExpiresAt time.Time `json:"expires_at,omitzero" reads:"customer"`
	// ReopensUntil is until when an ended incident goes on if it fails again.
	ReopensUntil time.Time `json:"reopens_until,omitzero" reads:"stranger"`
	// Exporter is what cannot be read, where that is no source.
	Exporter string `json:"exporter,omitempty"`
	// What the policy calls things, in every language that it knows.
	ScenarioTitle model.Text `json:"scenario_title,omitempty" reads:"stranger"`
	CauseText     model.Text `json:"cause_text,omitempty" reads:"customer"`
	GuaranteeText model.Text `json:"guarantee_text,omitempty" reads:"customer"`
	// RefusedWhat is what was refused for them, see [RefusedAddress].
	RefusedWhat string `json:"refused_what,omitempty"`
}

// PlanRow is one plan in a mail's table.
type PlanRow struct {
	Machine     string              `json:"machine"`
	Plan        string              `json:"plan"`
	Engine      string              `json:"engine"`
	Role        string              `json:"role"`
	Kind        string              `json:"kind"`
	LastSuccess time.Time           `json:"last_success,omitzero"`
	Failures    int                 `json:"failures"`
	Error       string              `json:"error"`
	State       model.EvidenceState `json:"state"`
	Source      string              `json:"source"`
	JobID       string              `json:"job_id"`
}

// HistoryLine is one thing that happened, for people.
type HistoryLine struct {
	At   time.Time `json:"at,omitzero"`
	What string    `json:"what"` // a key that the templates translate: opened, taken, attempt, told...
	Who  string    `json:"who"`
	Text string    `json:"text"`
	// Open is set where the text was typed for the customer to read.
	Open bool `json:"open,omitempty"`
}

// ClockRow is one running delay, for people.
type ClockRow struct {
	Target string    `json:"target"`
	Due    time.Time `json:"due,omitzero"`
	MetAt  time.Time `json:"met_at,omitzero"`
	Paused bool      `json:"paused"`
	Late   bool      `json:"late"`
	// Excused is a time that is over for a cause of the customer's own.
	Excused bool `json:"excused,omitempty"`
}
