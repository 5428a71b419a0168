package exporters

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"vigie/internal/atomicfile"
	"vigie/internal/fleet"
)

// The poller's bounds where nothing is configured.
const (
	// DefaultGrace is for how many complete listings a job that vanished from
	// its product is still shown.
	DefaultGrace = 2
	// forgetAfter is for how long a vanished job's last success is kept, in
	// case it comes back.
	forgetAfter = 31 * 24 * time.Hour
	// saveEvery bounds how often the state is written when only the instant
	// of the last refresh moved.
	saveEvery = time.Minute
	// maxBackoff bounds the pause after failures.
	maxBackoff = 15 * time.Minute
)

// PollerOptions says how a source is polled.
type PollerOptions struct {
	Name   string // of the source instance: the label source
	Engine string // the label engine
	Source Source

	Interval time.Duration // between the start of two refreshes
	Timeout  time.Duration // of one refresh
	// CredentialEnds is when the token or secret that the source is read with ends;
	// zero where nobody said.
	CredentialEnds time.Time
	// WarningIsSuccess lets a run that ended with remarks count as the last
	// success. The result itself stays visible as warning.
	WarningIsSuccess bool
	// Machines maps a product's machine name to the name to show, compared
	// without regard to case.
	Machines map[string]string
	// Classes overrides the class of machines, by the name shown.
	Classes map[string]Class
	// Inventory gives the machines' names of the moment; nil means none. It
	// counts from the next refresh.
	Inventory func() *Inventory
	// Grace is for how many complete listings a vanished job is still shown;
	// negative means none, 0 means DefaultGrace.
	Grace int
	// StateFile keeps the last results over restarts; empty keeps none.
	StateFile string
	// Render prepares a view for being shown, so that a scrape does not have to;
	// what it gives becomes View.Rendered. Nil prepares nothing.
	Render func(v, before *View) any
	// Published is called after each refresh, complete or not; it must not
	// block. Nil is allowed.
	Published func()

	Now    func() time.Time // the only clock; required
	Logger *slog.Logger     // required
}

// Poller refreshes one source in the background and holds its View.
type Poller struct {
	o     PollerOptions
	alias map[string]string
	class map[string]Class
	view  atomic.Pointer[View]

	mu        sync.Mutex // guards what follows; held during a refresh
	records   map[jobKey]*record
	agents    []Agent // sorted by customer and machine; replaced, never changed
	customers customerBook
	errors    map[Reason]int
	unknown   map[string]int
	saved     saved
	changed   map[jobKey]bool // since the state was saved
	dirty     bool            // worth being saved at once
	refreshed time.Time
	inventory *Inventory // by which things were named last
}

// saved tells what of the state is on disk.
type saved struct {
	at     time.Time
	serial int64 // of the file
	size   int64 // of the file
	// partly tells that what changed since can be written by itself.
	partly bool
}

type jobKey struct{ customer, id string }

// NewPoller prepares a poller and reads its state file, so that the last
// known results are shown even while the source cannot be reached. A damaged
// state file is an error.
func NewPoller(o PollerOptions) (*Poller, error) {
	if o.Grace == 0 {
		o.Grace = DefaultGrace
	}
	if o.Inventory == nil {
		o.Inventory = func() *Inventory { return nil }
	}
	if o.Published == nil {
		o.Published = func() {}
	}
	p := &Poller{
		o:         o,
		alias:     make(map[string]string, len(o.Machines)),
		class:     make(map[string]Class, len(o.Classes)),
		records:   make(map[jobKey]*record),
		customers: make(customerBook),
		changed:   make(map[jobKey]bool),
		errors:    make(map[Reason]int),
		unknown:   make(map[string]int),
	}
	for from, to := range o.Machines {
		p.alias[fleet.Fold(from)] = to
	}
	for name, class := range o.Classes {
		p.class[fleet.Fold(name)] = class
	}
	for _, r := range reasons() {
		p.errors[r] = 0 // so that the first failure is an increase
	}
	if o.StateFile != "" {
		atomicfile.RemoveLeftovers(o.StateFile)
		s, err := loadState(o.StateFile)
		if err != nil {
			return nil, err
		}
		for _, r := range s.Jobs {
			p.canonicalJob(r.Job) // the inventory may say more than when it was stored
			key := jobKey{r.Job.Customer, r.Job.ID}
			if other := p.records[key]; other == nil || r.LastOutcome.After(other.LastOutcome) {
				p.records[key] = r
			}
		}
		p.saved.serial = s.Serial
		p.knowAgents(s.Agents)
		maps.Copy(p.customers, s.Customers)
		p.refreshed = s.LastRefresh
	}
	if r, ok := o.Source.(Rememberer); ok {
		known := make([]Job, 0, len(p.records))
		for _, j := range p.shownJobs() {
			known = append(known, *j)
		}
		r.Remember(known)
	}
	p.publish(&View{Source: o.Name, Engine: o.Engine, LastRefresh: p.refreshed, Jobs: p.shownJobs(), Vanished: p.vanished(), Agents: p.agents,
		Problem: "not read since the exporter started"})
	return p, nil
}

