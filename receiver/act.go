package receiver

import (
	"context"

	"vigie/rules"
)

// acts lets people act.
type acts struct {
	*core
	hurry func() // lets reconciliation look at once
}

// Act lets a person do something to an incident, named by id or number.
func (a *acts) Act(ctx context.Context, name string, act rules.Act) (rules.Decision, error) {
	if act.Verb == rules.VerbSilence {
		return a.silence(ctx, name, act)
	}
	return a.act(ctx, name, act)
}

func (a *acts) act(ctx context.Context, name string, act rules.Act) (d rules.Decision, err error) {
	err = a.update(ctx, a.now(), func(b *batch) error {
		r, err := find(b.tx, name)
		if err != nil {
			return err
		}
		if d, err = b.Apply(b.Track(r), rules.Acted{Act: act}); err != nil {
			return err
		}
		if d.Refusal != nil {
			return &RefusedError{*d.Refusal}
		}
		return nil
	})
	if err != nil {
		return rules.Decision{}, err
	}
	return d, nil
}
