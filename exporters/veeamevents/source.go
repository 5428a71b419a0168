// Package veeamevents reads the results of Veeam from the Windows event logs
// of the machine it runs on: those of a backup server without an interface,
// such as the Community Edition, and those of Veeam Agent.
package veeamevents

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"vigie/exporters"
	"vigie/exporters/winevent"
)

// overlap is read again at each refresh.
const overlap = time.Hour

// Source is one machine. It implements exporters.Source.
type Source struct {
	config *Config
	events winevent.Reader
	now    func() time.Time
	state  *state
	last   map[string]time.Time // the latest event read, by log
	logs   map[string]*exporters.LastGood[winevent.Event]
}

// New builds a Source from a validated Config. Away from Windows it needs a
// folder of collected logs.
func New(c *Config, o exporters.SourceOptions) (*Source, error) {
	if c.Collected != nil {
		return newSource(c, c.Collected.Reader(o.Now), o), nil
	}
	events, err := winevent.NewReader(time.Duration(c.CommandTimeout))
	if err != nil {
		return nil, err
	}
	return newSource(c, events, o), nil
}

func newSource(c *Config, events winevent.Reader, o exporters.SourceOptions) *Source {
	s := &Source{config: c, events: events, now: o.Now, state: newState(), last: map[string]time.Time{}, logs: map[string]*exporters.LastGood[winevent.Event]{}}
	for _, l := range c.Logs {
		s.logs[l] = &exporters.LastGood[winevent.Event]{Name: l, Need: exporters.Required}
	}
	return s
}

// Remember implements exporters.Rememberer.
func (s *Source) Remember(jobs []exporters.Job) { s.state.remember(jobs, s.now()) }

// Fetch reads what is new in every log.
func (s *Source) Fetch(ctx context.Context) (exporters.Snapshot, error) {
	now := s.now()
	var out exporters.Snapshot
	read := map[string][]winevent.Event{}
	for _, l := range s.config.Logs {
		events, endpoint, err := s.logs[l].Refresh(ctx, func(ctx context.Context) ([]winevent.Event, error) {
			return s.events(ctx, s.query(l, now))
		})
		if err != nil {
			return exporters.Snapshot{}, err
		}
		out.Endpoints = append(out.Endpoints, endpoint)
		// A job's deletion and its events are told apart by their order.
		read[l] = slices.SortedStableFunc(slices.Values(events), func(a, b winevent.Event) int { return a.Time.Compare(b.Time) })
	}
	unknown := s.state.counter(&out)
	for _, l := range s.config.Logs {
		if err := s.learn(l, read[l], unknown); err != nil {
			return exporters.Snapshot{}, err
		}
		for i := range read[l] {
			if t := read[l][i].Time; t.After(s.last[l]) && !t.After(now) {
				s.last[l] = t
			}
		}
	}
	s.state.forget(s.config, now)
	out.Jobs = build(s.state, s.config, now, unknown)
	out.Unmatched = s.state.twins()
	return out, nil
}

func (s *Source) query(log string, now time.Time) winevent.Query {
	q := winevent.Query{Channel: backupChannel, IDs: backupIDs(), Since: now.Add(-time.Duration(s.config.Lookback))}
	if log == "agent" {
		// The name of the job stands in the text only.
		q.Channel, q.IDs, q.Messages = agentChannel, agentIDs(), true
	}
	if last, ok := s.last[log]; ok {
		q.Since = last.Add(-overlap)
	}
	return q
}

// learn fails if there are results and none can be read: silence would look
// as if no job had run.
func (s *Source) learn(log string, events []winevent.Event, unknown counter) error {
	results, understood := 0, 0
	for i := range events {
		e := &events[i]
		if e.Unread != "" {
			unknown("event", e.Unread)
			continue
		}
		if log == "agent" {
			s.state.learnAgent(e, s.config.Machine, unknown)
			continue
		}
		if !strings.EqualFold(e.Provider, backupProvider) {
			unknown("event_provider", e.Provider)
			continue
		}
		ok := s.state.learnBackup(e, unknown)
		if e.ID == jobFinished || e.ID == agentFinished {
			results++
			if ok {
				understood++
			}
		}
	}
	if results > 0 && understood == 0 {
		return &exporters.SourceError{Endpoint: log, Reason: exporters.ReasonMalformed,
			Err: errors.New("the events that end a job do not hold the data they are documented to hold")}
	}
	return nil
}
