package docs

import (
	"regexp"
	"strings"
	"testing"
)

var href = regexp.MustCompile(`href="/docs/([^"#]*)`)

// TestPages: every page can be shown, has a heading, and leads to pages that exist.
func TestPages(t *testing.T) {
	names := Names()
	if len(names) < 25 {
		t.Fatalf("%d pages", len(names))
	}
	linked := 0
	for _, name := range names {
		page, ok := HTML(name)
		if !ok || !strings.Contains(string(page), "<h1") || Title(name) == name {
			t.Errorf("%s is no page with a heading", name)
		}
		for _, m := range href.FindAllStringSubmatch(string(page), -1) {
			linked++
			if _, ok := HTML(m[1]); !ok {
				t.Errorf("%s leads to %s, which is not there", name, m[1])
			}
		}
		if strings.Contains(string(page), `href=""`) {
			t.Errorf("%s has a link to nowhere", name)
		}
	}
	if linked == 0 {
		t.Error("no page leads to another")
	}
	if _, ok := HTML("../README"); ok {
		t.Error("a file outside of the folder is a page")
	}
}
