package main

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/prometheus/common/promslog"

	"vigie/docs/reference/referencetest"
)

var update = flag.Bool("update", false, "write docs/reference/commands.md anew")

// TestCommandReference holds the page of all commands against the program.
func TestCommandReference(t *testing.T) {
	var out bytes.Buffer
	app, _ := application(&commands{out: &out, logs: &promslog.Config{}})
	want := referencetest.Commands("go test ./cmd/vigie -run TestCommandReference -update",
		map[string]string{"act": "The verbs and their fields: [acts](../acts.md); `vigie act VERB --help` says the same, and `vigie act report --help` how to take down a call."},
		app.Model())
	const page = "../../docs/reference/commands.md"
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := os.ReadFile(page); string(got) != want {
		t.Errorf("%s is out of date: make it anew with -update", page)
	}
}
