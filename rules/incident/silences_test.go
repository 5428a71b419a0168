package incident_test

import (
	"testing"
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
)

// An incident is in hand until the first of what fires in it is silenced no more, and in part
// only while something fires that no silence covers.
func TestSilencedUntil(t *testing.T) {
	at := func(hour int) time.Time { return time.Date(2026, 11, 3, hour, 0, 0, 0, time.UTC) }
	of := func(id, matcher string, ends int) incident.Silence {
		return incident.Silence{ID: id, Matchers: []string{matcher}, EndsAt: at(ends)}
	}
	fires := func(plans ...string) map[string]*incident.Alert {
		out := map[string]*incident.Alert{}
		for _, p := range plans {
			out[p] = &incident.Alert{Firing: true, Labels: model.Labels{"machine": "SRV-AD", "plan": p}}
		}
		return out
	}
	a, b, all := of("a", `plan="a"`, 12), of("b", `plan="b"`, 18), of("all", `machine="SRV-AD"`, 15)
	named := of("n", `machine="srv-ad.dupont.local"`, 14)
	for name, c := range map[string]struct {
		alerts   map[string]*incident.Alert
		silences []incident.Silence
		whole    bool
		want     int
		partly   bool
	}{
		"nothing":                      {fires("a"), nil, false, 0, false},
		"each by its own":              {fires("a", "b"), []incident.Silence{a, b}, true, 12, false},
		"the longer one counts":        {fires("a", "b"), []incident.Silence{a, b, all}, true, 15, false},
		"only one of two":              {fires("a", "b"), []incident.Silence{a}, false, 12, true},
		"what has ended needs none":    {fires("b"), []incident.Silence{a, b}, true, 18, false},
		"by Alertmanager's own labels": {fires("a"), []incident.Silence{named}, true, 14, false},
	} {
		i := incident.Incident{State: model.Open, Alerts: c.alerts, Silences: map[string]incident.Silence{}, Flags: map[model.Flag]bool{model.FlagSilenced: c.whole}}
		for _, s := range c.silences {
			i.Silences[s.ID] = s
		}
		ends, partly := i.SilencedUntil()
		if (ends == nil) != (c.want == 0) || ends != nil && !ends.EndsAt.Equal(at(c.want)) || partly != c.partly {
			t.Errorf("%s: %+v, in part %v", name, ends, partly)
		}
	}
}
