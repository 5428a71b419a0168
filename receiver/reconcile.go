package receiver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"vigie/receiver/alertmanager"
	"vigie/receiver/memory"
	"vigie/receiver/store"
	"vigie/rules/incident"
	"vigie/rules/model"
)

const (
	// pollWithin bounds a question to one Alertmanager.
	pollWithin = 30 * time.Second
	// seenEvery is how often an alert that goes on firing is noted again.
	seenEvery = 10 * time.Minute
	// atOnce is how many signals reconciliation takes in per transaction.
	atOnce = 100
)

// reconciler mends what webhooks did not tell.
type reconciler struct {
	*core
	intake  *intake
	asker   *asker
	hurried chan struct{} // lets a turn begin before its time
	absent  memory.Absences
	// loud remembers since when an alert that is not known yet has been told as firing.
	loud memory.Absences
	// unreachable remembers since when an Alertmanager does not answer.
	unreachable memory.Outages
	// silenceEnds is when the next silence ends, in nanoseconds; 0 when none does.
	silenceEnds atomic.Int64
}

// Run turns until ctx ends.
func (r *reconciler) Run(ctx context.Context) error {
	return r.turns.Run(ctx, "reconcile", r.live().Timings.Reconcile, r.hurried, r.turn)
}

// hurry makes reconciliation run now instead of at its next turn.
func (r *reconciler) hurry() {
	select {
	case r.hurried <- struct{}{}:
	default: // it is hurrying already
	}
}

// turn asks every Alertmanager what fires and what is silenced, and mends what
// webhooks did not tell.
func (r *reconciler) turn(ctx context.Context) error {
	now := r.now()
	if len(r.live().Alertmanagers) == 0 {
		return r.tellUnreachable(ctx, now)
	}
	seen, err := r.poll(ctx, now)
	err = errors.Join(err, r.tellUnreachable(ctx, now))
	if seen == nil {
		return err
	}
	steps := []func(context.Context, *alertmanager.Together, time.Time) error{r.receiveNew, r.followSilences, r.stillFiring, r.noteSeen}
	for _, step := range steps {
		if stepErr := step(ctx, seen, now); stepErr != nil {
			return errors.Join(err, stepErr)
		}
	}
	if seen.Complete {
		err = errors.Join(err, r.endAbsent(ctx, seen, now))
	} else {
		r.absent.Forget()
	}
	return err
}

// poll asks every Alertmanager. Without any answer there is no truth; an error
// names those that did not answer.
func (r *reconciler) poll(ctx context.Context, now time.Time) (*alertmanager.Together, error) {
	ctx, cancel := context.WithTimeout(ctx, pollWithin)
	defer cancel()
	peers := r.live().Alertmanagers
	snaps := make([]*alertmanager.Snapshot, len(peers))
	errs := make([]error, len(peers))
	var g errgroup.Group
	for i, am := range peers {
		g.Go(func() error {
			snap, err := am.Ask(ctx)
			up := 0.0
			r.unreachable.Note(am.Name(), err, now)
			r.seen.Answered("alertmanager", am.Name(), err, now)
			if err == nil {
				snaps[i], up = &snap, 1
				for _, what := range snap.Unread {
					r.log.Warn("a part of what Alertmanager says cannot be read; all else counts", "alertmanager", am.Name(), "what", what)
				}
				r.metrics.reconciled.WithLabelValues(am.Name()).Set(seconds(now))
			}
			r.metrics.alertmanagerUp.WithLabelValues(am.Name()).Set(up)
			errs[i] = err
			return nil
		})
	}
	_ = g.Wait() // errors are kept one by one
	t := alertmanager.Join(snaps, now, r.live().Timings.Settled)
	if t == nil {
		return nil, errors.Join(errs...)
	}
	r.seen.Silenced(t.Silences, now)
	return t, errors.Join(errs...)
}

// receiveNew receives what fires and is not known. What Alertmanager keeps back, as
// inhibited or muted, is news only once it does so no more; where it mutes at all, what
// fires only after some time, since it says so late.
func (r *reconciler) receiveNew(ctx context.Context, t *alertmanager.Together, now time.Time) error {
	loud := map[string]bool{}
	err := r.receiveIf(ctx, t, func(s model.Signal, known *incident.Alert) bool {
		switch {
		case t.Muted[s.Fingerprint]:
			return false
		case known != nil:
			return s.StartsAt.After(known.StartsAt)
		}
		loud[s.Fingerprint] = true
		return !t.Mutes || now.Sub(r.loud.At(s.Fingerprint, now)) >= r.live().Timings.AbsentFor
	})
	r.loud.Keep(loud)
	return err
}

