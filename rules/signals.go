package rules

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"vigie/rules/calendar"
	"vigie/rules/classify"
	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// intake takes in what alerts and reports say.
type intake struct{ *decider }

func (d *decider) intake() intake { return intake{d} }

// fired takes in a signal that is, or still is, firing.
func (d intake) fired(e incident.Fired) {
	s := e.Signal
	d.recant(e)
	started := s.StartsAt
	if started.IsZero() || started.After(d.Now) {
		started = d.Now
	}
	switch {
	case d.Incident.State == "":
		d.open(s, started)
	case d.Incident.State.Ended():
		if d.lateCopy(s, started, e.Confirmed) {
			return
		}
		if d.firesOn(s, started) {
			d.lookAgain(s)
		} else {
			d.reopen(s, started, "fires again within the reopen window")
		}
	case d.failsAnew(s, started):
		d.reopen(s, started, "fails again long after its alert ended without proof")
	}
	if since := d.Incident.Progress.LookedAgain; started.Before(since) {
		started = since // the clocks of before its ending have had their say
	}
	if s.IsReport() {
		d.report(s)
		return
	}
	d.alert(s, started, e.Confirmed)
}

// lateCopy tells a late copy of an ended alert from a new failure.
func (d intake) lateCopy(s model.Signal, started time.Time, confirmed bool) bool {
	a := d.Incident.Alerts[s.Fingerprint]
	if d.firesOn(s, started) {
		a.LastSeen = d.Now
		// A person ended it although it fires: his word holds for a time, or until
		// another run fails.
		return d.Now.Before(d.Schedule().AgainAt()) && !incident.UnixTime(s.Annotations["last_run"]).After(d.Incident.ResolvedAt)
	}
	if a != nil && a.Tells(s) {
		a.Firing, a.StartsAt, a.EndedAt, a.LastSeen = true, started, time.Time{}, d.Now
		d.note("signal", "same_run", "", "the alert began anew, but no run did: it stays over")
		return true
	}
	if confirmed || a == nil || a.EndedAt.IsZero() || started.After(a.EndedAt) {
		return false
	}
	d.note("signal", "late_copy", "", "a copy of an alert that has ended since; reconciliation will tell if it still fires")
	return true
}

// firesOn reports whether an alert fired already when a person ended the incident.
func (d intake) firesOn(s model.Signal, started time.Time) bool {
	a := d.Incident.Alerts[s.Fingerprint]
	return a != nil && a.Firing && !started.After(d.Incident.ResolvedAt)
}

// failsAnew reports whether another run fails of what nothing has proven since its
// alert ended, longer ago than the reopen window: what was to be done on the day of
// the old failure is over, so that the new one needs a day of its own.
func (d intake) failsAnew(s model.Signal, started time.Time) bool {
	if d.Incident.State != model.Unverified || d.Scenario.Proof != policy.ProofSuccess || d.Scenario.Reopen.IsZero() || s.IsReport() {
		return false
	}
	over := slices.ContainsFunc(d.Scenario.Targets, func(t *policy.Target) bool {
		c := d.Incident.Targets[t.Name]
		return c != nil && t.From == "start" && !t.Stopwatch() && c.Due.Before(d.Now)
	})
	if !over {
		return false
	}
	var ended time.Time
	for _, a := range d.Incident.Alerts {
		ended = incident.Later(ended, a.EndedAt)
	}
	run, known := incident.UnixTime(s.Annotations["last_run"]), d.runsOf(s.Labels).last
	sameRun := !run.IsZero() && !known.IsZero() && !run.After(known)
	return !sameRun && started.After(ended) && !d.Policy.MayReopen(d.Scenario, ended, d.Now)
}

// lookAgain begins an episode of its own for what fires on after an ending.
func (d intake) lookAgain(s model.Signal) {
	was := d.Incident.State
	d.reopen(s, d.Now, "was "+string(was)+" by a person, and still fires")
	d.Incident.Progress.LookedAgain = d.Now
}

