package calendar_test

import (
	"strings"
	"testing"
	"time"

	"vigie/rules/calendar"
)

// policyExamples are whole incidents under the example policy, each with the
// due instant of every target that its last severity grants.
type policyExamples struct {
	Targets map[string]map[string]struct {
		calendar.Duration
		Calendar string `json:"calendar"`
	} `json:"targets"`
	Incidents []policyIncident `json:"incidents"`
}

type policyIncident struct {
	ID       string    `json:"id"`
	Severity string    `json:"severity"`
	Start    time.Time `json:"start"`
	Events   []struct {
		At    time.Time `json:"at"`
		Event string    `json:"event"`
		To    string    `json:"to"`
	} `json:"events"`
	Due map[string]*time.Time `json:"due"`
}

var severities = map[string]int{"request": 0, "minor": 1, "major": 2, "blocking": 3}

// history is the severities and the pauses of an incident. The time between a
// resolution and the reopening is a pause like any other.
func (i policyIncident) history() (history []calendar.Severity, pauses []calendar.Pause) {
	history = []calendar.Severity{{At: i.Start, Rank: severities[i.Severity]}}
	for _, e := range i.Events {
		switch e.Event {
		case "severity":
			history = append(history, calendar.Severity{At: e.At, Rank: severities[e.To]})
		case "paused", "resolved":
			pauses = append(pauses, calendar.Pause{From: e.At})
		case "resumed", "reopened":
			pauses[len(pauses)-1].To = e.At
		}
	}
	return history, pauses
}

func TestPolicyExamples(t *testing.T) {
	var examples policyExamples
	readTestdata(t, "policy.json", &examples)
	_, calendars := readVectors(t)
	if len(examples.Incidents) != 18 {
		t.Errorf("%d incidents, want all 18", len(examples.Incidents))
	}
	for _, incident := range examples.Incidents {
		t.Run(incident.ID, func(t *testing.T) {
			history, pauses := incident.history()
			for _, name := range []string{"acknowledge", "workaround", "resolve"} {
				targets := make(map[int]calendar.Target)
				for severity, granted := range examples.Targets {
					if target, ok := granted[name]; ok {
						targets[severities[severity]] = calendar.Target{Calendar: calendars[target.Calendar], Duration: target.Duration}
					}
				}
				running := pauses
				if name == "acknowledge" { // waiting for a customer is no reason not to answer
					running = nil
				}
				got, ok, err := calendar.DueWithAnchors(history, targets, running)
				if err != nil {
					t.Fatal(err)
				}
				want, granted := incident.Due[name]
				switch {
				case ok != granted:
					t.Errorf("%s: granted %t, want %t", name, ok, granted)
				case !granted:
				case want == nil:
					if !got.Paused || !got.Due.IsZero() {
						t.Errorf("%s: due %s, want paused", name, got.Due)
					}
				case got.Paused || !got.Due.Equal(*want):
					t.Errorf("%s: due %s (paused %t), want %s", name, got.Due, got.Paused, want)
				}
			}
		})
	}
}

func TestAnchoredTellsWhatDecided(t *testing.T) {
	_, calendars := readVectors(t)
	hours := func(n int) calendar.Target {
		return calendar.Target{
			Calendar: calendars["always_open"],
			Duration: calendar.Duration{Amount: calendar.NewAmount(n), Unit: calendar.BusinessHours},
		}
	}
	opened := time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)
	history := []calendar.Severity{{At: opened.Add(time.Hour), Rank: 2}, {At: opened, Rank: 1}} // in any order
	got, ok, err := calendar.DueWithAnchors(history, map[int]calendar.Target{1: hours(10), 2: hours(2), 3: hours(1)}, nil)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if got.Rank != 2 || !got.Anchor.Equal(opened.Add(time.Hour)) || !got.Due.Equal(opened.Add(3*time.Hour)) {
		t.Errorf("got %+v, want severity 2, from its own beginning", got)
	}
	if _, ok, err := calendar.DueWithAnchors(history, map[int]calendar.Target{3: hours(1)}, nil); ok || err != nil {
		t.Errorf("a target that only a higher severity grants: %t, %v", ok, err)
	}
	if _, _, err := calendar.DueWithAnchors(nil, nil, nil); err == nil {
		t.Error("no error for an empty history")
	}
	if _, _, err := calendar.DueWithAnchors(history, map[int]calendar.Target{1: hours(0)}, nil); err == nil || !strings.Contains(err.Error(), "severity 1: ") {
		t.Errorf("error %v does not name the severity", err)
	}
}

// Severities that go up and down never move a due instant to later than the
// lowest of them alone would have it.
func TestAggravationNeverGivesALaterDue(t *testing.T) {
	_, calendars := readVectors(t)
	targets := map[int]calendar.Target{
		1: {Calendar: calendars["weekdays_9_19"], Duration: calendar.Duration{Amount: calendar.NewAmount(6), Unit: calendar.BusinessDays}},
		2: {Calendar: calendars["weekdays_9_19"], Duration: calendar.Duration{Amount: calendar.NewAmount(2), Unit: calendar.BusinessDays}},
		3: {Calendar: calendars["weekdays_9_19"], Duration: calendar.Duration{Amount: calendar.NewAmount(2), Unit: calendar.BusinessHours}},
	}
	random := newRandom(t)
	for range 2000 {
		start := random.instant()
		history := []calendar.Severity{{At: start, Rank: 1}}
		alone, _, err := calendar.DueWithAnchors(history, targets, nil)
		if err != nil {
			t.Fatal(err)
		}
		before := alone.Due
		for at := start; len(history) < 5; {
			at = at.Add(time.Duration(random.Int64N(int64(40 * time.Hour))))
			rank := history[len(history)-1].Rank + random.IntN(3)
			history = append(history, calendar.Severity{At: at, Rank: min(rank, 3)})
			now, _, err := calendar.DueWithAnchors(history, targets, nil)
			if err != nil || now.Due.After(before) {
				t.Fatalf("%v: due %s after %s (%v)", history, now.Due, before, err)
			}
			before = now.Due
		}
		again, _, err := calendar.DueWithAnchors(append(history, calendar.Severity{At: history[len(history)-1].At, Rank: 1}), targets, nil)
		if err != nil || !again.Due.Equal(alone.Due) {
			t.Fatalf("%v, relieved: due %s, want the original %s (%v)", history, again.Due, alone.Due, err)
		}
	}
}
