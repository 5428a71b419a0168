// Package windowsbackup reads Windows Server Backup on the machine it runs
// on: its event log, and its own summary. The parsers run everywhere; the
// programs that are run exist on Windows only.
package windowsbackup

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"vigie/exporters"
	"vigie/exporters/winevent"
)

// host is what is asked of the machine.
type host struct {
	events   winevent.Reader
	summary  func(context.Context) ([]byte, error) // the JSON of the script
	versions func(context.Context) ([]byte, error) // the text of wbadmin
}

// Source is one machine. It implements exporters.Source.
type Source struct {
	config *Config
	host   host
	now    func() time.Time

	channel     exporters.LastGood[winevent.Event]
	application exporters.LastGood[winevent.Event]
	summary     exporters.LastGood[Summary]
	versions    exporters.LastGood[time.Time]
	odd         map[string]bool // unknown words that were counted
}

// New builds a Source from a validated Config. Away from Windows it needs a
// folder of collected logs.
func New(c *Config, o exporters.SourceOptions) (*Source, error) {
	if c.Collected != nil {
		return newSource(c, collected(c.Collected, o.Now), o), nil
	}
	h, err := newHost(c)
	if err != nil {
		return nil, err
	}
	return newSource(c, h, o), nil
}

// collected is a machine that lies in a folder. What it did not export is not known.
func collected(folder *winevent.Collected, now func() time.Time) host {
	read := func(endpoint, name string) func(context.Context) ([]byte, error) {
		return func(context.Context) ([]byte, error) { return folder.Read(endpoint, name, now()) }
	}
	return host{events: folder.Reader(now), summary: read("summary", "summary.json"), versions: read("versions", "versions.txt")}
}

func newSource(c *Config, h host, o exporters.SourceOptions) *Source {
	return &Source{
		config: c, host: h, now: o.Now, odd: map[string]bool{},
		// A machine whose log cannot be read is not known to be well.
		channel:     exporters.LastGood[winevent.Event]{Name: "events", Need: exporters.Required},
		application: exporters.LastGood[winevent.Event]{Name: "application_events", Need: exporters.Optional, NoStale: true},
		summary:     exporters.LastGood[Summary]{Name: "summary", Need: exporters.Optional, NoStale: true},
		versions:    exporters.LastGood[time.Time]{Name: "versions", Need: exporters.Optional, NoStale: true},
	}
}

// Fetch reads the summary before the events, so that the events of a run that
// ends meanwhile are seen.
func (s *Source) Fetch(ctx context.Context) (exporters.Snapshot, error) {
	now := s.now()
	var out exporters.Snapshot
	note := func(e exporters.Endpoint) { out.Endpoints = append(out.Endpoints, e) }

	summaries, endpoint, err := s.summary.Refresh(ctx, s.readSummary)
	if err != nil {
		return exporters.Snapshot{}, err
	}
	note(endpoint)
	var versions []time.Time
	if len(summaries) == 0 {
		versions, endpoint, err = s.versions.Refresh(ctx, s.readVersions)
		if err != nil {
			return exporters.Snapshot{}, err
		}
		note(endpoint)
	}
	since := now.Add(-time.Duration(s.config.Lookback))
	events, endpoint, err := s.channel.Refresh(ctx, s.read(winevent.Query{Channel: Channel, IDs: channelIDs(), Since: since}))
	if err != nil {
		return exporters.Snapshot{}, err
	}
	note(endpoint)
	others, endpoint, err := s.application.Refresh(ctx, s.read(winevent.Query{Channel: "Application", Provider: Provider, IDs: applicationIDs(), Since: since}))
	if err != nil {
		return exporters.Snapshot{}, err
	}
	note(endpoint)

	for _, e := range slices.Concat(events, others) {
		if e.Unread != "" {
			s.count("event", e.Unread, &out)
		}
	}
	out.Jobs = s.jobs(slices.Concat(events, others), now)
	for i := range summaries {
		s.enrich(out.Jobs, &summaries[i], &out)
	}
	for _, v := range versions {
		succeeded(out.Jobs, v)
	}
	return out, nil
}

func (s *Source) read(q winevent.Query) func(context.Context) ([]winevent.Event, error) {
	return func(ctx context.Context) ([]winevent.Event, error) { return s.host.events(ctx, q) }
}