// StillFiring returns the alerts of an incident that a person ended though they
// fire, and when they are looked at again. What Vigie raised itself, and what
// belongs to a machine that is gone, is not.
func (b *Book) StillFiring(inc incident.Incident) ([]model.Signal, time.Time) {
	d := b.decider(&inc, incident.Circumstances{}, inc.ResolvedAt)
	if d == nil || !inc.State.Ended() || !inc.Progress.Decommissioned.IsZero() {
		return nil, time.Time{}
	}
	var out []model.Signal
	for _, f := range incident.SortedAlerts(inc.Alerts) {
		a := inc.Alerts[f]
		kind := model.SignalKind(a.Labels[model.LabelSignal])
		if !a.Firing || kind == model.CorrelatedSignal || a.Labels[model.LabelAlertname] == classify.RefusedReport {
			continue
		}
		if kind != model.InfraProbe && kind != model.FunctionalProbe {
			kind = model.BackupAlert
		}
		out = append(out, model.Signal{Kind: kind, Fingerprint: f, Labels: a.Labels.Clone(), Annotations: a.Annotations, StartsAt: a.StartsAt})
	}
	return out, d.Schedule().AgainAt()
}

func (d intake) open(s model.Signal, started time.Time) {
	i := d.Incident
	i.Episode, i.OpenedAt, i.StartedAt, i.Level = 1, d.Now, started, 2
	i.Entry = string(s.Kind)
	if s.By != "" {
		i.Reporter = s.By
	}
	d.state(model.Open, "first signal: "+s.Describe())
	d.raise("opening", d.Now)
	d.begin(s, started)
}

// begin sets what each episode begins with.
func (d intake) begin(s model.Signal, started time.Time) {
	i := d.Incident
	i.LastSeen = d.Now
	if len(d.Scenario.Severity.Order) > 0 && !(s.ByPerson() && i.Severity != "") {
		d.severity(d.severityOf(s), started)
	}
	if s.Labels[model.LabelKind] == "missed" || s.Labels["subkind"] == "offline" {
		d.flag(model.FlagOffline, s.Labels["subkind"] != "error", "not reachable at its backup time")
	}
	if d.Scenario.Immediate == nil {
		return
	}
	inTime := d.Now.Before(started.Add(d.Scenario.Immediate.Within))
	if inTime && d.Staffed() && slices.Contains(d.Scenario.Immediate.Alerts, s.Labels[model.LabelAlertname]) && !s.IsReport() {
		d.beginImmediate("the alert can be put right at once")
	} else {
		d.raise("not_immediate", d.Now)
	}
}

func (d intake) beginImmediate(why string) {
	d.flag(model.FlagImmediate, true, why)
	d.Incident.Progress.ImmediateUntil = d.Incident.StartedAt.Add(d.Scenario.Immediate.Within).Truncate(time.Second)
}

// severityOf is the report's own word, the alert's place in the policy's
// table, or the default.
func (d intake) severityOf(s model.Signal) string {
	rule := d.Scenario.Severity
	if rule.Label != "" {
		if v := s.Labels[rule.Label]; slices.Contains(rule.Order, v) {
			return v
		}
	}
	if v := rule.Alerts[s.Labels[model.LabelAlertname]]; v != "" {
		return v
	}
	return rule.Default
}

func (d *decider) severity(to string, at time.Time) {
	if d.Incident.Severity == to && len(d.Incident.Severities) > 0 {
		return
	}
	d.Incident.Severity = to
	d.Incident.Severities = append(d.Incident.Severities, calendar.Severity{At: at, Rank: d.Rank(to)})
}

func (d intake) reopen(s model.Signal, started time.Time, why string) {
	i := d.Incident
	ended := i.State.Ended()
	d.overtaken()
	i.Past = append(i.Past, incident.PastEpisode{Episode: i.Episode, StartedAt: i.StartedAt, ResolvedAt: i.ResolvedAt, ReopenedAt: d.Now, How: string(i.State)})
	i.Episode++
	i.StartedAt, i.Failures, i.Level = started, 0, 2 // whoever had it, it comes in by the front door again
	i.HandledAt, i.Until, i.ResolvedAt = time.Time{}, time.Time{}, time.Time{}
	i.Assignee, i.TakenAt, i.Entry, i.Reporter = "", time.Time{}, s.EntryAgain(i.Entry), s.By
	i.Other, i.OtherAsked, i.ProofAsked = incident.Evidence{}, time.Time{}, time.Time{}
	i.Told, i.Raised, i.Wording, i.DataLoss = nil, map[string]incident.Raise{}, "", ""
	flaky := i.Flags[model.FlagFlaky]
	i.Flags, i.Progress = map[model.Flag]bool{}, incident.Progress{NotTheirs: i.Progress.NotTheirs}
	if flaky {
		i.Flags[model.FlagFlaky] = true
	}
	for k, r := range i.Steps {
		if r.Status != incident.StepDecided {
			delete(i.Steps, k)
		}
	}
	for k, a := range i.Alerts {
		switch {
		case a.Firing:
			a.Runs = 0
		case s.ByPerson():
			a.Runs = 0
			a.FailsAgain(d.Now)
		case !ended: // its plans have still to be proven
			a.Runs = 0
		default:
			delete(i.Alerts, k)
		}
	}
	d.stopwatch().reopenClocks()
	d.state(model.Open, why)
	d.raise("reopened", d.Now)
	d.raise("opening", d.Now)
	d.begin(s, started)
}

