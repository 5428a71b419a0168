package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	yamlBlock  = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	secretName = regexp.MustCompile(`(?:_file|_files|ca_file):\s*\[?([A-Za-z0-9._/-]+)`)
)

// Every source that the documentation shows is one that this program takes.
func TestDocumentedSources(t *testing.T) {
	pages, err := filepath.Glob("../../docs/sources/*.md")
	if err != nil || len(pages) < 12 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	tried := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		var base string // the source that indented blocks below it go on with
		for _, m := range yamlBlock.FindAllStringSubmatch(string(text), -1) {
			block := m[1]
			switch {
			case strings.HasPrefix(block, "- name:"):
				base = block
			case strings.HasPrefix(block, "    ") && base != "":
				for key := range strings.Lines(block) { // said anew
					name, _, _ := strings.Cut(strings.TrimSpace(key), ":")
					base = regexp.MustCompile(`(?m)^    `+regexp.QuoteMeta(name)+`:.*\n`).ReplaceAllString(base, "")
				}
				block = base + block
			default:
				continue
			}
			dir := t.TempDir()
			for _, s := range secretName.FindAllStringSubmatch(block, -1) {
				write(t, dir, s[1], "KEY="+strings.Repeat("secret-of-a-page-", 3))
			}
			program := write(t, dir, "restic", "")
			if err := os.Chmod(program, 0o700); err != nil {
				t.Fatal(err)
			}
			block = strings.ReplaceAll(block, "/usr/bin/restic", program)
			// Certificates are not at hand here; that they are read is tested elsewhere.
			block = regexp.MustCompile(`ca_file: [^,}\s]+`).ReplaceAllString(block, `ca_file: ""`)
			file := write(t, dir, "backup_exporter.yml", "sources:\n"+block)
			_, err := loadConfig(file, sourceTable(), env())
			if err != nil && (strings.Contains(err.Error(), "there are no event logs of Windows here") || strings.Contains(err.Error(), "there has to be one way to read")) {
				continue // the page goes on below
			}
			if tried++; err != nil {
				t.Errorf("%s: %v", filepath.Base(page), err)
			}
		}
	}
	if tried < 10 {
		t.Errorf("only %d sources are shown", tried)
	}
}
