package docs

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

var (
	href    = regexp.MustCompile(`href="/docs/([^"#]*)`)
	picture = regexp.MustCompile(`<img src="/docs/pictures/([^"]*)\.png" alt="[^"]+"`)
)

// TestPages: every page can be shown, has a heading, and leads to pages that exist.
func TestPages(t *testing.T) {
	names := Names()
	if len(names) < 25 {
		t.Fatalf("%d pages", len(names))
	}
	for _, file := range written(t) {
		if _, shown := HTML(file); !shown {
			t.Errorf("%s is written and not shown", file)
		}
	}
	linked, pictures := 0, 0
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
		for _, m := range picture.FindAllStringSubmatch(string(page), -1) {
			pictures++
			if _, ok := Picture(m[1]); !ok {
				t.Errorf("%s shows the picture %s, which is not there", name, m[1])
			}
		}
		if strings.Contains(string(page), `href=""`) {
			t.Errorf("%s has a link to nowhere", name)
		}
	}
	if pictures < 8 {
		t.Errorf("only %d pictures are shown", pictures)
	}
	if linked == 0 {
		t.Error("no page leads to another")
	}
	if _, ok := HTML("../README"); ok {
		t.Error("a file outside of the folder is a page")
	}
}

var linkTo = regexp.MustCompile(`\]\(([^)#: ]+)(?:#[^) ]*)?\)`)

// TestLinksOfTheSources: what a page leads to by a path is there. What is not shown, such
// as an example, is no link on the pages that are served, so that nobody would miss it.
func TestLinksOfTheSources(t *testing.T) {
	pages := []string{"../README.md", "../CONTRIBUTING.md", "../alerting-rules/README.md"}
	for _, name := range written(t) {
		pages = append(pages, name+".md")
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range linkTo.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(path.Join(path.Dir(page), m[1])); err != nil {
				t.Errorf("%s leads to %s, which is not there", page, m[1])
			}
		}
	}
}

// written are the pages of the folder; the runbooks are shown elsewhere.
func written(t *testing.T) (out []string) {
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, _ fs.DirEntry, err error) error {
		if page, ok := strings.CutSuffix(name, ".md"); ok && !strings.HasPrefix(name, "runbooks/") {
			out = append(out, page)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
