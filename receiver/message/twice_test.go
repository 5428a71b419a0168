package message_test

import (
	"testing"
	"time"
	_ "time/tzdata"

	"vigie/receiver/message"
)

// An hour that comes twice says which of the two it is; no other is made longer.
func TestTheDoubledHourSaysWhichItIs(t *testing.T) {
	words, err := message.NewRenderer(message.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ zone, at, want string }{
		{"Europe/Paris", "2026-10-25T01:59:59+02:00", "01:59"},
		{"Europe/Paris", "2026-10-25T02:00:00+02:00", "02:00 (UTC+02:00)"},
		{"Europe/Paris", "2026-10-25T02:59:59+02:00", "02:59 (UTC+02:00)"},
		{"Europe/Paris", "2026-10-25T02:00:00+01:00", "02:00 (UTC+01:00)"},
		{"Europe/Paris", "2026-10-25T02:59:59+01:00", "02:59 (UTC+01:00)"},
		{"Europe/Paris", "2026-10-25T03:00:00+01:00", "03:00"},
		{"Europe/Paris", "2026-03-29T01:59:59+01:00", "01:59"},
		{"Europe/Paris", "2026-03-29T03:00:00+02:00", "03:00"},
		{"Europe/Paris", "2026-07-01T02:30:00+02:00", "02:30"},
		{"Australia/Lord_Howe", "2026-04-05T01:45:00+11:00", "01:45 (UTC+11:00)"},
		{"Australia/Lord_Howe", "2026-04-05T01:45:00+10:30", "01:45 (UTC+10:30)"},
		{"Australia/Lord_Howe", "2026-04-05T01:15:00+11:00", "01:15"},
		{"Indian/Reunion", "2026-10-25T02:30:00+04:00", "02:30"},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := words.Languages().Find("fr").In(c.zone, at).Clock(at); got != c.want {
			t.Errorf("%s in %s is said as %q, want %q", c.at, c.zone, got, c.want)
		}
	}
}