// sameReport is how long what one person reports again is not told anew (S2.17).
const sameReport = 5 * time.Minute

func (d intake) report(s model.Signal) {
	known := slices.ContainsFunc(d.Incident.Reports, func(r model.Signal) bool { return r.By == s.By && d.Now.Sub(r.StartsAt) < sameReport })
	joins := !d.Incident.OpenedAt.Equal(d.Now) || len(d.Incident.Reports) > 0 || len(d.Incident.Alerts) > 0
	d.Incident.Reports = append(d.Incident.Reports, s)
	if anybody := s.Unregistered && s.Kind == model.Level3Emergency; joins && !known && !anybody { // an address that anybody typed is sent nothing more
		d.raise("joined", d.Now)
	}
	d.beganEarlier(s.StartsAt)
	if d.Incident.Raised["opening"].At.Equal(d.Now) && d.Incident.Progress.Announced.IsZero() {
		d.announced().begin(d.Incident.StartedAt)
	}
	d.worse(s)
	if d.Incident.Wording == "" {
		d.Incident.Wording = s.Text
	}
	if s.Labels["scope"] != "" {
		d.Incident.Scope = s.Labels["scope"]
	}
	d.Incident.LastSeen = d.Now
	if joins && d.Incident.State == model.Unverified {
		d.back("somebody reports that it still fails")
	}
	if s.Kind == model.Level3Emergency {
		d.announced().emergency(s.By)
	}
	if s.Unregistered {
		d.flag(model.FlagUnknownReporter, true, "the reporter is not among the registered contacts")
	}
	d.out.Journal = append(d.out.Journal, incident.Entry{At: d.Now, Kind: "signal", What: string(s.Kind), Actor: s.By,
		Reason: "reported by a person, received " + s.StartsAt.Format(time.RFC3339), Personal: s.Text})
}

func (d intake) alert(s model.Signal, started time.Time, confirmed bool) {
	i := d.Incident
	var hit []string
	if s.Labels[model.LabelPlatform] != "" { // no other signal brings another one
		hit = i.Platforms()
	}
	a := i.Alerts[s.Fingerprint]
	switch {
	case a == nil:
		a = &incident.Alert{StartsAt: started}
		i.Alerts[s.Fingerprint] = a
		d.countRun(a, s, started)
		d.note("signal", s.Labels[model.LabelAlertname], "", s.Describe())
	case !a.Firing && !confirmed && !a.EndedAt.IsZero() && !started.After(a.EndedAt):
		d.note("signal", "late_copy", "", "a copy of an alert that has ended since")
		return
	case !a.Firing:
		d.anew(a, s, started)
		a.EndedAt, a.Lost = time.Time{}, false
		d.note("signal", s.Labels[model.LabelAlertname], "", "fires again: "+s.Describe())
	case started.After(a.StartsAt):
		d.anew(a, s, started)
		d.note("signal", s.Labels[model.LabelAlertname], "", "failed once more: "+s.Describe())
	}
	d.beganEarlier(started)
	a.Firing, a.LastSeen, a.Labels, a.Annotations = true, d.Now, s.Labels, s.Annotations
	if t := incident.UnixTime(s.Annotations["last_run"]); t.After(a.LastFailure) {
		a.LastFailure = t
	}
	if t := incident.UnixTime(s.Annotations["last_success"]); !t.IsZero() && a.SuccessBefore.IsZero() {
		a.SuccessBefore, a.SuccessKnown = t, true
	}
	if n, err := strconv.Atoi(s.Annotations["consecutive_failures"]); err == nil && n > i.Failures {
		i.Failures = n
	}
	if e := s.Annotations["error"]; e != "" {
		i.LastErr = e
	}
	i.LastSeen = d.Now
	d.changedKind(s)
	d.worse(s)
	if len(hit) > 0 && len(i.Platforms()) > len(hit) {
		d.anotherPlatform()
	}
	if i.State == model.Unverified {
		d.back("the alert fires again before anything was proven")
	}
	d.out.Touches = true
}

