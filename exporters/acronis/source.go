// Package acronis reads Acronis Cyber Protect Cloud.
package acronis

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"vigie/exporters"
)

// overlap is read again at each refresh, since tasks may be stored late.
const overlap = 10 * time.Minute

// keptTasks is how many of a machine's last backup tasks one reading takes, and
// rememberedTasks how many are kept until the next.
const (
	keptTasks       = 16
	rememberedTasks = 4
)

// Source is one data centre. It implements exporters.Source.
type Source struct {
	config *Config
	client *client
	now    func() time.Time

	root string

	// What tells its changes.
	tenants  changing[tenant]
	statuses changing[resourceStatus]
	alerts   changing[alert]

	lastTenants  exporters.LastGood[tenant]
	lastStatuses exporters.LastGood[resourceStatus]
	lastAlerts   exporters.LastGood[alert]
	tasks        exporters.LastGood[task]
	running      exporters.LastGood[task]

	// What does not.
	policies     seldom[plan]
	applications seldom[application]
	agents       seldom[agent]
	usages       seldom[usage]
	trials       seldom[trial]

	listed time.Time // when everything was listed last
	since  time.Time // up to which tasks were read
	known  knowledge

	untold changes // what was learned and not yet told to the poller
}

// changes is what the next snapshot has to tell of.
type changes struct {
	all       bool            // of everything
	rest      bool            // of agents, quotas and licences
	resources map[string]bool // of these
	ran       map[string]bool // what was running when it was told of last
}

func (c *changes) add(id string) {
	if c.resources == nil {
		c.resources = map[string]bool{}
	}
	c.resources[id] = true
}

// New builds a Source from a validated Config.
func New(c *Config, o exporters.SourceOptions) (*Source, error) {
	cl, err := newClient(c, o)
	if err != nil {
		return nil, err
	}
	return &Source{
		config: c, client: cl, now: o.Now, root: c.TenantID,
		tenants:  changing[tenant]{key: (*tenant).key, gone: (*tenant).deleted},
		statuses: changing[resourceStatus]{key: (*resourceStatus).key, same: (*resourceStatus).sameNames},
		alerts:   changing[alert]{key: (*alert).key, gone: (*alert).dismissed},

		lastTenants:  exporters.LastGood[tenant]{Name: "tenants", Need: exporters.Naming},
		lastStatuses: exporters.LastGood[resourceStatus]{Name: "resource_statuses", Need: exporters.Required},
		lastAlerts:   exporters.LastGood[alert]{Name: "alerts", Need: exporters.Optional},
		tasks:        exporters.LastGood[task]{Name: "tasks", Need: exporters.Optional, NoStale: true},
		running:      exporters.LastGood[task]{Name: "tasks_running", Need: exporters.Optional, NoStale: true},

		policies:     seldom[plan]{last: exporters.LastGood[plan]{Name: "policies", Need: exporters.Optional}},
		applications: seldom[application]{last: exporters.LastGood[application]{Name: "applications", Need: exporters.Optional}},
		agents:       seldom[agent]{last: exporters.LastGood[agent]{Name: "agents", Need: exporters.Optional}},
		usages:       seldom[usage]{last: exporters.LastGood[usage]{Name: "usages", Need: exporters.Optional}},
		trials:       seldom[trial]{last: exporters.LastGood[trial]{Name: "pricing", Need: exporters.Optional}},
		known:        newKnowledge(),
	}, nil
}

// Remember implements exporters.Rememberer.
func (s *Source) Remember(jobs []exporters.Job) { s.known.remember(jobs) }

// TellAll implements exporters.Retainer.
func (s *Source) TellAll() { s.untold.all, s.untold.rest = true, true }

