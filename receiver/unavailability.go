package receiver

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigie/receiver/probes"
	"vigie/receiver/store"
	"vigie/rules/availability"
)

// measureEach is how often unavailability is measured; measureWithin bounds what is
// asked in one turn.
const (
	measureEach   = time.Minute
	measureWithin = 40 * time.Second
)

// measurer tells incidents how long platforms were down in their guaranteed hours.
type measurer struct {
	*core
	probes probes.Keeper
}

// Run turns until ctx ends.
func (m *measurer) Run(ctx context.Context) error {
	return m.turns.Run(ctx, "unavailability", measureEach, nil, m.turn)
}

// turn asks what the probes said, and tells what that comes to: also when
// Prometheus does not answer, for what is not known grows.
func (m *measurer) turn(ctx context.Context) error {
	now, book := m.now(), m.Book()
	u := book.InForce(now).Unavailability
	if u == nil {
		m.measured.Store(nil)
		return nil
	}
	asking, cancel := context.WithTimeout(ctx, measureWithin)
	defer cancel()
	figures := map[string]availability.Figures{}
	var errs []error
	for _, id := range slices.Sorted(maps.Keys(book.Directory.Platforms)) {
		terms, _, _ := book.Terms(book.InForce(now), id)
		asked := probes.Platform{ID: id, Probes: book.Directory.Platforms[id].Probed(), Series: u.Series, Lasts: u.SampleLasts, Since: terms.Due(now)[0]}
		errs = append(errs, m.recall(ctx, id), m.probes.Look(asking, asked, now))
		err := m.update(ctx, now, func(b *batch) error {
			f, _, err := b.Measured(id, m.probes.Known(id))
			figures[id] = f
			return errors.Join(err, m.remember(b, id))
		})
		errs = append(errs, err)
	}
	m.measured.Store(&figures)
	return errors.Join(errs...)
}

// fact is the name under which is kept what was measured of a platform.
func (m *measurer) fact(platform string) string { return "probes/" + platform }

func (m *measurer) recall(ctx context.Context, platform string) error {
	if m.probes.Recalled(platform) {
		return nil
	}
	text := ""
	err := m.store.View(ctx, func(tx *store.Tx) (err error) {
		text, err = tx.Fact(m.fact(platform))
		return err
	})
	if err != nil {
		return err
	}
	return m.probes.Recall(platform, text)
}

func (m *measurer) remember(b *batch, platform string) error {
	text, err := m.probes.Text(platform)
	if err != nil {
		return err
	}
	return b.tx.SetFact(m.fact(platform), text)
}

// unavailability tells what was measured last.
func (s *state) unavailability(gauge func(*prometheus.Desc, float64, ...string)) {
	figures := s.measured.Load()
	if figures == nil {
		return
	}
	for platform, f := range *figures {
		for state, span := range map[string]time.Duration{"up": f.Up, "down": f.Down, "unknown": f.Unknown, "announced": f.Announced} {
			gauge(guaranteedHours, span.Seconds(), platform, state)
		}
		gauge(unavailableFor, f.Worst.Seconds(), platform)
		gauge(tolerated, f.Tolerance.Seconds(), platform)
	}
}
