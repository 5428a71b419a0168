package winevent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
)

func TestCollected(t *testing.T) {
	now := time.Date(2026, 3, 9, 7, 0, 0, 0, time.UTC)
	event := func(provider, id, at string) string {
		return `<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='` + provider + `'/><EventID>` + id +
			`</EventID><Level>4</Level><TimeCreated SystemTime='` + at + `'/><EventRecordID>7</EventRecordID><Channel>A/B</Channel></System></Event>`
	}
	all := event("P", "4", "2026-03-08T21:00:00Z") + event("P", "5", "2026-03-08T21:00:00Z") + event("Q", "4", "2026-03-08T21:00:00Z") + event("P", "4", "2026-01-01T21:00:00Z")
	query := Query{Channel: "A/B", Provider: "P", IDs: []int{4}, Since: now.AddDate(0, 0, -30)}
	for name, c := range map[string]struct {
		text   string // no file if empty
		age    time.Duration
		events int
		reason exporters.Reason
	}{
		"whole":               {"<Events>" + all + "</Events>", time.Hour, 1, ""},
		"empty":               {"<Events></Events>", time.Hour, 0, ""},
		"none":                {"", 0, 0, exporters.ReasonNotFound},
		"too old":             {"<Events>" + all + "</Events>", 27 * time.Hour, 0, exporters.ReasonTimeout},
		"a clock ahead":       {"<Events>" + all + "</Events>", -30 * time.Minute, 1, ""},
		"from the future":     {"<Events>" + all + "</Events>", -2 * time.Hour, 0, exporters.ReasonMalformed},
		"cut within an event": {"<Events>" + all[:len(all)-20], time.Hour, 0, exporters.ReasonMalformed},
		"cut between events":  {"<Events>" + all, time.Hour, 0, exporters.ReasonMalformed},
		"no common element":   {all, time.Hour, 0, exporters.ReasonMalformed},
		"not XML":             {"Access is denied.", time.Hour, 0, exporters.ReasonMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if c.text != "" {
				file := filepath.Join(dir, "A-B.xml")
				if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Chtimes(file, now.Add(-c.age), now.Add(-c.age)); err != nil {
					t.Fatal(err)
				}
			}
			folder := Collected{Folder: dir}
			if err := folder.Validate("", "SRV"); err != nil {
				t.Fatal(err)
			}
			events, err := folder.Reader(func() time.Time { return now })(t.Context(), query)
			if c.reason != "" {
				if err == nil || exporters.ReasonOf(err) != c.reason {
					t.Fatalf("got %d events and %v, want %s", len(events), err, c.reason)
				}
				return
			}
			if err != nil || len(events) != c.events {
				t.Fatalf("got %d events, want %d: %v", len(events), c.events, err)
			}
		})
	}
	if err := (&Collected{Folder: "x"}).Validate("/etc", ""); err == nil || !strings.Contains(err.Error(), "machine") {
		t.Errorf("a folder without the name of its machine: %v", err)
	}
}
