package receiver_test

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vigie/receiver"
	"vigie/rules"
	"vigie/rules/model"
	"vigie/rules/story"
)

const pastStory = "../deploy/lab/past-month.yml"

// TestPastMonth gives the lab a past: the month of deploy/lab/past-month.yml is played
// through a whole receiver, whose database stays in the lab's folder, and what Prometheus
// would have recorded of it is written beside it for `promtool tsdb create-blocks-from`.
func TestPastMonth(t *testing.T) {
	lab := os.Getenv("VIGIE_PAST")
	if lab == "" {
		t.Skip("VIGIE_PAST names no folder of a lab: see `make past`")
	}
	setup, err := receiver.Load(filepath.Join(lab, "config", "vigie.yml"))
	if err != nil {
		t.Fatal(err)
	}
	words, err := setup.Config.Renderer()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(pastStory)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().In(setup.Book.InForce(time.Now()).Zone)
	tale, err := story.Parse(pastStory, dated(t, text, now))
	if err != nil {
		t.Fatal(err)
	}
	h := prepareTheatre(t, *setup, words.Render, tale)
	h.dir = filepath.Join(lab, "vigie")
	if old, err := filepath.Glob(h.database() + "*"); err != nil || len(old) > 0 {
		t.Fatalf("%v: the lab has a present already: %v", err, old)
	}
	h.open()
	h.play()
	h.run(h.engine.Measure)
	h.run(h.engine.Seal)
	if err := os.WriteFile(filepath.Join(lab, "past.om"), recorded(t, setup.Book, tale), 0o600); err != nil {
		t.Fatal(err)
	}
}

// day stands in the story of a month for a service day, with or without an hour.
var day = regexp.MustCompile(`\bday (\d+)(?: (\d\d:\d\d))?`)

// A past can be made on any day of the year, the first of a month included.
func TestThePastOfAnyDay(t *testing.T) {
	text, err := os.ReadFile(pastStory)
	if err != nil {
		t.Fatal(err)
	}
	for now := time.Date(2027, 1, 1, 0, 30, 0, 0, time.UTC); now.Year() < 2029; now = now.AddDate(0, 0, 1) {
		if _, err := story.Parse(pastStory, dated(t, text, now)); err != nil {
			t.Fatal(err)
		}
	}
}

// dated is a story whose days are those of the month before now, and of this one.
func dated(t *testing.T, text []byte, now time.Time) []byte {
	t.Helper()
	first := time.Date(now.Year(), now.Month()-1, 1, 0, 0, 0, 0, now.Location())
	var days []time.Time
	for d := first; d.Before(first.AddDate(0, 2, 0)); d = d.AddDate(0, 0, 1) { // a promise may be for a day to come
		if d.Weekday() != time.Saturday && d.Weekday() != time.Sunday {
			days = append(days, d)
		}
	}
	of := func(found []byte) []byte {
		part := day.FindSubmatch(found)
		n, _ := strconv.Atoi(string(part[1]))
		if n < 1 || n > len(days) {
			t.Fatalf("%s is none of the %d service days since %s", found, len(days), first)
		}
		date := days[n-1].Format(time.DateOnly)
		if len(part[2]) == 0 {
			return []byte(`"` + date + `"`)
		}
		at, err := time.ParseInLocation("2006-01-02 15:04", date+" "+string(part[2]), now.Location())
		if err != nil {
			t.Fatal(err)
		}
		return []byte(`"` + at.Format(time.RFC3339) + `"`)
	}
	text = regexp.MustCompile(`(?m)#.*$`).ReplaceAll(text, nil)
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	return day.ReplaceAllFunc([]byte(strings.Replace(string(text), "until: today", "until: "+today.Format(time.RFC3339), 1)), of)
}

// recorded is what the rules would have recorded at each midnight, in OpenMetrics: of
// what the story does not speak of, that all was well.
func recorded(t *testing.T, book *rules.Book, tale *story.Story) []byte {
	t.Helper()
	stage, err := story.NewStage(book, tale)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintln(&b, "# TYPE machine:backup_state:worst gauge")
	at := stage.Start().AddDate(0, 0, 1)
	for ; !at.After(stage.Until()); at = at.AddDate(0, 0, 1) {
		for !stage.Next().IsZero() && !stage.Next().After(at) {
			if _, err := stage.Happen(); err != nil {
				t.Fatal(err)
			}
		}
		state := map[string]string{}
		for _, m := range book.Directory.Machines {
			for _, p := range m.Plans {
				state[fmt.Sprintf("customer=%q,machine=%q,backup_role=%q", m.Customer, m.Name, p.Role)] = "ok"
			}
		}
		for _, p := range stage.Plans() {
			l := p.Labels
			state[fmt.Sprintf("customer=%q,machine=%q,backup_role=%q", l["customer"], l["machine"], l["backup_role"])] =
				cmp.Or(map[model.EvidenceState]string{model.EvidenceOK: "ok", model.EvidenceDegraded: "warning", model.EvidenceKO: "failed"}[p.State], "late")
		}
		for _, labels := range slices.Sorted(maps.Keys(state)) {
			fmt.Fprintf(&b, "machine:backup_state:worst{%s,state=%q} 1 %d\n", labels, state[labels], at.Unix())
		}
	}
	fmt.Fprintln(&b, "# EOF")
	return []byte(b.String())
}
