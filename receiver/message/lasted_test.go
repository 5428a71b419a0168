package message

import (
	"testing"
	"time"

	"vigie/receiver/message/locale"
)

// covers: P13; lengths of time in reports are said as people say them, and never look
// shorter than they were.
func TestLengthsOfTime(t *testing.T) {
	words := newTestRenderer(t).Languages()
	en, fr := locale.Locale{Language: words.Find("en")}, locale.Locale{Language: words.Find("fr")}
	day := 24 * time.Hour
	for _, c := range []struct {
		d                 time.Duration
		hours, lasted, fr string
	}{
		{0, "0 min", "0 min", "0 min"},
		{42 * time.Second, "42 s", "42 s", "42 s"},
		{time.Minute, "1 min", "1 min", "1 min"},
		{4*time.Hour - time.Second, "4 h", "4 h", "4 h"},
		{4 * time.Hour, "4 h", "4 h", "4 h"},
		{4*time.Hour + time.Second, "4 h 1 min", "4 h 1 min", "4 h 1 min"},
		{day - 30*time.Second, "24 h", "1 day", "1 jour"},
		{day + time.Second, "24 h 1 min", "1 day 1 h", "1 jour 1 h"},
		{707*time.Hour + 38*time.Minute + 41*time.Second, "707 h 39 min", "29 days 12 h", "29 jours 12 h"},
	} {
		if got := en.Hours(c.d); got != c.hours {
			t.Errorf("%s of work is said %q, want %q", c.d, got, c.hours)
		}
		if got := en.Lasted(c.d); got != c.lasted {
			t.Errorf("%s is said %q, want %q", c.d, got, c.lasted)
		}
		if got := fr.Lasted(c.d); got != c.fr {
			t.Errorf("%s is said %q, want %q", c.d, got, c.fr)
		}
	}
}
