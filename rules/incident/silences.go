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
