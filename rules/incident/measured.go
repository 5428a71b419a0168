package incident

import (
	"time"

	"vigie/rules/availability"
)

// Unavailability is what a platform's guaranteed hours of a month came to so far.
type Unavailability struct {
	Month string    `json:"month"` // 2026-03
	Until time.Time `json:"until"` // as far as it was measured

	Down    time.Duration `json:"down"`
	Unknown time.Duration `json:"unknown"` // not measured: neither up nor down
	// Worst is what stands against the tolerance: all of Down, or that of one day
	// or one outage.
	Worst     time.Duration    `json:"worst"`
	Tolerance time.Duration    `json:"tolerance"`
	Per       availability.Per `json:"per"`
}

// UnavailabilityRow is a platform's unavailability, for people.
type UnavailabilityRow struct {
	Platform string `json:"platform"`
	Unavailability
}
