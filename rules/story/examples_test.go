package story

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"vigie/deploy/exampletest"
	"vigie/rules"
)

var update = flag.Bool("update", false, "write what the stories come to instead of comparing it; read every line before you keep it")

const examples = "../../deploy/examples"

// exampleBook is the policy and inventory that an example ships.
func exampleBook(t testing.TB, example string) *rules.Book {
	t.Helper()
	dir := exampletest.Inventory(t, example)
	var c struct {
		Exporters []struct {
			URL     string
			Sources []string
		}
	} // what vigie.yml says of who reads which sources
	if err := yaml.Unmarshal(exampletest.Files(t, example, "vigie.yml")[0].Text, &c); err != nil {
		t.Fatal(err)
	}
	dir.Exporters = map[string][]string{}
	for _, x := range c.Exporters {
		dir.Exporters[strings.TrimPrefix(x.URL, "http://")] = x.Sources
	}
	return exampletest.BookOf(t, example, dir)
}

var covers = regexp.MustCompile(`(?m)^# covers: ([STP][0-9.]+(, [STP][0-9.]+)*)$`)

// TestExamples plays every story of the shipped examples and compares all that
// happens with the file beside it.
func TestExamples(t *testing.T) {
	for _, example := range []string{"synomega", "activeprolearn"} {
		paths, err := filepath.Glob(filepath.Join(examples, example, "stories", "*.yml"))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: no stories: %v", example, err)
		}
		book := exampleBook(t, example)
		for _, path := range paths {
			t.Run(example+"/"+strings.TrimSuffix(filepath.Base(path), ".yml"), func(t *testing.T) { playFile(t, book, path) })
		}
	}
}

func playFile(t *testing.T, book *rules.Book, path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !covers.Match(text) {
		t.Errorf("%s does not say what it covers: add a line such as # covers: S1.9, S1.10", path)
	}
	s, err := Parse(path, text)
	if err != nil {
		t.Fatal(err)
	}
	happened, err := Play(book, s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	for i, h := range happened {
		line, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		got.Write(append(line, '\n'))
		if i > 0 && h.At.Before(happened[i-1].At) {
			t.Errorf("line %d goes back in time", i+1)
		}
	}
	golden := strings.TrimSuffix(path, ".yml") + ".jsonl"
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	compareLines(t, string(want), got.String())
}

// compareLines reports the first lines that differ.
func compareLines(t *testing.T, want, got string) {
	t.Helper()
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		var a, b string
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if a != b {
			t.Errorf("line %d\nwant %s\ngot  %s", i+1, a, b)
			return
		}
	}
}
