package chain

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"vigie/rules/incident"
)

// Seen remembers what came of asking, for the one process.
type Seen struct {
	mu       sync.Mutex
	answers  map[string]answer
	silences []Silence
	at       time.Time
}

// answer is what came of asking one of the links.
type answer struct {
	last, since time.Time
	why         string
}

// Answered keeps what came of asking kind/name. A question that was given up,
// as at the end of the process, says nothing.
func (s *Seen) Answered(kind, name string, err error, now time.Time) {
	if errors.Is(err, context.Canceled) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answers == nil {
		s.answers = map[string]answer{}
	}
	a := s.answers[kind+"/"+name]
	if err == nil {
		a = answer{last: now}
	} else {
		a.why = err.Error()
		if a.since.IsZero() {
			a.since = now
		}
	}
	s.answers[kind+"/"+name] = a
}

// Link is what is known of kind/name.
func (s *Seen) Link(kind, name string) Link {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, asked := s.answers[kind+"/"+name]
	l := Link{Kind: kind, Name: name, Health: Unknown, Last: a.last, Since: a.since, Detail: a.why}
	switch {
	case asked && a.since.IsZero():
		l.Health = Up
	case asked:
		l.Health = Down
	}
	return l
}

// Silenced keeps which silences run.
func (s *Seen) Silenced(all map[string]incident.Silence, now time.Time) {
	var list []Silence
	for _, x := range all {
		list = append(list, Silence{Silence: x, Long: x.Long(), Broad: x.Broad()})
	}
	slices.SortFunc(list, func(a, b Silence) int { return cmp.Or(a.EndsAt.Compare(b.EndsAt), strings.Compare(a.ID, b.ID)) })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silences, s.at = list, now
}

// Silences are those that ran when an Alertmanager was last asked, the next to
// end first, without what has ended since.
func (s *Seen) Silences(now time.Time) ([]Silence, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Silence{}
	for _, x := range s.silences {
		if x.EndsAt.After(now) {
			out = append(out, x)
		}
	}
	return out, s.at
}
