package situation

import (
	"vigie/rules/calendar"
	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// OtherBackup is the effective state of the machine's other backup: an open incident
// on it counts more than any metric.
func (d *Situation) OtherBackup() (model.EvidenceState, string) {
	if s := d.FailingSibling(); s != nil {
		return model.EvidenceKO, "incident " + s.ID + " is open on the other backup (" + s.Role + ")"
	}
	switch st := d.Incident.Other.State; st {
	case "":
		return model.EvidenceUnknown, "the other backup has not been asked for yet"
	case model.EvidenceUnknown:
		if d.Incident.Progress.OtherAnswer == model.EvidenceOK && d.Schedule().wordHolds() {
			return model.EvidenceOK, "checked by " + d.Incident.Progress.OtherBy
		}
		if d.Incident.Progress.OtherAnswer == model.EvidenceKO {
			return model.EvidenceKO, "found not working by " + d.Incident.Progress.OtherBy
		}
		return st, "nothing is known of the other backup"
	case model.EvidenceNone:
		return st, "no other backup is known"
	default:
		return st, "other backup: " + string(st)
	}
}

// wordHolds reports whether what a person found of the other backup is not older than a
// business day: another run was due since then, of which nobody knows anything.
func (d Schedule) wordHolds() bool {
	a := d.LastAct("check_other")
	if a == nil || d.Scenario.Calendar == "" {
		return true
	}
	day := policy.Delay{Business: &calendar.Duration{Amount: calendar.NewAmount(1), Unit: calendar.BusinessDays}, Calendar: d.Scenario.Calendar}
	return !d.Now.After(d.After(a.At, day))
}

// FailingSibling is an open incident of the machine's other backup; nil for none.
func (d *Situation) FailingSibling() *incident.Sibling {
	for i, s := range d.Circumstances.Siblings {
		if !s.State.Ended() && !s.Repaired {
			return &d.Circumstances.Siblings[i]
		}
	}
	return nil
}

// OtherEvidence is what mails say of the other backup.
func (d *Situation) OtherEvidence() incident.Evidence {
	e := d.Incident.Other
	st, why := d.OtherBackup()
	if st != e.State {
		e.Note = why
		if st == model.EvidenceKO && e.Plan == "" {
			for _, s := range d.Circumstances.Siblings {
				if !s.State.Ended() {
					e.Engine, e.Role = s.Engine, s.Role
					if len(s.Plans) > 0 {
						e.Plan = s.Plans[0]
					}
				}
			}
		}
	}
	e.State = st
	if by := d.Incident.Progress.OtherBy; by != "" && st != model.EvidenceUnknown && d.Incident.Other.State == model.EvidenceUnknown {
		e.By, e.Note = by, d.Incident.Progress.OtherNote
		if a := d.LastAct("check_other"); a != nil {
			e.AskedAt = a.At
		}
	}
	return e
}
