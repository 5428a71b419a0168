package model

import "slices"

// State is where an incident stands.
type State string

// The states of an incident.
const (
	Open         State = "open"
	Taken        State = "taken"
	Waiting      State = "waiting"  // for the customer, until a date
	CallDue      State = "call_due" // somebody has to phone
	WorkedAround State = "worked_around"
	Unverified   State = "unverified" // the signal ended, nothing proves a good backup
	Resolved     State = "resolved"
	Closed       State = "closed"
)

// States are all of them, in the order of a story.
func States() []State {
	return []State{Open, Taken, Waiting, CallDue, WorkedAround, Unverified, Resolved, Closed}
}

// Ended reports whether nothing more is expected in this state.
func (s State) Ended() bool { return s == Resolved || s == Closed }

// Flag is a lasting remark about an incident.
type Flag string

// The flags of an incident.
const (
	FlagSilenced            Flag = "silenced"
	FlagDoubleFailure       Flag = "double_failure"
	FlagLateStart           Flag = "late_start"
	FlagAccountManagerTold  Flag = "account_manager_told"
	FlagImmediate           Flag = "immediate"
	FlagSignalLost          Flag = "signal_lost"
	FlagFlaky               Flag = "flaky"
	FlagOutage              Flag = "outage"      // part of a failure common to many customers
	FlagSourceDown          Flag = "source_down" // what watches this machine is itself blind
	FlagOffline             Flag = "offline"     // the machine was not reachable at its backup time
	FlagCustomerTold        Flag = "customer_told"
	FlagUnknownReporter     Flag = "unknown_reporter"
	FlagOtherBackupKnown    Flag = "other_backup_known" // proven or answered by a person
	FlagMachineClassMissing Flag = "machine_class_missing"
)

// Flags are the flags that a policy may name.
func Flags() []Flag { return slices.Clone(flags[:]) }

var flags = [...]Flag{
	FlagSilenced, FlagDoubleFailure, FlagLateStart, FlagAccountManagerTold, FlagImmediate, FlagSignalLost, FlagFlaky,
	FlagOutage, FlagSourceDown, FlagOffline, FlagCustomerTold, FlagUnknownReporter,
}

// EvidenceState is what is known of a backup (requirements 3.2).
type EvidenceState string

// The states of evidence. Only ok and degraded count as functional.
const (
	EvidenceOK       EvidenceState = "ok"
	EvidenceDegraded EvidenceState = "degraded"
	EvidenceKO       EvidenceState = "ko"
	EvidenceNone     EvidenceState = "none"
	EvidenceUnknown  EvidenceState = "unknown"
)

// Functional reports whether a restore from it can be expected.
func (s EvidenceState) Functional() bool { return s == EvidenceOK || s == EvidenceDegraded }
