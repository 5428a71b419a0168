package web

import (
	"os"
	"strings"
	"testing"
)

// The page of the API names every request, with who may make it.
func TestAPIReference(t *testing.T) {
	text, err := os.ReadFile("../../docs/reference/api.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{} // request: who
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, "|"); len(cells) == 5 {
			for one := range strings.SplitSeq(cells[1], ",") {
				rows[strings.Trim(one, " `")] = strings.TrimSpace(cells[2])
			}
		}
	}
	known := map[string]bool{}
	for _, x := range (&site{}).routes() {
		var who []string
		for _, r := range x.who {
			who = append(who, string(r))
		}
		for _, m := range x.methods {
			if x.path == "" {
				continue
			}
			request := m + " " + x.path
			known[request] = true
			if want := strings.Join(who, ", "); rows[request] != want {
				t.Errorf("%s is for %s; the page says %q", request, want, rows[request])
			}
		}
	}
	for request := range rows {
		if strings.Contains(request, "/") && !known[request] {
			t.Errorf("the page names %s, which is not there", request)
		}
	}
}
