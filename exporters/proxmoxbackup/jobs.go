package proxmoxbackup

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
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
		a, err := c.jobsOf(ctx, kind)
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

// jobsOf lists the jobs of a kind. Servers since 3.3 leave out the syncs that push to
// another server unless they are asked for; older ones refuse that question.
func (c *client) jobsOf(ctx context.Context, kind string) (a answer[serverJob], err error) {
	path := "/api2/json/admin/" + kind
	if kind == syncJob {
		err = c.http.GetJSON(ctx, jobsName, path, url.Values{"sync-direction": {"all"}}, nil, &a)
		var refused *exporters.SourceError
		if !errors.As(err, &refused) || refused.Status != http.StatusBadRequest {
			return a, err
		}
	}
	err = c.http.GetJSON(ctx, jobsName, path, nil, nil, &a)
	return a, err
}

// job tells one of the server's own jobs, as one of the machine that the server is.
// A verification that failed means that what it looked at is not proven good.
func (s *serverJob) job(c *Config) exporters.Job {
	j := exporters.Job{ID: s.kind + "/" + string(cmp.Or(s.ID, s.Store)), Machine: c.Machine, Class: exporters.Server, Role: c.BackupRole, Engine: Engine,
		Plan: s.name(), ObjectType: s.kind, Enabled: !s.Disable.On, NextRun: s.Next.Time}
	j.Customer, j.CustomerName = c.customer(string(s.Store), string(s.NS))
	start := s.start()
	since := cmp.Or(start, s.End.Time)
	switch {
	case s.Schedule == "":
		j.ExpectedInterval, j.NextRun = exporters.OnDemand, time.Time{}
	case !since.IsZero() && s.Next.After(since):
		j.ExpectedInterval = s.Next.Sub(since)
	default:
		j.ExpectedInterval = c.ExpectedInterval.Of(j.Class)
	}
	if s.End.IsZero() {
		j.Running, j.RunningSince = !start.IsZero() && s.State == "" && s.UPID != "", start
		return j
	}
	run := exporters.Run{ID: string(s.UPID), Start: start, End: s.End.Time}
	switch t := (task{Status: s.State}); {
	case strings.EqualFold(strings.TrimSpace(string(s.State)), "ok"):
		run.Result = exporters.Success
	case t.wentWrong():
		run.Result, run.Error = t.result(), t.words()
	default:
		run.Result, run.Error = exporters.Warning, string(s.State)
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
// Of gc the id and the duration are those of the last run that went well.
func (s *serverJob) start() time.Time {
	if t := (task{Status: s.State}); s.kind == garbageJob && t.wentWrong() {
		return time.Time{}
	}
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
