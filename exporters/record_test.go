package exporters

import (
	"testing"
	"time"
)

func at(minute int) time.Time { return time.Date(2026, 3, 9, 22, minute, 0, 0, time.UTC) }

func folded(r *record, now time.Time, unknown map[string]int, runs ...Run) Job {
	r.fold(Job{ID: "j", Runs: runs}, foldOptions{now: now, warningIsSuccess: true, unknown: func(f string) { unknown[f]++ }})
	return *r.Job
}

func TestFoldCountsFailures(t *testing.T) {
	r, unknown := &record{}, map[string]int{}
	now := at(59)
	j := folded(r, now, unknown, Run{ID: "3", End: at(3), Result: Failed, Error: "no space"}, Run{ID: "1", End: at(1), Result: Success}, Run{ID: "2", End: at(2), Result: Missed, Error: "off"})
	if j.Failures != 2 || j.LastResult != Failed || !j.LastSuccess.Equal(at(1)) || !j.LastRun.Equal(at(3)) || j.Error != "no space" {
		t.Fatalf("%+v", j)
	}
	// The same runs again, as an overlapping reading gives them.
	if j = folded(r, now, unknown, Run{ID: "2", End: at(2), Result: Missed}, Run{ID: "3", End: at(3), Result: Failed, Error: "no space"}); j.Failures != 2 {
		t.Fatalf("%d failures after a repeated reading", j.Failures)
	}
	// A better report of the last run is not another failure.
	if j = folded(r, now, unknown, Run{ID: "3", End: at(3), Result: Cancelled, Error: "by hand"}); j.Failures != 2 || j.LastResult != Cancelled || j.Error != "by hand" {
		t.Fatalf("%+v", j)
	}
	// A coarse one does not take the explanation away.
	if j = folded(r, now, unknown, Run{End: at(3), Result: Failed, Coarse: true}); j.LastResult != Cancelled || j.Error != "by hand" {
		t.Fatalf("%+v", j)
	}
	// Nothing said: what was known stays.
	if j = folded(r, now, unknown); j.Failures != 2 || j.LastResult != Cancelled || !j.LastSuccess.Equal(at(1)) {
		t.Fatalf("%+v", j)
	}
	// An unknown word is neither failure nor success.
	if j = folded(r, now, unknown, Run{ID: "4", End: at(4), Result: Unknown}); j.Failures != 2 || j.LastResult != Unknown || !j.LastSuccess.Equal(at(1)) {
		t.Fatalf("%+v", j)
	}
	if j = folded(r, now, unknown, Run{ID: "5", End: at(5), Result: Warning, Error: "remark"}); j.Failures != 0 || j.LastResult != Warning || !j.LastSuccess.Equal(at(5)) {
		t.Fatalf("%+v", j)
	}
	if len(unknown) != 0 {
		t.Errorf("counted %v", unknown)
	}
}

// A status listing has a name of its own for the run that a detailed report tells of.
func TestDetailsOfAListedRun(t *testing.T) {
	r, unknown := &record{}, map[string]int{}
	folded(r, at(59), unknown, Run{ID: "summary/1", End: at(5), Result: Failed, Coarse: true})
	j := folded(r, at(59), unknown, Run{ID: "1", End: at(5), Result: Failed, Error: "no space"})
	if j.Error != "no space" || j.Failures != 1 || r.LastID != "1" {
		t.Errorf("%+v, run %s", j, r.LastID)
	}
}

