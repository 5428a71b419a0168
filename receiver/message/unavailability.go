package message

import (
	"strings"
	"time"

	"vigie/rules/availability"
	"vigie/rules/incident"
)

// unavailability is a row for each platform of which the month was measured.
func (i clocks) unavailability() []fact {
	var rows []fact
	for _, u := range i.f.Unavailability {
		name := i.Word("unavailability.name")
		if len(i.f.Unavailability) > 1 {
			name = joinNonEmpty(", ", name, u.Platform)
		}
		rows = append(rows, fact{Name: name, Value: i.unavailable(u), Strong: u.Worst > u.Tolerance})
	}
	return rows
}

// monthOf is the name of the month that was measured.
func (i clocks) monthOf(u incident.UnavailabilityRow) string {
	month, err := time.ParseInLocation("2006-01", u.Month, i.Zone)
	if err != nil {
		return u.Month
	}
	return i.Month(month)
}

// unavailable tells what was measured, and what was not.
func (i clocks) unavailable(u incident.UnavailabilityRow) string {
	per := u.Per
	if per == "" {
		per = availability.PerMonth
	}
	parts := []string{i.Say("unavailability.per."+string(per), "month", i.monthOf(u), "down", i.Exactly(u.Down), "worst", i.Exactly(u.Worst), "tolerance", i.Exactly(u.Tolerance))}
	if u.Unknown >= time.Second {
		parts = append(parts, i.Say("unavailability.unknown", "span", i.Exactly(u.Unknown)))
	}
	return strings.Join(append(parts, i.Say("unavailability.until", "moment", i.Moment(u.Until))), ", ")
}

// Tolerance is how long a platform may be down.
func (i clocks) Tolerance() string {
	for _, u := range i.f.Unavailability {
		return i.Exactly(u.Tolerance)
	}
	return ""
}

// Ended tells that the incident is over.
func (i clocks) Ended() bool { return i.f.State.Ended() }
