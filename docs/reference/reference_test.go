package reference_test

import (
	"flag"
	"os"
	"testing"

	"vigie/docs/reference/referencetest"
)

var update = flag.Bool("update", false, "write the pages anew")

// TestPages holds the pages of the reference against the files that they are made
// of.
func TestPages(t *testing.T) {
	for _, name := range referencetest.Names() {
		want, err := referencetest.Markdown(name)
		if err != nil {
			t.Fatal(err)
		}
		file := name + ".md"
		if *update {
			if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, _ := os.ReadFile(file); string(got) != want {
			t.Errorf("%s is out of date: go test ./docs/reference -update", file)
		}
	}
}
