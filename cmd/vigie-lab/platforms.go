package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"vigie/rules/inventory"
)

// Trouble is what can be wrong with a hosted platform.
type Trouble string

// The troubles, as blackbox_exporter and deploy/moodle/moodle-metrics see them.
const (
	HostDown   Trouble = "host-down"
	LoginDown  Trouble = "login-down"
	CronLate   Trouble = "cron-late"
	TasksFail  Trouble = "tasks-fail"
	QueueLong  Trouble = "queue-long"
	EndingSoon Trouble = "certificate-ends"
	Mended     Trouble = "repair"
)

// troubles are those of a platform, the worst first.
func troubles() []Trouble {
	return []Trouble{HostDown, LoginDown, CronLate, TasksFail, QueueLong, EndingSoon}
}

// Words say a trouble on its button.
func (t Trouble) Words() string { return strings.ReplaceAll(string(t), "-", " ") }

// Platform is one hosted platform with what is wrong there, and since when.
type Platform struct {
	ID, Name, Customer, Site string
	Troubles                 map[Trouble]time.Time
}

// Has tells whether something is wrong; anything at all for the empty trouble.
func (p Platform) Has(t Trouble) bool {
	if t == "" {
		return len(p.Troubles) > 0
	}
	return !p.Troubles[t].IsZero()
}

// Platforms are the simulated ones. What happened to them survives a restart.
type Platforms struct {
	file string
	now  func() time.Time

	mu  sync.Mutex
	all []Platform
}

// NewPlatforms makes those of the inventory, as they were left.
func NewPlatforms(file string, dir *inventory.Directory, now func() time.Time) (*Platforms, error) {
	past := map[string]map[Trouble]time.Time{}
	if b, err := os.ReadFile(file); err == nil {
		if err := json.Unmarshal(b, &past); err != nil {
			return nil, fmt.Errorf("%s: %w; delete it to begin with platforms that are all well", file, err)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	p := &Platforms{file: file, now: now}
	for id, one := range dir.Platforms {
		had := past[id]
		if had == nil {
			had = map[Trouble]time.Time{}
		}
		p.all = append(p.all, Platform{ID: id, Name: one.Name, Customer: one.Customer, Site: one.Host, Troubles: had})
	}
	slices.SortFunc(p.all, func(a, b Platform) int { return strings.Compare(a.ID, b.ID) })
	return p, nil
}

// Happen begins a trouble, or ends all of a platform's.
func (p *Platforms) Happen(id string, t Trouble) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.all, func(one Platform) bool { return one.ID == id })
	switch {
	case i < 0:
		return fmt.Errorf("no platform %q is in the inventory", id)
	case t == Mended:
		clear(p.all[i].Troubles)
	case !slices.Contains(troubles(), t):
		return fmt.Errorf("%s is not something that happens to platforms", t)
	case !p.all[i].Has(t):
		p.all[i].Troubles[t] = p.now()
	}
	out := map[string]map[Trouble]time.Time{}
	for _, one := range p.all {
		out[one.ID] = one.Troubles
	}
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(p.file, b)
}

// All are copies of what is there now.
func (p *Platforms) All() []Platform {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := slices.Clone(p.all)
	for i, one := range out {
		out[i].Troubles = map[Trouble]time.Time{}
		maps.Copy(out[i].Troubles, one.Troubles)
	}
	return out
}

// ServeHTTP is what Prometheus scrapes: the metrics that docs/platforms.md names, of
// blackbox_exporter and of node_exporter with moodle-metrics.
func (p *Platforms) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	now := p.now()
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	for _, one := range p.All() {
		at := fmt.Sprintf("platform=%q,site=%q", one.ID, one.Site)
		probe := func(name string, down bool) {
			up := 1
			if down {
				up = 0
			}
			fmt.Fprintf(w, "probe_success{%s,probe=%q,target=%q} %d\n", at, name, name+"."+one.ID+".example", up)
			fmt.Fprintf(w, "probe_duration_seconds{%s,probe=%q,target=%q} 0.4\n", at, name, name+"."+one.ID+".example")
		}
		probe("host", one.Has(HostDown))
		probe("login", one.Has(HostDown) || one.Has(LoginDown))
		probe("course", one.Has(HostDown) || one.Has(LoginDown))
		if one.Has(HostDown) {
			continue // nothing there answers
		}
		// What the rules only call late after a while has been so for that long already.
		ends, cron, failed, oldest := now.AddDate(0, 6, 0), now, 0, int64(0)
		if one.Has(EndingSoon) {
			ends = one.Troubles[EndingSoon].AddDate(0, 0, 6)
		}
		if since := one.Troubles[CronLate]; !since.IsZero() {
			cron = since.Add(-20 * time.Minute)
		}
		if one.Has(TasksFail) {
			failed = 3
		}
		if since := one.Troubles[QueueLong]; !since.IsZero() {
			oldest = since.Add(-time.Hour).Unix()
		}
		fmt.Fprintf(w, "probe_ssl_earliest_cert_expiry{%s,probe=\"login\"} %d\n", at, ends.Unix())
		fmt.Fprintf(w, "moodle_cron_last_run_timestamp_seconds{%s} %d\n", at, cron.Unix())
		fmt.Fprintf(w, "moodle_failed_tasks{%s} %d\n", at, failed)
		fmt.Fprintf(w, "moodle_adhoc_oldest_task_timestamp_seconds{%s} %d\n", at, oldest)
	}
}
