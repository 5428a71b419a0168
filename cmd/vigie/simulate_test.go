package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"vigie/receiver"
	"vigie/rules/story"
)

// The shipped stories with the shipped configuration, whose secrets do not
// exist here, come to what the file beside each says, with a subject on every
// message.
// covers: T11, T13
func TestSimulateShippedStories(t *testing.T) {
	for _, example := range []string{"synomega", "activeprolearn"} {
		folder := filepath.Join("../../deploy/examples", example)
		paths, err := filepath.Glob(filepath.Join(folder, "stories", "*.yml"))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s has no stories: %v", example, err)
		}
		config := filepath.Join(folder, "vigie.yml")
		setup, err := receiver.Load(config)
		if err != nil {
			t.Fatal(err)
		}
		words, err := setup.Config.Renderer()
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			t.Run(example+"/"+filepath.Base(path), func(t *testing.T) {
				text, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				s, err := story.Parse(path, text)
				if err != nil {
					t.Fatal(err)
				}
				lines, err := story.Play(setup.Book, s, story.Options{Subject: subjects(words)})
				if err != nil {
					t.Fatal(err)
				}
				var out bytes.Buffer
				c := &commands{out: &out}
				for _, l := range lines {
					if err := c.json(l); err != nil {
						t.Fatal(err)
					}
				}
				compareWithFile(t, path, out.String())
			})
		}
		t.Run(example+"/command", func(t *testing.T) {
			var out, errs bytes.Buffer
			if code := run(context.Background(), []string{"simulate", "--config.file=" + config, paths[0]}, &out, &errs); code != 0 {
				t.Fatalf("exit %d: %s", code, errs.String())
			}
			compareWithFile(t, paths[0], out.String())
		})
	}
}

func compareWithFile(t *testing.T, path, out string) {
	t.Helper()
	want, err := os.ReadFile(strings.TrimSuffix(path, ".yml") + ".jsonl")
	if err != nil {
		t.Fatal(err)
	}
	got, wanted := strings.Split(out, "\n"), strings.Split(string(want), "\n")
	if len(got) != len(wanted) {
		t.Fatalf("%d lines, want %d", len(got), len(wanted))
	}
	for i, line := range wanted {
		if withoutSubject(t, got[i]) != line {
			t.Fatalf("line %d is\n%s\nwant\n%s", i+1, got[i], line)
		}
	}
}

// withoutSubject empties the subject of a message's line, which must have one
// that mail programs show whole.
func withoutSubject(t *testing.T, line string) string {
	t.Helper()
	if line == "" {
		return line
	}
	var h struct {
		What    string
		Subject *string
	}
	if err := json.Unmarshal([]byte(line), &h); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	if h.What != "notification" {
		return line
	}
	if h.Subject == nil || *h.Subject == "" || utf8.RuneCountInString(*h.Subject) > 100 {
		t.Errorf("a subject of 1 to 100 characters is wanted: %s", line)
		return line
	}
	var quoted bytes.Buffer
	e := json.NewEncoder(&quoted)
	e.SetEscapeHTML(false)
	if err := e.Encode(*h.Subject); err != nil {
		t.Fatal(err)
	}
	return strings.Replace(line, `"subject":`+strings.TrimSpace(quoted.String()), `"subject":""`, 1)
}

func TestSimulateErrors(t *testing.T) {
	config := "--config.file=../../deploy/examples/synomega/vigie.yml"
	file := filepath.Join(t.TempDir(), "story.yml")
	text := "start: 2025-03-10T07:00:00+01:00\nuntil: 2025-03-10T08:00:00+01:00\nevents:\n  - at: 2025-03-10T07:10:00+01:00\n    act: {verb: take, by: sup, incident: {machine: SRV-AD}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"simulate", config, file}, file + `:4: act.incident matches no open incident: {machine="SRV-AD"}; none is open at 2025-03-10T07:10:00+01:00`},
		{[]string{"simulate", config, file + ".not"}, "no such file"},
		{[]string{"simulate", "--config.file=nowhere.yml", file}, "nowhere.yml"},
	} {
		var out, errs bytes.Buffer
		if code := run(context.Background(), c.args, &out, &errs); code != 1 || !strings.Contains(errs.String(), c.want) || out.Len() > 0 {
			t.Errorf("exit %d, printed %q and %q, want exit 1 and %q", code, out.String(), errs.String(), c.want)
		}
	}
}
