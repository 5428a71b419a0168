// Package resticrepo reads the snapshots of a restic repository, from the
// repository's side: which machines have one, and of when.
package resticrepo

import (
	"context"
	"time"

	"vigie/exporters"
)

// snapshotsName is the only endpoint of the source.
const snapshotsName = "snapshots"

// Source is one repository. It implements exporters.Source.
type Source struct {
	config    *Config
	now       func() time.Time
	known     knowledge
	snapshots exporters.LastGood[group]
	odd       exporters.Oddities
}

// New builds a Source from a validated Config.
func New(c *Config, o exporters.SourceOptions) (*Source, error) {
	return &Source{config: c, now: o.Now, known: knowledge{jobs: map[string]*known{}},
		snapshots: exporters.LastGood[group]{Name: snapshotsName, Need: exporters.Required}}, nil
}

// Remember implements exporters.Rememberer.
func (s *Source) Remember(jobs []exporters.Job) { s.known.remember(jobs, s.now()) }

// Fetch asks restic for the newest snapshots, and for the newest tagged ones.
func (s *Source) Fetch(ctx context.Context) (exporters.Snapshot, error) {
	var tagged []group
	all, endpoint, err := s.snapshots.Refresh(ctx, func(ctx context.Context) ([]group, error) {
		all, err := s.config.snapshots(ctx, "", &s.odd)
		if err != nil || s.config.SuccessTag == "" {
			return all, err
		}
		tagged, err = s.config.snapshots(ctx, s.config.SuccessTag, &s.odd)
		return all, err
	})
	if err != nil {
		return exporters.Snapshot{}, err
	}
	out := exporters.Snapshot{Endpoints: []exporters.Endpoint{endpoint}, Jobs: s.known.build(s.config, all, tagged, s.now())}
	s.odd.Tell(&out)
	return out, nil
}
