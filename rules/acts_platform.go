package rules

import (
	"slices"
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
)

func (d acting) actCheckOther(a incident.Act) {
	switch a.Fields["result"] {
	case "ok", "ko":
	default:
		d.refuseField("result", 422, "result {quoted} is not ok or ko", "quoted", a.Fields["result"])
		return
	}
	if st := d.Incident.Other.State; st != model.EvidenceUnknown && st != "" && a.Fields["note"] == "" {
		d.refuseField("note", 422, "note is missing: the machine says {evidence}, so say why you judge otherwise", "evidence", string(st))
		return
	}
	d.Incident.Progress.OtherAnswer, d.Incident.Progress.OtherBy, d.Incident.Progress.OtherNote = model.EvidenceState(a.Fields["result"]), a.By, a.Fields["note"]
	if st := d.Incident.Other.State; st != model.EvidenceUnknown && st != "" {
		d.Incident.Other.State, d.Incident.Other.By, d.Incident.Other.Note = model.EvidenceState(a.Fields["result"]), a.By, a.Fields["note"]
	} else {
		d.Incident.Other.State = model.EvidenceUnknown
	}
	if d.Incident.OtherAsked.IsZero() {
		d.Incident.OtherAsked = d.Now
	}
}

func (d acting) actImmediate(a incident.Act) {
	if no(a.Fields["possible"]) {
		d.notImmediate(a)
		return
	}
	if !d.Staffed() {
		d.refuse(409, "outside the staffed hours nothing can be put right at once")
		return
	}
	if !d.Now.Before(d.Incident.StartedAt.Add(d.Scenario.Immediate.Within)) {
		d.refuse(409, "{span} have passed since the signal", "span", d.Scenario.Immediate.Within.String())
		return
	}
	d.intake().beginImmediate("estimated by " + a.By)
	d.works(a)
}

// notImmediate leaves the immediate branch before its time is up: whom it concerns
// is told now.
func (d acting) notImmediate(a incident.Act) {
	if !d.Incident.Flags[model.FlagImmediate] {
		d.refuse(409, "nobody counts on its being put right at once")
		return
	}
	d.flag(model.FlagImmediate, false, "cannot be put right at once, says "+a.By)
	d.Incident.Progress.ImmediateUntil = time.Time{}
	d.raise("not_immediate", d.Now)
	d.works(a)
}

func (d acting) actQualify(a incident.Act) {
	severity, cause := a.Fields["severity"], a.Fields["cause"]
	if severity == "" {
		severity = d.Incident.Severity
	}
	if !slices.Contains(d.Scenario.Severity.Order, severity) {
		d.refused(incident.RefuseUnknown("severity", severity, d.Scenario.Severity.Order).About("severity"))
		return
	}
	if cause != "" && !d.causeKnown(cause) {
		return
	}
	if least := d.Policy.Causes[cause].MinSeverity; least != "" && d.Rank(severity) < d.Rank(least) {
		severity = least
	}
	a.Fields["severity"] = severity
	d.severity(severity, d.Now)
	if cause != "" {
		d.Incident.Cause = cause
	}
	if s := a.Fields["scope"]; s != "" {
		d.Incident.Scope = s
	}
	d.works(a)
}

func (d acting) causeKnown(cause string) bool {
	if _, ok := d.Policy.Causes[cause]; ok || cause == "unknown" {
		return true
	}
	codes := make([]string, 0, len(d.Policy.Causes)+1)
	for c := range d.Policy.Causes {
		codes = append(codes, c)
	}
	slices.Sort(codes)
	d.refused(incident.RefuseUnknown("cause", cause, append(codes, "unknown")).About("cause"))
	return false
}

func (d acting) actWorkaround(a incident.Act) {
	d.Incident.Progress.Workaround = a.Fields["text"]
	d.works(a)
	d.state(model.WorkedAround, "a workaround is proposed")
}

func (d acting) actCascade(a incident.Act) {
	if a.Fields["level"] == "2" {
		d.Incident.Level = 2
	} else {
		d.Incident.Level = 3
	}
	d.Incident.Progress.Reason = a.Fields["reason"]
	d.works(a)
}

func (d acting) actPromote(a incident.Act) {
	if d.Scenario.Immediate != nil {
		d.refuse(409, "this is an incident already")
		return
	}
	to := a.Fields["scenario"]
	if to == "" {
		to = d.promotesTo()
	}
	s := d.Policy.Scenario(to)
	if s == nil || s.Name == d.Scenario.Name {
		d.refuse(409, "this is an incident already")
		return
	}
	d.Scenario, d.Incident.Scenario = s, s.Name
	d.Incident.Severity, d.Incident.Severities = "", nil
	severity := a.Fields["severity"]
	if severity == "" {
		severity = s.Severity.Default
	}
	d.Incident.StartedAt = d.Now
	d.severity(severity, d.Now)
	d.Incident.Targets = map[string]*incident.Clock{}
	d.raise("not_immediate", d.Now)
	d.works(a)
}

func (d acting) promotesTo() string {
	for _, s := range d.Policy.Scenarios {
		if s.Immediate != nil {
			return s.Name
		}
	}
	return ""
}
