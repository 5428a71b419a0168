package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// count is the outcome of some tests.
type count struct{ Passed, Failed, Skipped int }

func (c count) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", c.Passed, c.Failed, c.Skipped)
}

func (c *count) add(o count) {
	c.Passed += o.Passed
	c.Failed += o.Failed
	c.Skipped += o.Skipped
}

// event is one line of `go test -json`; see `go doc test2json`.
type event struct {
	Action     string
	Package    string
	ImportPath string // of build-output and build-fail
	Test       string
	Output     string
	Elapsed    float64
}

// pkg is what is known of a package while its tests run.
type pkg struct {
	outcome map[string]string // test -> pass, fail or skip
	parent  map[string]bool   // test that has subtests
	output  map[string][]string
	count   count
}

// countEvents reads `go test -json` to its end. A test with subtests is not
// counted beside them, unless it failed though none of them did. A package
// that fails without a failing test (it does not build, it panics, it runs out
// of time) counts as one failed test.
func countEvents(r io.Reader, w io.Writer) (count, error) {
	var sum count
	packages := map[string]*pkg{}
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil || e.Action == "" {
				fmt.Fprintf(w, "%s", line) // not an event: a message of the go command
			} else {
				sum.add(apply(packages, e, w))
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return sum, err
		}
	}
	// A package whose end was never told did not end well.
	for name := range packages {
		fmt.Fprintf(w, "FAIL\t%s (no end was reported)\n", name)
		sum.Failed++
	}
	return sum, nil
}

// apply takes one event in and returns what is final by it.
func apply(packages map[string]*pkg, e event, w io.Writer) count {
	if e.Action == "build-output" {
		fmt.Fprint(w, e.Output)
		return count{}
	}
	if e.Package == "" {
		return count{}
	}
	p := packages[e.Package]
	if p == nil {
		p = &pkg{outcome: map[string]string{}, parent: map[string]bool{}, output: map[string][]string{}}
		packages[e.Package] = p
	}
	switch {
	case e.Action == "output":
		p.output[e.Test] = append(p.output[e.Test], e.Output)
	case e.Test != "" && final(e.Action):
		p.outcome[e.Test] = e.Action
		if i := strings.LastIndexByte(e.Test, '/'); i >= 0 {
			p.parent[e.Test[:i]] = true
		}
		if e.Action == "fail" {
			fmt.Fprint(w, strings.Join(p.output[e.Test], ""))
		}
		if e.Action == "skip" {
			fmt.Fprintf(w, "SKIP\t%s %s%s\n", e.Package, e.Test, reason(p.output[e.Test]))
		}
		delete(p.output, e.Test)
	case e.Test == "" && final(e.Action):
		delete(packages, e.Package)
		c := p.total(e.Action)
		if e.Action == "fail" {
			p.explain(w)
		}
		if c != (count{}) {
			fmt.Fprintf(w, "%s\t%s\t%.1fs\t%s\n", e.Action, e.Package, e.Elapsed, c)
		}
		return c
	}
	return count{}
}

func final(action string) bool { return action == "pass" || action == "fail" || action == "skip" }

func (p *pkg) total(action string) count {
	failedBelow := map[string]bool{}
	for test, outcome := range p.outcome {
		for outcome == "fail" && strings.Contains(test, "/") {
			test = test[:strings.LastIndexByte(test, '/')]
			failedBelow[test] = true
		}
	}
	var c count
	for test, outcome := range p.outcome {
		switch {
		case outcome == "fail" && !failedBelow[test]:
			c.Failed++
		case p.parent[test]:
		case outcome == "pass":
			c.Passed++
		case outcome == "skip":
			c.Skipped++
		}
	}
	if action == "fail" && c.Failed == 0 {
		c.Failed = 1
	}
	return c
}

// explain prints what was held back: the output of the package itself and of
// tests that began and never ended, where a panic or a time-out lies.
func (p *pkg) explain(w io.Writer) {
	for test, lines := range p.output {
		if test != "" {
			fmt.Fprint(w, strings.Join(lines, ""))
		}
	}
	fmt.Fprint(w, strings.Join(p.output[""], ""))
}

// reason is the message of t.Skip, if there is one.
func reason(output []string) string {
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "===") && !strings.HasPrefix(line, "---") {
			return ": " + line
		}
	}
	return ""
}
