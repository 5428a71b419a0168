package main

import (
	"flag"
	"io"
	"os"
	"testing"

	"vigie/docs/reference/referencetest"
)

var update = flag.Bool("update", false, "write docs/reference/backup_exporter-commands.md anew")

// TestCommandReference holds the page of all commands against the program.
func TestCommandReference(t *testing.T) {
	const page = "../../docs/reference/backup_exporter-commands.md"
	const how = "go test ./cmd/backup_exporter -run TestCommandReference -update"
	want := referencetest.Commands(how, nil, new(options).application(io.Discard).Model(), new(pushOptions).application(io.Discard).Model(),
		new(runOptions).application(io.Discard).Model())
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := os.ReadFile(page); string(got) != want {
		t.Errorf("%s is out of date: %s", page, how)
	}
}
