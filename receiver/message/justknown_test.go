package message

import (
	"strings"
	"testing"
	"time"

	"vigie/rules/incident"
)

// covers: S2.11; a span of nothing is no news: what is only just known is said without
// one, from a minute on with it.
func TestNothingLastsForNoTime(t *testing.T) {
	r := newTestRenderer(t)
	for lang, words := range map[string][2]string{"fr": {"vigie non lu", "vigie non lu depuis 1 min"}, "en": {"vigie not read", "vigie not read for 1 min"}} {
		for _, after := range []time.Duration{0, 59 * time.Second, time.Minute} {
			n := example("D5", lang)[0]
			n.Data.Engine, n.Data.Plans = "", []incident.PlanRow{{Source: "vigie"}}
			n.HoldUntil, n.Data.StartedAt = n.DecidedAt, n.DecidedAt.Add(-after)
			got, err := r.Subject([]incident.Notification{n})
			if err != nil {
				t.Fatal(err)
			}
			want := words[0]
			if after >= time.Minute {
				want = words[1]
			}
			got = strings.ReplaceAll(strings.ReplaceAll(got, "\u00a0", " "), "\u202f", " ")
			if !strings.Contains(got, want) || after < time.Minute && (strings.Contains(got, "depuis") || strings.Contains(got, " for ")) {
				t.Errorf("after %s: %s, want %q", after, got, want)
			}
		}
	}
}
