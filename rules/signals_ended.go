package rules

import (
	"maps"
	"strconv"
	"strings"
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// cleared takes in that alerts no longer fire: each for itself, never for its
// group, and never as proof of anything.
func (d intake) cleared(e incident.Cleared) {
	d.dropEndings(e.Fingerprints)
	if d.Incident.State.Ended() {
		d.endAlerts(e)
		return
	}
	if !e.Trusted {
		d.note("signal", "ending_not_believed", "", "the alert ended while monitoring itself could not be trusted")
		return
	}
	if !d.endAlerts(e) || d.AnyFiring() {
		return
	}
	switch {
	case d.Scenario.Proof == policy.ProofSuccess:
		d.Incident.ProofAsked = time.Time{}
		d.needs = true
	case d.Scenario.Proof == policy.ProofCleared && len(d.Incident.Reports) == 0 && d.IntegrityOwed(d.Incident.Cause):
		d.unverified("the probe is well again; a person must say whether data was lost")
	case d.Scenario.Proof == policy.ProofCleared && len(d.Incident.Reports) == 0:
		d.end(model.Resolved, "the probe is well again")
	default:
		d.unverified("the signal ended; a person must say whether it is solved")
	}
}

// noteUnconfirmed keeps what is not believed yet with the incident, so that no restart
// forgets it.
func (d intake) noteUnconfirmed(e incident.EndingUnconfirmed) {
	for _, fp := range e.Fingerprints {
		if a := d.Incident.Alerts[fp]; a == nil || e.At.Before(a.StartsAt) {
			continue // the end of an earlier run, told late
		}
		d.Incident.Progress.AddUnconfirmed(fp, e.At)
	}
}

func (d intake) dropEndings(fingerprints []string) {
	for _, fp := range fingerprints {
		delete(d.Incident.Progress.UnconfirmedEndings, fp)
	}
}

// recant forgets the unconfirmed ending of an alert that fires again.
func (d intake) recant(e incident.Fired) {
	at, unconfirmed := d.Incident.Progress.UnconfirmedEndings[e.Signal.Fingerprint]
	if unconfirmed && (e.Confirmed || e.Signal.StartsAt.After(at)) {
		d.dropEndings([]string{e.Signal.Fingerprint})
	}
}

func (d intake) endAlerts(e incident.Cleared) (ended bool) {
	for _, f := range e.Fingerprints {
		a := d.Incident.Alerts[f]
		if a == nil || !a.Firing {
			continue
		}
		at := e.At
		if at.IsZero() || at.After(d.Now) {
			at = d.Now
		}
		if at.Before(a.StartsAt) {
			continue // the end of an earlier run, told late
		}
		a.Firing, a.EndedAt, a.Lost = false, at, e.Lost
		if a.Labels[model.LabelSignal] == string(model.CorrelatedSignal) {
			a.Annotations = maps.Clone(a.Annotations)
			a.Annotations["affected"] = strings.Join(e.Left, ", ")
		}
		ended = true
		d.note("signal", "ended", "", a.Labels[model.LabelAlertname]+" no longer fires; that alone proves nothing")
	}
	return ended
}

func (d intake) unverified(why string) {
	if d.Incident.State == model.Unverified {
		return
	}
	d.Incident.Progress.BeforeUnverified = d.Incident.State
	d.state(model.Unverified, why)
	d.raise("unverified", d.Now)
	if d.Scenario.Proof == policy.ProofSuccess {
		return
	}
	for _, a := range d.Incident.Alerts {
		d.Incident.Progress.WellSince = incident.Later(d.Incident.Progress.WellSince, a.EndedAt)
	}
}

// end resolves or closes the incident.
func (d intake) end(as model.State, why string) {
	if d.Incident.State.Ended() { // it was over already: that instant stays
		d.state(as, why)
		d.raise(string(as), d.Now)
		return
	}
	d.state(as, why)
	d.Incident.ResolvedAt = d.Now
	d.endPause(d.Now)
	if len(d.Incident.Acts) == 0 || d.LastEpisodeAct() == nil {
		d.Incident.SelfHealed = append(d.Incident.SelfHealed, d.Now)
		d.flakiness()
	}
	if as == model.Resolved {
		d.raise("resolved", d.Now)
	} else {
		d.raise("closed", d.Now)
	}
	if d.Incident.HandledAt.IsZero() {
		d.Incident.HandledAt = d.Now
	}
	d.withdrawUnread()
}

// flakyAfter and flakyWithin say how many self-healings in what time make a
// backup flaky (P5).
const (
	flakyAfter  = 3
	flakyWithin = 14 * 24 * time.Hour
)

func (d intake) flakiness() {
	n := 0
	for _, t := range d.Incident.SelfHealed {
		if d.Now.Sub(t) <= flakyWithin {
			n++
		}
	}
	if n > flakyAfter {
		d.flag(model.FlagFlaky, true, strconv.Itoa(n)+" self-healings within 14 days")
	}
}
