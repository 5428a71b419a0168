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
)

// The command plays every shipped story with the shipped configuration, whose
// secrets do not exist here, and prints what the story's file says, with a
// subject on every message.
// covers: T11, T13
func TestSimulateShippedStories(t *testing.T) {
	for _, example := range []string{"synomega", "activeprolearn"} {
		folder := filepath.Join("../../deploy/examples", example)
		stories, err := filepath.Glob(filepath.Join(folder, "stories", "*.yml"))
		if err != nil || len(stories) == 0 {
			t.Fatalf("%s has no stories: %v", example, err)
		}
		for _, story := range stories {
			t.Run(example+"/"+filepath.Base(story), func(t *testing.T) {
				var out, errs bytes.Buffer
				if code := run(context.Background(), []string{"simulate", "--config.file=" + filepath.Join(folder, "vigie.yml"), story}, &out, &errs); code != 0 {
					t.Fatalf("exit %d: %s", code, errs.String())
				}
				want, err := os.ReadFile(strings.TrimSuffix(story, ".yml") + ".jsonl")
				if err != nil {
					t.Fatal(err)
				}
				got := strings.Split(out.String(), "\n")
				for i, line := range strings.Split(string(want), "\n") {
					if i >= len(got) || withoutSubject(t, got[i]) != line {
						t.Fatalf("line %d is\n%s\nwant\n%s", i+1, got[min(i, len(got)-1)], line)
					}
				}
			})
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
	story := filepath.Join(t.TempDir(), "story.yml")
	text := "start: 2025-03-10T07:00:00+01:00\nuntil: 2025-03-10T08:00:00+01:00\nevents:\n  - at: 2025-03-10T07:10:00+01:00\n    act: {verb: take, by: sup, incident: {machine: SRV-AD}}\n"
	if err := os.WriteFile(story, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"simulate", config, story}, story + `:4: act.incident matches no open incident: {machine="SRV-AD"}; none is open at 2025-03-10T07:10:00+01:00`},
		{[]string{"simulate", config, story + ".not"}, "no such file"},
		{[]string{"simulate", "--config.file=nowhere.yml", story}, "nowhere.yml"},
	} {
		var out, errs bytes.Buffer
		if code := run(context.Background(), c.args, &out, &errs); code != 1 || !strings.Contains(errs.String(), c.want) || out.Len() > 0 {
			t.Errorf("exit %d, printed %q and %q, want exit 1 and %q", code, out.String(), errs.String(), c.want)
		}
	}
}
