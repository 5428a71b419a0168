package story

import (
	"maps"
	"slices"
	"time"

	"vigie/internal/strict"
	"vigie/rules/availability"
	"vigie/rules/incidents"
)

// probe has a platform's probes answer otherwise from now on.
func (p *player) probe(e *event) error {
	id := e.Probe.Platform
	if p.book.Directory.Platforms[id] == nil {
		return fault(e.Where, "probe.platform: %s", strict.Unknown("platform", id, slices.Sorted(maps.Keys(p.book.Directory.Platforms))))
	}
	if p.book.InForce(p.now).Unavailability == nil {
		return fault(e.Where, "the policy measures no unavailability: add unavailability: to it, or leave the event out")
	}
	p.probes[id] = p.probed(id)
	p.probes[id] = append(p.probes[id], availability.Stretch{From: p.now, Until: p.now, State: availability.State(e.Probe.State)})
	p.noticeAt(p.now)
	return nil
}

// probed is what the looks at a platform have said until now.
func (p *player) probed(id string) []availability.Stretch {
	known := slices.Clone(p.probes[id])
	if n := len(known); n > 0 {
		known[n-1].Until = p.now
	}
	return slices.DeleteFunc(known, func(s availability.Stretch) bool { return !s.From.Before(s.Until) })
}

// measure tells incidents of the unavailability of the platforms that the story
// probes.
func (p *player) measure() error {
	for _, id := range slices.Sorted(maps.Keys(p.probes)) {
		known := p.probed(id)
		if u := p.book.InForce(p.now).Unavailability; u != nil {
			known = availability.Lasting(known, u.SampleLasts)
		}
		err := p.update(func(b *incidents.Batch) error {
			_, _, err := b.Measured(id, known)
			return err
		})
		if err != nil {
			return err
		}
	}
	p.measureAgain()
	return nil
}

// measureAgain has the next full minute look again at what is not up, unless
// nothing is guaranteed then.
func (p *player) measureAgain() {
	for id, known := range p.probes {
		if known[len(known)-1].State == availability.Up {
			continue
		}
		terms, measured := p.book.Terms(p.book.InForce(p.now), id)
		if !measured {
			continue
		}
		if at, err := terms.Calendar.EffectiveStart(p.now.Add(time.Minute)); err == nil {
			p.noticeAt(at)
		}
	}
}
