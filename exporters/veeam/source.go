// Package veeam reads Veeam Backup & Replication through its REST interface.
package veeam

import (
	"context"
	"strings"
	"time"

	"vigie/exporters"
)

const (
	// overlap is read again at each refresh, since sessions may be stored late.
	overlap = 10 * time.Minute
	// logoutTime bounds the goodbye.
	logoutTime = 5 * time.Second
)

// Source is one server. It implements exporters.Source.
type Source struct {
	config *Config
	client *client
	now    func() time.Time

	jobs         exporters.LastGood[jobState]
	sessions     exporters.LastGood[session]
	tasks        exporters.LastGood[taskSession]
	backups      exporters.LastGood[backup]
	points       exporters.LastGood[restorePoint]
	repositories exporters.LastGood[repositoryState]
	license      exporters.LastGood[license]

	sessionsSince, tasksSince, pointsSince time.Time
	known                                  knowledge
}

// New builds a Source from a validated Config.
func New(c *Config, o exporters.SourceOptions) (*Source, error) {
	cl, err := newClient(c, o)
	if err != nil {
		return nil, err
	}
	return &Source{
		config: c, client: cl, now: o.Now,
		jobs: exporters.LastGood[jobState]{Name: "jobs", Need: exporters.Required},
		// Without sessions there is no last success: their failure fails the
		// refresh.
		sessions:     exporters.LastGood[session]{Name: "sessions", Need: exporters.Required},
		tasks:        exporters.LastGood[taskSession]{Name: "taskSessions", Need: exporters.Optional, NoStale: true},
		backups:      exporters.LastGood[backup]{Name: "backups", Need: exporters.Optional},
		points:       exporters.LastGood[restorePoint]{Name: "restorePoints", Need: exporters.Optional, NoStale: true},
		repositories: exporters.LastGood[repositoryState]{Name: "repositories", Need: exporters.Optional},
		license:      exporters.LastGood[license]{Name: "license", Need: exporters.Optional},
		known:        newKnowledge(),
	}, nil
}

// Fetch reads every endpoint. Sessions are read before their tasks, so that a
// finished session without tasks really has none.
func (s *Source) Fetch(ctx context.Context) (exporters.Snapshot, error) {
	now := s.now()
	if err := s.client.negotiate(ctx); err != nil {
		return exporters.Snapshot{}, err
	}
	var l listing
	steps := []func() (exporters.Endpoint, error){
		refresh(ctx, &s.jobs, s.client.jobStates, &l.jobs),
		refresh(ctx, &s.sessions, s.client.sessions(s.since(s.sessionsSince, now)), &l.sessions),
	}
	if s.tellsTasks() {
		steps = append(steps, refresh(ctx, &s.tasks, s.client.taskSessions(s.since(s.tasksSince, now)), &l.tasks),
			refresh(ctx, &s.backups, s.client.backups, &l.backups),
			refresh(ctx, &s.points, s.client.restorePoints(s.since(s.pointsSince, now)), &l.points))
	}
	steps = append(steps,
		refresh(ctx, &s.repositories, s.client.repositories, &l.repositories),
		refresh(ctx, &s.license, s.client.license, &l.licenses),
	)
	var endpoints []exporters.Endpoint
	for _, step := range steps {
		endpoint, err := step()
		if err != nil {
			return exporters.Snapshot{}, err
		}
		l.tasksRead = l.tasksRead || endpoint.Name == "taskSessions" && endpoint.Err == nil
		endpoints = append(endpoints, endpoint)
	}
	for i := range l.sessions {
		s.sessionsSince = latest(s.sessionsSince, l.sessions[i].EndTime.Time, now)
	}
	for i := range l.tasks {
		s.tasksSince = latest(s.tasksSince, l.tasks[i].EndTime.In(s.config.location), now)
	}
	for i := range l.points {
		s.pointsSince = latest(s.pointsSince, l.points[i].CreationTime.In(s.config.location), now)
	}
	l.begun = now.Add(-time.Hour) // by a server that tells no time
	if skew := s.client.http.ClockSkew(); skew != nil {
		l.begun = now.Add(*skew)
	}
	l.some = !s.client.jobsWhole
	snapshot := build(l, &s.known, s.config, now)
	s.client.odd.Tell(&snapshot)
	snapshot.Endpoints = endpoints
	snapshot.ClockSkew = s.client.http.ClockSkew()
	snapshot.CertificateEnds = s.client.http.CertificateEnds()
	return snapshot, nil
}

// Remember implements exporters.Rememberer.
func (s *Source) Remember(jobs []exporters.Job) { s.known.remember(jobs) }

// Close ends the session on the server.
func (s *Source) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), logoutTime)
	defer cancel()
	return s.client.logout(ctx)
}

func refresh[T any](ctx context.Context, p *exporters.LastGood[T], read func(context.Context) ([]T, error), into *[]T) func() (exporters.Endpoint, error) {
	return func() (exporters.Endpoint, error) {
		items, endpoint, err := p.Refresh(ctx, read)
		*into = items
		return endpoint, err
	}
}

// tellsTasks: revisions before 1.2 have neither results by object nor a list
// of restore points.
func (s *Source) tellsTasks() bool {
	return !strings.HasPrefix(s.client.header().Get("X-Api-Version"), "1.1-")
}

func (s *Source) since(last, now time.Time) time.Time {
	if last.IsZero() {
		return now.Add(-time.Duration(s.config.Lookback))
	}
	return last.Add(-overlap)
}

// latest moves to the latest end that was told, never to our own clock, which
// may run ahead of the server's.
func latest(since, end, now time.Time) time.Time {
	if end.After(since) && !end.After(now) {
		return end
	}
	return since
}
