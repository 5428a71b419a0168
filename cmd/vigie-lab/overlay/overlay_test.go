package overlay

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vigie/internal/strict"
)

func TestAnOverlayIsStrict(t *testing.T) {
	policy := []strict.File{
		{Name: "one.yml", Text: []byte("schema: 2\nhold: 60s # together\nboth: 1\n")},
		{Name: "two.yml", Text: []byte("both: 2\nsteps:\n  - name: a\n    when: [{before: x, by: 1h}, {act: y}]\n  - name: a2\nshared: &s {k: 1}\nagain: *s\n")},
	}
	other := []strict.File{
		{Name: "one.yml", Text: []byte("schema: 1\nroles: {owner: {field: f}, told: {field: g}}\nhours: &h [a]\n")},
		{Name: "two.yml", Text: []byte("schema: 1\nsteps:\n  - name: x\n    to: [owner, told]\n    hours: &h [b]\n  - name: y\n    cc: [owner]\n    hours: *h\n")},
	}
	apply := func(text string) (string, error) {
		name := filepath.Join(t.TempDir(), "overlay.yml")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		o, err := Read(name)
		if err != nil {
			return "", err
		}
		made, err := o.Apply(policy, func(string) ([]strict.File, error) { return other, nil })
		if err != nil {
			return "", err
		}
		all := ""
		for _, f := range made {
			all += string(f.Text)
		}
		return all, nil
	}
	got, err := apply("edits:\n  - {path: hold, value: 3s}\n  - {path: steps.a.when.before=x.by, value: 5m}\n  - {path: steps.a2, remove: true}\n")
	if err != nil {
		t.Fatal(err)
	}
	if want := "schema: 2\nhold: 3s\nboth: 1\nboth: 2\nsteps:\n  - name: a\n    when: [{before: x, by: 5m}, {act: y}]\nshared: &s {k: 1}\nagain: *s\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	// What is borrowed refers to nothing that stayed behind, and can be edited.
	got, err = apply("takes: [{from: o, as: three.yml, parts: [roles.owner, steps.y], roles: {owner: holder}}]\nedits: [{path: steps.y.hours, value: [c]}]")
	if err != nil {
		t.Fatal(err)
	}
	if _, taken, _ := strings.Cut(got, "again: *s\n"); taken != "schema: 2\nroles: {holder: {field: f}}\nsteps:\n  - name: y\n    cc: [holder]\n    hours: [c]\n" {
		t.Errorf("borrowed:\n%s", taken)
	}
	// A list of both policies holds both's elements.
	got, err = apply("takes: [{from: o, as: three.yml, parts: [roles], adds: [steps], roles: {owner: holder}}]")
	if err != nil {
		t.Fatal(err)
	}
	if want := "steps:\n  - name: a\n    when: [{before: x, by: 1h}, {act: y}]\n  - name: a2\n  - name: x\n    to: [holder, told]\n    hours: [b]\n  - name: y\n    cc: [holder]\n"; !strings.Contains(got, want) {
		t.Errorf("added:\n%s", got)
	}
	for text, want := range map[string]string{
		"takes: [{from: o, as: three.yml, parts: [roles], adds: [hold]}]": "takes.o.hold: the policy has no such place",
		"takes: [{from: o, as: three.yml, parts: [steps.z]}]":             "that policy has no steps.z",
		"edits:\n  - path: steps.b.when\n    value: 1\n":                  `overlay.yml:2: steps.b.when: the policy has no such place (two.yml: line 3: 0 times "b")`,
		"edits: [{path: both, value: 3}]":                                 "stands in several files",
		"edits: [{path: hold, value: 60s}]":                               "says so already",
		"edits: [{path: hold}]":                                           "either the value",
		"edits: [{path: hold, value: 1, remove: true}]":                   "either the value",
		"edits: [{path: again.k, value: 3}]":                              "write the value out",
		"edits: [{path: hold, vlaue: 3}]":                                 `did you mean "value"?`,
	} {
		if _, err := apply(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
