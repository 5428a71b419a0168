// Package acronis reads Acronis Cyber Protect Cloud.
package acronis

import (
	"context"
	"errors"
	"time"

	"vigie/exporters"
)

// overlap is read again at each refresh, since tasks may be stored late.
const overlap = 10 * time.Minute

// keptTasks is how many of a machine's last backup tasks are remembered.
const keptTasks = 16

// Source is one data centre. It implements exporters.Source.
type Source struct {
	config *Config
	client *client
	now    func() time.Time

	root         string
	tenants      exporters.Part[tenant]
	statuses     exporters.Part[resourceStatus]
	policies     exporters.Part[plan]
	applications exporters.Part[application]
	tasks        exporters.Part[task]
	running      exporters.Part[task]
	alerts       exporters.Part[alert]
	agents       exporters.Part[agent]

	since time.Time // up to which tasks were read
	known knowledge
}

// New builds a Source from a validated Config.
func New(c *Config, o exporters.SourceOptions) (*Source, error) {
	cl, err := newClient(c, o)
	if err != nil {
		return nil, err
	}
	return &Source{
		config: c, client: cl, now: o.Now, root: c.TenantID,
		tenants:      exporters.Part[tenant]{Name: "tenants", Need: exporters.Naming},
		statuses:     exporters.Part[resourceStatus]{Name: "resource_statuses", Need: exporters.Required},
		policies:     exporters.Part[plan]{Name: "policies", Need: exporters.Naming},
		applications: exporters.Part[application]{Name: "applications", Need: exporters.Naming},
		tasks:        exporters.Part[task]{Name: "tasks", Need: exporters.Optional, NoStale: true},
		running:      exporters.Part[task]{Name: "tasks_running", Need: exporters.Optional, NoStale: true},
		alerts:       exporters.Part[alert]{Name: "alerts", Need: exporters.Optional},
		agents:       exporters.Part[agent]{Name: "agents", Need: exporters.Optional},
		known:        newKnowledge(),
	}, nil
}

// Fetch reads every part. The statuses come last but for the tasks, so that a
// machine set up during the reading already has its names.
func (s *Source) Fetch(ctx context.Context) (exporters.Snapshot, error) {
	now := s.now()
	var l listing
	var parts []exporters.Endpoint
	if err := s.findRoot(ctx); err != nil {
		return exporters.Snapshot{}, err
	}
	steps := []func() (exporters.Endpoint, error){
		part(ctx, &s.tenants, s.client.tenants(s.root), &l.tenants),
		part(ctx, &s.policies, s.client.policies, &l.plans),
		part(ctx, &s.applications, s.client.applications, &l.applications),
		part(ctx, &s.statuses, s.client.resourceStatuses, &l.statuses),
		part(ctx, &s.tasks, s.client.completedTasks(s.tasksSince(now)), &l.tasks),
		part(ctx, &s.running, s.client.startedTasks, &l.running),
		part(ctx, &s.alerts, s.client.alerts, &l.alerts),
		part(ctx, &s.agents, s.client.agents, &l.agents),
	}
	for _, step := range steps {
		endpoint, err := step()
		if err != nil {
			return exporters.Snapshot{}, err
		}
		parts = append(parts, endpoint)
	}
	s.advance(l.tasks)
	snapshot := build(l, &s.known, s.config, now)
	snapshot.Endpoints = parts
	snapshot.ClockSkew = s.client.http.ClockSkew()
	return snapshot, nil
}

func part[T any](ctx context.Context, p *exporters.Part[T], read func(context.Context) ([]T, error), into *[]T) func() (exporters.Endpoint, error) {
	return func() (exporters.Endpoint, error) {
		items, endpoint, err := p.Refresh(ctx, read)
		*into = items
		return endpoint, err
	}
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

// advance moves to the latest completion read, never to our own clock, which
// may run ahead of the product's.
func (s *Source) advance(tasks []task) {
	for i := range tasks {
		if at := tasks[i].CompletedAt.Time; at.After(s.since) && !at.After(s.now()) {
			s.since = at
		}
	}
}
