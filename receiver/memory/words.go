package memory

import (
	"context"
	"strings"
	"sync"
	"time"

	"vigie/internal/clip"
	"vigie/receiver/evidence"
)

// Bounds of asking exporters why runs failed. Evidence waits for the answers, so an
// exporter that does not answer is left alone for a while.
const (
	WordsWithin = 2 * time.Second
	wordsServe  = time.Minute
	maxWords    = 500  // letters of one error
	maxAsked    = 1000 // answers remembered
)

// Words remembers what exporters say of failed runs, so that many incidents of one
// customer ask once.
type Words struct {
	mu      sync.Mutex
	answers map[wordsOf]answerOf
	mute    map[string]time.Time // exporters that did not answer, and since when
}

type wordsOf struct{ exporter, source, customer string }

type answerOf struct {
	at   time.Time
	jobs map[string]evidence.Result
}

// Clipped bounds an error, without a letter cut in two.
func Clipped(text string) string {
	return clip.Runes(strings.ToValidUTF8(text, "\uFFFD"), maxWords)
}

// Ask returns what an exporter says of a customer's jobs, by job.
func (w *Words) Ask(ctx context.Context, x evidence.Exporter, source, customer string, now time.Time) map[string]evidence.Result {
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
		if r.Source == source && r.Error != "" {
			jobs[r.JobID] = r
		}
	}
	w.remember(of, jobs, err, now)
	return jobs
}

func (w *Words) remembered(of wordsOf, now time.Time) (map[string]evidence.Result, bool) {
	serves := func(at time.Time) bool { age := now.Sub(at); return !at.IsZero() && age >= 0 && age < wordsServe }
	w.mu.Lock()
	defer w.mu.Unlock()
	if serves(w.mute[of.exporter]) {
		return nil, true
	}
	a := w.answers[of]
	return a.jobs, serves(a.at)
}

func (w *Words) remember(of wordsOf, jobs map[string]evidence.Result, err error, now time.Time) {
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
