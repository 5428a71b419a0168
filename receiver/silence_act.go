package receiver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"vigie/receiver/alertmanager"
	"vigie/receiver/store"
	"vigie/rules"
)

const (
	// silenceWithin bounds the making of silences in every Alertmanager.
	silenceWithin = 15 * time.Second
	// undoWithin bounds taking them back.
	undoWithin = 10 * time.Second
)

// silence makes the silences that an act asks for in every Alertmanager, once in
// each cluster of them, and only then lets the act be decided. All of them take it, or none keeps it:
// what was made is taken back when anything fails.
func (a *acts) silence(ctx context.Context, name string, seen int64, act rules.Act) (rules.Decision, error) {
	planned, err := a.planSilences(ctx, name, seen, act)
	if err != nil {
		return rules.Decision{}, err
	}
	peers := a.live().Alertmanagers
	if len(peers) == 0 {
		return rules.Decision{}, refused(409, "no Alertmanager is configured: there is nothing to make a silence in")
	}
	var undo []func(context.Context) error
	ids, err := a.silenceAll(ctx, peers, planned, &undo)
	if err != nil {
		return rules.Decision{}, refused(503, "nothing was silenced, try again: %v", errors.Join(err, takeBack(ctx, undo)))
	}
	act.Fields = act.Fields.Clone()
	act.Fields[rules.VerbSilence] = strings.Join(ids, " ")
	d, err := a.act(ctx, name, seen, act)
	if err != nil {
		return d, errors.Join(err, takeBack(ctx, undo))
	}
	a.hurry() // it comes back from Alertmanager as any other silence does
	return d, nil
}

func (a *acts) planSilences(ctx context.Context, name string, seen int64, act rules.Act) (planned []rules.Silence, err error) {
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
		facts, err := b.Facts(t)
		if err != nil {
			return err
		}
		var refusal *rules.Refusal
		if planned, refusal = b.Book.PlanSilences(t.Incident, act, facts, now); refusal != nil {
			return &RefusedError{*refusal}
		}
		return nil
	})
	return planned, err
}

func (a *acts) silenceAll(ctx context.Context, peers []*alertmanager.Client, planned []rules.Silence, undo *[]func(context.Context) error) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, silenceWithin)
	defer cancel()
	var ids []string
	for _, cluster := range alertmanager.Clusters(peers) {
		made, err := silenceOne(ctx, cluster, planned, undo)
		if err != nil {
			return nil, err
		}
		for _, id := range made {
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids, nil
}

// silenceOne makes the silences in the first member of a cluster that takes them
// all; the others learn them from it. What one took only in part is taken back.
func silenceOne(ctx context.Context, cluster []*alertmanager.Client, planned []rules.Silence, undo *[]func(context.Context) error) ([]string, error) {
	var errs []error
	for _, am := range cluster {
		ids, back, err := silencesIn(ctx, am, planned)
		if err == nil {
			*undo = append(*undo, back...)
			return ids, nil
		}
		errs = append(errs, err, takeBack(ctx, back))
	}
	return nil, errors.Join(errs...)
}

func silencesIn(ctx context.Context, am *alertmanager.Client, planned []rules.Silence) (ids []string, undo []func(context.Context) error, err error) {
	for _, s := range planned {
		made, back, err := am.Silence(ctx, s)
		if err != nil {
			return nil, undo, err
		}
		if back != nil {
			undo = append(undo, back)
		}
		ids = append(ids, made.ID)
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
			errs = append(errs, fmt.Errorf("a silence was made and could not be taken back: %w", err))
		}
	}
	return errors.Join(errs...)
}