// anew takes in that an alert which is known began once more. What the product said
// holds only for the run of which it said that; of another it is asked.
func (d intake) anew(a *incident.Alert, s model.Signal, started time.Time) {
	if !a.Tells(s) {
		a.Error, d.Incident.LastErr = "", ""
		d.Incident.ProofAsked = time.Time{}
	}
	d.countRun(a, s, started)
	a.StartsAt = started
	a.NewRun()
}

// Repeats reports whether a signal, classified, only says again what the
// incident knows of an alert that fires. It may then wait for others like it.
func (b *Book) Repeats(inc *incident.Incident, s model.Signal) bool {
	a := inc.Alerts[s.Fingerprint]
	if a == nil || !a.Firing || s.IsReport() || inc.State.Ended() || inc.State == model.Unverified ||
		s.StartsAt.After(a.StartsAt) || s.StartsAt.Before(inc.StartedAt) ||
		!maps.Equal(a.Labels, s.Labels) || !maps.Equal(a.Annotations, s.Annotations) {
		return false
	}
	if _, unconfirmed := inc.Progress.UnconfirmedEndings[s.Fingerprint]; unconfirmed {
		return false
	}
	d := b.decider(inc, incident.Circumstances{}, inc.LastSeen)
	if d == nil || inc.Progress.Subkind != subkind(s) {
		return false
	}
	if n, err := strconv.Atoi(s.Annotations["consecutive_failures"]); err == nil && n > inc.Failures {
		return false
	}
	return len(d.Scenario.Severity.Order) == 0 || d.Rank(d.intake().severityOf(s)) <= d.Rank(inc.Severity)
}

// worse raises the severity to the highest that any signal gives, until a
// person qualifies it.
func (d intake) worse(s model.Signal) {
	said := d.severityOf(s)
	if len(d.Scenario.Severity.Order) == 0 || d.Rank(said) <= d.Rank(d.Incident.Severity) {
		return
	}
	if d.Happened("act:qualify") {
		if s.IsReport() { // a person's word stands, and he hears that somebody says otherwise
			d.raise("worsened", d.Now)
		}
		return
	}
	d.note("note", "severity", s.By, "now "+said+": the highest word counts until somebody qualifies it")
	d.severity(said, d.Now)
	d.raise("worsened", d.Now)
}

// beganEarlier moves the start of the clocks back when a later signal tells of
// an earlier beginning: the earliest counts, never later than reception.
func (d intake) beganEarlier(started time.Time) {
	if started.IsZero() || !started.Before(d.Incident.StartedAt) {
		return
	}
	if n := len(d.Incident.Severities); n > 0 && d.Incident.Severities[0].At.Equal(d.Incident.StartedAt) {
		d.Incident.Severities = slices.Clone(d.Incident.Severities)
		d.Incident.Severities[0].At = started
	}
	d.Incident.StartedAt = started
	if d.Incident.Flags[model.FlagImmediate] {
		d.beginImmediate("") // its time counts from the start as well
	}
}

// changedKind notes that an unreachable machine can be reached again but fails,
// or the other way round: a new fact for its user (S1.21).
func (d intake) changedKind(s model.Signal) {
	now := subkind(s)
	before := d.Incident.Progress.Subkind
	d.Incident.Progress.Subkind = now
	if before == "" || before == now {
		return
	}
	d.flag(model.FlagOffline, now == "offline", "the kind of failure changed to "+now)
	d.raise("kind_changed", d.Now)
}

func subkind(s model.Signal) string {
	if s.Labels[model.LabelKind] == "missed" || s.Labels["subkind"] == "offline" {
		return "offline"
	}
	return "error"
}

// back returns an incident to whoever had it. An alert that had ended without proof
// takes nothing off a call that is due, or a wait.
func (d *decider) back(why string) {
	d.Incident.Progress.WellSince = time.Time{}
	before := d.Incident.Progress.BeforeUnverified
	switch {
	case d.Incident.State == model.Unverified && (before == model.CallDue || before == model.Waiting):
		d.state(before, why)
	case d.Incident.Progress.Workaround != "":
		d.state(model.WorkedAround, why)
	case d.Incident.Assignee != "":
		d.state(model.Taken, why)
	default:
		d.state(model.Open, why)
	}
}
