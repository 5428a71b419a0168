package inbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"vigie/exporters"
	"vigie/exporters/push"
)

// Source is one intake of mails. It implements exporters.Source.
type Source struct {
	config *Config
	now    func() time.Time
	store  *push.Store
	door   door

	mu      sync.Mutex
	backlog backlog
	tried   bool           // the unsorted mails, by the rules in force
	ignored map[string]int // by reason
	unknown map[string]int // since the last Fetch
	last    time.Time      // arrival of the latest mail
	closed  bool
}

// door is where mails come in. It hands them to Source.take.
type door interface {
	// visit brings in what is new and opens what has to be open. Waiting is
	// how many mails that no rule reads had to be left outside. A part that
	// failed alone is told in an endpoint.
	visit(ctx context.Context) (endpoints []exporters.Endpoint, waiting int, err error)
	// done is told when a mail that was kept is kept no more.
	done(envelope)
	close() error
}

// New builds a Source from a validated Config. It touches no file and no
// socket: while a configuration is read anew the old Source still works.
func New(c *Config, o exporters.SourceOptions) (*Source, error) {
	s := &Source{config: c, now: o.Now, store: push.NewStore(c.Folder, c.Limits.Jobs), backlog: backlog{dir: c.Folder, limits: c.Limits},
		ignored: map[string]int{}, unknown: map[string]int{}}
	for _, r := range ignoredReasons() {
		s.ignored[string(r)] = 0 // so that the first one is an increase
	}
	if c.IMAP != nil {
		s.door = newMailbox(c, s.ingest, o)
	} else {
		s.door = newServer(c, s.ingest, o.Now)
	}
	return s, nil
}

// Fingerprint is that of the rules, so that changed rules start the source
// anew, which tries the unsorted mails again.
func (s *Source) Fingerprint() string { return s.config.rules.sum }

// Faults implements exporters.Faulty: rules that are set aside.
func (s *Source) Faults() []error { return s.config.rules.faults }

// OnlyRead has all later visits change nothing in a mailbox. A folder to which
// mails could not be moved is then an error of the whole source.
func (s *Source) OnlyRead() {
	if b, ok := s.door.(*mailbox); ok {
		b.OnlyRead()
	}
}

// Mailbox names the folder that is read, the same for all that read it; empty
// for a source that receives mails.
func (s *Source) Mailbox() string {
	if s.config.IMAP == nil {
		return ""
	}
	c, folder := s.config.IMAP, s.config.IMAP.Mailbox
	if strings.EqualFold(folder, "INBOX") {
		folder = "INBOX"
	}
	return strings.ToLower(c.Username+" at "+c.Address) + ", folder " + folder
}

// Folder is where the source keeps what it knows.
func (s *Source) Folder() string { return s.config.Folder }

// Fetch brings in the mails that came and gives all results so far.
func (s *Source) Fetch(ctx context.Context) (exporters.Snapshot, error) {
	if err := s.prepare(); err != nil {
		return exporters.Snapshot{}, &exporters.SourceError{Endpoint: "folder", Reason: exporters.ReasonState, Err: err}
	}
	endpoints, waiting, err := s.door.visit(ctx)
	if err != nil {
		return exporters.Snapshot{}, err
	}
	jobs, err := s.store.Jobs(push.Defaults{Role: s.config.BackupRole, Interval: s.config.ExpectedInterval})
	if err != nil {
		return exporters.Snapshot{}, &exporters.SourceError{Endpoint: "results", Reason: exporters.ReasonState, Err: err}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := exporters.Snapshot{PerCustomerIDs: true, Endpoints: endpoints}
	for _, job := range jobs {
		s.last = exporters.Later(s.last, job.Received)
		c := s.config.Customers[job.Customer]
		if forget := time.Duration(s.config.ForgetAfter); c != nil && (forget == 0 || s.now().Sub(job.Received) < forget) {
			job.CustomerName = c.Name
			out.Jobs = append(out.Jobs, job)
		}
	}
	unsorted := exporters.Endpoint{Name: "unsorted", Items: len(s.backlog.items) + waiting}
	if waiting > 0 || len(s.backlog.items) >= s.config.Limits.Unsorted {
		unsorted.Err = &exporters.SourceError{Endpoint: "unsorted", Reason: exporters.ReasonIncomplete,
			Err: fmt.Errorf("%d mails that no rule reads are kept, %d had to stay where they are; write rules for them, or dismiss them", len(s.backlog.items), waiting)}
	}
	out.Endpoints = append(out.Endpoints, exporters.Endpoint{Name: "results", Items: len(out.Jobs)}, unsorted)
	if err := errors.Join(s.Faults()...); err != nil {
		out.Endpoints = append(out.Endpoints, exporters.Endpoint{Name: "rules", Err: &exporters.SourceError{Endpoint: "rules", Reason: exporters.ReasonOther, Err: err}})
	}
	out.Inbox = &exporters.Inbox{Unsorted: unsorted.Items, Ignored: maps.Clone(s.ignored), LastMessage: s.last}
	out.UnknownValues, s.unknown = s.unknown, map[string]int{}
	return out, nil
}

// Close ends the work, so that another Source can take over the folder.
func (s *Source) Close() error {
	err := s.door.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.backlog.close()
	return errors.Join(err, s.store.Close())
}

// prepare opens the folder and, the first time, tries the unsorted mails by
// the rules now in force.
func (s *Source) prepare() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.New("the source is closed")
	}
	if err := s.backlog.open(); err != nil {
		return err
	}
	if s.tried {
		return nil
	}
	for _, it := range s.backlog.list() {
		s.last = exporters.Later(s.last, it.env.Received)
		env, raw, err := s.backlog.readItem(it.id)
		if err != nil {
			return err
		}
		if _, err := s.settle(s.config.sort(env, raw), env, raw); err != nil && !errors.Is(err, errFull) {
			return err
		}
	}
	s.tried = true
	return nil
}

