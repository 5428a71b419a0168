package kept

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// mostSessions bounds the sessions: each page that is asked for without one begins one.
const mostSessions = 10_000

// Sessions hold what sessions keep. Beyond the most, those that end soonest make room.
// Its zero value has none. Time is the machine's, by which sessions last.
type Sessions struct {
	mu sync.Mutex
	by map[string]session // by token
}

type session struct {
	data []byte
	ends time.Time
}

// Find returns what a session keeps; false once it has ended.
func (s *Sessions) Find(token string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, found := s.by[token]
	if !found || !time.Now().Before(x.ends) {
		return nil, false, nil
	}
	return x.data, true, nil
}

// Commit keeps what a session does until it ends.
func (s *Sessions) Commit(token string, data []byte, ends time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil {
		s.by = map[string]session{}
	}
	if _, known := s.by[token]; !known && len(s.by) >= mostSessions {
		s.makeRoom(mostSessions / 10)
	}
	s.by[token] = session{data, ends}
	return nil
}

func (s *Sessions) makeRoom(n int) {
	soonest := slices.SortedFunc(maps.Keys(s.by), func(a, b string) int { return s.by[a].ends.Compare(s.by[b].ends) })
	now := time.Now()
	for i, token := range soonest {
		if i >= n && s.by[token].ends.After(now) {
			return
		}
		delete(s.by, token)
	}
}

// Delete ends a session.
func (s *Sessions) Delete(token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.by, token)
	return nil
}
