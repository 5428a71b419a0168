package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCountEvents(t *testing.T) {
	for name, c := range map[string]struct {
		events string
		want   count
	}{
		"passed, failed, skipped": {`
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"skip","Package":"p","Test":"TestC"}
{"Action":"fail","Package":"p"}`, count{1, 1, 1}},
		"subtests stand for their parent": {`
{"Action":"pass","Package":"p","Test":"TestA/one"}
{"Action":"pass","Package":"p","Test":"TestA/two"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p"}`, count{2, 0, 0}},
		"a failing subtest fails once": {`
{"Action":"fail","Package":"p","Test":"TestA/one/deep"}
{"Action":"fail","Package":"p","Test":"TestA/one"}
{"Action":"pass","Package":"p","Test":"TestA/two"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p"}`, count{1, 1, 0}},
		"a parent that fails by itself": {`
{"Action":"pass","Package":"p","Test":"TestA/one"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p"}`, count{1, 1, 0}},
		"no test files is not a skipped test": {`
{"Action":"output","Package":"p","Output":"?   \tp\t[no test files]\n"}
{"Action":"skip","Package":"p"}`, count{}},
		"a package that does not build": {`
{"ImportPath":"p","Action":"build-output","Output":"p/a.go:1: undefined: x\n"}
{"ImportPath":"p","Action":"build-fail"}
{"Action":"fail","Package":"p","FailedBuild":"p"}`, count{0, 1, 0}},
		"a panic hides the test's end": {`
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"run","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestB","Output":"panic: no\n"}
{"Action":"fail","Package":"p"}`, count{1, 1, 0}},
		"cut off": {`
{"Action":"start","Package":"p"}
{"Action":"pass","Package":"p","Test":"TestA"}`, count{0, 1, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			got, err := countEvents(strings.NewReader(c.events), &out)
			if err != nil || got != c.want {
				t.Errorf("got %v (%v), want %v\n%s", got, err, c.want, out.String())
			}
		})
	}
}

func TestStepsAndTotal(t *testing.T) {
	ledger := filepath.Join(t.TempDir(), "ledger")
	step := func(args ...string) (int, string) {
		var out strings.Builder
		code := run(t.Context(), append([]string{"-ledger", ledger}, args...), &out, &out)
		return code, out.String()
	}
	if code, out := step("total"); code != 1 {
		t.Errorf("an empty run passed: %s", out)
	}
	if code, out := step("check", "fine", "--", "true"); code != 0 {
		t.Errorf("check: %d %s", code, out)
	}
	if code, out := step("total"); code != 0 || out != "1 passed, 0 failed, 0 skipped\n" {
		t.Errorf("total: %d %q", code, out)
	}
	if code, _ := step("check", "missing program", "--", "/no/such/program"); code != 1 {
		t.Errorf("a program that is not there must stop the run, got %d", code)
	}
	if code, out := step("check", "broken", "--", "false"); code != 0 {
		t.Errorf("a failing check must not stop the run: %d %s", code, out)
	}
	if code, _ := step("go", "no events", "--", "false"); code != 0 {
		t.Error("a failing go step must not stop the run")
	}
	code, out := step("total")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != 1 || lines[len(lines)-1] != "1 passed, 2 failed, 0 skipped" {
		t.Errorf("total: %d %q", code, out)
	}
	text, err := os.ReadFile(ledger)
	if err != nil || strings.Count(string(text), "\n") != 3 {
		t.Errorf("ledger: %q %v", text, err)
	}
}
