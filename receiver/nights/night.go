package nights

import (
	"context"
	"slices"
	"time"

	"vigie/receiver/evidence"
)

// Run is one run of a backup, with what the product said of it.
type Run struct {
	At       time.Time     `json:"at"`
	Source   string        `json:"source"`
	Plan     string        `json:"plan,omitempty"`
	Role     string        `json:"backup_role,omitempty"`
	Engine   string        `json:"engine,omitempty"`
	Outcome  Outcome       `json:"outcome"`
	Took     float64       `json:"duration_seconds,omitempty"`
	Size     float64       `json:"size_bytes,omitempty"`
	Error    string        `json:"error,omitempty"`
	JobID    string        `json:"job_id"`
	Duration time.Duration `json:"-"`
}

// Say is what is known by other means of why a run failed; "" for nothing.
type Say func(r evidence.Run) string

// maxSources bounds the exporters' sources that are asked for words at once.
const maxSources = 4

// Runs are the runs of a machine in a span of time, oldest first.
func (k *Keeper) Runs(ctx context.Context, of evidence.Names, from, to time.Time, say Say) ([]Run, error) {
	c := k.Prometheus()
	if c == nil {
		return nil, errNone
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	found, err := c.Runs(ctx, of, from, to)
	if err != nil {
		return nil, err
	}
	words := map[string][]evidence.Result{}
	out := make([]Run, 0, len(found))
	for _, r := range found {
		x := Run{At: r.At, Source: r.Source, JobID: r.JobID, Plan: r.Plan, Role: r.Role, Engine: r.Engine, Outcome: ended(r.Result),
			Took: r.Took.Seconds(), Duration: r.Took, Size: r.SizeBytes}
		if x.Outcome == Failure || x.Outcome == Warning {
			if x.Error = say(r); x.Error == "" {
				x.Error = k.words(ctx, words, r, of.Customer)
			}
		}
		out = append(out, x)
	}
	return out, nil
}

// words are what the exporter says of a run, as long as it is a job's latest.
func (k *Keeper) words(ctx context.Context, asked map[string][]evidence.Result, r evidence.Run, customer string) string {
	if _, done := asked[r.Source]; !done && len(asked) < maxSources {
		asked[r.Source] = evidence.ResultsOf(ctx, k.Exporters(), r.Source, customer, func(string, error) {}) // then there are no words
	}
	i := slices.IndexFunc(asked[r.Source], func(x evidence.Result) bool {
		return x.JobID == r.JobID && x.LastRun.Sub(r.At).Abs() < time.Second
	})
	if i < 0 {
		return ""
	}
	return asked[r.Source][i].Error
}

// ended is how a run ended, by the value of backup_job_last_result.
func ended(result float64) Outcome {
	switch result {
	case 1:
		return Success
	case 2:
		return Warning
	case 3, 4:
		return Failure
	case 5:
		return Nothing
	}
	return Unknown
}
