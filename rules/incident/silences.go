package incident

import (
	"maps"
	"slices"
	"time"

	"vigie/rules/model"
)

// Silence is an Alertmanager silence that covers the incident: in hand, by
// whom, until when. It is never an ending.
type Silence struct {
	ID       string    `json:"id"`
	Matchers []string  `json:"matchers"`
	By       string    `json:"by"`
	Comment  string    `json:"comment"`
	StartsAt time.Time `json:"starts_at,omitzero"`
	EndsAt   time.Time `json:"ends_at,omitzero"`
}

// Whole reports whether silences cover all of the incident that fires.
func (e Silenced) Whole() bool { return len(e.Active) > 0 && !e.Partly }

// SilencedUntil is the silence after which something of the incident that fires is silenced
// no more, and whether silences leave out a part of it already; nil without any.
func (i *Incident) SilencedUntil() (ends *Silence, partly bool) {
	later := func(best *Silence, s Silence) *Silence {
		if best == nil || s.EndsAt.After(best.EndsAt) {
			return &s
		}
		return best
	}
	var last *Silence
	for _, s := range i.Silences {
		last = later(last, s)
	}
	if last == nil || !i.Flags[model.FlagSilenced] {
		return last, last != nil && !i.State.Ended()
	}
	for _, a := range i.Alerts {
		var own *Silence
		for _, s := range i.Silences {
			if s.CoversAlert(a.Labels) {
				own = later(own, s)
			}
		}
		if a.Firing && own != nil && (ends == nil || own.EndsAt.Before(ends.EndsAt)) {
			ends = own
		}
	}
	if ends == nil {
		ends = last // Alertmanager says so of its own labels
	}
	return ends, false
}

// Covers reports whether a silence covers any alert of the incident.
func (s Silence) Covers(i Incident) bool {
	return slices.ContainsFunc(slices.Collect(maps.Values(i.Alerts)), func(a *Alert) bool { return s.CoversAlert(a.Labels) })
}

// CoversAlert reports whether a silence covers an alert with those labels.
func (s Silence) CoversAlert(l model.Labels) bool {
	ms, err := model.ParseMatchers(s.Matchers)
	return err == nil && ms.Match(l)
}

// TooLong is how long a silence may be before it is listed in the digest.
const TooLong = 24 * time.Hour

// Broad reports whether a silence also covers what may fail later: it does not
// name exactly one machine, one plan or one platform.
func (s Silence) Broad() bool {
	ms, err := model.ParseMatchers(s.Matchers)
	if err != nil {
		return true
	}
	named := ms.Equalities()
	return named[model.LabelMachine] == "" && named[model.LabelJobID] == "" && named[model.LabelPlatform] == "" && named[model.LabelSource] == ""
}

// Long reports whether a silence lasts longer than [TooLong].
func (s Silence) Long() bool { return s.EndsAt.Sub(s.StartsAt) > TooLong }
