package message

import (
	"strings"

	"vigie/rules/model"
)

// report is what was said of a platform: by whom, how bad it is, and under which
// level of service.
type report struct{ *sheet }

// Severity is "mineure", "majeure", "bloquante"; "" when not known.
func (i report) Severity() string { return i.NameOf("severity", i.f.Severity) }

// Scope is how much is hit.
func (i report) Scope() string { return i.NameOf("scope", i.f.Scope) }

// Level is 2 or 3.
func (i report) Level() int { return i.f.Level }

// Provisional tells that no person has confirmed the qualification.
func (i report) Provisional() bool { return i.f.Provisional }

// Entry is the door by which the first signal came.
func (i report) Entry() string { return i.NameOf("entry", i.f.Entry) }

// Received is when the first signal came in.
func (i report) Received() string {
	t := i.f.ReceivedAt
	if t.IsZero() {
		t = i.f.StartedAt
	}
	return i.Moment(t)
}

// ReceivedBrief is Received for a subject.
func (i report) ReceivedBrief() string { return i.Stamp(i.f.ReceivedAt) }

// Assistance tells a user's request from an incident of a platform.
func (i report) Assistance() bool { return model.SignalKind(i.f.Entry) == model.UserAssistance }

// Report is the report as it was received.
func (i report) Report() string { return i.f.Report }

// Reporter is who reported.
func (i report) Reporter() string {
	if i.f.Reporter == model.UnknownReporter {
		return i.Word("unknown_reporter")
	}
	return i.f.Reporter
}

// FromPerson tells a person's report from a probe's alert.
func (i report) FromPerson() bool {
	if i.f.Unverified {
		return false
	}
	switch model.SignalKind(i.f.Entry) {
	case model.InfraProbe, model.FunctionalProbe, model.BackupAlert, model.CorrelatedSignal:
		return false
	}
	return i.f.Report != "" || i.f.Reporter != "" || i.f.Entry != ""
}

// Reopened tells that it had ended before, and goes on.
func (i report) Reopened() bool { return i.n.Episode > 1 }

// Unverified tells that somebody unknown reported, whose words are not passed on.
func (i report) Unverified() bool { return i.f.Unverified }

// Unwritable tells that who reported left no address to write to.
func (i report) Unwritable() bool { return i.f.Unwritable }

// UnknownReporter tells that nobody knows who reported.
func (i report) UnknownReporter() bool { return i.hasFlag(model.FlagUnknownReporter) }

// Immediate tells that the ten-minute branch is open.
func (i report) Immediate() bool { return i.hasFlag(model.FlagImmediate) }

// Guarantee is the level of service now: its code and words.
func (i report) Guarantee() string {
	if i.f.Guarantee == "" {
		return ""
	}
	w := i.NameOf("guarantee", i.f.Guarantee)
	if t := i.f.GuaranteeText.In(i.Code); t != "" {
		w = t
	}
	if w == i.f.Guarantee {
		return w
	}
	return w + " (" + i.f.Guarantee + ")"
}

// Guaranteed tells whether somebody has to act now.
func (i report) Guaranteed() bool { return !i.f.NoIntervention }

// Reopens is when a better level of service begins.
func (i report) Reopens() string { return i.DueAt(i.f.Reopens) }

// Cause is the cause in words; CauseClass says intrinsic or extrinsic.
func (i report) Cause() string {
	if t := i.f.CauseText.In(i.Code); t != "" {
		return t
	}
	return i.NameOf("cause", i.f.Cause)
}

// likelyCause is the cause, marked while no person has confirmed it.
func (i report) likelyCause() string {
	switch {
	case i.Stranger():
		return ""
	case i.f.Cause == "":
		return i.Word("cause.unknown")
	case !i.f.CauseProposed || i.f.Cause == "unknown":
		return i.Cause()
	}
	return joinNonEmpty(" ", i.Cause(), "("+i.Word("fact_name.provisional")+")")
}

// CauseClass is "cause intrinsèque" or "cause extrinsèque"; "" when unknown.
func (i report) CauseClass() string {
	class, _, _ := strings.Cut(i.f.Cause, ".")
	return i.Word("cause_class." + class)
}

// Workaround is the workaround as its author wrote it.
func (i report) Workaround() string { return i.f.Workaround }

// shippedRunbooks is where the shipped rules say that runbooks are; packages
// install these rules as they are.
const shippedRunbooks = "https://vigie.example/runbooks/"

// Runbook is the runbook's address, when it is one that may be linked.
func (i report) Runbook() string {
	name, shipped := strings.CutPrefix(i.f.RunbookURL, shippedRunbooks)
	switch {
	case !shipped:
		return webURL(i.f.RunbookURL)
	case i.links.Base == "":
		return "" // nothing answers there
	}
	return webURL(strings.TrimSuffix(i.links.Base, "/") + "/runbooks/" + name)
}

// Measurement is the address of the graph behind the alert.
func (i report) Measurement() string { return webURL(i.f.GeneratorURL) }
