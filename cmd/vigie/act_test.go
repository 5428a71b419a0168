package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"vigie/rules/act"
)

// Each act has a command with help of its own; a field that it does not have is
// refused before anything is sent.
func TestActHelp(t *testing.T) {
	for _, a := range act.Table() {
		var out, err bytes.Buffer
		if code := run(t.Context(), []string{"act", a.Verb, "--help"}, &out, &err); code != 0 {
			t.Errorf("%s: %d %s", a.Verb, code, err.String())
		}
		text := strings.Join(strings.Fields(out.String()), " ")
		for _, want := range append(slices.Clone(a.Names()), a.Does, "vigie act "+a.Verb+" 12") {
			if !strings.Contains(text, want) {
				t.Errorf("the help of %s lacks %q", a.Verb, want)
			}
		}
	}
	row, _ := act.Of("take")
	for _, bad := range []string{"until=tomorrow", "force"} {
		if _, err := given(row, []string{bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if f, err := given(row, []string{"force=yes"}); err != nil || f["force"] != "yes" {
		t.Errorf("%v %v", f, err)
	}
}
