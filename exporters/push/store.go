package push

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"vigie/exporters"
)

// Store keeps reports on disk. What it says does not depend on their order,
// and a report that comes again changes nothing. One process writes to a
// folder. Its methods may be called at once.
type Store struct {
	maxJobs int // of one customer

	mu      sync.Mutex
	journal journal
	ledger  ledger // nil until first needed
	closed  bool
	usable  bool // the folder could be written to, and nothing has failed since
}

// NewStore keeps reports in dir, of at most maxJobs jobs a customer. It
// touches no file before it is used.
func NewStore(dir string, maxJobs int) *Store {
	return &Store{maxJobs: maxJobs, journal: journal{dir: dir}}
}

// Defaults complete the jobs of reports that do not tell.
type Defaults struct {
	Role     exporters.Role
	Interval exporters.Intervals
}

// Jobs gives every job that was reported. CustomerName is left empty.
func (s *Store) Jobs(d Defaults) ([]exporters.Job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.load(); err != nil {
		return nil, err
	}
	out := make([]exporters.Job, 0, len(s.ledger))
	for _, j := range s.ledger {
		for _, part := range j.parts(d) {
			out = append(out, part.shown(d))
		}
	}
	return out, nil
}

// Knows tells whether a job was ever reported.
func (s *Store) Knows(customer, job string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.load(); err != nil {
		return false, err
	}
	return s.ledger[jobKey{customer, job}] != nil, nil
}

// Close ends writing, so that another Store can take over the folder.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.journal.close()
	return nil
}

func (s *Store) load() error {
	if s.ledger != nil {
		return nil
	}
	l, err := s.journal.load()
	if err != nil {
		return err
	}
	s.ledger = l
	return nil
}

// Usable reports why nothing could be kept in the folder now; nil when it could.
func (s *Store) Usable() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.usable || s.closed {
		return nil
	}
	if err := s.journal.try(); err != nil {
		return fmt.Errorf("no result can be kept: %w: let folder name one that the exporter may write to, such as /var/lib/backup_exporter/push", err)
	}
	s.usable = true
	return nil
}

// Accepted counts what became of the reports of one request.
type Accepted struct {
	Stored     int `json:"stored"`
	Duplicates int `json:"duplicates"` // known before, and unchanged
	// ClockAhead counts reports whose end lay in the future; they are taken
	// to have ended on arrival.
	ClockAhead int `json:"clock_ahead,omitempty"`
}

// Accept stores a customer's reports that arrived at an instant, all or none.
// When it returns without an error they survive a loss of power. The error is
// a *Problem: StatusConflict if a run is known with another content,
// StatusServiceUnavailable if it may be tried again.
func (s *Store) Accept(customer string, received time.Time, reports []Report) (Accepted, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	unavailable := func(err error) (Accepted, error) {
		return Accepted{}, &Problem{Status: http.StatusServiceUnavailable, What: "nothing can be stored now: " + err.Error(), Cure: "send it again later"}
	}
	if s.closed {
		return unavailable(errors.New("the configuration is being read anew"))
	}
	if err := s.load(); err != nil {
		return unavailable(errors.New("the stored results cannot be read"))
	}
	e := entry{Customer: customer, Received: received.UTC()}
	done, err := s.sort(&e, reports)
	if err != nil || done.Stored == 0 {
		return done, err
	}
	if err := s.journal.compact(s.ledger); err != nil {
		return unavailable(errors.New("the journal cannot be folded"))
	}
	if err := s.journal.append(e); err != nil {
		s.usable = false
		return unavailable(errors.New("the disk refuses"))
	}
	if err := s.ledger.add(e); err != nil {
		return unavailable(err)
	}
	return done, nil
}

// sort finds what is new in the reports and refuses what contradicts.
func (s *Store) sort(e *entry, reports []Report) (Accepted, error) {
	var done Accepted
	type runKey struct{ job, run string }
	here := map[runKey]string{}
	newJobs := map[string]bool{}
	for i := range reports {
		r := reports[i]
		where := ""
		if len(reports) > 1 {
			where = fmt.Sprintf("[%d].", i)
		}
		if r.Customer != "" && r.Customer != e.Customer {
			return Accepted{}, &Problem{Status: http.StatusForbidden, Where: where + "customer", What: "not the customer of this token", Cure: "leave it out, or use that customer's token"}
		}
		sum, err := r.fingerprint()
		if err != nil {
			return Accepted{}, &Problem{Status: http.StatusBadRequest, Where: where, What: err.Error(), Cure: "see the documentation for an example"}
		}
		standing := s.ledger.standing(e.Customer, &r, sum)
		key := runKey{r.JobID, r.RunID}
		if other, twice := here[key]; twice && standing == fresh {
			standing = repeated
			if other != sum {
				standing = contradicting
			}
		}
		here[key] = sum
		switch standing {
		case contradicting:
			return Accepted{}, &Problem{Status: http.StatusConflict, Where: where + "run_id", What: "this run of the job was reported before, otherwise", Cure: "give each run an id of its own"}
		case repeated:
			done.Duplicates++
			continue
		}
		if s.ledger[jobKey{e.Customer, r.JobID}] == nil {
			newJobs[r.JobID] = true
		}
		if ahead(r.Ended.Time, e.Received) {
			done.ClockAhead++
		}
		r.Customer = ""
		e.Reports = append(e.Reports, r)
		done.Stored++
	}
	if len(newJobs) > 0 && s.jobsOf(e.Customer)+len(newJobs) > s.maxJobs {
		return Accepted{}, &Problem{Status: http.StatusTooManyRequests, Where: "job_id", What: fmt.Sprintf("the customer would have more than %d jobs", s.maxJobs),
			Cure: "keep job_id the same from run to run, or have limits.jobs raised"}
	}
	return done, nil
}

func (s *Store) jobsOf(customer string) int {
	n := 0
	for key := range s.ledger {
		if key.customer == customer {
			n++
		}
	}
	return n
}
