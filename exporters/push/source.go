package push

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"vigie/exporters"
)

// tokensFor is how long tokens read from their files are used.
const tokensFor = 10 * time.Second

// forgetDisabled is for how long a job is shown that was last reported as
// switched off.
const forgetDisabled = 31 * 24 * time.Hour

// inFlight is how many bodies of one customer are read at once.
const inFlight = 4

// Source holds what machines reported. It implements exporters.Source.
type Source struct {
	config *Config
	now    func() time.Time

	mu      sync.Mutex
	journal journal
	ledger  ledger // nil until first needed
	closed  bool
	unknown map[string]int // since the last Fetch

	tokenMu  sync.Mutex
	tokensAt time.Time
	tokens   map[string][][sha256.Size]byte
	tokenErr error

	gates map[string]*gate // by customer
}

// gate bounds what one customer asks of the exporter.
type gate struct {
	limiter *rate.Limiter
	slots   chan struct{}
}

// New builds a Source from a validated Config. It touches no file: while a
// configuration is read anew the old Source still writes.
func New(c *Config, o exporters.SourceOptions) (*Source, error) {
	s := &Source{config: c, now: o.Now, journal: journal{dir: c.Folder}, unknown: map[string]int{}, gates: map[string]*gate{}}
	perSecond := rate.Limit(float64(c.Limits.RequestsPerMinute) / 60)
	for id := range c.Customers {
		s.gates[id] = &gate{limiter: rate.NewLimiter(perSecond, max(1, c.Limits.RequestsPerMinute/2)), slots: make(chan struct{}, inFlight)}
	}
	return s, nil
}

// Fetch gives all that was reported by the customers of the configuration.
func (s *Source) Fetch(context.Context) (exporters.Snapshot, error) {
	_ = s.authenticate("") // reads the token files when it is time
	s.tokenMu.Lock()
	tokens := exporters.Endpoint{Name: "tokens", Items: len(s.tokens), Err: s.tokenErr}
	s.tokenMu.Unlock()

	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.load(); err != nil {
		return exporters.Snapshot{}, &exporters.SourceError{Endpoint: "results", Reason: exporters.ReasonState, Err: err}
	}
	var out exporters.Snapshot
	for key, j := range s.ledger {
		if s.config.Customers[key.customer] == nil {
			continue
		}
		if job := j.shown(s.config); job.Enabled || s.now().Sub(job.Received) < forgetDisabled {
			out.Jobs = append(out.Jobs, job)
		}
	}
	out.UnknownValues, s.unknown = s.unknown, map[string]int{}
	out.Endpoints = []exporters.Endpoint{{Name: "results", Items: len(out.Jobs)}, tokens}
	return out, nil
}

// Close ends writing, so that another Source can take over the folder.
func (s *Source) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.journal.close()
	return nil
}

func (s *Source) load() error {
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

// Accepted counts what became of the reports of one request.
type Accepted struct {
	Stored     int `json:"stored"`
	Duplicates int `json:"duplicates"` // known before, and unchanged
	// ClockAhead counts reports whose end lay in the future; they are taken
	// to have ended on arrival.
	ClockAhead int `json:"clock_ahead,omitempty"`
}

// Accept stores a customer's reports, all or none. When it returns without an
// error they survive a loss of power. A *Problem tells what to answer.
func (s *Source) Accept(customer string, reports []Report) (Accepted, error) {
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
	e := entry{Customer: customer, Received: s.now().UTC()}
	done, err := s.sort(&e, reports)
	if err != nil || done.Stored == 0 {
		return done, err
	}
	if err := s.journal.compact(s.ledger); err != nil {
		return unavailable(errors.New("the journal cannot be folded"))
	}
	if err := s.journal.append(e); err != nil {
		return unavailable(errors.New("the disk refuses"))
	}
	if err := s.ledger.add(e); err != nil {
		return unavailable(err)
	}
	if done.ClockAhead > 0 {
		s.unknown["ended_at_in_future"] += done.ClockAhead
	}
	return done, nil
}

// sort finds what is new in the reports and refuses what contradicts.
func (s *Source) sort(e *entry, reports []Report) (Accepted, error) {
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
	if len(newJobs) > 0 && s.jobsOf(e.Customer)+len(newJobs) > s.config.Limits.Jobs {
		return Accepted{}, &Problem{Status: http.StatusTooManyRequests, Where: "job_id", What: fmt.Sprintf("the customer would have more than %d jobs", s.config.Limits.Jobs),
			Cure: "keep job_id the same from run to run, or have limits.jobs raised"}
	}
	return done, nil
}

func (s *Source) jobsOf(customer string) int {
	n := 0
	for key := range s.ledger {
		if key.customer == customer {
			n++
		}
	}
	return n
}

// authenticate gives the customer whose token it is, or nothing.
func (s *Source) authenticate(token string) string {
	s.tokenMu.Lock()
	defer s.tokenMu.Unlock()
	if now := s.now(); s.tokens == nil || now.Sub(s.tokensAt) >= tokensFor || now.Before(s.tokensAt) {
		s.readTokens(now)
	}
	sum := sha256.Sum256([]byte(token))
	found := ""
	for customer, sums := range s.tokens {
		for i := range sums {
			// No early end: the time taken says nothing about whose it is.
			if subtle.ConstantTimeCompare(sum[:], sums[i][:]) == 1 {
				found = customer
			}
		}
	}
	return found
}

// readTokens lets out customers whose file cannot be read: an old token must
// not outlive its file.
func (s *Source) readTokens(now time.Time) {
	s.tokens, s.tokensAt, s.tokenErr = map[string][][sha256.Size]byte{}, now, nil
	var failed []string
	for id, c := range s.config.Customers {
		tokens, err := readTokens(c.secret)
		if err != nil {
			failed = append(failed, id+": "+err.Error())
			continue
		}
		for _, t := range tokens {
			s.tokens[id] = append(s.tokens[id], sha256.Sum256([]byte(t)))
		}
	}
	if len(failed) > 0 {
		s.tokenErr = &exporters.SourceError{Endpoint: "tokens", Reason: exporters.ReasonAuth, Err: errors.New(strings.Join(failed, "; "))}
	}
}
