package rules

import (
	"fmt"
	"strings"
	"time"
	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// proof weighs what is known of the failing plans and of the other backup.
type proof struct{ *decider }

func (d *decider) proof() proof { return proof{d} }

// How long an answer of Prometheus serves.
const (
	proofEvery     = time.Minute // while a proof is awaited
	evidenceMaxAge = time.Minute // before a written trace leaves
)

// fresh reports whether the other backup's state may be used by a step: asked
// in this episode and, for a written trace, within the last minute.
func (d proof) fresh(trace bool) bool {
	if d.Scenario.OtherBackup == nil {
		return true
	}
	asked := d.Incident.OtherAsked
	if asked.IsZero() {
		return false
	}
	return !trace || d.Now.Sub(asked) <= evidenceMaxAge
}

// proofAsked reports whether, once every signal has ended, evidence was asked
// for since: nobody is told of a failure that may just have been repaired.
func (d proof) proofAsked() bool {
	if d.Scenario.Proof != policy.ProofSuccess || len(d.Incident.Alerts) == 0 || d.AnyFiring() {
		return true
	}
	for _, a := range d.Incident.Alerts {
		if d.Incident.ProofAsked.IsZero() || d.Incident.ProofAsked.Before(a.EndedAt) {
			return false
		}
	}
	return true
}

// proofNeeds asks for what the next decision will need.
func (d proof) proofNeeds() {
	i := d.Incident
	if i.State.Ended() || i.State == "" {
		return
	}
	awaiting := d.Scenario.Proof == policy.ProofSuccess && !d.AnyFiring() && len(i.Alerts) > 0
	first := d.Scenario.Proof == policy.ProofSuccess && len(i.Alerts) > 0 && i.ProofAsked.IsZero()
	other := d.Scenario.OtherBackup != nil && (i.OtherAsked.IsZero() || d.Now.Sub(i.OtherAsked) >= d.Scenario.OtherBackup.Every)
	due := d.needs || first || other || awaiting && d.Now.Sub(i.ProofAsked) >= proofEvery
	if due {
		d.out.Needs = d.need()
	}
	switch {
	case awaiting:
		d.out.PollAt = i.ProofAsked.Add(proofEvery)
	case d.Scenario.OtherBackup != nil:
		d.out.PollAt = i.OtherAsked.Add(d.Scenario.OtherBackup.Every)
	}
	if due {
		d.out.PollAt = d.Now
	}
}

// related asks anew for the other backup once no incident of it is left: what has
// just proven that one says so of this.
func (d proof) related() {
	works := d.Incident.Other.State == model.EvidenceOK || d.Incident.Other.State == model.EvidenceDegraded
	if d.Scenario.OtherBackup != nil && !works && d.FailingSibling() == nil {
		d.Incident.OtherAsked = time.Time{}
	}
}

func (d proof) need() *incident.Need {
	n := &incident.Need{Since: d.Incident.LastSeen, Alerts: d.Incident.Alerts}
	if d.Scenario.OtherBackup != nil {
		c, m, role := d.Incident.Identity[model.LabelCustomer], d.Incident.Identity[model.LabelMachine], d.Incident.Identity[model.LabelBackupRole]
		n.Other = &incident.OtherNeed{Customer: c, Machine: m, Role: role, Expected: d.Book.Directory.ExpectsOther(c, m, role)}
	}
	return n
}

// answered takes in evidence. Older than the last signal, or silent about a
// failing plan, it is asked again by the shell and never counts as good.
func (d proof) answered(e incident.Answered) {
	i := d.Incident
	if i.State.Ended() && e.Other != nil {
		d.otherAnswered(*e.Other, e.AskedAt)
	}
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
		if p.Error != "" {
			a.Error, i.LastErr = p.Error, p.Error
		}
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
	if d.Scenario.Proof == policy.ProofSuccess && len(i.Alerts) > 0 && !d.AnyFiring() {
		d.judge()
	}
}

func (d proof) plan(a *incident.Alert, p incident.PlanEvidence) {
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
	a.Proven = a.IsProven()
}

// judge decides what the ended signals come to: repaired, or unverified.
func (d proof) judge() {
	var open, lost int
	for _, a := range d.Incident.Alerts {
		if !a.Proven {
			open++
			if a.Lost {
				lost++
			}
		}
	}
	if open > 0 && d.Happened("act:reopen") {
		return // somebody says that it fails, and nothing proves otherwise
	}
	if open == 0 {
		d.intake().end(model.Resolved, fmt.Sprintf("a success newer than the failure is proven for every plan (%d)", len(d.Incident.Alerts)))
		return
	}
	d.flag(model.FlagSignalLost, lost > 0, fmt.Sprintf("the series of %d plans are gone", lost))
	if d.Incident.State == model.Waiting {
		return // what was agreed with the customer stands until its date
	}
	d.intake().unverified(fmt.Sprintf("the signal ended, but no success newer than the failure is proven for %d of %d plans", open, len(d.Incident.Alerts)))
}

func (d proof) otherAnswered(e incident.Evidence, asked time.Time) {
	i := d.Incident
	before := i.Other.State
	i.Other, i.OtherAsked = e, asked
	i.Other.AskedAt = asked
	if e.State != model.EvidenceUnknown {
		i.Progress.OtherAnswer, i.Progress.OtherBy, i.Progress.OtherNote = "", "", ""
	}
	if before != e.State {
		of := strings.TrimSpace(e.Engine + " " + e.Plan)
		if of != "" {
			of += ", "
		}
		d.out.Journal = append(d.out.Journal, incident.Entry{At: d.Now, Kind: "evidence", What: "other_backup " + string(e.State),
			Reason: fmt.Sprintf("%slast success %s; asked %q", of, orNever(e.LastSuccess), e.Query)})
		d.out.Touches = true
	}
}

func orNever(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Format(time.RFC3339)
}
