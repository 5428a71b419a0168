package rules

import (
	"slices"
)

func (d acting) actCheckOther(a Act) {
	switch a.Fields["result"] {
	case "ok", "ko":
	default:
		d.refuse(422, "result %q is not ok or ko", a.Fields["result"])
		return
	}
	if st := d.inc.Other.State; st != EvidenceUnknown && st != "" && a.Fields["note"] == "" {
		d.refuse(422, "note is missing: the machine says %s, so say why you judge otherwise", st)
		return
	}
	d.inc.Progress.OtherAnswer, d.inc.Progress.OtherBy, d.inc.Progress.OtherNote = EvidenceState(a.Fields["result"]), a.By, a.Fields["note"]
	if st := d.inc.Other.State; st != EvidenceUnknown && st != "" {
		d.inc.Other.State, d.inc.Other.By, d.inc.Other.Note = EvidenceState(a.Fields["result"]), a.By, a.Fields["note"]
	} else {
		d.inc.Other.State = EvidenceUnknown
	}
	if d.inc.OtherAsked.IsZero() {
		d.inc.OtherAsked = d.now
	}
}

func (d acting) actImmediate(a Act) {
	if !d.staffed() {
		d.refuse(409, "outside the staffed hours nothing can be put right at once")
		return
	}
	if !d.now.Before(d.inc.StartedAt.Add(d.s.Immediate.Within)) {
		d.refuse(409, "%s have passed since the signal", d.s.Immediate.Within)
		return
	}
	d.intake().beginImmediate("estimated by " + a.By)
	d.works(a)
}

func (d acting) actQualify(a Act) {
	severity, cause := a.Fields["severity"], a.Fields["cause"]
	if severity == "" {
		severity = d.inc.Severity
	}
	if !slices.Contains(d.s.Severity.Order, severity) {
		d.refuse(422, "%s", unknown("severity", severity, d.s.Severity.Order))
		return
	}
	if cause != "" && !d.causeKnown(cause) {
		return
	}
	if least := d.p.Causes[cause].MinSeverity; least != "" && d.rank(severity) < d.rank(least) {
		severity = least
	}
	a.Fields["severity"] = severity
	d.severity(severity, d.now)
	if cause != "" {
		d.inc.Cause = cause
	}
	if s := a.Fields["scope"]; s != "" {
		d.inc.Scope = s
	}
	d.works(a)
}

func (d acting) causeKnown(cause string) bool {
	if _, ok := d.p.Causes[cause]; ok || cause == "unknown" {
		return true
	}
	codes := make([]string, 0, len(d.p.Causes)+1)
	for c := range d.p.Causes {
		codes = append(codes, c)
	}
	slices.Sort(codes)
	d.refuse(422, "%s", unknown("cause", cause, append(codes, "unknown")))
	return false
}

func (d acting) actWorkaround(a Act) {
	d.inc.Progress.Workaround = a.Fields["text"]
	d.works(a)
	d.state(WorkedAround, "a workaround is proposed")
}

func (d acting) actCascade(a Act) {
	if a.Fields["level"] == "2" {
		d.inc.Level = 2
	} else {
		d.inc.Level = 3
	}
	d.inc.Progress.Reason = a.Fields["reason"]
	d.works(a)
}

func (d acting) actPromote(a Act) {
	if d.s.Immediate != nil {
		d.refuse(409, "this is an incident already")
		return
	}
	to := a.Fields["scenario"]
	if to == "" {
		to = d.promotesTo()
	}
	s := d.p.Scenario(to)
	if s == nil || s.Name == d.s.Name {
		d.refuse(409, "this is an incident already")
		return
	}
	d.s, d.inc.Scenario = s, s.Name
	d.inc.Severity, d.inc.Severities = "", nil
	severity := a.Fields["severity"]
	if severity == "" {
		severity = s.Severity.Default
	}
	d.inc.StartedAt = d.now
	d.severity(severity, d.now)
	d.inc.Targets = map[string]*Clock{}
	d.raise("not_immediate", d.now)
	d.works(a)
}

func (d acting) promotesTo() string {
	for _, s := range d.p.Scenarios {
		if s.Immediate != nil {
			return s.Name
		}
	}
	return ""
}
