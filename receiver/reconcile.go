package receiver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"vigie/receiver/alertmanager"
	"vigie/receiver/store"
	"vigie/rules"
)

const (
	// pollWithin bounds a question to one Alertmanager.
	pollWithin = 30 * time.Second
	// seenEvery is how often an alert that goes on firing is noted again.
	seenEvery = 10 * time.Minute
	// atOnce is how many signals reconciliation takes in per transaction.
	atOnce = 100
)

// absences remembers since when an alert has been absent from every Alertmanager.
type absences struct {
	mu    sync.Mutex
	since map[string]time.Time
}

// Hurry makes reconciliation run now instead of at its next turn.
func (e *Engine) Hurry() {
	select {
	case e.hurry <- struct{}{}:
	default: // it is hurrying already
	}
}

// Reconcile asks every Alertmanager what fires and what is silenced, and mends
// what webhooks did not tell.
func (e *Engine) Reconcile(ctx context.Context) error {
	now := e.o.Now()
	if len(e.live().Alertmanagers) == 0 {
		return e.tellUnreachable(ctx, now)
	}
	seen, err := e.poll(ctx, now)
	err = errors.Join(err, e.tellUnreachable(ctx, now))
	if seen == nil {
		return err
	}
	steps := []func(context.Context, *picture, time.Time) error{e.takeIn, e.followSilences, e.stillFiring, e.noteSeen}
	for _, step := range steps {
		if stepErr := step(ctx, seen, now); stepErr != nil {
			return errors.Join(err, stepErr)
		}
	}
	if seen.complete {
		err = errors.Join(err, e.endAbsent(ctx, seen, now))
	} else {
		e.absent.forget()
	}
	return err
}

// picture is what all Alertmanagers that answered say together.
type picture struct {
	firing map[string]rules.Signal
	// held are alerts that every Alertmanager that knows them keeps back.
	held       map[string]bool
	silencedBy map[string][]string
	silences   map[string]rules.Silence
	updated    map[string]time.Time
	// all tells that every configured Alertmanager answered.
	all bool
	// complete tells that every configured Alertmanager answered and that its
	// silence about an alert says something.
	complete bool
	// quiet tells that one of them knows no alert of ours at all: whether it hears
	// Prometheus must be proven otherwise.
	quiet bool
}

// poll asks every Alertmanager. Without any answer there is no truth; an error
// names those that did not answer.
func (e *Engine) poll(ctx context.Context, now time.Time) (*picture, error) {
	ctx, cancel := context.WithTimeout(ctx, pollWithin)
	defer cancel()
	peers := e.live().Alertmanagers
	snaps := make([]*alertmanager.Snapshot, len(peers))
	errs := make([]error, len(peers))
	var g errgroup.Group
	for i, am := range peers {
		g.Go(func() error {
			snap, err := am.Ask(ctx)
			up := 0.0
			e.unreachable.note(am.Name(), err, now)
			if err == nil {
				snaps[i], up = &snap, 1
				for _, what := range snap.Unread {
					e.log.Warn("a part of what Alertmanager says cannot be read; all else counts", "alertmanager", am.Name(), "what", what)
				}
				e.metrics.reconciled.WithLabelValues(am.Name()).Set(seconds(now))
			}
			e.metrics.alertmanagerUp.WithLabelValues(am.Name()).Set(up)
			errs[i] = err
			return nil
		})
	}
	_ = g.Wait() // errors are kept one by one
	t := &picture{firing: map[string]rules.Signal{}, held: map[string]bool{}, silencedBy: map[string][]string{}, silences: map[string]rules.Silence{},
		updated: map[string]time.Time{}, complete: true, all: true}
	answered := false
	for _, s := range snaps {
		if s == nil {
			t.complete, t.all = false, false
			continue
		}
		answered = true
		t.complete = t.complete && s.Complete(now, e.live().Timings.Settled)
		t.quiet = t.quiet || len(s.Signals) == 0
		for _, sig := range s.Signals {
			_, known := t.firing[sig.Fingerprint]
			t.held[sig.Fingerprint] = s.Held[sig.Fingerprint] && (t.held[sig.Fingerprint] || !known)
			if old, known := t.firing[sig.Fingerprint]; !known || sig.StartsAt.Before(old.StartsAt) {
				t.firing[sig.Fingerprint] = sig
			}
			t.updated[sig.Fingerprint] = later(t.updated[sig.Fingerprint], s.Updated[sig.Fingerprint])
		}
		for fp, ids := range s.SilencedBy {
			t.silencedBy[fp] = append(t.silencedBy[fp], ids...)
		}
		maps.Copy(t.silences, s.Silences)
	}
	if !answered {
		t = nil
	}
	return t, errors.Join(errs...)
}

