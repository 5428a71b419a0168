package rules

import (
	"fmt"
	"time"
)

// proof weighs what is known of the failing plans and of the other backup.
type proof struct{ *decider }

func (d *decider) proof() proof { return proof{d} }

// How long an answer of Prometheus serves.
const (
	proofEvery     = time.Minute // while a proof is awaited
	evidenceMaxAge = time.Minute // before a written trace leaves
)

// other is the effective state of the machine's other backup: an open incident
// on it counts more than any metric.
func (d proof) other() (EvidenceState, string) {
	for _, s := range d.facts.Siblings {
		if !s.State.Ended() && !s.Repaired {
			return EvidenceKO, "incident " + s.ID + " is open on the other backup (" + s.Role + ")"
		}
	}
	switch st := d.inc.Other.State; st {
	case "":
		return EvidenceUnknown, "the other backup has not been asked for yet"
	case EvidenceUnknown:
		if d.inc.Progress.OtherAnswer == EvidenceOK {
			return EvidenceOK, "checked by " + d.inc.Progress.OtherBy
		}
		if d.inc.Progress.OtherAnswer == EvidenceKO {
			return EvidenceKO, "found not working by " + d.inc.Progress.OtherBy
		}
		return st, "nothing is known of the other backup"
	case EvidenceNone:
		return st, "no other backup is known"
	default:
		return st, "other backup: " + string(st)
	}
}