func (s *Source) readSummary(ctx context.Context) ([]Summary, error) {
	data, err := s.host.summary(ctx)
	if err != nil {
		return nil, err
	}
	summary, err := ParseSummary(data)
	if err != nil {
		return nil, &exporters.SourceError{Endpoint: "summary", Reason: exporters.ReasonMalformed, Err: err}
	}
	return []Summary{summary}, nil
}

func (s *Source) readVersions(ctx context.Context) ([]time.Time, error) {
	data, err := s.host.versions(ctx)
	if err != nil {
		return nil, err
	}
	versions, err := ParseVersions(data)
	if err != nil {
		return nil, &exporters.SourceError{Endpoint: "versions", Reason: exporters.ReasonMalformed, Err: err}
	}
	return versions, nil
}

// jobs are the machine, and beside it what else it backs up by turns.
func (s *Source) jobs(events []winevent.Event, now time.Time) []exporters.Job {
	c := s.config
	all := episodes(events)
	var out []exporters.Job
	for i, p := range plans(all, c.ExpectedInterval.Of(c.MachineClass)) {
		j := exporters.Job{
			Customer: c.Customer, CustomerName: c.CustomerName, ID: strings.ToLower(c.Machine), Machine: c.Machine,
			Class: c.MachineClass, Role: c.BackupRole, Engine: Engine, Plan: "Windows Server Backup", ObjectType: "host",
			Enabled: true, ExpectedInterval: c.ExpectedInterval.Of(c.MachineClass),
		}
		if i > 0 {
			// What starts it, the task scheduler or a person, is not asked: its hours tell.
			j.ID, j.Plan, j.ExpectedInterval = j.ID+"/"+exporters.Slug(p.name()), j.Plan+", "+p.name(), cmp.Or(p.rhythm(), exporters.OnDemand)
		}
		for _, ep := range p.runs {
			j.Runs = append(j.Runs, ep.run())
		}
		out = append(out, j)
	}
	out[0].RunningSince = runningSince(all, now)
	out[0].Running = !out[0].RunningSince.IsZero()
	return out
}

// succeeded takes Windows' word for a success, which does not say of what: where there are
// several jobs it is that of the run that went on at the instant.
func succeeded(jobs []exporters.Job, at time.Time) {
	for i := range jobs {
		j := &jobs[i]
		if len(jobs) == 1 || slices.ContainsFunc(j.Runs, func(r exporters.Run) bool {
			return !r.Result.Failing() && r.WentOn(at, time.Minute)
		}) {
			j.LastSuccess = exporters.Later(j.LastSuccess, at)
		}
	}
}

// count counts a value that is not known, once.
func (s *Source) count(field, value string, out *exporters.Snapshot) {
	if key := field + "=" + value; !s.odd[key] && len(s.odd) < 1000 {
		s.odd[key] = true
		out.CountUnknown(field)
	}
}

// enrich adds what the summary tells. Its last backup counts as a run only if
// the log has no end of a run since then, as after the log was cleared.
func (s *Source) enrich(jobs []exporters.Job, sum *Summary, out *exporters.Snapshot) {
	succeeded(jobs, sum.LastSuccessfulBackupTime.In(time.Local))
	first := &jobs[0]
	first.NextRun = sum.NextBackupTime.Coming(time.Local, s.now())
	if d := sum.interval(); d > 0 {
		first.ExpectedInterval = d
	}
	running, known := sum.running()
	if !known {
		s.count("operation_status", sum.CurrentOperationStatus.Lower(), out)
	} else if first.Running = running; !running {
		first.RunningSince = time.Time{}
	}
	last := sum.LastBackupTime.In(time.Local)
	if last.IsZero() {
		return
	}
	result, text := sum.result()
	logged := false
	for i := range jobs {
		runs := jobs[i].Runs
		if n := len(runs) - 1; n >= 0 && runs[n].End.After(last.Add(-time.Minute)) {
			// The text for people is in the summary alone.
			if run := &runs[n]; run.Result.Failing() && result == exporters.Failed && (n == 0 || !runs[n-1].End.After(last.Add(-time.Minute))) {
				run.Error = strings.Trim(text+"; "+run.Error, "; ")
			}
			logged = true
		}
	}
	if logged || running || !known {
		return // a run that goes on may be the one that it means
	}
	for i := range jobs {
		// A failure of nobody knows what is one of each job, a success of none.
		if len(jobs) == 1 || result.Failing() {
			jobs[i].Runs = append(jobs[i].Runs, exporters.Run{ID: "summary/" + last.UTC().Format(time.RFC3339), End: last, Result: result, Error: text, Coarse: true})
		}
	}
}
