package main

import (
	"path/filepath"
	"strings"
	"testing"

	"vigie/receiver"
)

// What is shipped is in order as it stands, has every way on that somebody in
// trouble may need, and says what has to be filled in.
func TestShippedExamples(t *testing.T) {
	for _, name := range []string{"synomega", "activeprolearn"} {
		path := filepath.Join("../../deploy/examples", name, "vigie.yml")
		var out, bad strings.Builder
		if code := run(t.Context(), []string{"check", "--config.file=" + path, "--at=2026-03-09T07:10:00+01:00"}, &out, &bad); code != 0 ||
			strings.Contains(out.String(), "Warnings") {
			t.Errorf("%s: exit %d\n%s%s", name, code, out.String(), bad.String())
		}
		setup, err := receiver.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		c := setup.Config
		if c.Alarm == nil || c.Heartbeat == nil || c.Mail.ReplyTo == "" || c.Links == nil {
			t.Errorf("%s lacks a second channel, a heartbeat, an address for replies or links", name)
		}
		if len(setup.Book.Directory.Platforms) > 0 && c.Emergency == nil {
			t.Errorf("%s lacks the emergency entry", name)
		}
		if !strings.Contains(strings.Join(c.Inventory, " "), "*.ics") {
			t.Errorf("%s reads no calendar files", name)
		}
	}
}
