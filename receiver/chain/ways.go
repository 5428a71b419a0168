package chain

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/receiver/alertmanager"
	"vigie/receiver/evidence"
	"vigie/receiver/loop"
	"vigie/receiver/notify"
	"vigie/receiver/store"
)

// Relays are the ways out that are configured, and what became of the newest
// messages by each.
func Relays(ways map[string]store.Way, mail notify.Channel, others map[string]notify.Channel) []Relay {
	out := []Relay{}
	for _, name := range append([]string{""}, slices.Sorted(maps.Keys(others))...) {
		w := ways[name]
		r := Relay{Channel: cmp.Or(name, "mail"), Accepted: w.Accepted, Waiting: w.Waiting, Detail: w.Detail}
		c := others[name]
		if name == "" {
			c = mail
		}
		if to, ok := c.(interface{ Relays() []string }); ok {
			r.Servers = to.Relays()
		}
		out = append(out, r)
	}
	return out
}

// Loops are the engine's own, by name.
func Loops(turns *loop.Turns) []Loop {
	out := []Loop{}
	turns.Each(func(name string, at time.Time) { out = append(out, Loop{Name: name, Last: at}) })
	slices.SortFunc(out, func(a, b Loop) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Links are what is known of everything that is configured to be asked or told.
func (s *Seen) Links(prometheus bool, alertmanagers []*alertmanager.Client, exporters []evidence.Exporter, heartbeat bool) []Link {
	out := []Link{}
	if prometheus {
		out = append(out, s.Link("prometheus", "prometheus"))
	}
	for _, am := range alertmanagers {
		out = append(out, s.Link("alertmanager", am.Name()))
	}
	for _, x := range exporters {
		out = append(out, s.Link("exporter", x.URL.Host))
	}
	if heartbeat {
		out = append(out, s.Link("heartbeat", "heartbeat"))
	}
	return out
}