// Fetch lists everything if that is due and otherwise asks for what changed.
// What names things comes before the statuses, so that a machine set up during
// the reading already has its names; tasks and alerts too, since they tell
// whose status to ask for.
func (s *Source) Fetch(ctx context.Context) (exporters.Snapshot, error) {
	now := s.now()
	whole := s.listed.IsZero() || now.Sub(s.listed) >= time.Duration(s.config.FullListingInterval)
	if err := s.findRoot(ctx); err != nil {
		return exporters.Snapshot{}, err
	}
	s.client.slim = newSlimmer()
	defer func() { s.client.slim = nil }()
	clock := func() time.Time { return s.begun(now) }
	var l listing
	plans, rest := s.plansRead(), s.restRead()
	tasksRead := false
	endpoints, err := together(ctx,
		func(ctx context.Context) (e exporters.Endpoint, err error) {
			l.tenants, e, err = s.lastTenants.Refresh(ctx, func(ctx context.Context) ([]tenant, error) {
				all, fresh, complete, err := s.tenants.read(ctx, clock, whole, func(ctx context.Context, since time.Time) ([]tenant, error) {
					return s.client.tenants(ctx, s.root, since)
				})
				l.tenantsMoved = complete || len(fresh) > 0
				return all, err
			})
			return e, err
		},
		func(ctx context.Context) (e exporters.Endpoint, err error) {
			l.plans, e, err = s.policies.refresh(ctx, now, whole, s.client.policies)
			return e, err
		},
		func(ctx context.Context) (e exporters.Endpoint, err error) {
			l.applications, e, err = s.applications.refresh(ctx, now, whole, s.client.applications)
			return e, err
		},
		func(ctx context.Context) (e exporters.Endpoint, err error) {
			l.tasks, e, err = s.tasks.Refresh(ctx, func(ctx context.Context) ([]task, error) { return s.client.completedTasks(ctx, s.tasksSince(now)) })
			tasksRead = err == nil && e.Err == nil
			return e, err
		},
		func(ctx context.Context) (e exporters.Endpoint, err error) {
			l.running, e, err = s.running.Refresh(ctx, s.client.startedTasks)
			return e, err
		},
		func(ctx context.Context) (e exporters.Endpoint, err error) {
			l.alerts, e, err = s.lastAlerts.Refresh(ctx, func(ctx context.Context) (all []alert, err error) {
				all, l.freshAlerts, _, err = s.alerts.read(ctx, clock, whole, s.client.alerts)
				return all, err
			})
			return e, err
		},
	)
	s.noteFirst(&l)
	if err != nil {
		return exporters.Snapshot{}, err
	}
	complete := false
	others, err := together(ctx,
		func(ctx context.Context) (e exporters.Endpoint, err error) {
			l.statuses, e, err = s.lastStatuses.Refresh(ctx, func(ctx context.Context) (all []resourceStatus, err error) {
				all, complete, err = s.readStatuses(ctx, clock, whole, &l)
				return all, err
			})
			return e, err
		},
		func(ctx context.Context) (e exporters.Endpoint, err error) {
			due := whole || s.known.strangers || now.Sub(s.agents.at) >= time.Duration(s.config.AgentsInterval)
			l.agents, e, err = s.agents.refresh(ctx, now, due, s.client.agents)
			return e, err
		},
		func(ctx context.Context) (e exporters.Endpoint, err error) {
			l.usages, e, err = s.usages.refresh(ctx, now, whole, func(ctx context.Context) ([]usage, error) { return s.client.usages(ctx, customers(l.tenants, anyMode)) })
			return e, err
		},
		func(ctx context.Context) (e exporters.Endpoint, err error) {
			l.trials, e, err = s.trials.refresh(ctx, now, whole, func(ctx context.Context) ([]trial, error) { return s.client.trials(ctx, customers(l.tenants, onTrial)) })
			return e, err
		},
	)
	for i := range l.freshStatuses {
		s.untold.add(l.freshStatuses[i].key())
	}
	if err != nil {
		return exporters.Snapshot{}, err
	}
	if complete {
		s.listed = now
	}
	if tasksRead {
		s.since = clock()
	}
	s.untold.rest = s.untold.rest || rest != s.restRead()
	s.noteRest(&l, complete || plans != s.plansRead())
	l.agentsAt, l.only, l.sameRest = s.agents.at, &s.untold, !s.untold.rest
	snapshot := build(l, &s.known, s.config, now)
	s.untold = changes{ran: s.untold.ran}
	snapshot.Incremental, snapshot.SameRest = !complete, l.sameRest
	snapshot.Endpoints = append(endpoints, others...)
	s.client.odd.Tell(&snapshot)
	snapshot.Incremental = snapshot.Incremental || s.client.some.Load() // what is not in it may be there
	snapshot.ClockSkew = s.client.http.ClockSkew()
	snapshot.CertificateEnds = s.client.http.CertificateEnds()
	return snapshot, nil
}

// plansRead and restRead tell when what is read seldom was read last.
func (s *Source) plansRead() [2]time.Time { return [2]time.Time{s.policies.at, s.applications.at} }
func (s *Source) restRead() [3]time.Time {
	return [3]time.Time{s.agents.at, s.usages.at, s.trials.at}
}

// noteFirst keeps what the first endpoints brought, also if a later one fails:
// they will not bring it again. Whose things are concerns everything.
func (s *Source) noteFirst(l *listing) {
	u := &s.untold
	if l.tenantsMoved {
		u.all, u.rest = true, true
	}
	u.all = u.all || s.alerts.refuses // nothing tells which of them are gone
	for i := range l.freshAlerts {
		u.add(l.freshAlerts[i].Details.ResourceID.Lower())
	}
	for i := range l.tasks {
		u.add(l.tasks[i].Resource.ID.Lower())
	}
}

// noteRest adds what the reading as a whole tells: what plans say concerns
// everything.
func (s *Source) noteRest(l *listing, again bool) {
	u := &s.untold
	if again {
		u.all, u.rest = true, true
	}
	for id := range u.ran {
		u.add(id) // it may have ended
	}
	u.ran = map[string]bool{}
	for i := range l.running {
		id := l.running[i].Resource.ID.Lower()
		u.ran[id] = true
		u.add(id)
	}
}

