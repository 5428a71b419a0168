package push

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
	"vigie/exporters/sourcetest"
)

// A job that saves to two targets by turns is one for each, in whatever order its runs
// are told; one that was moved to another target stays one.
func TestTargetsByTurns(t *testing.T) {
	for name, c := range map[string]struct {
		runs []string // day and hour, target, result
		want string
	}{
		"one fails, the other is good": {[]string{"05T22 nas success", "06T01 pbs success", "06T22 nas failed", "07T01 pbs success", "07T22 nas failed", "08T01 pbs success", "08T22 nas failed", "09T01 pbs success"},
			"guest failed full, guest/pbs success "},
		"and the other way": {[]string{"05T22 nas success", "06T01 pbs success", "06T22 nas success", "07T01 pbs failed", "07T22 nas success", "08T01 pbs failed", "08T22 nas success"},
			"guest success , guest/pbs failed full"},
		"moved":                  {[]string{"04T22 nas success", "05T22 nas success", "06T22 nas failed", "07T22 pbs success", "08T22 pbs success", "09T22 pbs success"}, "guest success "},
		"once elsewhere":         {[]string{"05T22 nas success", "06T22 nas success", "07T12 usb failed", "07T22 nas success"}, "guest success "},
		"now and then none told": {[]string{"05T22 nas success", "01T01  success", "06T22 nas success", "08T01  failed", "07T22 nas success", "08T22 nas success", "09T01  success", "09T22 nas success"}, "guest success "},
		"no target told":         {[]string{"05T22  success", "06T22  failed"}, "guest failed full"},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				l := ledger{}
				for _, text := range c.runs {
					f := strings.Split(text, " ")
					at, err := time.Parse("2006-01-02T15", "2026-03-"+f[0])
					sourcetest.Check(t, err)
					r := Report{RunID: f[0], JobID: "guest", Machine: "srv", Target: f[1], Result: f[2], Ended: exporters.Instant{Time: at}}
					if f[2] == "failed" {
						r.Error = "full"
					}
					sourcetest.Check(t, l.add(entry{Customer: "dupont", Received: at, Reports: []Report{r}}))
				}
				var got []string
				for _, part := range l[jobKey{"dupont", "guest"}].parts(Defaults{}) {
					j := part.shown(Defaults{})
					last := j.Runs[len(j.Runs)-1]
					got = append(got, fmt.Sprintf("%s %s %s", j.ID, last.Result, last.Error))
					if j.ID == "guest/pbs" && (j.Plan != "guest, pbs" || j.ExpectedInterval != 24*time.Hour) {
						t.Errorf("%+v", j)
					}
				}
				if strings.Join(got, ", ") != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
				slices.Reverse(c.runs)
			}
		})
	}
}

// What is saved to one target seldom stays a job beside what is saved elsewhere each hour,
// and is late for a month where it stops.
func TestSeldomTargetIsNotForgotten(t *testing.T) {
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for name, every := range map[string]int{"daily": 1, "weekly": 7, "monthly": 35} {
		l := ledger{}
		last := start.AddDate(0, 0, 2*every)
		for h := 0; h < 24*(2*every+every+30); h++ {
			at := start.Add(time.Duration(h) * time.Hour)
			targets := []string{"nas"}
			if h%(24*every) == 1 && at.Before(last.Add(2*time.Hour)) {
				targets = append(targets, "pbs")
			}
			for _, target := range targets {
				r := Report{RunID: fmt.Sprint(target, h), JobID: "guest", Machine: "srv", Target: target, Result: "success", Ended: exporters.Instant{Time: at}}
				sourcetest.Check(t, l.add(entry{Customer: "dupont", Received: at, Reports: []Report{r}}))
			}
			if parts := l[jobKey{"dupont", "guest"}].parts(Defaults{}); at.After(last.Add(time.Hour)) && len(parts) != 2 {
				t.Errorf("%s: %d jobs %v after the last run", name, len(parts), at.Sub(last))
				break
			}
		}
		if n := len(l[jobKey{"dupont", "guest"}].Runs); n > keptRuns+40 {
			t.Errorf("%s: %d runs are kept", name, n)
		}
	}
}

// A target of another name at each run keeps no more runs than are bounded.
func TestTargetsAreBounded(t *testing.T) {
	l := ledger{}
	for h := range 2 * maxRuns {
		at := time.Date(2026, 3, 1, h, 0, 0, 0, time.UTC)
		r := Report{RunID: fmt.Sprint(h), JobID: "guest", Machine: "srv", Target: fmt.Sprint("/srv/", h), Result: "success", Ended: exporters.Instant{Time: at}}
		sourcetest.Check(t, l.add(entry{Customer: "dupont", Received: at, Reports: []Report{r}}))
	}
	if n := len(l[jobKey{"dupont", "guest"}].Runs); n != maxRuns {
		t.Errorf("%d runs are kept", n)
	}
}

// What is saved on weekdays beside what is saved each day keeps its id on each day.
func TestTargetsKeepTheirIDsOverAWeekend(t *testing.T) {
	l := ledger{}
	for day := range 21 {
		at := time.Date(2026, 3, 2+day, 1, 0, 0, 0, time.UTC) // a Monday
		targets := []string{"pbs"}
		if day%7 < 5 {
			targets = append(targets, "nas")
		}
		for _, target := range targets {
			r := Report{RunID: fmt.Sprint(target, day), JobID: "guest", Machine: "srv", Target: target, Result: "success", Ended: exporters.Instant{Time: at}}
			sourcetest.Check(t, l.add(entry{Customer: "dupont", Received: at, Reports: []Report{r}}))
		}
		parts := l[jobKey{"dupont", "guest"}].parts(Defaults{})
		if day > 2 && (len(parts) != 2 || parts[1].ID != "guest/pbs") {
			t.Errorf("day %d: %d jobs, the last is %s", day, len(parts), parts[len(parts)-1].ID)
		}
	}
}
