package strict_test

import (
	"testing"

	"vigie/internal/strict"
)

func TestFaultsHaveTheLineOfTheirKey(t *testing.T) {
	const text = `# about

schema: 1
mail:
  relay: &relay
    port: 25
  fallback: *relay
people:
  am.dupont:
    name: Claire
exporters:
  - url: http://a
  - name: b
    url: x
`
	for path, want := range map[string]int{
		"schema": 3, "mail.relay.port": 6, "mail.relay.host": 5, "mail.fallback.port": 7, "people.am.dupont.name": 10,
		"exporters[1].url": 14, "exporters[1].token_file": 13, "exporters[7].url": 11, "exporters": 11, "sche": 3, "tokens_file": 3, "": 3,
	} {
		fs := strict.Faults{{Position: strict.Position{File: "a.yml", Line: 3}, Path: path}, {Position: strict.Position{File: "b.yml", Line: 1}, Path: path}}
		fs.Locate(strict.File{Name: "a.yml", Text: []byte(text)})
		if fs[0].Line != want || fs[1].Line != 1 {
			t.Errorf("%q: lines %d and %d, want %d and 1", path, fs[0].Line, fs[1].Line, want)
		}
	}
	// An item may be named by its name.
	named := "list:\n  - name: a\n    steps:\n      - name: s\n        when:\n          at: x\n        to: y\n"
	for path, want := range map[string]int{"list.a.steps.s.to": 7, "list.a.steps.s.when.at": 6, "list.a.steps.s.when[0]": 4, "list.a.steps.s.cc": 4} {
		fs := strict.Faults{{Position: strict.Position{File: "a.yml", Line: 4}, Path: path}}
		fs.Locate(strict.File{Name: "a.yml", Text: []byte(named)})
		if fs[0].Line != want {
			t.Errorf("%q: line %d, want %d", path, fs[0].Line, want)
		}
	}
	// A line that is known closer stays.
	fs := strict.Faults{{Position: strict.Position{File: "a.yml", Line: 6}, Path: "mail.relay"}}
	fs.Locate(strict.File{Name: "a.yml", Text: []byte(text)})
	if fs[0].Line != 6 {
		t.Errorf("line %d", fs[0].Line)
	}
}
