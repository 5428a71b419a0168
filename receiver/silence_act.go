package receiver

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"vigie/receiver/alertmanager"
	"vigie/receiver/store"
	"vigie/rules"
	"vigie/rules/incident"
)

const (
	// silenceWithin bounds the making of silences in one Alertmanager: one that hangs
	// leaves the others their time.
	silenceWithin = 3 * time.Second
	// undoWithin bounds taking them back.
	undoWithin = 10 * time.Second
)

// silence makes, or ends, the silences that an act asks for in every Alertmanager, once in
// each cluster of them, and only then lets the act be decided. All that answer
// take it, or none keeps it: what was made is taken back when anything fails. One
// that is out of reach tells nobody anything meanwhile; the act names it.
func (a *acts) silence(ctx context.Context, name string, seen int64, act incident.Act) (incident.Decision, error) {
	planned, err := a.planSilences(ctx, name, seen, act)
	if err != nil {
		return incident.Decision{}, err
	}
	peers := a.live().Alertmanagers
	if len(peers) == 0 {
		return incident.Decision{}, incident.Refuse(409, "no Alertmanager is configured: there is nothing to make a silence in")
	}
	var undo []func(context.Context) error
	ids, absent, err := a.silenceAll(ctx, peers, planned, &undo)
	if err != nil {
		why := errors.Join(err, takeBack(ctx, undo)).Error()
		if act.Verb == rules.VerbUnsilence {
			return incident.Decision{}, incident.Refuse(503, "no silence was ended, try again: {error}", "error", why)
		}
		return incident.Decision{}, incident.Refuse(503, "nothing was silenced, try again: {error}", "error", why)
	}
	act.Fields = act.Fields.Clone()
	act.Fields[rules.VerbSilence] = strings.Join(ids, " ")
	if len(absent) > 0 {
		act.Via = strings.TrimSpace(act.Via + " without " + strings.Join(absent, ", ") + ", out of reach")
		a.log.Warn("a silence was made or ended without an Alertmanager that is out of reach", "alertmanager", strings.Join(absent, ", "))
	}
	d, err := a.act(ctx, name, seen, act)
	if err != nil {
		return d, errors.Join(err, takeBack(ctx, undo))
	}
	a.hurry() // it comes back from Alertmanager as any other silence does
	return d, nil
}

func (a *acts) planSilences(ctx context.Context, name string, seen int64, act incident.Act) (planned []incident.Silence, err error) {
	now := a.now()
	err = a.store.View(ctx, func(tx *store.Tx) error {
		r, err := find(tx, name)
		if err != nil {
			return err
		}
		if err := changedSince(tx, r, seen, act.By); err != nil {
			return err
		}
		b := a.batch(tx, now)
		t := b.Track(r)
		around, err := b.Circumstances(t)
		if err != nil {
			return err
		}
		var refusal *incident.Refusal
		if planned, refusal = b.Book.PlanSilences(t.Incident, act, around, now); refusal != nil {
			return refusal
		}
		return nil
	})
	return planned, err
}

// silenceAll makes the silences everywhere, and names the Alertmanagers that are
// out of reach; without any that answers it is an error.
func (a *acts) silenceAll(ctx context.Context, peers []*alertmanager.Client, planned []incident.Silence, undo *[]func(context.Context) error) (ids, absent []string, err error) {
	var away error
	for _, cluster := range alertmanager.Clusters(peers) {
		made, err := silenceOne(ctx, cluster, planned, undo)
		if err != nil && !outOfReach(err) {
			return nil, nil, err
		}
		if err != nil {
			away = errors.Join(away, err)
			for _, am := range cluster {
				absent = append(absent, am.Name())
			}
		}
		for _, id := range made {
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	if len(ids) == 0 {
		return nil, nil, away
	}
	return ids, absent, nil
}

// outOfReach reports whether nothing but the way to an Alertmanager failed: one
// that answers, and does not take a silence, is another matter.
func outOfReach(err error) bool {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return !slices.ContainsFunc(many.Unwrap(), func(e error) bool { return !outOfReach(e) })
	}
	var transport *url.Error
	return errors.As(err, &transport)
}

// silenceOne makes the silences in the first member of a cluster that takes them
// all; the others learn them from it. What one took only in part is taken back.
func silenceOne(ctx context.Context, cluster []*alertmanager.Client, planned []incident.Silence, undo *[]func(context.Context) error) ([]string, error) {
	var errs []error
	for _, am := range cluster {
		ids, back, err := silencesIn(ctx, am, planned)
		if err == nil {
			*undo = append(*undo, back...)
			return ids, nil
		}
		errs = append(errs, err)
		if err := takeBack(ctx, back); err != nil {
			errs = append(errs, err)
		}
	}
	return nil, errors.Join(errs...)
}

func silencesIn(ctx context.Context, am *alertmanager.Client, planned []incident.Silence) (ids []string, undo []func(context.Context) error, err error) {
	ctx, cancel := context.WithTimeout(ctx, silenceWithin)
	defer cancel()
	for _, s := range planned {
		made, back, err := am.Silence(ctx, s)
		if err != nil {
			return nil, undo, err
		}
		if back != nil {
			undo = append(undo, back)
		}
		if made.ID != "" {
			ids = append(ids, made.ID)
		}
	}
	return ids, undo, nil
}

// takeBack undoes what was done, whatever became of who asked for it. What
// cannot be undone is said: such a silence ends by itself.
func takeBack(ctx context.Context, undo []func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoWithin)
	defer cancel()
	var errs []error
	for _, back := range slices.Backward(undo) {
		if err := back(ctx); err != nil {
			errs = append(errs, fmt.Errorf("what was done to a silence could not be undone: %w", err))
		}
	}
	return errors.Join(errs...)
}
