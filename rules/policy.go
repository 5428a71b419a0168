package rules

import (
	"time"

	"vigie/rules/calendar"
	"vigie/rules/strict"
)

// Policy is what admins write: scenarios, calendars, roles. It is immutable;
// its content hash is its version.
type Policy struct {
	Name          string
	Hash          string
	Title         Text
	EffectiveFrom time.Time
	Zone          *time.Location
	// Hold is how long a notification waits for others of its bundle.
	Hold time.Duration
	// MaintenanceNotice is how long before its start a maintenance must have
	// been declared.
	MaintenanceNotice time.Duration
	Calendars         map[string]*calendar.Calendar
	Roles             map[string]*Role
	// Digest is the morning's overview; nil for none.
	Digest       *Digest
	Scenarios    []*Scenario
	Correlations []*Correlation
	Causes       map[string]Cause
	Guarantees   []Guarantee
	// Required are the roles that must be in To or Cc of every written trace.
	Required []string
	// Retired marks a policy that is kept only for incidents that pinned it.
	Retired bool
	// Source is the text the policy was read from, kept so that incidents can
	// be explained under the policy that they pinned.
	Source []SourceFile
}

// SourceFile is one policy file as it was read.
type SourceFile struct {
	Name string
	Text []byte
}

// Text is a word or sentence for people, by language.
type Text map[string]string

// In returns the text in a language, or in English, or in any.
func (t Text) In(language string) string {
	if s, ok := t[language]; ok {
		return s
	}
	if s, ok := t["en"]; ok {
		return s
	}
	for _, s := range t {
		return s
	}
	return ""
}

// Cause is one code of the taxonomy of causes (S2.3).
type Cause struct {
	Code string
	Text Text
	// Integrity demands an answer about lost data at resolution (S2.30).
	Integrity bool
	// Customer marks causes that the customer answers for (S2.11).
	Customer bool
	// MinSeverity is the least severity that this cause implies (S2.10).
	MinSeverity string
	// Alerts propose this cause by their name, Match by other labels. A
	// proposal is shown and never overrules a person.
	Alerts []string
	Match  Matchers
}

// Guarantee is a level of service that holds while its calendar is open; the
// first open one counts, the last has no calendar.
type Guarantee struct {
	Level    string
	Calendar string
	Text     Text
}

// RoleKind says where a role's fillers come from.
type RoleKind string

// The kinds of role.
const (
	RolePeople RoleKind = "people" // fixed persons
	RoleRota   RoleKind = "rota"   // who is on duty
	RoleField  RoleKind = "field"  // a field of the customer, machine, platform or incident
)

// Role is a function that persons fill.
type Role struct {
	Name      string
	Kind      RoleKind
	People    []string // fixed, or the rota's default
	Rota      string
	Field     string // customer.account_manager, machine.contact, incident.assignee ...
	Otherwise string // role to fall back on when nobody fills this one
	// Outside marks the customer's own people: they are written to in plain
	// words, and never at night.
	Outside bool
}

// ProofKind says what ends an incident of a scenario.
type ProofKind string

// The kinds of proof.
const (
	ProofSuccess ProofKind = "success" // a proven success for every failing plan
	ProofCleared ProofKind = "cleared" // the probe is well again
	ProofPerson  ProofKind = "person"  // only a person ends it
)

// Scenario is a named kind of failure and what follows from it.
type Scenario struct {
	Name     string
	Title    Text
	Match    Matchers
	Identity []string
	// Joins are identity labels that a signal may lack: it then joins the open
	// incident that agrees on the rest.
	Joins    []string
	Calendar string
	Proof    ProofKind
	Reopen   Delay
	Severity SeverityRule
	// Immediate is the branch for what can be put right at once (S2.20).
	Immediate *Immediate
	// OtherBackup asks for the state of the machine's other backup.
	OtherBackup *OtherBackup
	// Handled says what satisfies the day's duty without a repair.
	Handled *Handled
	// Calls says how phone calls are followed up.
	Calls *Calls
	// Gate refuses acts while the other backup's state is not known.
	Gate []string
	// Blinds marks the scenario of a source that cannot be read: clients are
	// not told from stale data meanwhile.
	Blinds bool
	// Ignores drops signals that need no incident, with the reason given.
	Ignores string
	Resolve ResolveRule
	Absence bool // absences move what is owed to the customer's people
	Targets []*Target
	Steps   []*Step
	At      Position
}

// ResolveRule says what a person must answer to end an incident.
type ResolveRule struct {
	Cause bool // a cause is mandatory
}

// SeverityRule gives an incident its severity.
type SeverityRule struct {
	Label   string            // label of the signal that carries it
	Alerts  map[string]string // by alert name
	Default string
	Order   []string // from least to most severe
}

