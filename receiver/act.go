package receiver

import (
	"context"

	"vigie/receiver/answers"
	"vigie/receiver/store"
	"vigie/rules"
	"vigie/rules/incident"
)

// acts lets people act.
type acts struct {
	*core
	hurry func() // lets reconciliation look at once
}

// Act lets a person do something to an incident, named by id or number.
func (a *acts) Act(ctx context.Context, name string, act incident.Act) (incident.Decision, error) {
	return a.ActOn(ctx, name, 0, act)
}

// ActOn is Act for somebody who saw the incident when its journal had so many
// lines. If anything happened since then that was not his own doing, nothing is
// done, and a [StaleError] says what it was. 0 asks for no such check.
func (a *acts) ActOn(ctx context.Context, name string, seen int64, act incident.Act) (incident.Decision, error) {
	if act.Verb == rules.VerbSilence || act.Verb == rules.VerbUnsilence {
		return a.silence(ctx, name, seen, act)
	}
	return a.act(ctx, name, seen, act)
}

func (a *acts) act(ctx context.Context, name string, seen int64, act incident.Act) (d incident.Decision, err error) {
	err = a.update(ctx, a.now(), func(b *batch) error {
		r, err := find(b.tx, name)
		if err != nil {
			return err
		}
		if err := changedSince(b.tx, r, seen, act.By); err != nil {
			return err
		}
		t := b.Track(r)
		out, err := b.Apply(t, incident.Acted{Act: act})
		if err != nil {
			return err
		}
		if out.Refusal != nil {
			return out.Refusal
		}
		d = incident.Decision{Incident: t.Incident, Outcome: out}
		return nil
	})
	if err != nil {
		return incident.Decision{}, err
	}
	return d, nil
}

// AssignMail keeps a mail of the list with an incident, named by id or number.
func (a *acts) AssignMail(ctx context.Context, name string, what answers.Assignment) (m store.Mail, err error) {
	err = a.update(ctx, a.now(), func(b *batch) error {
		r, err := find(b.tx, name)
		if err != nil {
			return err
		}
		kept, refusal, err := answers.Assign(b.tx, b.Batch, b.Track(r), what)
		if err != nil {
			return err
		}
		if refusal != nil {
			return refusal
		}
		m = kept
		return nil
	})
	return m, err
}