// ingest makes a mail durable: as results, or in the list. Kept tells the
// latter. Without an error the mail survives a loss of power; errFull says
// that it is not needed for results and cannot be kept.
func (s *Source) ingest(env envelope, raw []byte) (kept bool, err error) {
	sorted := s.config.sort(env, raw)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false, errors.New("the configuration is being read anew")
	}
	if err := s.backlog.open(); err != nil {
		return false, err
	}
	s.last = exporters.Later(s.last, env.Received)
	if s.backlog.seen.has(sorted.id) {
		return false, nil
	}
	return s.settle(sorted, env, raw)
}

// settle does what the sorting says. Doing it twice is harmless.
func (s *Source) settle(m sorted, env envelope, raw []byte) (kept bool, err error) {
	if m.problem == "" && m.ignore == "" {
		m.problem, err = s.accept(&m, env.Received)
		if err != nil {
			return false, err
		}
		m.problem = cmp.Or(m.problem, m.partly)
	}
	if m.problem != "" {
		if it := s.backlog.items[m.id]; it != nil && it.env.Problem == m.problem {
			return true, nil
		}
		env.Problem = m.problem
		return true, s.backlog.put(m.id, env, raw)
	}
	if m.ignore != "" {
		s.ignored[string(m.ignore)]++
	}
	if it := s.backlog.items[m.id]; it != nil {
		s.door.done(it.env)
		return false, s.backlog.remove(m.id, false)
	}
	return false, s.backlog.seen.add(m.id, false)
}

// accept stores the results; a problem is one that a person has to solve.
func (s *Source) accept(m *sorted, received time.Time) (problem string, err error) {
	fresh := 0
	for _, customer := range slices.Sorted(maps.Keys(m.reports)) {
		reports := m.reports[customer]
		for _, whole := range m.whole[customer] {
			known, err := s.store.Knows(customer, whole.JobID)
			if err != nil {
				return "", err
			}
			if known {
				reports = append(reports, whole)
			}
		}
		done, err := s.acceptEach(customer, received, reports)
		var p *push.Problem
		switch {
		case errors.As(err, &p) && p.Status != http.StatusServiceUnavailable:
			return p.What, nil
		case err != nil:
			return "", err
		}
		fresh += done.Stored
		if done.ClockAhead > 0 {
			s.unknown["ended_in_future"] += done.ClockAhead
		}
	}
	if fresh > 0 {
		for _, field := range m.unknown {
			s.unknown[field]++
		}
	}
	return "", nil
}

// acceptEach stores what is new. What was read before, by other rules, stays
// as it was first read, and bars no other result of the mail.
func (s *Source) acceptEach(customer string, received time.Time, reports []push.Report) (push.Accepted, error) {
	done, err := s.store.Accept(customer, received, reports)
	var p *push.Problem
	if !errors.As(err, &p) || p.Status != http.StatusConflict {
		return done, err
	}
	var sum push.Accepted
	for _, r := range reports {
		done, err := s.store.Accept(customer, received, []push.Report{r})
		if errors.As(err, &p) && p.Status == http.StatusConflict {
			continue
		}
		if err != nil {
			return sum, err
		}
		sum.Stored += done.Stored
		sum.ClockAhead += done.ClockAhead
	}
	return sum, nil
}

