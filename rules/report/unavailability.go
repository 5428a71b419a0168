package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"vigie/rules/availability"
)

// UnavailabilityLine names the journal's lines about months that are over.
const UnavailabilityLine = "unavailability"

// Unavailability is how long a platform was down in its guaranteed hours of a month
// that is over. All lengths are seconds of those hours.
type Unavailability struct {
	Month     string           `json:"month"` // 2026-03
	Customer  string           `json:"customer,omitempty"`
	Platform  string           `json:"platform"`
	Up        float64          `json:"up_seconds"`
	Down      float64          `json:"down_seconds"`
	Unknown   float64          `json:"unknown_seconds"`   // not measured
	Announced float64          `json:"announced_seconds"` // maintenance
	Outages   int              `json:"outages"`
	Longest   float64          `json:"longest_seconds"`
	Tolerance float64          `json:"tolerance_seconds"`
	Per       availability.Per `json:"per"`
	// Exceeded is how often the tolerance was used up and went on.
	Exceeded int `json:"tolerance_exceeded"`
	// MayExceed says that it was used up if the platform was down while nobody measured.
	MayExceed bool `json:"tolerance_may_be_exceeded,omitempty"`
}

// UnavailabilityOf says what a platform's month came to.
func UnavailabilityOf(month, customer, platform string, terms availability.Terms, f availability.Figures, mayExceed bool) Unavailability {
	return Unavailability{Month: month, Customer: customer, Platform: platform, Up: f.Up.Seconds(), Down: f.Down.Seconds(), Unknown: f.Unknown.Seconds(),
		Announced: f.Announced.Seconds(), Outages: f.Outages, Longest: f.Longest.Seconds(), Tolerance: terms.Tolerance.Seconds(), Per: terms.Per, Exceeded: len(f.Spent), MayExceed: mayExceed}
}

// Outcome is what became of the tolerance: missed, met, or unknown where that depends
// on what nobody measured.
func (u Unavailability) Outcome() string {
	switch {
	case u.Exceeded > 0:
		return "missed"
	case u.MayExceed:
		return "unknown"
	}
	return "met"
}

// Unmeasured reports whether no probe said anything in the whole month.
func (u Unavailability) Unmeasured() bool { return u.Up+u.Down == 0 }

// Line is what the journal keeps of it, so that reports made later say the same.
func (u Unavailability) Line() string {
	text, _ := json.Marshal(u) // texts and numbers always can be
	return string(text)
}

// ReadUnavailability reads such a line.
func ReadUnavailability(line string) (u Unavailability, err error) {
	if err := json.Unmarshal([]byte(line), &u); err != nil {
		return u, fmt.Errorf("a month's unavailability: %w", err)
	}
	return u, nil
}

// Allowed is the tolerance.
func (u Unavailability) Allowed() time.Duration {
	return time.Duration(u.Tolerance * float64(time.Second))
}

// unavailabilities are those of a month and a scope, by platform; the line that was
// written last counts.
func unavailabilities(all []Unavailability, month string, scope Scope) []Unavailability {
	by := map[string]Unavailability{}
	for _, u := range all {
		if u.Month == month && scope.Has(Case{Customer: u.Customer, Platform: u.Platform}) {
			by[u.Platform] = u
		}
	}
	out := []Unavailability{}
	for _, u := range by {
		out = append(out, u)
	}
	slices.SortFunc(out, func(x, y Unavailability) int { return cmp.Compare(x.Platform, y.Platform) })
	return out
}
