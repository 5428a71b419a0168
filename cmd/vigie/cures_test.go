package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is missing is named together with where it comes from.
func TestWhatIsMissingIsToldWithItsCure(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("VIGIE_CONFIG", "")
	t.Setenv("VIGIE_TOKEN_FILE", "")
	locked := filepath.Join(dir, "locked")
	if err := os.WriteFile(locked, nil, 0); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"incidents":                       "VIGIE_TOKEN_FILE; on the receiver's machine `vigie token new PERSON`",
		"act take 1":                      "`vigie token new PERSON`",
		"incidents --token-file=nothing":  "nothing: no such file or directory: on the receiver's machine `vigie token new PERSON`",
		"check --config.file=nothing.yml": "nothing.yml: no such file or directory: name the configuration with --config.file or in VIGIE_CONFIG",
		"serve --config.file=nothing.yml": "name the configuration with --config.file or in VIGIE_CONFIG",
		"token new sup --config.file=no":  "name the configuration with --config.file or in VIGIE_CONFIG",
	} {
		var out, told bytes.Buffer
		if code := run(t.Context(), strings.Fields(line), &out, &told); code == 0 || !strings.Contains(told.String(), want) {
			t.Errorf("vigie %s: %d, %s, want %q", line, code, told.String(), want)
		}
	}
	if _, err := os.ReadFile(locked); err == nil {
		return // who runs this may read everything
	}
	var out, told bytes.Buffer
	if code := run(t.Context(), []string{"check", "--config.file=" + locked}, &out, &told); code == 0 || !strings.Contains(told.String(), "sudo -u vigie") {
		t.Errorf("%d, %s", code, told.String())
	}
}
