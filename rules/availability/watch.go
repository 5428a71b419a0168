package availability

import (
	"slices"
	"time"
)

// State is what is known of a service.
type State string

// The states. The zero value is not known to be any of them.
const (
	Unknown State = "unknown" // nobody looked, or the answer was lost
	Up      State = "up"
	Down    State = "down"
)

// Sample is what one look of a probe said.
type Sample struct {
	At time.Time
	Up bool
}

// Stretch is a span of time, its end excluded, during which one state held.
type Stretch struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	State State     `json:"state"`
}

// Watch is what is known of a service from one instant until another: stretches
// without a gap or an overlap, no two neighbours alike. It is down while any of its
// probes says so, up while all of them say so, and unknown otherwise. A probe
// without samples is one whose word is missing. A sample speaks until the next of
// its probe, at most as long as samples last; of two at one instant the worse
// counts. Samples may come in any order.
func Watch(probes [][]Sample, lasts time.Duration, from, until time.Time) []Stretch {
	cuts := []time.Time{from, until}
	said := make([][]Stretch, len(probes))
	for i, samples := range probes {
		said[i] = spoken(samples, lasts)
		for _, s := range said[i] {
			cuts = append(cuts, s.From, s.Until)
		}
	}
	slices.SortFunc(cuts, time.Time.Compare)
	var out []Stretch
	at := make([]int, len(probes)) // the stretch of each probe that has not ended yet
	for i := 0; i+1 < len(cuts); i++ {
		begin, end := cuts[i], cuts[i+1]
		if begin.Before(from) || !begin.Before(until) || !begin.Before(end) {
			continue
		}
		out = join(out, Stretch{begin, end, together(said, at, begin)})
	}
	return out
}

// Lasting are stretches as samples tell them: after the last look of one the sample
// goes on speaking until somebody looks again, at most as long as samples last.
func Lasting(looked []Stretch, lasts time.Duration) []Stretch {
	var out []Stretch
	for i, s := range looked {
		if i > 0 && s.State == Unknown && looked[i-1].State != Unknown {
			last := s
			last.State, last.Until = looked[i-1].State, s.From.Add(lasts)
			if !last.Until.Before(s.Until) {
				last.Until = s.Until
			}
			out = join(out, last)
			s.From = last.Until
		}
		if s.From.Before(s.Until) {
			out = join(out, s)
		}
	}
	return out
}

// spoken are the stretches of which one probe speaks, in order.
func spoken(samples []Sample, lasts time.Duration) []Stretch {
	samples = slices.Clone(samples)
	slices.SortStableFunc(samples, func(a, b Sample) int { return a.At.Compare(b.At) })
	var out []Stretch
	for i, s := range samples {
		end := s.At.Add(lasts)
		state := Up
		if !s.Up {
			state = Down
		}
		if i+1 < len(samples) && samples[i+1].At.Before(end) {
			end = samples[i+1].At
		}
		if !s.At.Before(end) {
			if i+1 < len(samples) && state == Down {
				samples[i+1].Up = false // at one instant the worse counts
			}
			continue
		}
		out = join(out, Stretch{s.At, end, state})
	}
	return out
}

// together is what all probes say of an instant.
func together(said [][]Stretch, at []int, instant time.Time) State {
	state := Up
	if len(said) == 0 {
		state = Unknown
	}
	for i, stretches := range said {
		for at[i] < len(stretches) && !instant.Before(stretches[at[i]].Until) {
			at[i]++
		}
		switch {
		case at[i] == len(stretches) || instant.Before(stretches[at[i]].From):
			if state != Down {
				state = Unknown
			}
		case stretches[at[i]].State == Down:
			state = Down
		}
	}
	return state
}

// join adds a stretch to those before it; one that goes on makes the last longer.
func join(to []Stretch, s Stretch) []Stretch {
	if n := len(to); n > 0 && to[n-1].State == s.State && to[n-1].Until.Equal(s.From) {
		to[n-1].Until = s.Until
		return to
	}
	return append(to, s)
}

// Follow adds newer stretches to older ones. Where both speak of a time the newer
// count: they were asked for later.
func Follow(older, newer []Stretch) []Stretch {
	if len(newer) == 0 {
		return slices.Clone(older)
	}
	var out []Stretch
	for _, s := range older {
		if !s.From.Before(newer[0].From) {
			break
		}
		if s.Until.After(newer[0].From) {
			s.Until = newer[0].From
		}
		out = join(out, s)
	}
	for _, s := range newer {
		out = join(out, s)
	}
	return out
}