// View gives what is currently known. It never blocks.
func (p *Poller) View() *View { return p.view.Load() }

// Run refreshes until ctx ends, then saves the state.
func (p *Poller) Run(ctx context.Context) {
	failures := 0
	for {
		if err := p.Refresh(ctx); err != nil {
			failures++
		} else {
			failures = 0
		}
		timer := time.NewTimer(p.pause(failures))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			if c, ok := p.o.Source.(io.Closer); ok {
				_ = c.Close() // leaving is a courtesy to the product
			}
			if err := p.Save(); err != nil {
				p.o.Logger.Error("state not saved", "source", p.o.Name, "err", err)
			}
			return
		}
	}
}

// pause is the interval with a tenth of jitter, doubled with each failure in a row.
func (p *Poller) pause(failures int) time.Duration {
	d := p.o.Interval
	limit := max(d, min(8*d, maxBackoff))
	for range min(failures-1, 10) {
		d = min(2*d, limit)
	}
	return d + time.Duration((rand.Float64()-0.5)*0.2*float64(d))
}

// Refresh reads the source once and publishes the outcome. On failure the
// results of the last complete reading stay as they are.
func (p *Poller) Refresh(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	start := p.o.Now()
	if inventory := p.o.Inventory(); inventory != p.inventory {
		// The names of before count until everything was told again.
		if r, ok := p.o.Source.(Retainer); ok {
			r.TellAll()
		}
		p.inventory = inventory
	}
	fctx, cancel := context.WithTimeout(ctx, p.o.Timeout)
	defer cancel()
	snapshot, err := p.o.Source.Fetch(fctx)
	end := p.o.Now()
	if err != nil && ctx.Err() != nil {
		return ctx.Err() // stopping is not the source's failure
	}
	if err != nil {
		p.failed(err, end.Sub(start))
		return err
	}
	p.succeeded(snapshot, end, end.Sub(start))
	return nil
}

func (p *Poller) failed(err error, took time.Duration) {
	reason := ReasonOf(err)
	p.errors[reason]++
	before := p.View()
	if before.Up || before.Problem != err.Error() {
		p.o.Logger.Error("source not read, keeping the last complete results", "source", p.o.Name, "reason", string(reason), "err", err)
	}
	next := *before
	next.Up, next.Duration, next.Problem = false, took, err.Error()
	p.publish(&next)
}

func (p *Poller) succeeded(s Snapshot, now time.Time, took time.Duration) {
	for field, n := range s.UnknownValues {
		p.unknown[field] += n
	}
	before := p.View()
	p.noteEndpoints(s.Endpoints, before.Endpoints)
	customers := len(p.customers)
	fresh := p.foldJobs(s.Jobs, now, s.Incremental, s.PerCustomerIDs)
	if !s.SameRest {
		p.foldAgents(s.Agents, now)
	}
	p.refreshed = now
	if !before.Up {
		p.o.Logger.Info("source read", "source", p.o.Name, "jobs", len(s.Jobs), "duration", took)
	}
	// Saved before it is shown: what was shown must be known after a loss of power.
	// Of agents the file keeps what the last whole writing had: when they were
	// seen is read anew first of all.
	partly := fresh != nil && len(p.customers) == customers
	if err := p.saveIfDue(now, partly); err != nil {
		p.errors[ReasonState]++
		p.o.Logger.Error("state not saved", "source", p.o.Name, "err", err)
	}
	p.publish(p.viewOf(&s, before, fresh, now, took))
}

// viewOf gives what is known after a reading. Fresh are the jobs that it told
// of, nil if others may have left.
func (p *Poller) viewOf(s *Snapshot, before *View, fresh []*Job, now time.Time, took time.Duration) *View {
	v := &View{Source: p.o.Name, Engine: p.o.Engine, Up: true, LastRefresh: now, Duration: took,
		Endpoints: s.Endpoints, ClockSkew: s.ClockSkew, CertificateEnds: s.CertificateEnds, Inbox: s.Inbox, Unmatched: sortedUnmatched(s.Unmatched)}
	if jobs, ok := replaced(before.Jobs, fresh); ok {
		v.Jobs, v.Vanished = jobs, before.Vanished
	} else {
		v.Jobs, v.Vanished = p.shownJobs(), p.vanished()
	}
	if s.SameRest {
		v.Agents, v.Repositories, v.Quotas, v.Licenses, v.Unmatched = before.Agents, before.Repositories, before.Quotas, before.Licenses, before.Unmatched
		return v
	}
	v.Agents = asBefore(p.agents, before.Agents)
	v.Repositories = asBefore(distinct(s.Repositories, func(r Repository) string { return r.Customer + "\x00" + CleanName(r.Name) }), before.Repositories)
	v.Quotas, v.Licenses = asBefore(p.ownQuotas(s.Quotas), before.Quotas), asBefore(p.ownLicenses(s.Licenses), before.Licenses)
	return v
}

