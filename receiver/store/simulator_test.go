package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/receiver/store"
	"vigie/rules/incident"
	"vigie/rules/incidents"
	"vigie/rules/incidents/memory"
	"vigie/rules/model"
)

// covers: the simulator's store gives the answers of the server's, in the same order,
// whatever was kept in them: what is simulated is what happens.
func TestStoreAnswersAsTheSimulators(t *testing.T) { onBoth(t, testStoreAnswersAsTheSimulators) }

func testStoreAnswersAsTheSimulators(t *testing.T, database string) {
	s := open(t, database)
	w := &twins{rand: rand.New(rand.NewPCG(7, 11)), memory: memory.New(), now: now}
	for step := range 100 {
		w.now = w.now.Add(time.Duration(w.rand.IntN(90)) * time.Minute)
		change := w.change()
		if err := change(w.memory); err != nil {
			t.Fatal(err)
		}
		if err := s.Update(t.Context(), func(tx *store.Tx) error { return change(tx) }); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		if err := w.compare(t.Context(), s); err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
	}
}

// twins are the two stores that are told the same.
type twins struct {
	rand   *rand.Rand
	memory *memory.Store
	now    time.Time
	opened int
}

func pick[T any](w *twins, all ...T) T { return all[w.rand.IntN(len(all))] }

var (
	someKeys   = []string{"k1", "k2", "k3"}
	somePlaces = []incidents.Place{{Customer: "dupont", Machine: "SRV-AD"}, {Customer: "dupont", Machine: "NAS"}, {Customer: "martin", Machine: "SRV-AD"},
		{Platform: "lms-A", Host: "host-1"}, {Platform: "lms-B", Host: "host-1"}, {Host: "host-1"}, {Customer: "dupont"}}
	someAlerts = []string{"f1", "f2", "f3", "f4"}
)

func (w *twins) labels(p incidents.Place) model.Labels {
	l := model.Labels{model.LabelAlertname: "BackupFailed", model.LabelSource: pick(w, "acronis-1", "veeam-1")}
	for name, value := range map[string]string{model.LabelCustomer: p.Customer, model.LabelMachine: p.Machine, model.LabelPlatform: p.Platform, model.LabelHost: p.Host} {
		if value != "" {
			l[name] = value
		}
	}
	return l
}

// change is something that is done to each of the stores.
func (w *twins) change() func(incidents.Store) error {
	at := w.now
	fp := pick(w, someAlerts...)
	switch n := w.rand.IntN(10); {
	case w.opened == 0 || n < 4:
		return w.create()
	case n < 7:
		return w.edit(fmt.Sprintf("i%d", 1+w.rand.IntN(w.opened)))
	case n < 8:
		source := pick(w, "", "acronis-1", "veeam-1")
		return func(s incidents.Store) error { return s.WakeSource(source, at) }
	case n < 9:
		signal := model.Signal{Fingerprint: fp, Labels: w.labels(pick(w, somePlaces...)), StartsAt: at}
		again := pick(w, time.Time{}, now.Add(48*time.Hour), at.Add(time.Hour))
		return func(s incidents.Store) error {
			_, err := s.Ignore(signal, "nobody", again, at)
			return err
		}
	}
	return func(s incidents.Store) error { return s.Forget(fp) }
}

func (w *twins) create() func(incidents.Store) error {
	w.opened++
	p := pick(w, somePlaces...)
	inc := incident.Incident{ID: fmt.Sprintf("i%d", w.opened), Number: w.opened, Key: pick(w, someKeys...), State: model.Open, Episode: 1, OpenedAt: w.now,
		Entry: pick(w, "", "", "", string(model.CorrelatedSignal)), Identity: w.labels(p)}
	blinds, outage := w.rand.IntN(4) == 0, pick(w, "", "", "i1")
	alerts := w.alerts(p)
	return func(s incidents.Store) error {
		own := inc
		own.Alerts = alerts()
		r := s.NewRecord(own)
		r.Blinds, r.Outage, r.WakeAt = blinds, outage, own.OpenedAt.Add(time.Hour)
		return errors.Join(s.Append(r, nil), s.Save(r))
	}
}

