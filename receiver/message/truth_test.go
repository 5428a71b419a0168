package message

import (
	"strings"
	"testing"
	"time"

	"vigie/rules"
)

// covers: a mail about a missed deadline names the one that was missed, and does not
// ask for anything before an hour that is over.
func TestAMissedDeadlineIsCalledMissed(t *testing.T) {
	r, err := NewRenderer(Options{Outside: outsideRole})
	if err != nil {
		t.Fatal(err)
	}
	for lang, want := range map[string][]string{
		"fr": {"non traité au 10/03 18:00", "dépassé", "par ce moyen depuis au moins"}, "en": {"not handled by 10 March 18:00", "missed", "this way since at least"},
	} {
		n := example("B11", lang)[0]
		missed := n.Facts.Deadline.Add(-24 * time.Hour)
		n.Facts.Percent, n.Facts.Target = 100, "double_failure"
		n.Facts.Clocks = []rules.ClockRow{{Target: "double_failure", Due: missed, Late: true}, {Target: "same_day", Due: n.Facts.Deadline}}
		n.Facts.LastSuccess, n.Facts.Other = time.Time{}, rules.Evidence{State: rules.EvidenceUnknown}
		for i := range n.Facts.Plans {
			n.Facts.Plans[i].LastSuccess = time.Time{}
		}
		n.DecidedAt = n.Facts.Deadline.Add(time.Second)
		n.Facts.Clocks[0].Due = n.Facts.Deadline
		n.Facts.Deadline = missed
		out, err := r.Render([]rules.Notification{n})
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(strings.Fields(out.Subject+" "+out.Text), " ")
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s: no %q in %s", lang, w, text)
			}
		}
		for _, never := range []string{"à vérifier avant", "check by"} {
			if strings.Contains(text, never) {
				t.Errorf("%s: %q though that hour is over", lang, never)
			}
		}
	}
}

// covers: S2.3. A cause that the signals only suggest is never told as what somebody found.
func TestAProposedCauseIsNoFinding(t *testing.T) {
	r, err := NewRenderer(Options{Outside: outsideRole})
	if err != nil {
		t.Fatal(err)
	}
	for lang, want := range map[string]string{"fr": "(provisoire)", "en": "(provisional)"} {
		for _, template := range []string{"M2", "M3", "M5"} {
			n := example(template, lang)[0]
			n.Facts.Cause, n.Facts.CauseText, n.Facts.Severity = "int.volume", nil, ""
			for _, proposed := range []bool{true, false} {
				n.Facts.CauseProposed = proposed
				out, err := r.Render([]rules.Notification{n})
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(out.Text, want) != proposed {
					t.Errorf("%s/%s, proposed %t:\n%s", template, lang, proposed, out.Text)
				}
			}
		}
	}
}