// noteSeen notes now and then that what is known still fires. It comes after
// the silences: who silences in the second in which a step falls due is in time.
func (r *reconciler) noteSeen(ctx context.Context, t *alertmanager.Together, now time.Time) error {
	return r.receiveIf(ctx, t, func(_ model.Signal, known *incident.Alert) bool {
		return known != nil && now.Sub(known.LastSeen) >= seenEvery
	})
}

// receiveIf receives the signals that are chosen by what is known of them: when they
// began and were seen last; nil for one that does not fire in any open incident.
func (r *reconciler) receiveIf(ctx context.Context, t *alertmanager.Together, chosen func(s model.Signal, known *incident.Alert) bool) error {
	seen := map[string]*incident.Alert{}
	err := r.eachOpen(ctx, func(rec *store.Record) {
		for fp, a := range rec.Alerts {
			if _, fires := t.Firing[fp]; fires && a.Firing {
				seen[fp] = &incident.Alert{StartsAt: a.StartsAt, LastSeen: a.LastSeen}
			}
		}
	})
	if err != nil {
		return err
	}
	var news []model.Signal
	for _, fp := range slices.Sorted(maps.Keys(t.Firing)) {
		if s := t.Firing[fp]; chosen(s, seen[fp]) {
			news = append(news, s)
		}
	}
	var errs []error
	for chunk := range slices.Chunk(news, atOnce) {
		if err := r.intake.Receive(ctx, Alerts{Fired: chunk, Confirmed: true}); err != nil {
			if errors.Is(err, store.ErrUnavailable) {
				return err
			}
			errs = append(errs, r.oneByOne(ctx, chunk))
		}
	}
	return errors.Join(errs...)
}

// oneByOne receives signals each for itself, so that one that cannot be decided
// keeps no other out.
func (r *reconciler) oneByOne(ctx context.Context, signals []model.Signal) error {
	var errs []error
	for _, s := range signals {
		if err := r.intake.Receive(ctx, Alerts{Fired: []model.Signal{s}, Confirmed: true}); err != nil {
			errs = append(errs, fmt.Errorf("alert %s: %w", s.Fingerprint, err))
		}
	}
	return errors.Join(errs...)
}

// hurryAtSilenceEnd makes reconciliation run as soon as a silence has run out.
func (r *reconciler) hurryAtSilenceEnd(now time.Time) {
	if at := r.silenceEnds.Load(); at != 0 && now.UnixNano() > at && r.silenceEnds.CompareAndSwap(at, 0) {
		r.hurry()
	}
}

// followSilences tells incidents which silences cover them now.
func (r *reconciler) followSilences(ctx context.Context, t *alertmanager.Together, now time.Time) error {
	var ends int64
	if at := t.NextEnd(now); !at.IsZero() {
		ends = at.UnixNano()
	}
	r.silenceEnds.Store(ends)
	type change struct {
		id       string
		silenced incident.Silenced
	}
	var changes []change
	err := r.eachOpen(ctx, func(rec *store.Record) {
		active := r.covering(t, rec.Incident)
		if !t.All {
			active = alertmanager.KeepRunning(active, rec.Silences, now)
		}
		silenced := incident.Silenced{Active: active, Partly: partly(t, rec.Incident, active)}
		if !same(rec.Silences, active) || silenced.Whole() != rec.Flags[model.FlagSilenced] {
			changes = append(changes, change{rec.ID, silenced})
		}
	})
	if err != nil {
		return err
	}
	for _, c := range changes {
		err := r.update(ctx, now, func(b *batch) error {
			t, err := b.Load(c.id)
			if err != nil || t.State.Ended() {
				return err
			}
			_, err = b.Apply(t, c.silenced)
			return err
		})
		if errors.Is(err, store.ErrUnavailable) {
			return err
		}
		if err != nil {
			r.fault(c.id, err)
		}
	}
	return nil
}

// covering returns the active silences that cover an incident: those that
// Alertmanager names for its alerts, and those whose matchers fit them.
func (r *reconciler) covering(t *alertmanager.Together, inc incident.Incident) []incident.Silence {
	named := map[string]bool{}
	for fp := range inc.Alerts {
		for _, id := range t.SilencedBy[fp] {
			named[id] = true
		}
	}
	var out []incident.Silence
	for _, id := range slices.Sorted(maps.Keys(t.Silences)) {
		s := t.Silences[id]
		s.Matchers = r.canonical(s.Matchers, inc)
		if named[id] || s.Covers(inc) {
			out = append(out, s)
		}
	}
	return out
}