func (w *twins) alerts(p incidents.Place) func() map[string]*incident.Alert {
	type alert struct {
		labels model.Labels
		firing bool
	}
	all := map[string]alert{}
	for range w.rand.IntN(3) {
		all[pick(w, someAlerts...)] = alert{w.labels(p), w.rand.IntN(3) > 0}
	}
	at := w.now
	return func() map[string]*incident.Alert {
		out := map[string]*incident.Alert{}
		for fp, a := range all {
			out[fp] = &incident.Alert{Labels: a.labels, Firing: a.firing, StartsAt: at}
		}
		return out
	}
}

func (w *twins) edit(id string) func(incidents.Store) error {
	state := pick(w, model.Open, model.Unverified, model.Resolved)
	alerts, outage, blinds := w.alerts(pick(w, somePlaces...)), pick(w, "", "i1", "i2"), w.rand.IntN(3) == 0
	at, wake := w.now, pick(w, time.Time{}, w.now.Add(time.Minute), w.now.Add(30*time.Hour))
	return func(s incidents.Store) error {
		r, err := s.Incident(id)
		if err != nil {
			return err
		}
		r.State, r.Alerts, r.Outage, r.Blinds, r.WakeAt = state, alerts(), outage, blinds, wake
		if r.ResolvedAt = (time.Time{}); state.Ended() {
			r.ResolvedAt, r.WakeAt = at, time.Time{}
		}
		return errors.Join(s.Append(r, nil), s.Save(r))
	}
}

func (w *twins) compare(ctx context.Context, s *store.Store) error {
	simulated, err := w.answers(w.memory)
	if err != nil {
		return err
	}
	simulated += fmt.Sprint(signals(w.memory.OfferedAgain(w.now)))
	var served string
	err = s.View(ctx, func(tx *store.Tx) (err error) {
		if served, err = w.answers(tx); err != nil {
			return err
		}
		again, err := tx.OfferedAgain(w.now, 100)
		served += fmt.Sprint(signals(again))
		return err
	})
	if err == nil && simulated != served {
		for i, line := range strings.Split(simulated, "\n") {
			if other := strings.Split(served, "\n"); i >= len(other) || other[i] != line {
				return fmt.Errorf("the simulator's says %q, the server's\n%s", line, served)
			}
		}
	}
	return err
}

// answers are all that a store says, in its order.
func (w *twins) answers(s incidents.Store) (string, error) {
	var b strings.Builder
	say := func(what string, rs []*incidents.Record, err error) error {
		fmt.Fprintf(&b, "%s:", what)
		for _, r := range rs {
			fmt.Fprintf(&b, " %s", r.ID)
		}
		b.WriteString("\n")
		return err
	}
	var errs []error
	for n := range w.opened {
		r, err := s.Incident(fmt.Sprintf("i%d", n+1))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%s wakes %d with %q\n", r.ID, r.WakeAt.Unix(), r.WakeWith)
	}
	for _, key := range someKeys {
		rs, err := s.OpenWithKey(key)
		errs = append(errs, say("with "+key, rs, err))
	}
	for _, p := range somePlaces {
		for _, since := range []time.Duration{time.Hour, 24 * time.Hour} {
			rs, err := s.Candidates("k1", p, w.now.Add(-since))
			errs = append(errs, say(fmt.Sprint("candidates ", p, since), rs, err))
		}
		rs, err := s.OnMachine(p.Customer, p.Machine, "i1")
		errs = append(errs, say(fmt.Sprint("on ", p), rs, err))
	}
	for what, ask := range map[string]func() ([]*incidents.Record, error){
		"blinding": s.Blinding, "common": s.Common,
		"lately": func() (rs []*incidents.Record, err error) {
			err = s.Lately(w.now.Add(-6*time.Hour), func(r *incidents.Record) error { rs = append(rs, r); return nil })
			slices.SortFunc(rs, func(a, b *incidents.Record) int { return a.Number - b.Number })
			return rs, err
		},
		"members": func() ([]*incidents.Record, error) { return s.MembersOf("i1") },
	} {
		rs, err := ask()
		errs = append(errs, say(what, rs, err))
	}
	lines := strings.Split(b.String(), "\n")
	slices.Sort(lines) // the questions of a map come in any order
	return strings.Join(lines, "\n"), errors.Join(errs...)
}

func signals(all []model.Signal) (fps []string) {
	for _, s := range all {
		fps = append(fps, s.Fingerprint)
	}
	return fps
}