// sorted is what is to become of a mail.
type sorted struct {
	id      string
	ignore  Ignored
	reports map[string][]push.Report // by customer
	whole   map[string][]push.Report // of plans as a whole, if they are known
	unknown []string
	problem string
	// partly is why the mail is listed though it has results: not all of
	// them could be read.
	partly string
}

// sort decides; it changes nothing.
func (c *Config) sort(env envelope, raw []byte) sorted {
	m, err := ReadMail(raw)
	if m.delivery && env.Null && m.Ignore == "" {
		m.Ignore = IgnoredBounce
	}
	out := sorted{id: m.ID, ignore: m.Ignore}
	if m.Ignore != "" {
		return out
	}
	for _, r := range env.Recipients {
		m.To = append(m.To, strings.ToLower(r))
	}
	switch {
	case env.Cut:
		out.problem = fmt.Sprintf("it has %d bytes, and is not read beyond %d", env.Size, c.Limits.MessageBytes)
		return out
	case err != nil:
		out.problem = "it cannot be read: " + err.Error()
		return out
	}
	v := c.rules.Read(&m, env.Received)
	if out.ignore, out.problem = v.Ignore, v.Problem; out.ignore != "" || out.problem != "" {
		return out
	}
	out.reports, out.whole = map[string][]push.Report{}, map[string][]push.Report{}
	unread := v.Unread
	for i := range v.Readings {
		r := &v.Readings[i]
		customer, problem := c.customer(r.Customer, &m)
		if problem == "" {
			r.Report.RunID = fmt.Sprintf("%s/%d", m.ID, r.Row)
			if err := r.Report.Check(); err != nil {
				problem = err.Error()
			}
		}
		if problem != "" {
			unread = append(unread, problem)
			continue
		}
		if r.Whole {
			out.whole[customer] = append(out.whole[customer], r.Report)
			continue
		}
		out.reports[customer] = append(out.reports[customer], r.Report)
		out.unknown = append(out.unknown, r.Unknown...)
	}
	switch n := len(unread); {
	case n == 0:
	case len(out.reports) == 0:
		return sorted{id: m.ID, problem: "rule " + v.Rule + ": " + unread[0]}
	default:
		out.partly = fmt.Sprintf("rule %s: the other results were read; not read: %s", v.Rule, strings.Join(unread[:min(n, maxUnread)], "; "))
		for range unread {
			out.unknown = append(out.unknown, "row")
		}
	}
	return out
}

// maxUnread bounds how many rows are told one by one.
const maxUnread = 10

// Unsorted describes a mail that no rule reads, for people.
type Unsorted struct {
	Source     string    `json:"source"`
	ID         string    `json:"id"`
	Received   time.Time `json:"received"`
	From       []string  `json:"from"`
	To         []string  `json:"to"`
	Subject    string    `json:"subject"`
	FirstLines string    `json:"first_lines"`
	Problem    string    `json:"problem"`
	SizeBytes  int64     `json:"size_bytes"`
}

// Unsorted lists the mails that no rule reads, newest first.
func (s *Source) Unsorted() ([]Unsorted, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.backlog.items == nil {
		return nil, errors.New("the folder is not open yet")
	}
	out := []Unsorted{}
	for _, it := range s.backlog.list() {
		_, raw, err := s.backlog.readItem(it.id)
		if err != nil {
			return nil, err
		}
		m, _ := ReadMail(raw) // what cannot be read is shown as far as it can
		out = append(out, Unsorted{ID: it.id, Received: it.env.Received, From: list(m.From), To: list(append(m.To, it.env.Recipients...)),
			Subject: m.Subject, FirstLines: preview(m.Texts), Problem: it.env.Problem, SizeBytes: it.env.Size})
	}
	return out, nil
}

// list is never null in JSON, and holds each address once.
func list(addresses []string) []string {
	out := []string{}
	for _, a := range addresses {
		if a = printable(strings.ToLower(a)); !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// Message gives an unsorted mail as it came.
func (s *Source) Message(id string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.backlog.items[id] == nil {
		return nil, errNotListed
	}
	_, raw, err := s.backlog.readItem(id)
	return raw, err
}

var errNotListed = errors.New("no such mail is waiting")

// Dismiss takes a mail out of the list for good.
func (s *Source) Dismiss(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	it := s.backlog.items[id]
	if it == nil || s.closed {
		return errNotListed
	}
	s.door.done(it.env)
	return s.backlog.remove(id, true)
}
