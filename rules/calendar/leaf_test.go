package calendar

import (
	"testing"
	"time"
)

// The leaves of a zone follow each other without gap or overlap, in both
// directions, through every oddity of its clocks and through the leap years
// that lie beyond its table.
func TestLeavesPartitionTime(t *testing.T) {
	first := time.Date(1840, time.January, 1, 0, 0, 0, 0, time.UTC)
	last := Date{2140, time.January, 1}.number()
	for _, name := range []string{
		"UTC", "Europe/Paris", "Europe/Dublin", "Africa/Cairo", "Africa/Casablanca", "America/Havana", "America/Juneau",
		"America/Sao_Paulo", "Asia/Manila", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Auckland", "Pacific/Kwajalein",
	} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		c := &Calendar{location: zone}
		for l := c.leafAt(first.Unix()); l.day < last; {
			next := c.next(l)
			if next.begin() != l.end() || next.end() <= next.begin() {
				t.Fatalf("%s: %v is followed by %v", name, l, next)
			}
			if previous := c.previous(next); previous.day != l.day || previous.end() != l.end() || previous.offset != l.offset {
				t.Fatalf("%s: %v is preceded by %v, not by %v", name, next, previous, l)
			}
			if shown := c.instant(next.begin()); dateOf(shown).number() != next.day {
				t.Fatalf("%s: %v begins at %s", name, next, shown)
			}
			l = next
		}
	}
}
