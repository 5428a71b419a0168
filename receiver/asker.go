package receiver

import (
	"context"
	"errors"
	"time"

	"vigie/receiver/evidence"
	"vigie/receiver/memory"
	"vigie/receiver/store"
	"vigie/rules/incident"
	"vigie/rules/model"
)

const (
	askAtOnce = 200
	askers    = 8
)

// asker asks for the evidence that decisions wait for, outside of any
// transaction.
type asker struct {
	*core
	words memory.Words
}

// Run turns until ctx ends.
func (a *asker) Run(ctx context.Context) error {
	return a.turns.Run(ctx, "evidence", a.live().Timings.Tick, nil, a.turn)
}

// turn asks for what is to be asked for by now.
func (a *asker) turn(ctx context.Context) error {
	now := a.now()
	if w, err := a.Due(now); err != nil || !w.Questions {
		return err
	}
	var ids []string
	err := a.store.Peek(func(tx *store.Tx) (err error) {
		ids, err = tx.Asking(now, askAtOnce)
		return err
	})
	if err != nil || len(ids) == 0 {
		return err
	}
	return a.each(ctx, ids, askers, now, a.ask)
}

// ask finds out what one incident needs to know and lets it decide.
func (a *asker) ask(ctx context.Context, id string, now time.Time) error {
	var need *incident.Need
	err := a.update(about(ctx, id), now, func(b *batch) (err error) {
		need, err = b.Needs(id)
		return err
	})
	if err != nil || need == nil {
		return err
	}
	answered := a.inquire(ctx, need, now)
	if a.words.Why(ctx, a.live().Exporters, need, answered, now) {
		defer a.changed.Store(true) // what has an error in common may be a common failure
	}
	return a.answer(ctx, id, answered)
}

// answer lets an incident decide with what was answered.
func (a *asker) answer(ctx context.Context, id string, with incident.Answered) error {
	return a.update(about(ctx, id), a.now(), func(b *batch) error {
		_, err := b.Tell(id, with)
		return err
	})
}

// inquire asks Prometheus. What is not answered in time is unknown.
func (a *asker) inquire(ctx context.Context, need *incident.Need, now time.Time) incident.Answered {
	q := evidence.Question{Plans: make(map[string]model.Labels, len(need.Alerts))}
	for fp, a := range need.Alerts {
		q.Plans[fp] = a.Labels
	}
	if o := need.Other; o != nil {
		q.Other = &evidence.Other{Customer: o.Customer, Role: o.Role, Expected: o.Expected, Names: a.names(o.Customer, o.Machine)}
	}
	if a.live().Evidence == nil {
		return evidence.Unknown(q, now, errors.New("no Prometheus is configured"))
	}
	ctx, cancel := context.WithTimeout(ctx, a.live().Timings.Ask)
	defer cancel()
	answered, err := a.live().Evidence.Ask(ctx, q, now)
	result := "answered"
	if err != nil {
		result = "failed"
		a.log.Warn("evidence could not be asked for; it is unknown", "err", err)
	}
	a.seen.Answered("prometheus", "prometheus", err, now)
	a.metrics.evidence.WithLabelValues(result).Inc()
	return answered
}

// names are all names under which the products may know a machine.
func (a *asker) names(customer, machine string) []string {
	names := []string{machine}
	if m := a.Book().Directory.Machine(customer, machine); m != nil {
		for _, a := range m.Aliases {
			names = append(names, a, afterSource(a))
		}
	}
	return names
}

// afterSource drops the source that may stand before an alias.
func afterSource(alias string) string {
	for i := range alias {
		if alias[i] == ':' {
			return alias[i+1:]
		}
	}
	return alias
}
