package probes

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"vigie/receiver/store"
	"vigie/rules"
	"vigie/rules/availability"
	"vigie/rules/incident"
	"vigie/rules/incidents"
	"vigie/rules/policy"
	"vigie/rules/report"
)

// Each is how often unavailability is measured.
const Each = time.Minute

// within bounds what is asked in one turn.
const within = 40 * time.Second

// writeEach is how often what the probes said is written down while nothing changes.
const writeEach = time.Hour

// written is what of a platform was last written down, and when.
type written struct {
	changes string
	at      time.Time
}

// Measurer tells incidents how long platforms were down in their guaranteed hours.
type Measurer struct {
	Keeper Keeper
	Store  *store.Store
	Book   func() *rules.Book
	Now    func() time.Time
	// Move moves incidents in one transaction.
	Move func(context.Context, func(*incidents.Batch, *store.Tx) error) error

	written map[string]written // by platform; used by Turn alone
	latest  atomic.Pointer[map[string]availability.Figures]
}

// Figures are what was measured last, by platform.
func (m *Measurer) Figures() map[string]availability.Figures {
	if figures := m.latest.Load(); figures != nil {
		return *figures
	}
	return nil
}

// Turn asks what the probes said, and tells what that comes to: also when Prometheus
// does not answer, for what is not known grows.
func (m *Measurer) Turn(ctx context.Context) error {
	now, book := m.Now(), m.Book()
	p := book.InForce(now)
	if p.Unavailability == nil {
		m.latest.Store(nil)
		return nil
	}
	asking, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	figures := map[string]availability.Figures{}
	var errs []error
	for _, id := range slices.Sorted(maps.Keys(book.Directory.Platforms)) {
		errs = append(errs, m.recall(ctx, id), m.Keeper.Look(asking, platform(book, p, id, now), now))
		errs = append(errs, m.Move(ctx, func(b *incidents.Batch, tx *store.Tx) error {
			f, _, err := b.Measured(id, m.Keeper.Known(id))
			figures[id] = f
			return errors.Join(err, m.remember(tx, id), m.writeMonth(b, tx, id))
		}))
	}
	m.latest.Store(&figures)
	return errors.Join(errs...)
}

// writeMonth writes what a platform's month came to into the journal, once it is
// over: the figures themselves are not kept for ever.
func (m *Measurer) writeMonth(b *incidents.Batch, tx *store.Tx, id string) error {
	written, err := tx.Value(key(id) + "/written")
	if err != nil {
		return err
	}
	over, ok := b.MonthOver(id, m.Keeper.Known(id), written)
	if !ok {
		return nil
	}
	if over.Unmeasured() { // what was before its first start it does not speak of
		begun, err := store.Past{Tx: tx}.Begun()
		if err != nil || begun.Unix() <= 0 || begun.In(b.Book.InForce(b.Now).Zone).Format("2006-01") > over.Month {
			return err
		}
	}
	return errors.Join(tx.AppendSystem(incident.Entry{At: b.Now, Kind: "note", What: report.UnavailabilityLine, Reason: over.Line()}),
		tx.SetValue(key(id)+"/written", over.Month))
}

// platform is what is asked about a platform.
func platform(book *rules.Book, p *policy.Policy, id string, now time.Time) Platform {
	u := p.Unavailability
	terms, _ := book.Terms(p, id)
	return Platform{ID: id, Probes: book.Directory.Platforms[id].Probed(), Series: u.Series, Lasts: u.SampleLasts, Since: terms.Due(now)[0]}
}

// key is the name under which is kept what was measured of a platform.
func key(platform string) string { return "probes/" + platform }

func (m *Measurer) recall(ctx context.Context, platform string) error {
	if m.Keeper.Recalled(platform) {
		return nil
	}
	text := ""
	err := m.Store.View(ctx, func(tx *store.Tx) (err error) {
		text, err = tx.Value(key(platform))
		return err
	})
	if err != nil {
		return err
	}
	return m.Keeper.Recall(platform, text)
}

func (m *Measurer) remember(tx *store.Tx, platform string) error {
	last, now := m.written[platform], written{m.Keeper.Changes(platform), m.Now()}
	if now.changes == last.changes && now.at.Sub(last.at) < writeEach {
		return nil // a restart asks for the rest again
	}
	text, err := m.Keeper.Text(platform)
	if err != nil {
		return err
	}
	if err := tx.SetValue(key(platform), text); err != nil {
		return err
	}
	if m.written == nil {
		m.written = map[string]written{}
	}
	m.written[platform] = now
	return nil
}