// Immediate is the ten-minute branch.
type Immediate struct {
	Alerts   []string
	Within   time.Duration
	Calendar string
}

// OtherBackup is how the machine's other backup is watched.
type OtherBackup struct {
	Every    time.Duration
	NoneIsKO bool
}

// Handled is what satisfies the day's duty beside a repair.
type Handled struct {
	Told Flag     // who must have been told, by its flag
	Acts []string // one of these acts of a person
}

// Calls is the follow-up of phone calls and answers.
type Calls struct {
	Outcomes   []string
	Reached    []string
	FollowUp   int            // days until the next look when nothing else was agreed
	Clock      calendar.Clock // hour of a follow-up
	Tries      int            // unsuccessful tries before somebody else is told
	Calendar   string
	RetryAfter int // business days until the next try
}

// Delay is a length of time: elapsed, or in a unit of business time.
type Delay struct {
	Elapsed  time.Duration
	Business *calendar.Duration
	Calendar string
}

// IsZero reports whether no delay was given.
func (d Delay) IsZero() bool { return d.Elapsed == 0 && d.Business == nil }

// Target is what must be done by when.
type Target struct {
	Name string
	// From is the moment its clock starts.
	From string
	// Default applies to every severity without an own entry.
	Default    *Delay
	BySeverity map[string]*Delay
	MetBy      []string // conditions, any of them
	OnlyIf     []string
	// LateBelow marks the incident late_start when less business time than
	// this is left at the clock's start.
	LateBelow *Delay
	Pausable  bool
	At        Position
}

// Step is one rung of a scenario.
type Step struct {
	Name     string
	Template string
	// Channel is the way by which people are told who can be reached by it, the
	// others by e-mail; empty for e-mail.
	Channel string
	When    []Trigger
	// OnlyIf must all hold; until then the step waits.
	OnlyIf []string
	// Unless: any of them at the due instant drops the step for good.
	Unless []string
	// Rests: any of them at the due instant drops this occurrence only.
	Rests  []string
	To, Cc []string
	Trace  bool
	Task   string
	// Repeat makes it due again until an `unless` holds.
	Repeat *Delay
	// Between is the part of a service day in which it may leave.
	Between *Between
	// Raises are flags raised once the message was accepted.
	Raises []Flag
	State  State
	// DropActor removes the acting person from To: nobody is mailed what he
	// has just done himself.
	DropActor bool
	// Per splits the message: one per platform.
	Per string
	// Missing is told instead when To resolves to nobody.
	Missing *Missing
	// AtOnce is never held for bundling.
	AtOnce bool
	// Each makes the step occur once per trigger event instead of once per episode.
	Each bool
	At   Position
}

// Missing is whom to tell when a step has nobody to tell.
type Missing struct {
	Template string
	To       []string
	Cc       []string
}

// Between is a daily span on business days; Until is the closing when zero.
type Between struct {
	Calendar    string
	From, Until calendar.Clock
	AtClosing   bool
}

// TriggerKind says what makes a step due.
type TriggerKind string

// The kinds of trigger.
const (
	WhenMoment  TriggerKind = "at"         // a moment of the incident, plus a delay
	WhenAct     TriggerKind = "act"        // a person's act
	WhenFlag    TriggerKind = "flag"       // a flag is raised
	WhenBefore  TriggerKind = "before"     // a delay before a target is due
	WhenBreach  TriggerKind = "breach_of"  // a target is missed
	WhenShare   TriggerKind = "share_of"   // a share of a target's time has run
	WhenDayOf   TriggerKind = "on_day_of"  // an hour on the day a target is due
	WhenDays    TriggerKind = "days_after" // so many days after a moment or step, at an hour
	WhenOpening TriggerKind = "each_opening"
)

// Trigger is one reason for a step to become due.
type Trigger struct {
	Kind     TriggerKind
	Name     string // moment, act, flag, target or step
	Delay    Delay
	Percent  int
	Days     int
	Business bool // Days counts business days
	Clock    calendar.Clock
	Calendar string
	If       map[string]string // fields of the act
	// Unless drops the step for this trigger only.
	Unless []string
	// HoldWhile postpones it, at the latest until an hour of the same day.
	HoldWhile []string
	HoldUntil calendar.Clock
	At        Position
}

// Correlation raises one incident for a failure that many share.
type Correlation struct {
	Name      string
	Match     Matchers
	Within    time.Duration
	Machines  int
	Customers int
	Ratio     float64 // share of all machines, 0 to 1
	Same      []string
	Labels    Labels // of the raised signal
	Marks     bool   // members carry the flag outage
	At        Position
}

// Position is where in the configuration something is written.
type Position = strict.Position
