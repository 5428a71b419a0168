// Package probes knows what the probes of platforms said, from Prometheus: it asks
// for what is new, and remembers the rest. What could not be asked is unknown, and
// asked for again.
package probes

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"vigie/receiver/evidence"
	"vigie/rules/availability"
)

// Platform is what is asked about.
type Platform struct {
	ID string
	// Probes are the values of the label probe that must say something; others
	// count as well where they are found.
	Probes []string
	// Series is 1 while a probe is well.
	Series string
	// Lasts is how long a sample speaks.
	Lasts time.Duration
	// Since is what it is asked for at first.
	Since time.Time
}

// Keeper asks Prometheus. It is used by one goroutine.
type Keeper struct {
	// Prometheus is asked; nil for none, of which nothing is known.
	Prometheus func() *evidence.Client

	known map[string]*watched
}

// watched is what is known of a platform. It is kept as JSON.
type watched struct {
	Asked time.Time              `json:"asked"` // until when Prometheus has answered
	Known []availability.Stretch `json:"known"`
}

const (
	// atOnce is how long a time is asked for at once, within how long.
	atOnce    = 24 * time.Hour
	askWithin = 10 * time.Second
	// keptFor is for how long it is remembered: the month that runs, and the last.
	keptFor = 63 * 24 * time.Hour
	// maxKept bounds what is written down; of what flaps more Prometheus is asked
	// again after a restart.
	maxKept = 5_000
)

// Recall takes over what was written down of a platform.
func (k *Keeper) Recall(platform, text string) error {
	w := &watched{}
	if text != "" {
		if err := json.Unmarshal([]byte(text), w); err != nil {
			return fmt.Errorf("what was measured of platform %s cannot be read and is asked for again: %w", platform, err)
		}
	}
	if k.known == nil {
		k.known = map[string]*watched{}
	}
	k.known[platform] = w
	return nil
}

// Recalled reports whether it is known what was written down.
func (k *Keeper) Recalled(platform string) bool { return k.known[platform] != nil }

// Text is what to write down of a platform; "" for what is too long.
func (k *Keeper) Text(platform string) (string, error) {
	w := k.known[platform]
	if w == nil || len(w.Known) > maxKept {
		return "", nil
	}
	text, err := json.Marshal(w)
	return string(text), err
}

// Changes counts what is known of a platform by its changes: it stays the same while
// the last state goes on.
func (k *Keeper) Changes(platform string) string {
	w := k.known[platform]
	if w == nil || len(w.Known) == 0 {
		return ""
	}
	last := w.Known[len(w.Known)-1]
	return fmt.Sprint(len(w.Known), last.From.Unix(), last.State)
}

// Known are the stretches of which is known what the probes said.
func (k *Keeper) Known(platform string) []availability.Stretch {
	if w := k.known[platform]; w != nil {
		return w.Known
	}
	return nil
}

// Look asks for what is new of a platform, as long as ctx lasts. With an error the
// rest stays unknown and is asked for next time.
func (k *Keeper) Look(ctx context.Context, p Platform, now time.Time) error {
	c := k.Prometheus()
	if c == nil {
		return nil // then nothing is known
	}
	w := k.known[p.ID]
	if w == nil {
		w = &watched{}
		if k.known == nil {
			k.known = map[string]*watched{}
		}
		k.known[p.ID] = w
	}
	from := w.Asked.Add(-p.Lasts) // what was said last may have been stored late
	if from.Before(p.Since) {
		from = p.Since
	}
	for from.Before(now) {
		until := from.Add(atOnce)
		if until.After(now) {
			until = now
		}
		known, err := ask(ctx, c, p, from, until)
		if err != nil {
			return fmt.Errorf("platform %s: %w", p.ID, err)
		}
		w.Known, w.Asked = availability.Follow(w.Known, known), until
		from = until
	}
	oldest := now.Add(-keptFor)
	w.Known = slices.DeleteFunc(w.Known, func(s availability.Stretch) bool { return s.Until.Before(oldest) })
	return nil
}

// ask is what was said from one instant until another.
func ask(ctx context.Context, c *evidence.Client, p Platform, from, until time.Time) ([]availability.Stretch, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	found, err := c.Probes(ctx, p.Series, p.ID, from.Add(-p.Lasts), until)
	if err != nil {
		return nil, err
	}
	said := make([][]availability.Sample, 0, len(found))
	missing := slices.Clone(p.Probes)
	for _, f := range found {
		said = append(said, f.Samples)
		missing = slices.DeleteFunc(missing, func(name string) bool { return name == f.Name })
	}
	for range missing {
		said = append(said, nil) // it said nothing
	}
	return availability.Watch(said, p.Lasts, from, until), nil
}
