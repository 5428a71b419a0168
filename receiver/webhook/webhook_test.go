package webhook_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"vigie/receiver/webhook"
)

var now = time.Date(2026, 3, 9, 7, 10, 0, 0, time.UTC)

// Bodies in the shapes of several versions of Alertmanager.
func TestDecode(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no testdata: %v", err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		d, truncated, err := webhook.Decode(raw, now)
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		if len(d.Fired) != 1 || len(d.Cleared) != 1 {
			t.Errorf("%s: %d fired, %d cleared", f, len(d.Fired), len(d.Cleared))
			continue
		}
		if got := d.Fired[0]; got.Labels["machine"] != "SRV-AD" || got.Fingerprint == "" || got.StartsAt.IsZero() {
			t.Errorf("%s: %+v", f, got)
		}
		if want := strings.Contains(f, "truncated"); (truncated > 0) != want {
			t.Errorf("%s: %d truncated", f, truncated)
		}
	}
}

func FuzzDecode(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.json")
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`{"alerts":[{"status":"firing","labels":{"a":"\ud800"}}]}`))
	f.Add([]byte(strings.Repeat(`{"alerts":[`, 50)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, _, err := webhook.Decode(raw, now)
		if err != nil {
			if !utf8.ValidString(err.Error()) {
				t.Errorf("the error is not text: %q", err)
			}
			return
		}
		for _, s := range d.Fired {
			if len(s.Labels) == 0 || s.Fingerprint == "" {
				t.Errorf("a signal without identity: %+v", s)
			}
		}
		for _, c := range d.Cleared {
			if c.EndsAt.IsZero() {
				t.Errorf("an ending without an instant: %+v", c)
			}
		}
	})
}
