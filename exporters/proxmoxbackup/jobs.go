package proxmoxbackup

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/exporters"
)

// The jobs that the server itself runs on its datastores.
const (
	verifyJob  = "verify"
	syncJob    = "sync"
	pruneJob   = "prune"
	garbageJob = "gc"
)

// serverJob is one of them with its schedule and its last run, as the lists of
// /admin/verify, sync, prune and gc tell it.
type serverJob struct {
	kind string

	ID       exporters.Text    `json:"id"` // not of gc: there is one for each datastore
	Store    exporters.Text    `json:"store"`
	NS       exporters.Text    `json:"ns"`
	Schedule exporters.Text    `json:"schedule"`
	Disable  exporters.Flag    `json:"disable"` // of prune
	Next     exporters.Instant `json:"next-run"`
	End      exporters.Instant `json:"last-run-endtime"` // absent while it runs
	State    exporters.Text    `json:"last-run-state"`   // as a task's status
	UPID     exporters.Text    `json:"last-run-upid"`
	GCUPID   exporters.Text    `json:"upid"` // gc calls it that
	Duration exporters.Number  `json:"duration"`
}

// serverJobs lists them. Servers that are too old for a kind have none of it.
func (c *client) serverJobs(ctx context.Context) ([]serverJob, error) {
	var out []serverJob
	for _, kind := range []string{verifyJob, syncJob, pruneJob, garbageJob} {
		var a answer[serverJob]
		err := c.http.GetJSON(ctx, jobsName, "/api2/json/admin/"+kind, nil, nil, &a)
		if exporters.ReasonOf(err) == exporters.ReasonNotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		c.odd.Note(jobsName+"."+kind, a.Odd...)
		for _, j := range a.Items {
			if j.Store == "" || j.ID == "" && kind != garbageJob {
				c.odd.Note(jobsName+"."+kind, "id")
				continue
			}
			j.kind = kind
			out = append(out, j)
		}
	}
	return out, nil
}

// job tells one of the server's own jobs, as one of the machine that the server is.
// A verification that failed means that what it looked at is not proven good.
func (s *serverJob) job(c *Config) exporters.Job {
	j := exporters.Job{ID: s.kind + "/" + string(cmp.Or(s.ID, s.Store)), Machine: c.Machine, Class: exporters.Server, Role: c.BackupRole, Engine: Engine,
		Plan: s.name(), ObjectType: s.kind, Enabled: !s.Disable.On, NextRun: s.Next.Time}
	j.Customer, j.CustomerName = c.customer(string(s.Store), string(s.NS))
	start := s.start()
	switch {
	case s.Schedule == "":
		j.ExpectedInterval, j.NextRun = exporters.OnDemand, time.Time{}
	case !start.IsZero() && s.Next.After(start):
		j.ExpectedInterval = s.Next.Sub(start)
	default:
		j.ExpectedInterval = c.ExpectedInterval.Of(j.Class)
	}
	if s.End.IsZero() {
		j.Running, j.RunningSince = !start.IsZero() && s.State == "" && s.UPID != "", start
		return j
	}
	t := task{Status: s.State}
	run := exporters.Run{ID: string(cmp.Or(s.UPID, s.GCUPID)), Start: start, End: s.End.Time}
	switch word := strings.ToLower(strings.TrimSpace(string(s.State))); {
	case word == "ok":
		run.Result = exporters.Success
	case strings.HasPrefix(word, "warnings"):
		run.Result, run.Error = exporters.Warning, string(s.State)
	default:
		run.Result, run.Error = t.result(), t.words()
	}
	j.Runs = []exporters.Run{run}
	return j
}

// name is what people call it: jobs have ids and no names.
func (s *serverJob) name() string {
	what := map[string]string{garbageJob: "garbage collection"}[s.kind]
	name := cmp.Or(what, s.kind) + " " + string(s.Store)
	if s.NS != "" {
		name += "/" + string(s.NS)
	}
	if s.ID != "" {
		name += " (" + string(s.ID) + ")"
	}
	return name
}

// start is when the last run began: its id says it, UPID:node:pid:pstart:task:start:….
func (s *serverJob) start() time.Time {
	if parts := strings.Split(string(cmp.Or(s.UPID, s.GCUPID)), ":"); len(parts) > 5 && parts[0] == "UPID" {
		if sec, err := strconv.ParseInt(parts[5], 16, 64); err == nil && sec > 0 {
			return time.Unix(sec, 0)
		}
	}
	if !s.End.IsZero() && s.Duration.Told {
		return s.End.Add(-time.Duration(s.Duration.Int()) * time.Second)
	}
	return time.Time{}
}

// own tells whether it is a job that somebody relies on: each datastore is in the
// list of gc, scheduled or not.
func (s *serverJob) own() bool {
	return s.kind != garbageJob || s.Schedule != "" || !s.End.IsZero()
}

// addServerJobs reads the server's own jobs into out. While they cannot be read
// at all nothing is gone.
func (s *Source) addServerJobs(ctx context.Context, out *exporters.Snapshot) error {
	if !*s.config.Jobs {
		return nil
	}
	jobs, endpoint, err := s.jobs.Refresh(ctx, s.client.serverJobs)
	if err != nil {
		return err
	}
	out.Endpoints = append(out.Endpoints, endpoint)
	out.Incremental = out.Incremental || endpoint.Err != nil && len(jobs) == 0
	seen := map[string]bool{}
	for i := range jobs {
		j := jobs[i].job(s.config)
		if listed := len(s.config.Datastores) == 0 || slices.Contains(s.config.Datastores, string(jobs[i].Store)); !listed || !jobs[i].own() || seen[j.ID] || s.config.ignored(j.ID) {
			continue
		}
		seen[j.ID] = true
		out.Jobs = append(out.Jobs, j)
	}
	return nil
}
