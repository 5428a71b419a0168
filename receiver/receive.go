package receiver

import (
	"context"
	"slices"

	"vigie/receiver/memory"
	"vigie/receiver/store"
	"vigie/rules/classify"
	"vigie/rules/incidents"
	"vigie/rules/model"
)

// Alerts is what came in at once, from a webhook or from reconciliation.
type Alerts struct {
	Fired   []model.Signal
	Cleared []Cleared
	// Confirmed says that Alertmanager was asked and says so now.
	Confirmed bool
	// Raw is the request as received, to be kept; nil when there was none.
	Raw []byte
}

// Cleared is an alert that does not fire any more.
type Cleared = incidents.Cleared

// intake takes in what is reported by alerts and by people.
type intake struct {
	*core
	emergencies memory.Window
}

// receiveAtOnce is how many signals are taken in per transaction. A request of
// more, cut short by its deadline, has got further when it is sent again.
const receiveAtOnce = 500

// Receive takes in alerts. Nil means that they are durably kept and that
// everything that follows from it has been decided.
func (i *intake) Receive(ctx context.Context, d Alerts) error {
	var body *store.Body
	if d.Raw != nil {
		packed, err := i.store.NewBody(d.Raw, len(d.Fired)+len(d.Cleared))
		if err != nil {
			return err
		}
		body = &packed
	}
	if len(d.Fired)+len(d.Cleared) <= receiveAtOnce {
		return i.receive(ctx, d, body)
	}
	part := Alerts{Confirmed: d.Confirmed}
	for fired := range slices.Chunk(d.Fired, receiveAtOnce) {
		part.Fired = fired
		if err := i.receive(ctx, part, body); err != nil {
			return err
		}
		body = nil
	}
	part.Fired = nil
	for cleared := range slices.Chunk(d.Cleared, receiveAtOnce) {
		part.Cleared = cleared
		if err := i.receive(ctx, part, body); err != nil {
			return err
		}
		body = nil
	}
	return nil
}

func (i *intake) receive(ctx context.Context, d Alerts, body *store.Body) error {
	now := i.now()
	if err := i.store.Full(); err != nil {
		return err // Alertmanager repeats it; the room that is left is for what nobody repeats
	}
	book, whole := i.Book(), body != nil && len(d.Cleared) == 0 && len(d.Fired) == body.Alerts()
	fired := incidents.ClassifyAll(book, d.Fired, now) // outside the writer, which has the most to do
	if i.store.Shared() {
		ended := make([]model.Signal, len(d.Cleared))
		for n, c := range d.Cleared {
			ended[n] = c.Signal
		}
		ctx = store.About(ctx, scope(append(incidents.ClassifyAll(book, ended, now), fired...), body))
	}
	return i.update(ctx, now, func(b *batch) error {
		if body != nil {
			if err := b.tx.KeepBody(*body, now); err != nil {
				return err
			}
			if b.leads = incidents.Leads(fired); b.leads != nil && b.Book == book && whole {
				b.body = body
				if again, err := b.tx.SeenAgain(*body, book, b.leads, now); again || err != nil {
					return err
				}
			}
		}
		for n, s := range d.Fired {
			var err error
			if fired != nil && b.Book == book {
				_, err = b.take(s, fired[n], d.Confirmed)
			} else {
				_, err = b.fire(s, d.Confirmed)
			}
			if err != nil {
				return err
			}
		}
		return b.clear(d.Cleared)
	})
}

// scope is what a request is about.
func scope(signals []classify.Classified, body *store.Body) (s store.Scope) {
	for _, c := range signals {
		switch c.Ignored {
		case incidents.Watchdog:
			s.Handles = append(s.Handles, store.ValueHandle(watchdogKey), store.ValueHandle(endedKey))
			continue
		case "":
		default:
			s.Handles = append(s.Handles, store.AlertHandle(c.Signal.Fingerprint))
		}
		s.Handles = append(s.Handles, incidents.HandlesOf(c.Key, c.Identity, incidents.PlaceOf(c.Signal.Labels))...)
	}
	if body != nil {
		s.Handles = append(s.Handles, body.Handle())
	}
	return s
}
