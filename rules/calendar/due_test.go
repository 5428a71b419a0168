package calendar_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"
	_ "time/tzdata"

	"vigie/rules/calendar"
)

// vectors are the worked cases of testdata/cases.json: every due instant was
// found by hand.
type vectors struct {
	Calendars map[string]calendar.Definition `json:"calendars"`
	Cases     []vector                       `json:"cases"`
}

type vector struct {
	ID       string            `json:"id"`
	Calendar string            `json:"calendar"`
	Start    time.Time         `json:"start"`
	Duration calendar.Duration `json:"duration"`
	Pauses   []struct {
		From time.Time  `json:"from"`
		To   *time.Time `json:"to"`
	} `json:"pauses"`
	Due *time.Time `json:"due"`
}

func (v vector) pauses() []calendar.Pause {
	var pauses []calendar.Pause
	for _, p := range v.Pauses {
		pause := calendar.Pause{From: p.From}
		if p.To != nil {
			pause.To = *p.To
		}
		pauses = append(pauses, pause)
	}
	return pauses
}

func readTestdata(t testing.TB, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func readVectors(t testing.TB) (cases []vector, calendars map[string]*calendar.Calendar) {
	t.Helper()
	var read vectors
	readTestdata(t, "cases.json", &read)
	calendars = make(map[string]*calendar.Calendar)
	for name, definition := range read.Calendars {
		built, err := calendar.New(definition)
		if err != nil {
			t.Fatalf("calendar %s: %v", name, err)
		}
		calendars[name] = built
	}
	return read.Cases, calendars
}

func TestWorkedCases(t *testing.T) {
	cases, calendars := readVectors(t)
	if len(cases) != 65 {
		t.Errorf("%d cases, want all 65", len(cases))
	}
	for _, tc := range cases {
		t.Run(tc.ID, func(t *testing.T) {
			due, paused, err := calendars[tc.Calendar].Due(tc.Start, tc.Duration, tc.pauses())
			if err != nil {
				t.Fatal(err)
			}
			if tc.Due == nil {
				if !paused || !due.IsZero() {
					t.Errorf("due %s, want paused", due)
				}
				return
			}
			if paused || !due.Equal(*tc.Due) {
				t.Errorf("due %s (paused %t), want %s", due, paused, tc.Due)
			}
		})
	}
}
