package model

import "time"

// SignalKind says by which of the doors a signal came in (S2.12 to S2.18).
type SignalKind string

// The kinds of signal. An alert's kind is its label `signal`; without one it
// is a backup alert.
const (
	BackupAlert      SignalKind = "backup_alert"
	InfraProbe       SignalKind = "infra_probe"
	FunctionalProbe  SignalKind = "functional_probe"
	Level2Voluntary  SignalKind = "l2_voluntary"
	Level3Emergency  SignalKind = "l3_emergency_entry"
	EmergencyMeans   SignalKind = "emergency_means"
	UserAssistance   SignalKind = "user_assistance"
	CorrelatedSignal SignalKind = "correlated" // raised by Vigie itself over several incidents
)

// Signal is one report of a failing state in our own words: an alert that
// fires, or a person's report.
type Signal struct {
	Kind SignalKind `json:"kind"`
	// Fingerprint identifies the alert's label set; for a person's report it
	// identifies the report.
	Fingerprint string            `json:"fingerprint"`
	Labels      Labels            `json:"labels"`
	Annotations map[string]string `json:"annotations,omitempty"`
	// StartsAt is when the failing state began; for a report, when it was
	// received by phone, mail or SMS.
	StartsAt time.Time `json:"starts_at,omitzero"`
	// By, Means and Text are a person's report: who, how, in what words.
	By    string `json:"by,omitempty"`
	Means string `json:"means,omitempty"`
	Text  string `json:"text,omitempty"`
	// Unregistered marks a reporter whom nobody knows (only the emergency
	// entry accepts one, S2.17).
	Unregistered bool `json:"unregistered,omitempty"`
}

// IsReport tells a person's report from an alert.
func (s Signal) IsReport() bool {
	switch s.Kind {
	case Level2Voluntary, Level3Emergency, EmergencyMeans, UserAssistance:
		return true
	}
	return false
}

// ByPerson tells an incident that somebody reopens from one that a signal does.
func (s Signal) ByPerson() bool { return s.Fingerprint == "" && s.Kind == "" }

// Describe says in a few words what a signal is.
func (s Signal) Describe() string {
	t := s.Labels[LabelAlertname]
	if t == "" {
		t = string(s.Kind)
	}
	if k := s.Labels[LabelKind]; k != "" {
		t += " (" + k + ")"
	}
	if p := s.Labels[LabelPlan]; p != "" {
		t += ", plan " + p
	}
	return t
}

// EntryAgain is by which door an incident comes in again that came in by another before.
// A common failure is one whichever of its members fails anew; of a person's word alone,
// which is no signal, the door is as before.
func (s Signal) EntryAgain(before string) string {
	if s.Kind == "" || before == string(CorrelatedSignal) {
		return before
	}
	return string(s.Kind)
}
