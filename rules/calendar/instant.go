package calendar

import "time"

// Instant is when a clock of the zone shows this time of the date. Of a reading
// that comes twice it is the first, and of one that a clock change passes over the
// end of what was passed over, as with [Calendar.At].
func Instant(zone *time.Location, d Date, at TimeOfDay) time.Time {
	return (&Calendar{location: zone}).At(d, at)
}

// DateIn is the date of an instant in a zone.
func DateIn(zone *time.Location, t time.Time) Date { return dateOf(t.In(zone)) }

// DaysUntil counts the days from one date to another; negative backwards.
func (d Date) DaysUntil(other Date) int { return int(other.number() - d.number()) }
