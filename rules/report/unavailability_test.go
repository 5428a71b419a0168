package report

import (
	"testing"
	"time"

	"vigie/rules/availability"
)

// covers: S2.29; a statement has its own month and scope, the last word about them, and
// nothing of another customer.
func TestUnavailabilityOfAStatement(t *testing.T) {
	terms := availability.Terms{Tolerance: 10 * time.Minute, Per: availability.PerMonth}
	line := func(month, customer, platform string, down time.Duration) Unavailability {
		u, err := ReadUnavailability(UnavailabilityOf(month, customer, platform, terms, availability.Figures{Down: down, Spent: make([]time.Time, int(down/(20*time.Minute)))}, false).Line())
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	all := []Unavailability{line("2026-03", "acme", "lms-B", time.Minute), line("2026-03", "acme", "lms-A", time.Minute), line("2026-02", "acme", "lms-A", time.Hour),
		line("2026-03", "other", "lms-Z", time.Hour), line("2026-03", "acme", "lms-A", 20*time.Minute)}
	got := unavailabilities(all, "2026-03", Scope{Customer: "acme"})
	if len(got) != 2 || got[0].Platform != "lms-A" || got[0].Down != 1200 || got[0].Exceeded != 1 || got[1].Platform != "lms-B" || got[0].Allowed() != 10*time.Minute {
		t.Errorf("got %+v", got)
	}
	for want, u := range map[string]Unavailability{"met": {Unknown: 60}, "unknown": {Unknown: 700, MayExceed: true}, "missed": {Down: 700, Exceeded: 1, MayExceed: true}} {
		if got := u.Outcome(); got != want {
			t.Errorf("%+v: %s, want %s", u, got, want)
		}
	}
	if got := unavailabilities(all, "2026-01", Scope{}); got == nil || len(got) != 0 {
		t.Errorf("of a month of which nothing is known: %+v", got)
	}
}