// takeIn receives what fires and is not known. What Alertmanager keeps back, as
// inhibited or muted, is news only once it does so no more.
func (e *Engine) takeIn(ctx context.Context, t *picture, _ time.Time) error {
	return e.takeInIf(ctx, t, func(s rules.Signal, known *rules.Alert) bool {
		return !t.held[s.Fingerprint] && (known == nil || s.StartsAt.After(known.StartsAt))
	})
}

// noteSeen notes now and then that what is known still fires. It comes after
// the silences: who silences in the second in which a step falls due is in time.
func (e *Engine) noteSeen(ctx context.Context, t *picture, now time.Time) error {
	return e.takeInIf(ctx, t, func(_ rules.Signal, known *rules.Alert) bool {
		return known != nil && now.Sub(known.LastSeen) >= seenEvery
	})
}

// takeInIf receives the signals that are chosen by what is known of them; known
// is nil for one that does not fire in any open incident.
func (e *Engine) takeInIf(ctx context.Context, t *picture, chosen func(s rules.Signal, known *rules.Alert) bool) error {
	known, err := e.openRecords(ctx)
	if err != nil {
		return err
	}
	seen := map[string]*rules.Alert{}
	for _, r := range known {
		for fp, a := range r.Alerts {
			if a.Firing {
				seen[fp] = a
			}
		}
	}
	var news []rules.Signal
	for _, fp := range slices.Sorted(maps.Keys(t.firing)) {
		if s := t.firing[fp]; chosen(s, seen[fp]) {
			news = append(news, s)
		}
	}
	var errs []error
	for chunk := range slices.Chunk(news, atOnce) {
		if err := e.Receive(ctx, Delivery{Fired: chunk, Confirmed: true}); err != nil {
			if errors.Is(err, store.ErrUnavailable) {
				return err
			}
			errs = append(errs, e.oneByOne(ctx, chunk))
		}
	}
	return errors.Join(errs...)
}

// oneByOne receives signals each for itself, so that one that cannot be decided
// keeps no other out.
func (e *Engine) oneByOne(ctx context.Context, signals []rules.Signal) error {
	var errs []error
	for _, s := range signals {
		if err := e.Receive(ctx, Delivery{Fired: []rules.Signal{s}, Confirmed: true}); err != nil {
			errs = append(errs, fmt.Errorf("alert %s: %w", s.Fingerprint, err))
		}
	}
	return errors.Join(errs...)
}

func (e *Engine) openRecords(ctx context.Context) (rs []*store.Record, err error) {
	err = e.store.View(ctx, func(tx *store.Tx) error {
		rs, err = tx.Open()
		return err
	})
	return rs, err
}

// followSilences tells incidents which silences cover them now.
func (e *Engine) followSilences(ctx context.Context, t *picture, now time.Time) error {
	e.noteSilenceEnd(t, now)
	known, err := e.openRecords(ctx)
	if err != nil {
		return err
	}
	for _, r := range known {
		active := e.covering(t, r.Incident)
		if !t.all {
			active = keepRunning(active, r.Silences, now)
		}
		if same(r.Silences, active) {
			continue
		}
		err := e.store.Update(ctx, func(tx *store.Tx) error {
			u := e.unit(tx, now)
			en, err := u.load(r.ID)
			if err != nil || en.State.Ended() {
				return err
			}
			if _, err := u.apply(en, rules.Silenced{Active: active}); err != nil {
				return err
			}
			return u.flush()
		})
		if errors.Is(err, store.ErrUnavailable) {
			return err
		}
		if err != nil {
			e.fault(r.ID, err)
		}
	}
	return nil
}

// covering returns the active silences that cover an incident: those that
// Alertmanager names for its alerts, and those whose matchers fit them.
func (e *Engine) covering(t *picture, inc rules.Incident) []rules.Silence {
	named := map[string]bool{}
	for fp := range inc.Alerts {
		for _, id := range t.silencedBy[fp] {
			named[id] = true
		}
	}
	var out []rules.Silence
	for _, id := range slices.Sorted(maps.Keys(t.silences)) {
		s := t.silences[id]
		s.Matchers = e.canonical(s.Matchers, inc)
		if named[id] || s.Covers(inc) {
			out = append(out, s)
		}
	}
	return out
}

