package veeam

import (
	"time"

	"vigie/exporters"
)

const (
	// retryWithin is how long after the end of a try the next one may begin.
	// The interface does not tell retries from other sessions; Veeam waits ten
	// minutes unless it is told otherwise.
	retryWithin = 30 * time.Minute
	// maxTries bounds the tries of one run: of a job that runs every quarter of an
	// hour each failure would be a retry of the one before.
	maxTries = 11
)

// chain is a session and its retries: one run of the job in several tries.
type chain struct {
	tries   []*session // finished, oldest first
	touched bool       // a try came to an object
}

func (c *chain) id() string     { return c.tries[0].ID.Lower() }
func (c *chain) last() *session { return c.tries[len(c.tries)-1] }

// chains puts retries to the session that they repeat: the next one soon after
// a failure, with nothing in it that was saved before. Of agents it is not told
// what a session saved, so those of several machines are runs of their own.
func (b *builder) chains(j *jobState, h *jobHistory) []*chain {
	results := h.results()
	var all []*chain
	saved := map[string]bool{} // by the chain so far
	for i := range h.sessions {
		s := &h.sessions[i]
		id := s.ID.Lower()
		if len(all) == 0 || j.ofAgents() && j.ObjectsCount.Int() > 1 || !b.repeats(s, all[len(all)-1], results[id], saved) {
			all = append(all, &chain{})
			clear(saved)
		}
		c := all[len(all)-1]
		c.tries = append(c.tries, s)
		for name, result := range results[id] {
			c.touched = true
			if result == exporters.Success || result == exporters.Warning {
				saved[name] = true
			}
		}
	}
	return all
}

// bySession gives the chain of each session.
func bySession(chains []*chain) map[string]*chain {
	of := map[string]*chain{}
	for _, c := range chains {
		for _, try := range c.tries {
			of[try.ID.Lower()] = c
		}
	}
	return of
}

func (b *builder) repeats(s *session, c *chain, objects map[string]exporters.Result, saved map[string]bool) bool {
	before := c.last()
	result, _ := b.result(before.Result, "session_result")
	wait := s.CreationTime.In(b.config.location).Sub(b.end(before))
	if result != exporters.Failed || wait < -slack || wait > retryWithin || len(c.tries) == maxTries {
		return false
	}
	for name := range objects {
		if saved[name] {
			return false
		}
	}
	return true
}

// results are those of objects, by session and object.
func (h *jobHistory) results() map[string]map[string]exporters.Result {
	out := map[string]map[string]exporters.Result{}
	for name, o := range h.objects {
		for _, r := range o.runs {
			if out[r.session] == nil {
				out[r.session] = map[string]exporters.Result{}
			}
			out[r.session][name] = r.Result
		}
	}
	return out
}

// settle marks a failure that may still be tried again: the next try then
// replaces it, with its own end.
func (b *builder) settle(run exporters.Run, running bool) exporters.Run {
	run.Coarse = run.Coarse || run.Result == exporters.Failed && (running || b.now.Sub(run.End) <= retryWithin)
	return run
}
