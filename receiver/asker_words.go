package receiver

import (
	"context"
	"strings"
	"sync"
	"time"

	"vigie/receiver/evidence"
	"vigie/rules"
)

// Bounds of asking exporters why runs failed. Evidence waits for the answers, so an
// exporter that does not answer is left alone for a while.
const (
	wordsWithin = 2 * time.Second
	wordsServe  = time.Minute
	maxWords    = 500  // letters of one error
	maxAsked    = 1000 // answers remembered
)

// words remembers what exporters say of failed runs, so that many incidents of one
// customer ask once.
type words struct {
	mu      sync.Mutex
	answers map[wordsOf]answerOf
	mute    map[string]time.Time // exporters that did not answer, and since when
}

type wordsOf struct{ exporter, source, customer string }

type answerOf struct {
	at   time.Time
	jobs map[string]evidence.Result
}

// why adds to an answer why the runs failed of which that is not known yet: people
// read it on the pages, and failures may have it in common. It reports whether it
// did.
func (a *asker) why(ctx context.Context, need *rules.Need, answered rules.Answered, now time.Time) (found bool) {
	ctx, cancel := context.WithTimeout(ctx, wordsWithin)
	defer cancel()
	for fp, alert := range need.Alerts {
		source, job := alert.Labels[rules.LabelSource], alert.Labels[rules.LabelJobID]
		if !alert.Firing || alert.Says("error") != "" || source == "" || job == "" {
			continue
		}
		for _, x := range a.live().Exporters {
			r, known := a.words.ask(ctx, x, source, alert.Labels[rules.LabelCustomer], now)[job]
			// An alert tells whole seconds, the nearest.
			if !known || r.Error == "" || r.LastRun.Before(alert.Run.Add(-time.Second)) {
				continue // of an earlier run, or of none
			}
			p := answered.Plans[fp]
			p.Error = clipped(r.Error)
			answered.Plans[fp], found = p, true
		}
	}
	return found
}

// clipped bounds an error, without a letter cut in two.
func clipped(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if r := []rune(text); len(r) > maxWords {
		return string(r[:maxWords])
	}
	return text
}

// ask returns what an exporter says of a customer's jobs, by job.
func (w *words) ask(ctx context.Context, x evidence.Exporter, source, customer string, now time.Time) map[string]evidence.Result {
	if !x.Reads(source) {
		return nil
	}
	of := wordsOf{x.URL.String(), source, customer}
	if jobs, known := w.remembered(of, now); known {
		return jobs
	}
	rs, err := x.Results(ctx, source, customer)
	jobs := map[string]evidence.Result{}
	for _, r := range rs {
		if r.Source == source {
			jobs[r.JobID] = r
		}
	}
	w.remember(of, jobs, err, now)
	return jobs
}

func (w *words) remembered(of wordsOf, now time.Time) (map[string]evidence.Result, bool) {
	serves := func(at time.Time) bool { age := now.Sub(at); return !at.IsZero() && age >= 0 && age < wordsServe }
	w.mu.Lock()
	defer w.mu.Unlock()
	if serves(w.mute[of.exporter]) {
		return nil, true
	}
	a := w.answers[of]
	return a.jobs, serves(a.at)
}

func (w *words) remember(of wordsOf, jobs map[string]evidence.Result, err error, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.answers == nil || len(w.answers) >= maxAsked {
		w.answers, w.mute = map[wordsOf]answerOf{}, map[string]time.Time{}
	}
	if err != nil {
		w.mute[of.exporter] = now
		return
	}
	w.answers[of] = answerOf{now, jobs}
}
