package push

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"vigie/exporters"
)

// Whatever the order and however often reports arrive, in whatever portions
// and with restarts between, the same stands in the ledger in the end.
func TestOrderAndRepetitionDoNotMatter(t *testing.T) {
	words := []string{"success", "warning", "failed", "cancelled", "missed", "unknown"}
	for seed := range uint64(15) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		received := start.Add(1000 * time.Hour)
		var reports []Report
		for i := range 1 + rnd.IntN(3*keptRuns) {
			// Some end at the same instant.
			end := start.Add(time.Duration(rnd.IntN(400)) * time.Hour)
			reports = append(reports, Report{RunID: fmt.Sprint(i), JobID: "home", Machine: fmt.Sprintf("M%d", i%3), Result: words[rnd.IntN(len(words))],
				Ended: exporters.Instant{Time: end}, Error: fmt.Sprintf("text %d", i)})
		}
		config := &Config{Customers: map[string]*Customer{"dupont": {Name: "Dupont"}}, BackupRole: exporters.Primary}
		var first exporters.Job
		for round := range 4 {
			order := slices.Clone(reports)
			if round > 0 {
				rnd.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
				order = append(order, order[:rnd.IntN(len(order)+1)]...) // repeats
			}
			dir := t.TempDir()
			s := &Source{config: &Config{Folder: dir, Customers: config.Customers, Limits: Limits{Jobs: 10}}, now: func() time.Time { return received }, Store: NewStore(dir, 100), unknown: map[string]int{}}
			for len(order) > 0 {
				n := 1 + rnd.IntN(len(order))
				if _, err := s.Accept("dupont", order[:n]); err != nil {
					t.Fatal(err)
				}
				order = order[n:]
				if rnd.IntN(4) == 0 {
					_ = s.Close()
					s = &Source{config: s.config, now: s.now, Store: NewStore(dir, 100), unknown: map[string]int{}}
				}
			}
			l, err := (&journal{dir: dir}).load()
			if err != nil {
				t.Fatal(err)
			}
			got := l[jobKey{"dupont", "home"}].shown(Defaults{})
			if round == 0 {
				first = got
				checkAgainstReports(t, got, reports)
				continue
			}
			if !reflect.DeepEqual(got, first) {
				t.Fatalf("seed %d round %d:\n%+v\n%+v", seed, round, got, first)
			}
		}
	}
}

// checkAgainstReports compares with the plain reading of all reports.
func checkAgainstReports(t *testing.T, got exporters.Job, reports []Report) {
	t.Helper()
	var success, last time.Time
	doubtful := map[time.Time]bool{}
	for _, r := range reports {
		if r.Result != "success" {
			doubtful[r.Ended.Time] = true
		}
	}
	for _, r := range reports {
		if !doubtful[r.Ended.Time] && r.Ended.After(success) {
			success = r.Ended.Time
		}
		if r.Ended.After(last) {
			last = r.Ended.Time
		}
	}
	newest := got.Runs[len(got.Runs)-1]
	if !got.LastSuccess.Equal(success) || !newest.End.Equal(last) {
		t.Errorf("last success %s, want %s; last run %s, want %s", got.LastSuccess, success, newest.End, last)
	}
	for _, r := range reports {
		if r.Ended.Equal(last) && r.Result != "success" && newest.Result == exporters.Success {
			t.Errorf("a success hides what ended with it: %s", r.Result)
		}
	}
}

// Folding the journal loses nothing, and a crash between its two steps leaves
// entries in both files without harm.
func TestCompaction(t *testing.T) {
	dir := t.TempDir()
	config := &Config{Folder: dir, Customers: map[string]*Customer{"dupont": {Name: "Dupont"}}, Limits: Limits{Jobs: 100}}
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	now := start.Add(24 * 365 * time.Hour)
	s := &Source{config: config, now: func() time.Time { return now }, Store: NewStore(dir, 100), unknown: map[string]int{}}
	long := make([]byte, 4000)
	for i := range long {
		long[i] = 'e'
	}
	folded := false
	for i := range 1500 {
		r := Report{RunID: fmt.Sprint(i), JobID: fmt.Sprint("job-", i%7), Machine: "M", Result: "failed", Error: string(long), Ended: exporters.Instant{Time: start.Add(time.Duration(i) * time.Hour)}}
		if i < 7 {
			r.Result = "success"
		}
		before := s.journal.size
		if _, err := s.Accept("dupont", []Report{r}); err != nil {
			t.Fatal(err)
		}
		if s.journal.size < before {
			folded = true
		}
	}
	if !folded {
		t.Fatal("the journal was never folded")
	}
	check := func() {
		t.Helper()
		l, err := (&journal{dir: dir}).load()
		if err != nil {
			t.Fatal(err)
		}
		if len(l) != 7 || !reflect.DeepEqual(l[jobKey{"dupont", "job-3"}].shown(Defaults{}), s.ledger[jobKey{"dupont", "job-3"}].shown(Defaults{})) {
			t.Error("the files do not say what the memory does")
		}
		if want := start.Add(3 * time.Hour); !l[jobKey{"dupont", "job-3"}].LastSuccess.Equal(want) {
			t.Error("the last success is lost")
		}
	}
	check()
	journal, err := os.ReadFile(filepath.Join(dir, "results.journal"))
	if err != nil {
		t.Fatal(err)
	}
	s.journal.size = 1 << 40
	if err := s.journal.compact(s.ledger); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "results.journal"), journal, 0o600); err != nil {
		t.Fatal(err)
	}
	check()
}
