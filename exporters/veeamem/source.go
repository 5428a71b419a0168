// Package veeamem reads Veeam Backup Enterprise Manager through its REST
// interface, of versions 12 and 13.
package veeamem

import (
	"context"
	"time"

	"vigie/exporters"
)

// logoutTime bounds the goodbye.
const logoutTime = 5 * time.Second

// Source is one server. It implements exporters.Source.
type Source struct {
	config *Config
	client *client
	now    func() time.Time
	known  *knowledge

	sessions     exporters.LastGood[session]
	tasks        exporters.LastGood[taskSession]
	repositories exporters.LastGood[repository]
	computers    exporters.LastGood[computer]
}

// New builds a Source from a validated Config.
func New(c *Config, o exporters.SourceOptions) (*Source, error) {
	cl, err := newClient(c, o)
	if err != nil {
		return nil, err
	}
	return &Source{config: c, client: cl, now: o.Now, known: newKnowledge(),
		sessions: exporters.LastGood[session]{Name: "sessions", Need: exporters.Required},
		// Without tasks a failure could not be told from its neighbour's success.
		tasks:        exporters.LastGood[taskSession]{Name: "taskSessions", Need: exporters.Required},
		repositories: exporters.LastGood[repository]{Name: "repositories", Need: exporters.Optional},
		computers:    exporters.LastGood[computer]{Name: "agents", Need: exporters.Optional, NoStale: true},
	}, nil
}

// Fetch reads the sessions before their tasks, so that a finished session
// without tasks really has none.
func (s *Source) Fetch(ctx context.Context) (exporters.Snapshot, error) {
	now := s.now()
	since := s.known.since(s.config, now)
	var out exporters.Snapshot
	sessions, endpoint, err := s.sessions.Refresh(ctx, s.client.sessions(since))
	if err != nil {
		return exporters.Snapshot{}, err
	}
	out.Endpoints = append(out.Endpoints, endpoint)
	tasks, endpoint, err := s.tasks.Refresh(ctx, s.client.tasks(since))
	if err != nil {
		return exporters.Snapshot{}, err
	}
	out.Endpoints = append(out.Endpoints, endpoint)
	repositories, endpoint, err := s.repositories.Refresh(ctx, s.client.repositories)
	if err != nil {
		return exporters.Snapshot{}, err
	}
	out.Endpoints = append(out.Endpoints, endpoint)
	computers, endpoint, err := s.computers.Refresh(ctx, s.client.computers)
	if err != nil {
		return exporters.Snapshot{}, err
	}
	out.Endpoints = append(out.Endpoints, endpoint)

	unknown := s.known.counter(&out)
	s.known.learn(sessions, tasks, unknown)
	s.known.forget(s.config, now)
	out.Jobs = s.known.build(s.config, unknown)
	out.Unmatched = s.known.twins(unknown)
	out.Repositories = stores(repositories, s.config.Customer)
	out.Agents = agents(computers, s.config.Customer, unknown)
	s.client.odd.Tell(&out)
	out.ClockSkew = s.client.http.ClockSkew()
	out.CertificateEnds = s.client.http.CertificateEnds()
	return out, nil
}

// Remember implements exporters.Rememberer.
func (s *Source) Remember(jobs []exporters.Job) { s.known.remember(jobs, s.now()) }

// Close ends the session on the server.
func (s *Source) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), logoutTime)
	defer cancel()
	return s.client.logout(ctx)
}
