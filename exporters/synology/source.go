// Package synology reads the backups of a Synology NAS through DSM's web
// interface: those that Hyper Backup makes of the NAS, and those that Active
// Backup for Business makes of other machines.
package synology

import (
	"cmp"
	"context"
	"time"

	"vigie/exporters"
)

// The endpoints of the source, and the kinds of its jobs.
const (
	hyperName    = "hyperBackup"
	statusName   = "hyperBackupStatus"
	targetName   = "hyperBackupTarget"
	activeName   = "activeBackup"
	devicesName  = "activeBackupDevices"
	objectHyper  = "hyper_backup"
	objectActive = "active_backup"
)

// logoutTime bounds the goodbye.
const logoutTime = 5 * time.Second

// Source is one NAS. It implements exporters.Source.
type Source struct {
	config *Config
	client *client
	now    func() time.Time
	facts  *facts

	hyper   exporters.LastGood[hyperTask]
	targets exporters.LastGood[target]
	active  exporters.LastGood[activeTask]
	devices exporters.LastGood[deviceRuns]
}

// New builds a Source from a validated Config.
func New(c *Config, o exporters.SourceOptions) (*Source, error) {
	cl, err := newClient(c, o)
	if err != nil {
		return nil, err
	}
	return &Source{config: c, client: cl, now: o.Now, facts: newFacts(),
		hyper:   exporters.LastGood[hyperTask]{Name: hyperName, Need: exporters.Required},
		targets: exporters.LastGood[target]{Name: targetName, Need: exporters.Optional, NoStale: true},
		active:  exporters.LastGood[activeTask]{Name: activeName, Need: exporters.Required},
		devices: exporters.LastGood[deviceRuns]{Name: devicesName, Need: exporters.Optional},
	}, nil
}

// Remember implements exporters.Rememberer.
func (s *Source) Remember(jobs []exporters.Job) { s.facts.remember(jobs) }

// Fetch reads both packages, as far as they are configured.
func (s *Source) Fetch(ctx context.Context) (exporters.Snapshot, error) {
	var out exporters.Snapshot
	s.client.some = false
	if err := s.client.discover(ctx); err != nil {
		return exporters.Snapshot{}, err
	}
	var hyper []hyperTask
	var active []activeTask
	if s.config.HyperBackup != nil {
		if err := s.readHyper(ctx, &hyper, &out); err != nil {
			return exporters.Snapshot{}, err
		}
	}
	if s.config.ActiveBackup != nil {
		tasks, endpoint, err := s.active.Refresh(ctx, s.client.activeTasks)
		if err != nil {
			return exporters.Snapshot{}, err
		}
		active, out.Endpoints = tasks, append(out.Endpoints, endpoint)
		if err := s.readDeviceRuns(ctx, tasks, &out); err != nil {
			return exporters.Snapshot{}, err
		}
	}
	now, unknown := s.now(), s.facts.counter(&out)
	if s.config.HyperBackup != nil {
		out.Jobs = s.facts.hyperJobs(s.config, hyper, now, unknown)
	}
	if s.config.ActiveBackup != nil {
		out.Jobs = append(out.Jobs, s.facts.activeJobs(s.config, active, now, unknown)...)
		out.Agents = agents(s.config, active, unknown)
		out.Unmatched = s.facts.openRuns(active)
	}
	out.ClockSkew = s.client.http.ClockSkew()
	s.facts.settle(now.Add(*cmp.Or(out.ClockSkew, new(time.Duration))))
	s.client.odd.Tell(&out)
	out.Incremental = s.client.some // what is not among the jobs may be there
	out.CertificateEnds = s.client.http.CertificateEnds()
	return out, nil
}

func (s *Source) readHyper(ctx context.Context, tasks *[]hyperTask, out *exporters.Snapshot) error {
	var refused error
	items, endpoint, err := s.hyper.Refresh(ctx, func(ctx context.Context) (items []hyperTask, err error) {
		items, refused, err = s.client.hyperTasks(ctx)
		return items, err
	})
	if err != nil {
		return err
	}
	*tasks = items
	out.Endpoints = append(out.Endpoints, endpoint, exporters.Endpoint{Name: statusName, Items: len(items), Err: refused})
	if !s.config.HyperBackup.Targets {
		return nil
	}
	targets, endpoint, err := s.targets.Refresh(ctx, s.client.targets(items))
	if err != nil {
		return err
	}
	out.Endpoints = append(out.Endpoints, endpoint)
	out.Repositories = repositories(targets, s.config.Customer)
	return nil
}

// Close ends the session on the NAS.
func (s *Source) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), logoutTime)
	defer cancel()
	return s.client.logout(ctx)
}
