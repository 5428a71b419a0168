package rules_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/rules/incident"
)

// A machine that the inventory renames keeps its incident: under the new name, found
// by what is told of it from then on, under the old name and the new one.
func TestRenamedMachine(t *testing.T) {
	book := exampleBook(t, "synomega")
	now := paris(t, "2026-03-09 07:10")
	b := opened(t, book, backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), now)
	files := exampleFiles(t, "synomega/inventory")
	for i := range files {
		files[i].Text = bytes.ReplaceAll(files[i].Text, []byte("name: SRV-AD\n    class: server\n    aliases: [srv-ad.dupont.local]"), []byte("name: DC-1\n    class: server\n    aliases: [SRV-AD, srv-ad.dupont.local]"))
	}
	b.book = loadBook(t, exampleFiles(t, "synomega/policy"), files)
	d := b.do(incident.Refreshed{}, now.Add(time.Minute))
	if b.inc.Identity["machine"] != "DC-1" || !strings.Contains(b.inc.Key, "DC-1") {
		t.Fatalf("it is %s", b.inc.Key)
	}
	if !slices.ContainsFunc(d.Journal, func(e incident.Entry) bool { return e.Kind == "renamed" && e.What == "DC-1" }) {
		t.Errorf("the journal says nothing: %v", d.Journal)
	}
	for _, name := range []string{"SRV-AD", "DC-1", "srv-ad.dupont.local"} {
		c := b.book.Classify(backupAlert("dupont", name, "server", "primary", "daily", "failed", now), now.Add(time.Hour))
		if c.Key != b.inc.Key || b.book.Choose(c, []incident.Incident{b.inc}, now.Add(time.Hour)) != 0 {
			t.Errorf("%s is another incident: %s", name, c.Key)
		}
	}
	if d := b.do(incident.Refreshed{}, now.Add(2*time.Minute)); len(d.Journal) > 0 {
		t.Errorf("it is renamed again: %v", d.Journal)
	}
}

// Without an alias nobody knows that it is the same machine, and it stays.
func TestRenamedWithoutAlias(t *testing.T) {
	now := paris(t, "2026-03-09 07:10")
	b := opened(t, exampleBook(t, "synomega"), backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), now)
	files := exampleFiles(t, "synomega/inventory")
	for i := range files {
		files[i].Text = bytes.ReplaceAll(files[i].Text, []byte("    name: SRV-AD\n"), []byte("    name: DC-1\n"))
	}
	b.book = loadBook(t, exampleFiles(t, "synomega/policy"), files)
	b.do(incident.Refreshed{}, now.Add(time.Minute))
	if b.inc.Identity["machine"] != "SRV-AD" {
		t.Errorf("it is %s", b.inc.Key)
	}
}
