// Package proxmoxbackup reads the groups of a Proxmox Backup Server: what each
// machine has in its datastores, and the tasks that failed.
package proxmoxbackup

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"vigie/exporters"
)

// The parts of the source.
const (
	datastoresName = "datastores"
	snapshotsName  = "snapshots"
	tasksName      = "tasks"
	logsName       = "task_logs"
	jobsName       = "jobs"
)

// Source is one server. It implements exporters.Source.
type Source struct {
	config *Config
	client *client
	now    func() time.Time
	known  *knowledge

	datastores exporters.LastGood[datastore]
	snapshots  exporters.LastGood[snapshot]
	tasks      exporters.LastGood[task]
	jobs       exporters.LastGood[serverJob]
}

// New builds a Source from a validated Config.
func New(c *Config, o exporters.SourceOptions) (*Source, error) {
	cl, err := newClient(c, o)
	if err != nil {
		return nil, err
	}
	return &Source{config: c, client: cl, now: o.Now, known: newKnowledge(),
		datastores: exporters.LastGood[datastore]{Name: datastoresName, Need: exporters.Required},
		snapshots:  exporters.LastGood[snapshot]{Name: snapshotsName, Need: exporters.Required},
		// What ran a while ago says nothing of now.
		tasks: exporters.LastGood[task]{Name: tasksName, Need: exporters.Optional, NoStale: true},
		jobs:  exporters.LastGood[serverJob]{Name: jobsName, Need: exporters.Optional},
	}, nil
}

// Remember implements exporters.Rememberer.
func (s *Source) Remember(jobs []exporters.Job) { s.known.remember(jobs, s.now()) }

// Fetch reads the tasks before the snapshots, so that a backup that ended well
// has its snapshot.
func (s *Source) Fetch(ctx context.Context) (exporters.Snapshot, error) {
	var out exporters.Snapshot
	var r reading
	stores, endpoint, err := s.datastores.Refresh(ctx, s.client.datastores)
	if err != nil {
		return exporters.Snapshot{}, err
	}
	r.stores, out.Endpoints = stores, append(out.Endpoints, endpoint)
	if *s.config.Tasks {
		tasks, endpoint, err := s.tasks.Refresh(ctx, s.client.tasks)
		if err != nil {
			return exporters.Snapshot{}, err
		}
		r.tasks, out.Endpoints = tasks, append(out.Endpoints, endpoint)
	}
	snapshots, endpoint, err := s.snapshots.Refresh(ctx, s.client.snapshots(stores))
	if err != nil {
		return exporters.Snapshot{}, err
	}
	if endpoint.Err = closed(stores); endpoint.Err == nil {
		endpoint.Err = s.client.notRead()
	}
	r.unread = s.client.unread
	r.snapshots, out.Endpoints = snapshots, append(out.Endpoints, endpoint)

	r.spaces = s.client.spaces
	if *s.config.Tasks && slices.Contains(slices.Collect(maps.Values(r.spaces)), true) {
		endpoint, err := s.known.locate(ctx, r, s.client.whereOf)
		if err != nil {
			return exporters.Snapshot{}, err
		}
		out.Endpoints = append(out.Endpoints, endpoint)
	}
	out.Jobs, out.Unmatched = s.known.build(s.config, r, s.now(), s.known.counter(&out))
	if err := s.addServerJobs(ctx, &out); err != nil {
		return exporters.Snapshot{}, err
	}
	out.Repositories = repositories(s.config, stores)
	s.client.odd.Tell(&out)
	out.ClockSkew = s.client.http.ClockSkew()
	out.CertificateEnds = s.client.http.CertificateEnds()
	return out, nil
}

// closed is the error of a datastore that the server itself cannot open: its
// groups stay as they were, the others are read.
func closed(stores []datastore) error {
	for i := range stores {
		if d := &stores[i]; d.offline() {
			return &exporters.SourceError{Endpoint: snapshotsName, Reason: exporters.ReasonServer, Err: fmt.Errorf("datastore %s: %s", d.Name, d.why())}
		}
	}
	return nil
}
