package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
)

type tells exporters.Snapshot

func (s tells) Fetch(context.Context) (exporters.Snapshot, error) { return exporters.Snapshot(s), nil }

// What the product does not tell the owner of is listed by --check.sources.
func TestCheckListsTheUnmatched(t *testing.T) {
	in := instance{source: tells{Unmatched: []exporters.Unmatched{{Open: exporters.OpenNamespace, What: "UPID:1", Jobs: []string{"main/a/vm/100", "main/b/vm/100"}}}}}
	in.Timeout = exporters.Duration(time.Minute)
	text, ok := readOnce(t.Context(), in)
	if !ok || !strings.Contains(text, "1 results of nobody in particular:\n  UPID:1: its namespace is not told; it may be of main/a/vm/100, main/b/vm/100") {
		t.Errorf("%v %q", ok, text)
	}
}