// otherEvidence is what mails say of the other backup.
func (d proof) otherEvidence() Evidence {
	e := d.inc.Other
	st, why := d.other()
	if st != e.State {
		e.Note = why
		if st == EvidenceKO && e.Plan == "" {
			for _, s := range d.facts.Siblings {
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
	if by := d.inc.Progress.OtherBy; by != "" && d.inc.Other.State == EvidenceUnknown {
		e.By, e.Note = by, d.inc.Progress.OtherNote
	}
	return e
}

// fresh reports whether the other backup's state may be used by a step: asked
// in this episode and, for a written trace, within the last minute.
func (d proof) fresh(trace bool) bool {
	if d.s.OtherBackup == nil {
		return true
	}
	asked := d.inc.OtherAsked
	if asked.IsZero() {
		return false
	}
	return !trace || d.now.Sub(asked) <= evidenceMaxAge
}

// proofAsked reports whether, once every signal has ended, evidence was asked
// for since: nobody is told of a failure that may just have been repaired.
func (d proof) proofAsked() bool {
	if d.s.Proof != ProofSuccess || len(d.inc.Alerts) == 0 || d.anyFiring() {
		return true
	}
	for _, a := range d.inc.Alerts {
		if d.inc.ProofAsked.IsZero() || d.inc.ProofAsked.Before(a.EndedAt) {
			return false
		}
	}
	return true
}

// proofNeeds asks for what the next decision will need.
func (d proof) proofNeeds() {
	i := d.inc
	if i.State.Ended() || i.State == "" {
		return
	}
	awaiting := d.s.Proof == ProofSuccess && !d.anyFiring() && len(i.Alerts) > 0
	first := d.s.Proof == ProofSuccess && len(i.Alerts) > 0 && i.ProofAsked.IsZero()
	other := d.s.OtherBackup != nil && (i.OtherAsked.IsZero() || d.now.Sub(i.OtherAsked) >= d.s.OtherBackup.Every)
	due := d.needs || first || other || awaiting && d.now.Sub(i.ProofAsked) >= proofEvery
	if due {
		d.out.Needs = d.need()
	}
	switch {
	case awaiting:
		d.out.PollAt = i.ProofAsked.Add(proofEvery)
	case d.s.OtherBackup != nil:
		d.out.PollAt = i.OtherAsked.Add(d.s.OtherBackup.Every)
	}
	if due {
		d.out.PollAt = d.now
	}
}

func (d proof) need() *Need {
	n := &Need{Since: d.inc.LastSeen, Alerts: d.inc.Alerts}
	if d.s.OtherBackup != nil {
		c, m, role := d.inc.Identity[LabelCustomer], d.inc.Identity[LabelMachine], d.inc.Identity[LabelBackupRole]
		n.Other = &OtherNeed{Customer: c, Machine: m, Role: role, Expected: d.book.Directory.ExpectsOther(c, m, role)}
	}
	return n
}

// answered takes in evidence. Older than the last signal, or silent about a
// failing plan, it is asked again by the shell and never counts as good.
func (d proof) answered(e Answered) {
	i := d.inc
	if i.State.Ended() || i.State == "" {
		return
	}
	if e.AskedAt.Before(i.LastSeen) {
		d.needs = true // it cannot know of the newest signal
		return
	}
	i.ProofAsked = e.AskedAt
	for f, a := range i.Alerts {
		p, ok := e.Plans[f]
		if !ok || !p.Known {
			if ok && p.Lost {
				a.Lost = true
			}
			continue
		}
		d.plan(a, p)
	}
	if e.Other != nil {
		d.otherAnswered(*e.Other, e.AskedAt)
	}
	if d.s.Proof == ProofSuccess && len(i.Alerts) > 0 && !d.anyFiring() {
		d.judge()
	}
}

func (d proof) plan(a *Alert, p PlanEvidence) {
	if !a.SuccessKnown {
		a.SuccessKnown = true
		// The first answer may come after the repair. What ended after the alert
		// began was not known then: it is newer than the failure.
		if !p.LastSuccess.After(a.StartsAt) {
			a.SuccessBefore = p.LastSuccess
		}
	}
	if p.LastFailure.After(a.LastFailure) {
		a.LastFailure = p.LastFailure
	}
	if p.LastSuccess.After(a.LastSuccess) {
		a.LastSuccess, a.SizeBytes = p.LastSuccess, p.SizeBytes
	}
	a.Lost = p.Lost
	a.Proven = a.proven()
}

// proven reports whether a success is proven to be newer than the failure: for
// a failed run later than its end, for a run that did not happen later than
// the last success known at opening.
func (a *Alert) proven() bool {
	if a.LastSuccess.IsZero() {
		return false
	}
	switch a.Labels[LabelKind] {
	case "missed", "never_ran", "vanished":
		return a.LastSuccess.After(a.SuccessBefore)
	}
	if a.LastFailure.IsZero() {
		return a.SuccessKnown && a.LastSuccess.After(a.SuccessBefore)
	}
	return a.LastSuccess.After(a.LastFailure)
}

// judge decides what the ended signals come to: repaired, or unverified.
func (d proof) judge() {
	var open, lost int
	for _, a := range d.inc.Alerts {
		if !a.Proven {
			open++
			if a.Lost {
				lost++
			}
		}
	}
	if open > 0 && d.happened("act:reopen") {
		return // somebody says that it fails, and nothing proves otherwise
	}
	if open == 0 {
		d.intake().end(Resolved, fmt.Sprintf("a success newer than the failure is proven for every plan (%d)", len(d.inc.Alerts)))
		return
	}
	d.flag(FlagSignalLost, lost > 0, fmt.Sprintf("the series of %d plans are gone", lost))
	if d.inc.State == Waiting {
		return // what was agreed with the customer stands until its date
	}
	d.intake().unverified(fmt.Sprintf("the signal ended, but no success newer than the failure is proven for %d of %d plans", open, len(d.inc.Alerts)))
}

func (d proof) otherAnswered(e Evidence, asked time.Time) {
	i := d.inc
	before := i.Other.State
	i.Other, i.OtherAsked = e, asked
	i.Other.AskedAt = asked
	if e.State != EvidenceUnknown {
		i.Progress.OtherAnswer, i.Progress.OtherBy, i.Progress.OtherNote = "", "", ""
	}
	if before != e.State {
		d.out.Journal = append(d.out.Journal, Entry{At: d.now, Kind: "evidence", What: "other_backup " + string(e.State),
			Reason: fmt.Sprintf("%s %s, last success %s; asked %q", e.Engine, e.Plan, orNever(e.LastSuccess), e.Query)})
		d.out.Touches = true
	}
}

func orNever(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Format(time.RFC3339)
}

// SiblingOf is what other incidents of the machine may know of this one.
func SiblingOf(i Incident) Sibling {
	s := Sibling{ID: i.ID, Key: i.Key, Role: i.Identity[LabelBackupRole], Scenario: i.Scenario, State: i.State,
		OpenedAt: i.OpenedAt, Repaired: i.State == Resolved, Other: i.Other, DoubleTold: i.Progress.DoubleTold != ""}
	for _, a := range i.Alerts {
		s.Engine = a.Labels[LabelEngine]
		s.Plans = append(s.Plans, a.Labels[LabelPlan])
	}
	return s
}
