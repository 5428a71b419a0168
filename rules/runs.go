package rules

import (
	"time"

	"vigie/rules/incident"
)

// sameRunWithin is how far apart two alerts of one job may begin and tell of the
// same run, where neither says which: the copies of an HA pair do not look at the
// same second.
const sameRunWithin = 10 * time.Minute

// countRun counts a failed run of an alert's job once, however many alerts tell of
// it: the copies of an HA pair, or one that began anew when Prometheus did. An
// incident's failures are those of the plan that failed most often.
func (d intake) countRun(a *Alert, s Signal, started time.Time) {
	run := incident.UnixTime(s.Annotations["last_run"])
	runs, last, since := 0, time.Time{}, time.Time{}
	for _, o := range d.Incident.Alerts {
		if o.Labels == nil || incident.JobOf(o.Labels) != incident.JobOf(s.Labels) {
			continue
		}
		n, start := o.Runs, o.RunStart
		if n == 0 { // kept before runs were counted, or of the episode before
			n, start = d.Incident.Failures, o.StartsAt
		}
		runs = max(runs, n)
		last, since = incident.Later(last, o.Run), incident.Later(since, start)
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
	a.Runs, a.Run, a.RunStart = runs, incident.Later(last, run), incident.Later(since, started)
	d.Incident.Failures = max(d.Incident.Failures, runs)
}
