package rules

import (
	"vigie/internal/strict"
	"vigie/rules/book"
	"vigie/rules/classify"
	"vigie/rules/explain"
	"vigie/rules/incident"
	"vigie/rules/inventory"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// The names under which the rooms below were known when they were one package: tests
// that are kept outside of this tree are written in them.
type (
	Labels            = model.Labels
	Matchers          = model.Matchers
	SignalKind        = model.SignalKind
	Signal            = model.Signal
	State             = model.State
	Flag              = model.Flag
	EvidenceState     = model.EvidenceState
	Text              = model.Text
	Directory         = inventory.Directory
	Person            = inventory.Person
	Customer          = inventory.Customer
	Machine           = inventory.Machine
	ExpectedPlan      = inventory.ExpectedPlan
	Platform          = inventory.Platform
	RotaEntry         = inventory.RotaEntry
	Rotation          = inventory.Rotation
	Shift             = inventory.Shift
	DutyRole          = book.DutyRole
	DutyShift         = book.DutyShift
	Absence           = inventory.Absence
	Maintenance       = inventory.Maintenance
	Digest            = policy.Digest
	Policy            = policy.Policy
	Cause             = policy.Cause
	Guarantee         = policy.Guarantee
	RoleKind          = policy.RoleKind
	Role              = policy.Role
	ProofKind         = policy.ProofKind
	Scenario          = policy.Scenario
	ResolveRule       = policy.ResolveRule
	SeverityRule      = policy.SeverityRule
	Immediate         = policy.Immediate
	OtherBackup       = policy.OtherBackup
	Handled           = policy.Handled
	Calls             = policy.Calls
	Delay             = policy.Delay
	Target            = policy.Target
	Step              = policy.Step
	Missing           = policy.Missing
	Between           = policy.Between
	TriggerKind       = policy.TriggerKind
	Trigger           = policy.Trigger
	Correlation       = policy.Correlation
	Act               = incident.Act
	ActRecord         = incident.ActRecord
	Acted             = incident.Acted
	Alert             = incident.Alert
	Answered          = incident.Answered
	Breach            = incident.Breach
	Classified        = classify.Classified
	Cleared           = incident.Cleared
	Clock             = incident.Clock
	ClockRow          = incident.ClockRow
	Correlated        = classify.Correlated
	Decision          = incident.Decision
	Delivered         = incident.Delivered
	EndingDropped     = incident.EndingDropped
	EndingUnconfirmed = incident.EndingUnconfirmed
	Entry             = incident.Entry
	Event             = incident.Event
	Evidence          = incident.Evidence
	Explained         = explain.Explained
	Explanation       = explain.Explanation
	MessageData       = incident.MessageData
	Circumstances     = incident.Circumstances
	Fired             = incident.Fired
	HistoryLine       = incident.HistoryLine
	Incident          = incident.Incident
	Measured          = incident.Measured
	Need              = incident.Need
	Notification      = incident.Notification
	OtherNeed         = incident.OtherNeed
	Party             = incident.Party
	PastEpisode       = incident.PastEpisode
	PlanEvidence      = incident.PlanEvidence
	PlanRow           = incident.PlanRow
	Progress          = incident.Progress
	Raise             = incident.Raise
	Refreshed         = incident.Refreshed
	Returned          = incident.Returned
	Refusal           = incident.Refusal
	Related           = incident.Related
	Repeated          = incident.Repeated
	Sibling           = incident.Sibling
	Silence           = incident.Silence
	Silenced          = incident.Silenced
	StepKey           = incident.StepKey
	StepRecord        = incident.StepRecord
	StepRecords       = incident.StepRecords
	Task              = incident.Task
	Tick              = incident.Tick
	Unavailability    = incident.Unavailability
	UnavailabilityRow = incident.UnavailabilityRow
	SourceFile        = strict.File
	Position          = strict.Position
)

// Constants of the rooms below.
const (
	LabelAlertname          = model.LabelAlertname
	LabelCustomer           = model.LabelCustomer
	LabelMachine            = model.LabelMachine
	LabelMachineClass       = model.LabelMachineClass
	LabelBackupRole         = model.LabelBackupRole
	LabelEngine             = model.LabelEngine
	LabelPlan               = model.LabelPlan
	LabelSource             = model.LabelSource
	LabelExporter           = model.LabelExporter
	LabelJobID              = model.LabelJobID
	LabelKind               = model.LabelKind
	LabelSeverity           = model.LabelSeverity
	LabelSignal             = model.LabelSignal
	LabelPlatform           = model.LabelPlatform
	UnknownPlatform         = model.UnknownPlatform
	LabelHost               = model.LabelHost
	BackupAlert             = model.BackupAlert
	InfraProbe              = model.InfraProbe
	FunctionalProbe         = model.FunctionalProbe
	Level2Voluntary         = model.Level2Voluntary
	Level3Emergency         = model.Level3Emergency
	EmergencyMeans          = model.EmergencyMeans
	UserAssistance          = model.UserAssistance
	CorrelatedSignal        = model.CorrelatedSignal
	Open                    = model.Open
	Taken                   = model.Taken
	Waiting                 = model.Waiting
	CallDue                 = model.CallDue
	WorkedAround            = model.WorkedAround
	Unverified              = model.Unverified
	Resolved                = model.Resolved
	Closed                  = model.Closed
	FlagSilenced            = model.FlagSilenced
	FlagDoubleFailure       = model.FlagDoubleFailure
	FlagLateStart           = model.FlagLateStart
	FlagAccountManagerTold  = model.FlagAccountManagerTold
	FlagImmediate           = model.FlagImmediate
	FlagSignalLost          = model.FlagSignalLost
	FlagFlaky               = model.FlagFlaky
	FlagOutage              = model.FlagOutage
	FlagSourceDown          = model.FlagSourceDown
	FlagOffline             = model.FlagOffline
	FlagCustomerTold        = model.FlagCustomerTold
	FlagUnknownReporter     = model.FlagUnknownReporter
	FlagOtherBackupKnown    = model.FlagOtherBackupKnown
	FlagMachineClassMissing = model.FlagMachineClassMissing
	EvidenceOK              = model.EvidenceOK
	EvidenceDegraded        = model.EvidenceDegraded
	EvidenceKO              = model.EvidenceKO
	EvidenceNone            = model.EvidenceNone
	EvidenceUnknown         = model.EvidenceUnknown
	RolePeople              = policy.RolePeople
	RoleRota                = policy.RoleRota
	RoleField               = policy.RoleField
	ProofSuccess            = policy.ProofSuccess
	ProofCleared            = policy.ProofCleared
	ProofPerson             = policy.ProofPerson
	WhenMoment              = policy.WhenMoment
	WhenAct                 = policy.WhenAct
	WhenFlag                = policy.WhenFlag
	WhenBefore              = policy.WhenBefore
	WhenBreach              = policy.WhenBreach
	WhenShare               = policy.WhenShare
	WhenDayOf               = policy.WhenDayOf
	WhenDays                = policy.WhenDays
	WhenOpening             = policy.WhenOpening
	AgainFailing            = incident.AgainFailing
	AgainPromise            = incident.AgainPromise
	AgainLapsed             = incident.AgainLapsed
	AgainWorse              = incident.AgainWorse
	AgainWaited             = incident.AgainWaited
	Ignore                  = classify.Ignore
	RefusedAddress          = incident.RefusedAddress
	ReturnedBounced         = incident.ReturnedBounced
	ReturnedDelayed         = incident.ReturnedDelayed
	ReturnedAbsence         = incident.ReturnedAbsence
	RefusedMessage          = incident.RefusedMessage
	NotCommissioned         = classify.NotCommissioned
	RefusedReport           = classify.RefusedReport
	RefusedTrouble          = incident.RefusedTrouble
	SelfSource              = classify.SelfSource
	StepAccepted            = incident.StepAccepted
	StepBlocked             = incident.StepBlocked
	StepDecided             = incident.StepDecided
	StepSkipped             = incident.StepSkipped
	StepStopped             = incident.StepStopped
	TooLong                 = incident.TooLong
	UnfilledRole            = incident.UnfilledRole
)

// ParseMatchers is [model.ParseMatchers].
func ParseMatchers(texts []string) (Matchers, error) { return model.ParseMatchers(texts) }

// LoadDirectory is [inventory.Load].
func LoadDirectory(files []SourceFile) (*Directory, error) { return inventory.Load(files) }

// ChannelName is [inventory.ChannelName].
func ChannelName(s string) bool { return inventory.ChannelName(s) }

// SplitAddress is [inventory.SplitAddress].
func SplitAddress(address string) (channel, bare string) { return inventory.SplitAddress(address) }

// ICalCalendar is [inventory.ICalCalendar].
func ICalCalendar(file string) (string, bool) { return inventory.ICalCalendar(file) }

// RotaOfFile is [inventory.RotaOfFile].
func RotaOfFile(file string) (string, bool) { return inventory.RotaOfFile(file) }

// CheckICal is [inventory.CheckICal].
func CheckICal(f SourceFile) error { return inventory.CheckICal(f) }

// SiblingOf is [incident.SiblingOf].
func SiblingOf(i Incident) Sibling { return incident.SiblingOf(i) }

// CheckClosures is [book.CheckClosures].
func CheckClosures(dir *Directory, policies []*Policy) error {
	return book.CheckClosures(dir, policies)
}

// States is [model.States].
func States() []State { return model.States() }