// canonical gives a silence of exactly the incident's machine the name that the
// inventory gives it: in Alertmanager it bears the product's.
func (e *Engine) canonical(matchers []string, inc rules.Incident) []string {
	out := slices.Clone(matchers)
	for i, text := range matchers {
		ms, err := rules.ParseMatchers([]string{text})
		if err != nil {
			continue // it is kept as it is
		}
		name := ms.Equalities()[rules.LabelMachine]
		m := e.Book().Directory.Canonical(inc.Identity[rules.LabelCustomer], "", name)
		if m != nil && m.Name == inc.Identity[rules.LabelMachine] {
			out[i] = fmt.Sprintf("%s=%q", rules.LabelMachine, m.Name)
		}
	}
	return out
}

func same(had map[string]rules.Silence, now []rules.Silence) bool {
	if len(had) != len(now) {
		return false
	}
	for _, s := range now {
		old, known := had[s.ID]
		if !known || !old.EndsAt.Equal(s.EndsAt) || old.Comment != s.Comment || old.By != s.By {
			return false
		}
	}
	return true
}

// endAbsent ends alerts that no Alertmanager knows any more: at once when a
// success newer than the failure is proven, otherwise when they have been
// absent for some time.
func (e *Engine) endAbsent(ctx context.Context, t *picture, now time.Time) error {
	known, err := e.openRecords(ctx)
	if err != nil {
		return err
	}
	gone := map[string]bool{}
	for _, r := range known {
		if err := e.endAbsentOf(ctx, t, r, gone, now); err != nil {
			if errors.Is(err, store.ErrUnavailable) {
				return err
			}
			e.fault(r.ID, err)
		}
	}
	e.absent.keep(gone)
	return nil
}

func (e *Engine) endAbsentOf(ctx context.Context, t *picture, r *store.Record, gone map[string]bool, now time.Time) error {
	var missing []string
	for _, fp := range slices.Sorted(maps.Keys(r.Alerts)) {
		a := r.Alerts[fp]
		// What Vigie raised itself is in no Alertmanager.
		if _, fires := t.firing[fp]; a.Firing && !fires && !own(a.Labels) && r.Entry != string(rules.CorrelatedSignal) {
			missing = append(missing, fp)
			gone[fp] = true
		}
	}
	if len(missing) == 0 {
		return nil
	}
	proven, err := e.prove(ctx, r, missing, now)
	if err != nil {
		return err
	}
	var over []Cleared
	for _, fp := range missing {
		since := e.absent.at(fp, now)
		if t.quiet && !e.watch.livedAfter(since) {
			continue // it may be Prometheus that is absent
		}
		if proven[fp] || now.Sub(since) >= e.live().Timings.AbsentFor {
			over = append(over, Cleared{rules.Signal{Fingerprint: fp, Labels: r.Alerts[fp].Labels, StartsAt: r.Alerts[fp].StartsAt}, since})
		}
	}
	if len(over) == 0 {
		return nil
	}
	return e.Receive(ctx, Delivery{Cleared: over, Confirmed: true})
}

// prove asks at once whether absent alerts are repaired.
func (e *Engine) prove(ctx context.Context, r *store.Record, missing []string, now time.Time) (map[string]bool, error) {
	need := &rules.Need{Since: now, Alerts: r.Alerts}
	if err := e.answer(ctx, r.ID, e.inquire(ctx, need, now)); err != nil {
		return nil, err
	}
	proven := map[string]bool{}
	err := e.store.View(ctx, func(tx *store.Tx) error {
		after, err := tx.Incident(r.ID)
		if err != nil {
			return err
		}
		for _, fp := range missing {
			if a := after.Alerts[fp]; a != nil {
				proven[fp] = a.Proven
			}
		}
		return nil
	})
	return proven, err
}

// at returns since when an alert has been absent, beginning now.
func (a *absences) at(fp string, now time.Time) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.since == nil {
		a.since = map[string]time.Time{}
	}
	if _, known := a.since[fp]; !known {
		a.since[fp] = now
	}
	return a.since[fp]
}

// keep forgets the alerts that are not absent any more.
func (a *absences) keep(gone map[string]bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.DeleteFunc(a.since, func(fp string, _ time.Time) bool { return !gone[fp] })
}

// forget starts every absence anew: for a while nobody could tell.
func (a *absences) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.since)
}
