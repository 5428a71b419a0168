package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// docs/architecture.md names files that are there, for twelve changes and more,
// and packages that are there in its picture.
func TestArchitecturePage(t *testing.T) {
	root := filepath.Join("..", "..")
	b, err := os.ReadFile(filepath.Join(root, "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	for _, m := range regexp.MustCompile("`([a-z_-]+/[a-zA-Z0-9_./-]+)`").FindAllStringSubmatch(page, -1) {
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(m[1]))); err != nil {
			t.Errorf("the page names %s, which is not there", m[1])
		}
	}
	_, table, _ := strings.Cut(page, "## To change X, go to Y")
	table, _, _ = strings.Cut(table, "\n## ")
	if rows := strings.Count(table, "\n| ") - 1; rows < 12 {
		t.Errorf("the table has %d changes, want at least 12", rows)
	}
	// The boxes of the picture: the first words are names of packages.
	picture, _, _ := strings.Cut(page[strings.Index(page, "```mermaid"):], "\n```\n")
	all := list(t)
	for _, m := range regexp.MustCompile(`\["([a-z, /_]+)[:. ]`).FindAllStringSubmatch(picture, -1) {
		for name := range strings.SplitSeq(m[1], ", ") {
			name = strings.TrimPrefix(strings.TrimSpace(name), "cmd/")
			found := false
			for path := range all {
				found = found || strings.HasSuffix(path, "/"+name) || strings.Contains(path, "/"+name+"/")
			}
			if !found && !strings.Contains(name, " ") && !strings.HasSuffix(name, "/") {
				t.Errorf("the picture shows %q, and there is no such package", name)
			}
		}
	}
}

// Where keys and the newest migration lie is named, not only a file beside it.
func TestArchitecturePageNamesEachHome(t *testing.T) {
	root := filepath.Join("..", "..")
	page, err := os.ReadFile(filepath.Join(root, "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	glob := func(pattern string) []string {
		found, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil || len(found) == 0 {
			t.Fatalf("nothing is %s (%v)", pattern, err)
		}
		return found
	}
	homes := []string{slices.Max(glob("receiver/store/migrations/*.sql"))}
	for _, file := range slices.Concat(glob("receiver/config/*.go"), glob("cmd/backup_exporter/config.go"), glob("exporters/httpclient/*.go")) {
		if text, err := os.ReadFile(file); err != nil {
			t.Fatal(err)
		} else if strings.Contains(string(text), "`yaml:\"") && !strings.HasSuffix(file, "_test.go") {
			homes = append(homes, file)
		}
	}
	for _, file := range homes {
		if name, _ := filepath.Rel(root, file); !strings.Contains(string(page), "`"+filepath.ToSlash(name)+"`") {
			t.Errorf("the page does not name %s", name)
		}
	}
}
