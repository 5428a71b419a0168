package config

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"testing"

	"vigie/docs/reference"
	"vigie/docs/reference/referencetest"
	"vigie/internal/strict"
)

// readReference reads a text as vigie.yml, with all defaults filled in.
func readReference(t *testing.T, text []byte) (*Config, error) {
	t.Helper()
	c := &Config{path: filepath.Join(t.TempDir(), "vigie.yml")}
	err := strict.Decode("vigie.yml", text, c)
	c.defaults()
	return c, err
}

// TestReference holds the reference of vigie.yml against what is read: each key
// stands there with words, and a key that is left out means what its line says.
func TestReference(t *testing.T) {
	text := reference.File("vigie")
	gaps, err := referencetest.Gaps(text, strict.Paths(reflect.TypeFor[Config]()))
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range gaps {
		t.Error(g)
	}
	whole, err := readReference(t, text)
	if err != nil {
		t.Fatal(err)
	}
	// It shows each key once, also those of which one is enough.
	alternatives := whole.check()
	for _, f := range alternatives {
		if !regexp.MustCompile("exclude each other|says where .* go, too|name either").MatchString(f.What) {
			t.Error(f)
		}
	}
	keys, _ := referencetest.Keys(text)
	for _, k := range keys {
		c, err := readReference(t, referencetest.Without(text, k.Line))
		switch {
		case k.Standing == referencetest.Default:
			if c.path = whole.path; err != nil || !reflect.DeepEqual(c, whole) {
				t.Errorf("line %d: without %s: %s something else holds (%v)", k.Line, k.Path, k.Value, err)
			}
		case k.Standing == referencetest.Required && err == nil:
			if len(c.check()) <= len(alternatives) && !isGlobs(k.Path) {
				t.Errorf("line %d: %s is called required, and nothing is missed without it", k.Line, k.Path)
			}
		}
	}
}

// isGlobs names the keys whose absence is noticed when the files are read.
func isGlobs(path string) bool { return path == "policy" || path == "inventory" }

// TestGlobsAreRequired shows that without files a configuration is refused.
func TestGlobsAreRequired(t *testing.T) {
	for _, key := range []string{"policy", "inventory"} {
		path := filepath.Join(t.TempDir(), "vigie.yml")
		text := reference.File("vigie")
		keys, _ := referencetest.Keys(text)
		for _, k := range keys {
			if k.Path == key {
				text = referencetest.Without(text, k.Line)
			}
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil {
			t.Errorf("without %s the configuration is taken", key)
		}
	}
}
