package incident

import (
	"testing"
	"time"
)

func TestVerdict(t *testing.T) {
	at := time.Date(2026, 3, 9, 10, 0, 0, 5, time.FixedZone("", 3600))
	for _, v := range []Verdict{
		{From: at},
		{From: at, Due: at.Add(2 * time.Hour), At: at.Add(time.Hour), Used: 61 * time.Second, HasUsed: true, Severity: "major", Level: "G1"},
		{From: at, HasUsed: true},
	} {
		before, got, ok := VerdictIn("met: taken" + v.String())
		if !ok || before != "met: taken" || !got.From.Equal(v.From) || !got.Due.Equal(v.Due) || !got.At.Equal(v.At) || got.Used != v.Used || got.HasUsed != v.HasUsed ||
			got.Severity != v.Severity || got.Level != v.Level {
			t.Errorf("%+v became %q and %+v", v, before, got)
		}
	}
	if before, _, ok := VerdictIn("met: taken"); ok || before != "met: taken" {
		t.Errorf("a line of an older build has a verdict: %q", before)
	}
}

// Whatever stands in a line, reading it gives a verdict that is written the same
// way again, or none.
func FuzzVerdict(f *testing.F) {
	f.Add("met: taken; from 2026-03-09T10:00:00+01:00, due 2026-03-09T12:00:00+01:00, used 1h0m0s, severity major, level G1")
	f.Add("was due at 2026-03-09T10:00:00+01:00; from x")
	f.Fuzz(func(t *testing.T, reason string) {
		before, v, ok := VerdictIn(reason)
		if !ok {
			return
		}
		again, w, ok := VerdictIn(before + v.String())
		if !ok || again != before || !w.From.Equal(v.From) || !w.Due.Equal(v.Due) || w.Used != v.Used || w.Severity != v.Severity {
			t.Fatalf("%q became %q, %+v and then %q, %+v", reason, before, v, again, w)
		}
	})
}
