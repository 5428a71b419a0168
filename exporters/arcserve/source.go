// Package arcserve reads Arcserve UDP: the SQL Server database of a console,
// the history files of an agent, or, as an experiment, a console's web service.
package arcserve

import (
	"context"
	"time"

	"vigie/exporters"
)

// way is one way to read the product.
type way interface {
	fetch(ctx context.Context, now time.Time) (exporters.Snapshot, error)
	close() error
}

// Source is one console or agent. It implements exporters.Source.
type Source struct {
	way way
	now func() time.Time
}

// New builds a Source from a validated Config.
func New(c *Config, o exporters.SourceOptions) (*Source, error) {
	if o.Sleep == nil {
		o.Sleep = exporters.Sleep
	}
	s := &Source{now: o.Now}
	switch {
	case c.Agent != nil:
		s.way = newHistory(c)
	case c.SOAP != nil:
		service, err := newService(c, o)
		if err != nil {
			return nil, err
		}
		s.way = service
	default:
		db, err := openSQLServer(c.Console, o.UserAgent)
		if err != nil {
			return nil, err
		}
		s.way = newConsole(c, db, sqlServerProblem, o)
	}
	return s, nil
}

// Fetch reads the product.
func (s *Source) Fetch(ctx context.Context) (exporters.Snapshot, error) {
	return s.way.fetch(ctx, s.now())
}

// Remember implements exporters.Rememberer: the web service has no list of
// machines beside its history.
func (s *Source) Remember(jobs []exporters.Job) {
	if service, ok := s.way.(*service); ok {
		service.remember(jobs, s.now())
	}
}

// Close drops connections.
func (s *Source) Close() error { return s.way.close() }
