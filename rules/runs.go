package rules

import (
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
)

// sameRunWithin is how far apart two alerts of one job may begin and tell of the
// same run, where neither says which: the copies of an HA pair do not look at the
// same second.
const sameRunWithin = 10 * time.Minute

// countRun counts a failed run of an alert's job once, however many alerts tell of
// it: the copies of an HA pair, or one that began anew when Prometheus did. An
// incident's failures are those of the plan that failed most often.
func (d intake) countRun(a *incident.Alert, s model.Signal, started time.Time) {
	run := incident.UnixTime(s.Annotations["last_run"])
	known := d.runsOf(s.Labels)
	runs, last, since := known.counted, known.last, known.since
	if known.uncounted {
		runs = max(runs, d.Incident.Failures)
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

// jobRuns is what an incident's alerts know of the runs of one job.
type jobRuns struct {
	counted     int       // the most that one of them counts
	uncounted   bool      // some were kept before runs were counted, or in the episode before
	last, since time.Time // the newest run known, and when the newest alert began
}

// runsOf returns what is known of the job of an alert with those labels.
func (d intake) runsOf(l model.Labels) (r jobRuns) {
	job := incident.JobOf(l)
	for _, a := range d.Incident.Alerts {
		if a.Labels != nil && job.Is(a.Labels) {
			r.add(a)
		}
	}
	return r
}

func (r *jobRuns) add(a *incident.Alert) {
	start := a.RunStart
	if a.Runs == 0 {
		r.uncounted = true
		start = a.StartsAt
	}
	r.counted, r.last, r.since = max(r.counted, a.Runs), incident.Later(r.last, a.Run), incident.Later(r.since, start)
}
