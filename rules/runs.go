package rules

import (
	"cmp"
	"time"
)

// sameRunWithin is how far apart two alerts of one job may begin and tell of the
// same run, where neither says which: the copies of an HA pair do not look at the
// same second.
const sameRunWithin = 10 * time.Minute

// countRun counts a failed run of an alert's job once, however many alerts tell of
// it: the copies of an HA pair, or one that began anew when Prometheus did. An
// incident's failures are those of the plan that failed most often.
func (d intake) countRun(a *Alert, s Signal, started time.Time) {
	run := unixTime(s.Annotations["last_run"])
	runs, last, since := 0, time.Time{}, time.Time{}
	for _, o := range d.inc.Alerts {
		if o.Labels == nil || jobOf(o.Labels) != jobOf(s.Labels) {
			continue
		}
		n, start := o.Runs, o.RunStart
		if n == 0 { // kept before runs were counted, or of the episode before
			n, start = d.inc.Failures, o.StartsAt
		}
		runs = max(runs, n)
		last, since = later(last, o.Run), later(since, start)
	}
	switch {
	case runs == 0:
		runs = 1
	case !run.IsZero() && !last.IsZero():
		if run.After(last) {
			runs++
		}
	case started.Sub(since) > sameRunWithin:
		runs++
	}
	a.Runs, a.Run, a.RunStart = runs, later(last, run), later(since, started)
	d.inc.Failures = max(d.inc.Failures, runs)
}

// tells reports whether a signal tells of the run that the alert knows of already.
func (a *Alert) tells(s Signal) bool {
	run := unixTime(s.Annotations["last_run"])
	return !run.IsZero() && !a.Run.IsZero() && !run.After(a.Run)
}

// jobOf is what runs: a plan of a source, whatever other labels its alerts carry.
// What names no job is told apart by its alert.
func jobOf(l Labels) string {
	job := cmp.Or(l[LabelJobID], l[LabelPlan])
	if job == "" {
		return l.String()
	}
	return Labels{LabelSource: l[LabelSource], LabelCustomer: l[LabelCustomer], LabelMachine: l[LabelMachine], LabelBackupRole: l[LabelBackupRole], LabelJobID: job}.String()
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