// What ended well and badly at one instant did not end well: nobody can say whose
// success it was. The one before counts, in whatever order it is told.
func TestSuccessInDoubt(t *testing.T) {
	before := Run{ID: "0", End: at(1), Result: Success}
	good, bad := Run{ID: "good", End: at(5), Result: Success}, Run{ID: "bad", End: at(5), Result: Failed}
	after := Run{ID: "after", End: at(9), Result: Failed}
	found := good
	found.Result = Failed
	for name, told := range map[string][]Run{
		"the failure last":            {before, good, bad},
		"the success last":            {before, bad, good},
		"the success again":           {before, good, bad, good},
		"found to be none":            {before, good, found},
		"the failure told late":       {before, good, after, bad},
		"the success told late":       {before, bad, after, good},
		"the older success told late": {good, before, bad},
	} {
		r, unknown := &record{}, map[string]int{}
		for _, run := range told {
			folded(r, at(59), unknown, run)
			r = reloaded(t, r)
		}
		if j := r.Job; !j.LastSuccess.Equal(at(1)) || j.LastResult != Failed {
			t.Errorf("%s: %v, last success %v", name, j.LastResult, j.LastSuccess)
		}
		r.fold(Job{ID: "j", LastSuccess: at(5), Runs: []Run{bad}}, foldOptions{now: at(59), unknown: func(string) {}})
		if !r.Job.LastSuccess.Equal(at(1)) {
			t.Errorf("%s: the product's own word for the success was taken", name)
		}
		// It may turn out well after all.
		redeemed := Run{ID: r.LastID, End: r.LastOutcome, Result: Success}
		if j := folded(r, at(59), unknown, redeemed); !j.LastSuccess.Equal(redeemed.End) || j.LastResult != Success {
			t.Errorf("%s: %v, last success %v after it turned out well", name, j.LastResult, j.LastSuccess)
		}
	}
}

func TestFoldWarningIsNoSuccess(t *testing.T) {
	r := &record{}
	o := foldOptions{now: at(59), unknown: func(string) {}}
	r.fold(Job{ID: "j", Runs: []Run{{End: at(1), Result: Success}, {End: at(2), Result: Failed}, {End: at(3), Result: Warning}}}, o)
	if j := r.Job; !j.LastSuccess.Equal(at(1)) || j.Failures != 1 || j.LastResult != Warning {
		t.Errorf("%+v", j)
	}
}

// A clock that runs ahead must not make a dead backup look fresh for ever.
func TestFoldFuture(t *testing.T) {
	r, unknown := &record{}, map[string]int{}
	future := at(0).Add(90 * 24 * time.Hour)
	claim := func(now time.Time) Job {
		r.fold(Job{ID: "j", LastSuccess: future, Runs: []Run{{End: future, Result: Success}}}, foldOptions{now: now, unknown: func(f string) { unknown[f]++ }})
		return *r.Job
	}
	claim(at(1))
	j := claim(at(30))
	if !j.LastSuccess.Equal(at(1)) || !j.LastRun.Equal(at(1)) {
		t.Errorf("success %v, run %v, want both %v", j.LastSuccess, j.LastRun, at(1))
	}
	if unknown["run_in_future"] != 1 || unknown["success_in_future"] != 1 {
		t.Errorf("counted %v", unknown)
	}
	// Real runs are seen again at once.
	if j = folded(r, at(40), unknown, Run{ID: "n", End: at(40), Result: Failed}); j.LastResult != Failed || !j.LastRun.Equal(at(40)) {
		t.Errorf("%+v", j)
	}
}

