package resticrepo

import (
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/exporters"
)

// turns finds the sets of paths that a machine saves beside its first one, by their
// job_ids, with the time between two runs.
func (k *knowledge) turns(c *Config, all []group, now time.Time) map[string]time.Duration {
	expected := c.ExpectedInterval.Of(c.MachineClass)
	hosts := map[string]map[string]*exporters.Turn{}
	for i := range all {
		host := strings.ToLower(all[i].Key.Host)
		id, _ := c.name(all[i].Key)
		if hosts[host] == nil {
			hosts[host] = map[string]*exporters.Turn{}
		}
		if hosts[host][id] == nil {
			hosts[host][id] = &exporters.Turn{Name: id, Known: k.jobs[id] != nil}
		}
		set := hosts[host][id]
		for _, s := range all[i].Snapshots.Items {
			if !s.Time.IsZero() && !s.Time.After(now) {
				set.Times = append(set.Times, s.Time.Time)
			}
		}
	}
	own := map[string]time.Duration{}
	for _, sets := range hosts {
		for _, set := range exporters.ByTurns(slices.Collect(maps.Values(sets)), expected, now, time.Duration(c.ForgetAfter)) {
			own[set.Name] = set.Rhythm(expected, time.Duration(c.ForgetAfter))
		}
		for id := range sets {
			if _, apart := own[id]; !apart {
				delete(k.jobs, id) // it stands for the machine now
			}
		}
	}
	return own
}
