package inbox

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"vigie/exporters"
)

const shipped = "../../deploy/backup_exporter/inbox"

func shippedRules(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(shipped, "*.yml"))
	if err != nil || len(files) != 4 {
		t.Fatalf("%v %v", files, err)
	}
	return files
}

// Loading holds every rule against its examples.
func TestShippedRulesReadTheirExamples(t *testing.T) {
	if _, err := LoadRules(shippedRules(t)); err != nil {
		t.Fatal(err)
	}
}

// Every shipped rule shows a failure and a success of one job, so that loading
// holds them against each other; the failure of a job that did not come to its
// machines is ended by another rule, and one that tells only successes has its
// failure there.
func TestShippedRulesShowBothEnds(t *testing.T) {
	rs, err := LoadRules(shippedRules(t))
	check(t, err)
	ends := map[string]bool{}
	type pair struct{ failed, good map[string]bool }
	seen := map[string]pair{}
	for _, r := range rs.list {
		p := pair{map[string]bool{}, map[string]bool{}}
		for _, e := range r.Examples {
			raw, err := os.ReadFile(r.beside(e.Mail))
			check(t, err)
			m := read(t, string(raw))
			for _, one := range rs.Read(&m, m.Date).Readings {
				switch id := one.Report.JobID; {
				case one.Whole:
					ends[id] = true
				case one.Report.Result == "success":
					p.good[id] = true
				case one.Report.Result != "warning":
					p.failed[id] = true
				}
			}
		}
		seen[r.Name] = p
	}
	failed := map[string]bool{}
	for _, p := range seen {
		maps.Copy(failed, p.failed)
	}
	for _, r := range rs.list {
		both := false
		for id := range seen[r.Name].good {
			both = both || r.Set.Result == "success" && failed[id]
		}
		for id := range seen[r.Name].failed {
			both = both || seen[r.Name].good[id] || ends[id]
		}
		if !both && !r.Ignore {
			t.Errorf("%s: no example of a failure and a success of one job", r.Name)
		}
	}
}

// A job that failed before it came to its machines is good again with the next
// good mail, and stays so; one that never failed as a whole is no machine.
func TestWholeJobIsEndedByItsRows(t *testing.T) {
	b := mailboxBench(t, func(b *bench) {
		b.config.Rules = nil
		for _, f := range shippedRules(t) {
			abs, err := filepath.Abs(f)
			check(t, err)
			b.config.Rules = append(b.config.Rules, abs)
		}
	})
	b.clock.Set(time.Date(2026, 3, 16, 8, 0, 0, 0, time.UTC))
	deliver := func(name string) {
		raw, err := os.ReadFile(filepath.Join(shipped, "mails", name))
		check(t, err)
		b.deliver(string(raw))
		b.refresh()
	}
	deliver("veeam-en-good.eml")
	if n := b.jobs(); n != 2 {
		t.Errorf("%d jobs of two machines", n)
	}
	deliver("veeam-job-failed.eml")
	if j := b.job("Weekly archive"); j.LastResult != exporters.Failed {
		t.Errorf("%s", j.LastResult)
	}
	deliver("veeam-job-good.eml")
	if j := b.job("Weekly archive"); j.LastResult != exporters.Success || j.Failures != 0 || !j.LastSuccess.Equal(time.Date(2026, 3, 15, 21, 12, 2, 0, time.UTC)) {
		t.Errorf("%s, %d failures, success %v", j.LastResult, j.Failures, j.LastSuccess)
	}
}