// asBefore gives the list of before where nothing in it changed, so that nobody
// has to look for what did.
func asBefore[T any](now, before []T) []T {
	if reflect.DeepEqual(now, before) {
		return before
	}
	return now
}

// replaced gives the jobs with the fresh ones in their places; false if they
// do not all have one.
func replaced(jobs, fresh []*Job) ([]*Job, bool) {
	if fresh == nil {
		return nil, false
	}
	out := slices.Clone(jobs)
	for _, j := range fresh {
		at, found := slices.BinarySearchFunc(out, j, inOrder)
		if !found {
			return nil, false
		}
		out[at] = j
	}
	return out, true
}

func inOrder(a, b *Job) int {
	return cmp.Or(strings.Compare(a.Customer, b.Customer), strings.Compare(a.ID, b.ID))
}

// noteEndpoints counts the endpoints that failed, and logs each when it begins to.
func (p *Poller) noteEndpoints(now, before []Endpoint) {
	failing := map[string]string{}
	for _, e := range before {
		if e.Err != nil {
			failing[e.Name] = e.Err.Error()
		}
	}
	for _, e := range now {
		if e.Err == nil {
			continue
		}
		p.errors[ReasonOf(e.Err)]++
		if failing[e.Name] != e.Err.Error() {
			p.o.Logger.Warn("endpoint of the source not read", "source", p.o.Name, "endpoint", e.Name, "err", e.Err)
		}
	}
}

func (p *Poller) publish(v *View) {
	v.Errors = maps.Clone(p.errors)
	v.UnknownValues = maps.Clone(p.unknown)
	v.PollInterval, v.CredentialEnds = p.o.Interval, p.o.CredentialEnds
	if v.Rendered = nil; p.o.Render != nil {
		v.Rendered = p.o.Render(v, p.view.Load())
	}
	p.view.Store(v)
	p.o.Published()
}

func (p *Poller) shownJobs() []*Job {
	jobs := make([]*Job, 0, len(p.records))
	for _, r := range p.records {
		if int(r.Missing) <= max(p.o.Grace, 0) {
			jobs = append(jobs, r.Job)
		}
	}
	slices.SortFunc(jobs, inOrder)
	return jobs
}

// vanished lists the jobs that their product no longer lists.
func (p *Poller) vanished() []Vanished {
	var out []Vanished
	for _, r := range p.records {
		if gone := r.seldom().GoneAt; int(r.Missing) > max(p.o.Grace, 0) && !gone.IsZero() {
			j := r.Job
			out = append(out, Vanished{Customer: j.Customer, ID: j.ID, Machine: j.Machine, Class: j.Class, Role: j.Role, Engine: j.Engine, Plan: j.Plan, Since: gone})
		}
	}
	slices.SortFunc(out, func(a, b Vanished) int {
		return cmp.Or(strings.Compare(a.Customer, b.Customer), strings.Compare(a.ID, b.ID))
	})
	return out
}

// saveIfDue writes what changed. Partly tells that this reading changed nothing
// but jobs that were known.
func (p *Poller) saveIfDue(now time.Time, partly bool) error {
	p.saved.partly = p.saved.partly && partly
	if !p.dirty && now.Sub(p.saved.at) < saveEvery {
		return nil
	}
	write := p.save
	if p.saved.partly && p.o.StateFile != "" {
		write = p.saveChanges
	}
	if err := write(); err != nil {
		p.saved.partly = false
		return err
	}
	p.dirty, p.saved.at, p.changed = false, now, map[jobKey]bool{}
	return nil
}

// Save writes the state file now.
func (p *Poller) Save() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.save()
}

// saveChanges writes what changed since the last writing, and the whole state
// once that has become much.
func (p *Poller) saveChanges() error {
	c := change{LastRefresh: p.refreshed}
	for _, key := range slices.SortedFunc(maps.Keys(p.changed), jobKey.compare) {
		if r := p.records[key]; r != nil {
			c.Jobs = append(c.Jobs, r)
		}
	}
	size, err := appendChange(p.o.StateFile, p.saved.serial, c)
	p.saved.partly = size < max(leastChanges, p.saved.size/4)
	return err
}

func (p *Poller) save() error {
	if p.o.StateFile == "" {
		return nil
	}
	s := state{Schema: stateSchema, Serial: p.saved.serial + 1, LastRefresh: p.refreshed, Agents: p.agents, Customers: p.customers}
	for _, k := range slices.SortedFunc(maps.Keys(p.records), jobKey.compare) {
		s.Jobs = append(s.Jobs, p.records[k])
	}
	size, err := saveState(p.o.StateFile, s)
	if err != nil {
		return err
	}
	p.saved.serial, p.saved.size, p.saved.partly = s.Serial, size, true
	// Left behind they would be known by their serial for those of another file.
	if err := os.Remove(changesFile(p.o.StateFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.saved.partly = false
		return fmt.Errorf("state file: %w", err)
	}
	return nil
}

func (k jobKey) compare(o jobKey) int {
	return cmp.Or(strings.Compare(k.customer, o.customer), strings.Compare(k.id, o.id))
}