// partly reports whether an alert of the incident fires that no silence covers. Of one that
// only an Alertmanager knows which does not answer nobody can say that any does.
func partly(t *alertmanager.Together, inc incident.Incident, active []incident.Silence) bool {
	elsewhere := !t.All && inc.Entry != string(model.CorrelatedSignal)
	for fp, a := range inc.Alerts {
		_, told := t.Firing[fp]
		loud := told && !t.Muted[fp] && len(t.SilencedBy[fp]) == 0 || !told && elsewhere && !own(a.Labels)
		if loud && a.Firing && !slices.ContainsFunc(active, func(s incident.Silence) bool { return s.CoversAlert(a.Labels) }) {
			return true
		}
	}
	return false
}

// canonical gives a silence of exactly the incident's machine the name that the
// inventory gives it: in Alertmanager it bears the product's.
func (r *reconciler) canonical(matchers []string, inc incident.Incident) []string {
	out := slices.Clone(matchers)
	for i, text := range matchers {
		ms, err := model.ParseMatchers([]string{text})
		if err != nil {
			continue // it is kept as it is
		}
		name := ms.Equalities()[model.LabelMachine]
		m := r.Book().Directory.Canonical(inc.Identity[model.LabelCustomer], "", name)
		if m != nil && m.Name == inc.Identity[model.LabelMachine] {
			out[i] = fmt.Sprintf("%s=%q", model.LabelMachine, m.Name)
		}
	}
	return out
}

func same(had map[string]incident.Silence, now []incident.Silence) bool {
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
func (r *reconciler) endAbsent(ctx context.Context, t *alertmanager.Together, now time.Time) error {
	gone := map[string]bool{}
	var ids []string
	err := r.eachOpen(ctx, func(rec *store.Record) {
		if missing := missing(t, rec); len(missing) > 0 {
			ids = append(ids, rec.ID)
			for _, fp := range missing {
				gone[fp] = true
			}
		}
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := r.endAbsentOf(ctx, t, id, now); err != nil {
			if errors.Is(err, store.ErrUnavailable) {
				return err
			}
			r.fault(id, err)
		}
	}
	err = r.endListed(ctx, t, gone, now)
	r.absent.Keep(gone)
	return err
}

// missing are the alerts that fire in an incident and in no Alertmanager, where what
// Vigie raised itself never is.
func missing(t *alertmanager.Together, rec *store.Record) (fps []string) {
	for fp, a := range rec.Alerts {
		if _, fires := t.Firing[fp]; a.Firing && !fires && !own(a.Labels) && rec.Entry != string(model.CorrelatedSignal) {
			fps = append(fps, fp)
		}
	}
	slices.Sort(fps)
	return fps
}

func (r *reconciler) endAbsentOf(ctx context.Context, t *alertmanager.Together, id string, now time.Time) error {
	rec, err := r.record(ctx, id)
	if err != nil {
		return err
	}
	missing := missing(t, rec)
	if rec.State.Ended() || len(missing) == 0 {
		return nil // it has moved meanwhile
	}
	proven, err := r.prove(ctx, rec, missing, now)
	if err != nil {
		return err
	}
	var over []Cleared
	for _, fp := range missing {
		since := r.absent.At(fp, now)
		if t.Quiet && !r.watch.livedAfter(since) {
			continue // it may be Prometheus that is absent
		}
		if proven[fp] || now.Sub(since) >= r.live().Timings.AbsentFor {
			over = append(over, Cleared{Signal: model.Signal{Fingerprint: fp, Labels: rec.Alerts[fp].Labels, StartsAt: rec.Alerts[fp].StartsAt}, EndsAt: since})
		}
	}
	if len(over) == 0 {
		return nil
	}
	return r.intake.Receive(ctx, Alerts{Cleared: over, Confirmed: true})
}

// prove asks at once whether absent alerts are repaired.
func (r *reconciler) prove(ctx context.Context, rec *store.Record, missing []string, now time.Time) (map[string]bool, error) {
	need := &incident.Need{Since: now, Alerts: rec.Alerts}
	if err := r.asker.answer(ctx, rec.ID, r.asker.inquire(ctx, need, now)); err != nil {
		return nil, err
	}
	after, err := r.record(ctx, rec.ID)
	if err != nil {
		return nil, err
	}
	proven := map[string]bool{}
	for _, fp := range missing {
		if a := after.Alerts[fp]; a != nil {
			proven[fp] = a.Proven
		}
	}
	return proven, nil
}
