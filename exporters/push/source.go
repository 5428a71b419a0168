package push

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
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
	*Store
	config *Config
	now    func() time.Time

	unknown map[string]int // since the last Fetch; guarded by the store's mu

	tokenMu  sync.Mutex
	tokensAt time.Time
	tokens   map[string][][sha256.Size]byte
	tokenErr error

	gates map[string]*gate // by customer

	onlyRead bool
}

// gate bounds what one customer asks of the exporter.
type gate struct {
	limiter *rate.Limiter
	slots   chan struct{}
}

// New builds a Source from a validated Config. It touches no file: while a
// configuration is read anew the old Source still writes.
func New(c *Config, o exporters.SourceOptions) (*Source, error) {
	s := &Source{Store: NewStore(c.Folder, c.Limits.Jobs), config: c, now: o.Now, unknown: map[string]int{}, gates: map[string]*gate{}}
	perSecond := rate.Limit(float64(c.Limits.RequestsPerMinute) / 60)
	for id := range c.Customers {
		s.gates[id] = &gate{limiter: rate.NewLimiter(perSecond, max(1, c.Limits.RequestsPerMinute/2)), slots: make(chan struct{}, inFlight)}
	}
	return s, nil
}

// OnlyRead has all later visits write nothing: whoever checks is often somebody else
// than who runs.
func (s *Source) OnlyRead() { s.onlyRead = true }

// Fetch gives all that was reported by the customers of the configuration. A source
// that can keep nothing is down, also before anybody reports: senders alone would
// know of it.
func (s *Source) Fetch(context.Context) (exporters.Snapshot, error) {
	_ = s.authenticate("") // reads the token files when it is time
	s.tokenMu.Lock()
	tokens := exporters.Endpoint{Name: "tokens", Items: len(s.tokens), Err: s.tokenErr}
	s.tokenMu.Unlock()

	if !s.onlyRead {
		if err := s.Usable(); err != nil {
			return exporters.Snapshot{}, &exporters.SourceError{Endpoint: "results", Reason: exporters.ReasonState, Err: err}
		}
	}
	jobs, err := s.Jobs(Defaults{Role: s.config.BackupRole, Interval: s.config.ExpectedInterval})
	if err != nil {
		return exporters.Snapshot{}, &exporters.SourceError{Endpoint: "results", Reason: exporters.ReasonState, Err: err}
	}
	out := exporters.Snapshot{PerCustomerIDs: true}
	for _, job := range jobs {
		c := s.config.Customers[job.Customer]
		if c != nil && (job.Enabled || s.now().Sub(job.Received) < forgetDisabled) {
			job.CustomerName = c.Name
			out.Jobs = append(out.Jobs, job)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out.UnknownValues, s.unknown = s.unknown, map[string]int{}
	out.Endpoints = []exporters.Endpoint{{Name: "results", Items: len(out.Jobs)}, tokens}
	return out, nil
}

// Accept stores a customer's reports, all or none. When it returns without an
// error they survive a loss of power. A *Problem tells what to answer.
func (s *Source) Accept(customer string, reports []Report) (Accepted, error) {
	done, err := s.Store.Accept(customer, s.now(), reports)
	if done.ClockAhead > 0 {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.unknown["ended_at_in_future"] += done.ClockAhead
	}
	return done, err
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
		tokens, err := ReadTokens(c.secret)
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