// together reads endpoints side by side; the client caps what runs at once. A
// panic in one of them is the caller's, who can recover from it.
func together(ctx context.Context, reads ...func(context.Context) (exporters.Endpoint, error)) ([]exporters.Endpoint, error) {
	out := make([]exporters.Endpoint, len(reads))
	panics := make([]any, len(reads))
	group, ctx := errgroup.WithContext(ctx)
	for i, read := range reads {
		group.Go(func() (err error) {
			defer func() {
				if panics[i] = recover(); panics[i] != nil {
					err = errPanicked // ends the others
				}
			}()
			out[i], err = read(ctx)
			return err
		})
	}
	err := group.Wait()
	for _, p := range panics {
		if p != nil {
			panic(p)
		}
	}
	return out, err
}

var errPanicked = errors.New("an endpoint's reading panicked")

// readStatuses lists the resources, or asks for those that changed. What moves
// a resource's stamp is not documented: those of which tasks and alerts tell
// something new, and those that were running, are asked for by their ids.
func (s *Source) readStatuses(ctx context.Context, clock func() time.Time, whole bool, l *listing) ([]resourceStatus, bool, error) {
	var before []string
	for i := range s.statuses.items {
		if r := &s.statuses.items[i]; r.runs {
			before = append(before, r.key())
		}
	}
	named := s.statuses.renamed
	all, fresh, complete, err := s.statuses.read(ctx, clock, whole, s.client.resourceStatuses)
	l.freshStatuses = fresh
	defer func() { s.untold.rest = s.untold.rest || s.statuses.renamed != named }()
	if err == nil && complete {
		s.heard(l.alerts)
	}
	if err != nil || complete {
		return all, complete, err
	}
	asked := map[string]bool{}
	for i := range fresh {
		asked[fresh[i].key()] = true
	}
	var ids []string
	ask := func(id string) {
		if _, known := s.statuses.at[id]; known && !asked[id] {
			asked[id] = true
			ids = append(ids, id)
		}
	}
	for i := range l.tasks {
		if t := &l.tasks[i]; isBackup(t) && !s.known.has(t) {
			ask(t.Resource.ID.Lower())
		}
	}
	for i := range l.alerts {
		if a := &l.alerts[i]; !a.dismissed() && !s.known.alerts[a.key()] {
			ask(a.Details.ResourceID.Lower())
		}
	}
	for _, id := range before {
		ask(id)
	}
	slices.Sort(ids)
	items, err := s.client.statusesOf(ctx, ids)
	var se *exporters.SourceError
	if errors.As(err, &se) && se.Status == http.StatusBadRequest {
		// Such questions are not understood: list everything, now and later.
		s.statuses.refuses = true
		all, _, complete, err = s.statuses.read(ctx, clock, true, s.client.resourceStatuses)
		return all, complete, err
	}
	if err != nil {
		return nil, false, err
	}
	s.heard(l.alerts)
	s.statuses.lay(items)
	l.freshStatuses = append(slices.Clip(fresh), items...)
	return s.statuses.items, false, nil
}

// heard notes alerts whose machines' statuses were read since they were raised.
func (s *Source) heard(alerts []alert) {
	for i := range alerts {
		s.known.alerts[alerts[i].key()] = true
	}
}

// anyMode and onTrial say of which customers to ask.
func anyMode(*tenant) bool   { return true }
func onTrial(t *tenant) bool { return strings.EqualFold(t.PricingMode, "trial") }

// customers gives the customer tenants of a kind, without those that serve
// themselves: they refuse.
func customers(tenants []tenant, wanted func(*tenant) bool) []string {
	var out []string
	for i := range tenants {
		t := &tenants[i]
		if strings.EqualFold(t.Kind, "customer") && !t.AncestralAccess.Off() && wanted(t) {
			out = append(out, t.key())
		}
	}
	return out
}

// findRoot learns the API client's tenant once. Where that is refused the
// listing of tenants is refused as well, and machines keep numeric tenants.
func (s *Source) findRoot(ctx context.Context) error {
	if s.root != "" {
		return nil
	}
	root, err := s.client.ownTenant(ctx, s.config.ClientID)
	var se *exporters.SourceError
	if errors.As(err, &se) && (se.Reason == exporters.ReasonForbidden || se.Reason == exporters.ReasonNotFound) {
		return &exporters.SourceError{Endpoint: "client", Reason: se.Reason, Status: se.Status,
			Err: errors.New("the API client may not read its own description; write tenant_id into the configuration")}
	}
	s.root = root
	return err
}

func (s *Source) tasksSince(now time.Time) time.Time {
	if s.since.IsZero() {
		return now.Add(-time.Duration(s.config.Lookback))
	}
	return s.since.Add(-overlap)
}

// begun is by the product's clock when a reading began at now by ours; never
// later than ours, since what stands between may tell another time.
func (s *Source) begun(now time.Time) time.Time {
	skew := s.client.http.ClockSkew()
	if skew == nil {
		return now.Add(-time.Hour) // an answer without a date: read an hour twice
	}
	return now.Add(min(0, *skew))
}
