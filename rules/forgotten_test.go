package rules_test

import (
	"slices"
	"testing"
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
)

// left lets time alone go on for days: the failure stays, nobody acts, every mail
// is accepted, nothing can be read. It returns the longest time in which nobody was
// written to, and how that began.
func (w *walk) left(days int) (longest time.Duration, since time.Time) {
	w.around.Outage, w.around.OutageID, w.around.SourceDown = "", "", false
	w.decide(incident.Related{})
	last, end := w.now, w.now.AddDate(0, 0, days)
	quiet := func(until time.Time) {
		if d := until.Sub(last); d > longest {
			longest, since = d, last
		}
	}
	w.decide(incident.Silenced{})
	written := len(w.sent)
	for turns := 0; w.now.Before(end) && !w.inc.State.Ended(); turns++ {
		if turns > 5000 {
			w.fail("time alone never comes to rest")
		}
		for w.needs != nil {
			a := incident.Answered{AskedAt: w.now, Plans: map[string]incident.PlanEvidence{}}
			for f := range w.needs.Alerts {
				a.Plans[f] = incident.PlanEvidence{}
			}
			if w.needs.Other != nil {
				a.Other = &incident.Evidence{State: model.EvidenceUnknown}
			}
			w.decide(a)
		}
		for _, l := range w.sent {
			if len(l.left) == 0 || l.withdrawn {
				continue
			}
			ev := incident.Delivered{NotificationID: l.ID, MessageID: l.ID + "@vigie.example", Accepted: l.left}
			l.left = nil
			ev.Complete = l.complete()
			if l.Solo && ev.Complete {
				w.mended(l)
			}
			w.decide(ev)
		}
		if len(w.sent) > written {
			quiet(w.now)
			last, written = w.now, len(w.sent)
		}
		if w.needs != nil {
			continue
		}
		if w.inc.WakeAt.IsZero() {
			break
		}
		if w.inc.WakeAt.After(w.now) {
			w.now = w.inc.WakeAt
		}
		w.decide(incident.Tick{})
	}
	if !w.inc.State.Ended() {
		quiet(end)
	}
	return longest, since
}

// covers: S1.6, S1.21, H12; wherever its life has led an incident, time alone never
// leaves it for long without a word to somebody. What is blind is told by the incident
// of what it does not see, and a common failure tells its members.
func TestNoIncidentIsForgotten(t *testing.T) {
	const day = 24 * time.Hour
	most := func(s model.State) time.Duration {
		if s == model.Waiting {
			return 13 * day // a wait without a date is left alone for a week
		}
		return 10 * day // a week, and the days before and after it that are none of work
	}
	lives := []struct {
		name, book string
		acts       []incident.Act
		alert      func(*walk) model.Signal
	}{
		{"server", "synomega", backupActs, func(w *walk) model.Signal {
			return backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", w.now)
		}},
		{"local", "synomega", backupActs, func(w *walk) model.Signal {
			return backupAlert("dupont", "SRV-AD", "server", "local", "daily", "missed", w.now)
		}},
		{"workstation", "synomega", backupActs, func(w *walk) model.Signal {
			return backupAlert("dupont", "PC-LEA", "workstation", "primary", "daily", "missed", w.now)
		}},
		{"copy", "synomega", backupActs, func(w *walk) model.Signal {
			return backupAlert("dupont", "SRV-AD", "server", "copy", "daily", "failed", w.now)
		}},
		{"storage", "synomega", backupActs, func(w *walk) model.Signal {
			return backupAlert("dupont", "", "", "", "", "repository", w.now)
		}},
		{"unknown", "synomega", backupActs, func(w *walk) model.Signal { return backupAlert("dupont", "", "", "", "", "odd", w.now) }},
		{"monitoring", "synomega", backupActs, func(w *walk) model.Signal { return backupAlert("", "", "", "", "", "vigie", w.now) }},
		{"blind", "synomega", backupActs, func(w *walk) model.Signal { return backupAlert("", "", "", "", "", "source_down", w.now) }},
		{"platform", "activeprolearn", platformActs, func(w *walk) model.Signal { return platformAlert("lms-A", "DiskFull", w.now) }},
		{"minor", "activeprolearn", platformActs, func(w *walk) model.Signal { return platformAlert("lms-A", "MoodleSlowPages", w.now) }},
		{"host", "activeprolearn", platformActs, func(w *walk) model.Signal { return platformAlert("lms-A", "HostDown", w.now) }},
		{"unknown platform", "activeprolearn", platformActs, func(w *walk) model.Signal { return platformAlert("", "Odd", w.now) }},
	}
	for _, life := range lives {
		t.Run(life.name, func(t *testing.T) {
			n, tried := 0, 0
			walks(t, life.book, 10, 36, func(w *walk) {
				n, w.signal, w.acts = 0, []model.Signal{life.alert(w)}, life.acts
			}, func(w *walk) {
				if n++; n%9 != 0 && n != 1 || w.inc.State.Ended() {
					return
				}
				alone := w.copy()
				tried++
				if d, since := alone.left(30); d > most(w.inc.State) {
					w.fail("nobody is written to for %s from %s on; then %s, flags %v", d, since, alone.inc.State, alone.inc.Flags)
				}
			})
			if tried < 10 && !testing.Short() {
				t.Errorf("only %d lives were left alone", tried)
			}
		})
	}
}

func (w *walk) copy() *walk {
	c := *w
	c.trail, c.sent = slices.Clone(w.trail), nil
	for _, l := range w.sent {
		k := *l
		k.left, k.refused = slices.Clone(l.left), slices.Clone(l.refused)
		c.sent = append(c.sent, &k)
	}
	return &c
}