func TestParseInstant(t *testing.T) {
	want := time.Date(2021, 2, 3, 15, 0, 48, 0, time.UTC)
	for _, s := range []string{"2021-02-03T15:00:48Z", "2021-02-03T16:00:48+01:00", "2021-02-03T15:00:48", "2021-02-03 15:00:48", "2021/02/03 15:00:48",
		"Wed, 03 Feb 2021 15:00:48 +0000", "1612364448", "1612364448000", "1612364448000000", "1612364448000000000", "/Date(1612364448000)/", "/Date(1612364448000+0100)/",
		"2021-02-03T15:00:48.000000000Z", "2021-02-03T15:00:48.0", "1.612364448e9",
		"Wed, 03 Feb 2021 15:00:48 GMT", "Wed, 03 Feb 2021 10:00:48 EST", "Wed, 03 Feb 2021 16:00:48 CET"} {
		if got := ParseInstant(s); !got.Equal(want) || got.Bad {
			t.Errorf("%q: %v %v", s, got.Time, got.Bad)
		}
	}
	for _, s := range []string{"", "0001-01-01T00:00:00Z", "1601-01-01T00:00:00Z", "1899-12-30T00:00:00", "1900-01-01T00:00:00", "0", "-2208992400", "/Date(-62135596800000)/"} {
		if got := ParseInstant(s); !got.IsZero() || got.Bad {
			t.Errorf("%q means never, got %v %v", s, got.Time, got.Bad)
		}
	}
	for _, s := range []string{"yesterday", "2021-13-03T15:00:48Z", "/Date(x)/", "NaN", "Wed, 03 Feb 2021 15:00:48 IST"} {
		if got := ParseInstant(s); !got.Bad || !got.IsZero() {
			t.Errorf("%q: %v, not bad", s, got.Time)
		}
	}
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	if got := ParseInstant("2023/12/18 14:51").In(paris); !got.Equal(time.Date(2023, 12, 18, 13, 51, 0, 0, time.UTC)) {
		t.Errorf("got %v", got)
	}
	if got := ParseInstant("2023-12-18T14:51:00Z").In(paris); !got.Equal(time.Date(2023, 12, 18, 14, 51, 0, 0, time.UTC)) {
		t.Errorf("an instant with a zone was moved to %v", got)
	}
}

func FuzzParseInstant(f *testing.F) {
	for _, s := range []string{"2021-02-03T15:00:48Z", "/Date(1)/", "1e300", "-1e300", "NaN", "Inf", "99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := ParseInstant(s)
		if got.Bad && !got.IsZero() {
			t.Errorf("%q is bad and %v", s, got.Time)
		}
		if _, err := got.Time.MarshalJSON(); err != nil {
			t.Errorf("%q: %v cannot be kept: %v", s, got.Time, err)
		}
	})
}

func TestCustomerBook(t *testing.T) {
	b := customerBook{}
	for _, c := range []struct{ key, name, want string }{
		{"u1", "Dupont & Fils, S.A.", "dupont-fils-s-a"},
		{"u1", "Renamed", "dupont-fils-s-a"},
		{"u2", "Dupont  &  Fils — S.A.", "dupont-fils-s-a-u2"},
		{"u3", "Électricité Générale", "electricite-generale"},
		{"u4", "日本", "日本"},
		{"u5", "!!!", "u5"},
	} {
		if got := b.id(c.key, c.name); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.key, c.name, got, c.want)
		}
	}
}

func TestCleanName(t *testing.T) {
	long := ""
	for range 300 {
		long += "é"
	}
	for in, want := range map[string]string{" a ": "a", "caf\xe9": "caf\uFFFD", "a\nb": "a\nb", long: long[:512]} {
		if got := CleanName(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

// Products write the beginning of their calendar for what never was: 1601, 1899, 1900.
func TestRunsBeforeTheEpoch(t *testing.T) {
	for _, year := range []int{1601, 1899, 1900, 1969} {
		for _, result := range []Result{Failed, Missed, Success} {
			r := &record{}
			old := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
			r.fold(Job{ID: "j", Runs: []Run{{ID: "old", End: old, Result: result}}}, foldOptions{now: at(0), unknown: func(string) {}})
			if got := r.Job.LastSuccess; got.Year() > year {
				t.Errorf("%d %v: a success of %v", year, result, got)
			}
			for i := range 2 * keptInstants {
				r.fold(Job{ID: "j", Runs: []Run{{ID: string(rune(97 + i)), End: at(i), Result: Success}}}, foldOptions{now: at(i), unknown: func(string) {}})
			}
			last := 2*keptInstants - 1
			r.fold(Job{ID: "j", Runs: []Run{{ID: "bad", End: at(last), Result: Failed}}}, foldOptions{now: at(last), unknown: func(string) {}})
			if !r.Job.LastSuccess.Equal(at(last-1)) || r.Job.Failures != 1 {
				t.Errorf("%d %v: success %v, %d failures", year, result, r.Job.LastSuccess, r.Job.Failures)
			}
		}
	}
}
