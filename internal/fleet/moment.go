package fleet

import (
	"fmt"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"vigie/internal/strict"
)

// Moment is an instant, or a whole day until its zone is known.
type Moment struct {
	at  time.Time
	day bool // at is that day's midnight in UTC
}

// UnmarshalScalar reads an instant with its offset, or a date; nothing leaves
// the moment zero.
func (m *Moment) UnmarshalScalar(text string) (err error) {
	if slices.Contains([]string{"", "~", "null", "Null", "NULL"}, text) {
		return nil
	}
	_, notDate := time.Parse(time.DateOnly, text)
	m.day = notDate == nil
	m.at, err = strict.ParseTime(text)
	return err
}

// IsZero reports whether none is given.
func (m Moment) IsZero() bool { return m.at.IsZero() && !m.day }

// Start is the instant, or the beginning of the day.
func (m Moment) Start(zone *time.Location) time.Time { return m.in(zone, 0) }

// End is the instant, or the end of the day.
func (m Moment) End(zone *time.Location) time.Time { return m.in(zone, 1) }

func (m Moment) in(zone *time.Location, days int) time.Time {
	if !m.day {
		return m.at
	}
	return time.Date(m.at.Year(), m.at.Month(), m.at.Day()+days, 0, 0, 0, 0, zone)
}

// Slip tells of an instant whose offset is not the one that the zone has then,
// as one is that was copied from winter into summer; "" when it fits. An instant
// in UTC (Z) says on purpose that it is in no zone of people.
func (m Moment) Slip(zone *time.Location) string {
	if m.day || m.at.IsZero() || m.at.Location() == time.UTC {
		return ""
	}
	meant := time.Date(m.at.Year(), m.at.Month(), m.at.Day(), m.at.Hour(), m.at.Minute(), m.at.Second(), m.at.Nanosecond(), zone)
	if meant.Equal(m.at) {
		return ""
	}
	return fmt.Sprintf("%s is %s in %s, whose offset is another one then: write %s if that is meant",
		m.at.Format(time.RFC3339), m.at.In(zone).Format("15:04 on 2 January"), zone, meant.Format(time.RFC3339))
}

// DefaultTimezone is the zone of an inventory that names none.
const DefaultTimezone = "Europe/Paris"

// Zone is the name of the zone in which dates are meant.
type Zone struct {
	At   strict.Position
	Name string
}

// UnmarshalStrict reads the name and keeps where it stands.
func (z *Zone) UnmarshalStrict(n *yaml.Node, d *strict.Decoder) error {
	z.At = d.Position(n)
	d.Into(n, &z.Name, d.Path())
	return nil
}

// Location is the zone that the last file which names one says.
func Location(files []Section) (*time.Location, strict.Faults) {
	z := Zone{Name: DefaultTimezone}
	for _, f := range files {
		if f.Timezone.Name != "" {
			z = f.Timezone
		}
	}
	zone, err := time.LoadLocation(z.Name)
	if err != nil || z.Name == "Local" {
		return time.UTC, strict.Faults{{Position: z.At, Path: "timezone", What: fmt.Sprintf("unknown zone %q", z.Name),
			Cure: "write an IANA name such as " + DefaultTimezone}}
	}
	return zone, nil
}
