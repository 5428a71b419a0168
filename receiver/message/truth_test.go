package message

import (
	"strings"
	"testing"
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
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
		missed := n.Data.Deadline.Add(-24 * time.Hour)
		n.Data.Percent, n.Data.Target = 100, "double_failure"
		n.Data.Clocks = []incident.ClockRow{{Target: "double_failure", Due: missed, Late: true}, {Target: "same_day", Due: n.Data.Deadline}}
		n.Data.LastSuccess, n.Data.Other = time.Time{}, incident.Evidence{State: model.EvidenceUnknown}
		for i := range n.Data.Plans {
			n.Data.Plans[i].LastSuccess = time.Time{}
		}
		n.DecidedAt = n.Data.Deadline.Add(time.Second)
		n.Data.Clocks[0].Due = n.Data.Deadline
		n.Data.Deadline = missed
		out, err := r.Render([]incident.Notification{n})
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
			n.Data.Cause, n.Data.CauseText, n.Data.Severity = "int.volume", nil, ""
			for _, proposed := range []bool{true, false} {
				n.Data.CauseProposed = proposed
				out, err := r.Render([]incident.Notification{n})
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

// covers: what nobody knows is said to be so, and is not "provisional".
func TestACauseThatNobodyKnows(t *testing.T) {
	r, err := NewRenderer(Options{Outside: outsideRole})
	if err != nil {
		t.Fatal(err)
	}
	for lang, want := range map[string]string{"fr": "Cause : pas encore connue ", "en": "Cause: not known yet "} {
		for _, template := range []string{"M1", "M3", "M5"} {
			n := example(template, lang)[0]
			n.Data.Cause, n.Data.CauseText, n.Data.CauseProposed = "", nil, true
			out, err := r.Render([]incident.Notification{n})
			if err != nil {
				t.Fatal(err)
			}
			if text := strings.ReplaceAll(flat(out), " :", ":"); !strings.Contains(text, strings.ReplaceAll(want, " :", ":")) {
				t.Errorf("%s/%s: no %q in %s", lang, template, want, text)
			}
		}
	}
}

func flat(out Rendered) string {
	return strings.Join(strings.Fields(out.Subject+" "+out.Text), " ") + " "
}

// covers: who is told that it got worse reads what is hit, and is not called to take
// what somebody has.
func TestItGotWorse(t *testing.T) {
	r, err := NewRenderer(Options{Outside: outsideRole})
	if err != nil {
		t.Fatal(err)
	}
	for lang, want := range map[string][2]string{
		"fr": {"[S'AGGRAVE] lms-A, lms-B – cron arrêté – à Olga Pons", "lms-A, lms-B : cron arrêté. C'est plus grave qu'annoncé : 2 plates-formes touchées, anomalie majeure. Olga Pons s'en occupe"},
		"en": {"[WORSE] lms-A, lms-B – cron stopped – with Olga Pons", "lms-A, lms-B: cron stopped. It is worse than was told: 2 platforms are hit, major anomaly. Olga Pons is on it"},
	} {
		n := example("M1", lang)[0]
		n.Data.Flags, n.Data.Again, n.Data.Assignee = nil, incident.AgainWorse, "Olga Pons"
		n.Data.Platforms = []string{"lms-A", "lms-B"}
		out, err := r.Render([]incident.Notification{n})
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(flat(out), w) {
				t.Errorf("%s: no %q in %s", lang, w, flat(out))
			}
		}
		if strings.Contains(out.Text, "Prenez l'incident") || strings.Contains(out.Text, "Take the incident") {
			t.Errorf("%s: whoever reads it is called to take what %s has", lang, n.Data.Assignee)
		}
	}
}

// covers: ages that are said in days agree with the days that are counted by date.
func TestDaysAreCountedByDate(t *testing.T) {
	r, err := NewRenderer(Options{Outside: outsideRole})
	if err != nil {
		t.Fatal(err)
	}
	for lang, want := range map[string]string{"fr": "(il y a 11 jours)", "en": "(11 days ago)"} {
		n := example("B5", lang)[0]
		out, err := r.Render([]incident.Notification{n})
		if err != nil {
			t.Fatal(err)
		}
		if n.Data.Days != 11 || !strings.Contains(out.Text, want) {
			t.Errorf("%s: %d days, and %s", lang, n.Data.Days, out.Text)
		}
	}
}

// covers: an alert that nobody foresaw says what it is in its own words, with its labels;
// one that has words here does not repeat them in another language.
func TestAForeignAlertSpeaksForItself(t *testing.T) {
	r, err := NewRenderer(Options{Outside: outsideRole})
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range []string{"fr", "en"} {
		n := example("CATCH", lang)[0]
		for _, machine := range []string{"", "SRV-AD"} {
			n.Data.Machine = machine
			out, err := r.Render([]incident.Notification{n})
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"NodeFilesystemReadOnly", "Filesystem is read-only", "instance=srv-mon:9100"} {
				if !strings.Contains(out.Text, want) || !strings.Contains(out.HTML, want) {
					t.Errorf("%s, machine %q: no %q in %s", lang, machine, want, out.Text)
				}
			}
		}
		n.Data.Machine, n.Data.Alertname = "", "BackupRepositoryNearlyFull"
		out, err := r.Render([]incident.Notification{n})
		if err != nil || strings.Contains(out.Text, n.Data.Summary) {
			t.Errorf("%s, error %v: %s", lang, err, out.Text)
		}
	}
}

// covers: what is decided in the last minute of a deadline, and leaves when that is
// over, neither asks for anything before it nor announces what has left meanwhile.
func TestAMailIsReadWhenItLeaves(t *testing.T) {
	r, err := NewRenderer(Options{Outside: outsideRole})
	if err != nil {
		t.Fatal(err)
	}
	for lang, never := range map[string][]string{"fr": {"à traiter avant 18:00", "Non, pas aujourd'hui", "part automatiquement"}, "en": {"to be handled by 18:00", "No, not today", "leaves automatically"}} {
		for _, template := range []string{"D3", "D2"} {
			n := example(template, lang)[0]
			n.DecidedAt = n.Data.Deadline
			n.HoldUntil = n.DecidedAt.Add(time.Minute)
			n.Data.NextStepAt = n.DecidedAt.Add(30 * time.Second)
			out, err := r.Render([]incident.Notification{n})
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range never {
				if template == "D3" && strings.Contains(flat(out), w) || strings.Contains(flat(out), never[2]) {
					t.Errorf("%s/%s, which leaves at 18:01, says %q: %s", template, lang, w, flat(out))
				}
			}
			if passed := map[string]string{"fr": "18:00, dépassé", "en": "18:00, missed"}[lang]; !strings.Contains(flat(out), passed) {
				t.Errorf("%s/%s does not say %q: %s", template, lang, passed, flat(out))
			}
		}
	}
}

// covers: S2.16, S2.25; nobody is asked for what was due an hour ago: the next delay is named.
func TestOnlyDelaysAheadAreAskedFor(t *testing.T) {
	r, err := NewRenderer(Options{Outside: outsideRole})
	if err != nil {
		t.Fatal(err)
	}
	for lang, want := range map[string][2]string{
		"fr": {"– bloquante – résolution avant 17:00", "contournement avant"},
		"en": {"– blocking – resolution by 17:00", "workaround by"},
	} {
		for _, template := range []string{"M4", "M5"} {
			n := example(template, lang)[0]
			n.DecidedAt, n.Data.Severity = at("2025-03-10 15:00"), "blocking"
			n.Data.Clocks = []incident.ClockRow{{Target: "workaround", Due: at("2025-03-10 14:00"), Late: true}, {Target: "resolve", Due: at("2025-03-10 17:00")}}
			out, err := r.Render([]incident.Notification{n})
			if err != nil {
				t.Fatal(err)
			}
			if text := flat(out); template == "M5" && !strings.Contains(text, want[0]) || strings.Contains(text, want[1]) {
				t.Errorf("%s/%s: %s", lang, template, text)
			}
		}
	}
}

// A product that is called like what it makes is not named twice.
func TestAProductCalledBackup(t *testing.T) {
	r, err := NewRenderer(Options{Outside: outsideRole})
	if err != nil {
		t.Fatal(err)
	}
	for lang, want := range map[string][2]string{
		"fr": {"La sauvegarde Windows Server du serveur SRV-AD a échoué", "La sauvegarde du serveur SRV-AD a échoué"},
		"en": {"The Windows Server backup of server SRV-AD failed", "The backup of server SRV-AD failed"},
	} {
		for i, engine := range []string{"windows_server_backup", "other"} {
			n := example("B1", lang)[0]
			n.Data.Engine = engine
			out, err := r.Render([]incident.Notification{n})
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(flat(out), want[i]) {
				t.Errorf("%s/%s does not say %q: %s", lang, engine, want[i], flat(out))
			}
		}
	}
}

// covers: T6; when a silence is over, what ended meanwhile without proof is not said to fail.
func TestASilenceOverWhatEnded(t *testing.T) {
	r := newTestRenderer(t)
	for lang, fails := range map[string]string{"fr": "toujours en échec", "en": "still fail"} {
		for state, want := range map[model.State]bool{model.Taken: true, model.Unverified: false} {
			n := example("D3", lang)[0]
			n.Data.State = state
			out, err := r.Render([]incident.Notification{n})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(out.Subject+flat(out), fails); got != want {
				t.Errorf("%s/%s says %q: %t\n%s", lang, state, fails, got, out.Text)
			}
		}
	}
}

// covers: S1.33; what a person reopens is his word: no run is said to have failed.
func TestAReopenedFailureIsSomebodysWord(t *testing.T) {
	r := newTestRenderer(t)
	for lang, failed := range map[string]string{"fr": " a échoué", "en": " failed. "} {
		for _, template := range []string{"B1", "B7"} {
			n := example(template, lang)[0]
			n.Data.History = append(n.Data.History, incident.HistoryLine{At: n.DecidedAt, What: "reopen", Who: "Hugo Lefort", Text: "it is not there"})
			out, err := r.Render([]incident.Notification{n})
			if err != nil {
				t.Fatal(err)
			}
			lead, _, _ := strings.Cut(flat(out), "it is not there")
			if strings.Contains(lead, failed) || !strings.Contains(lead, "Hugo Lefort") || !strings.Contains(out.Text, "> it is not there") {
				t.Errorf("%s/%s:\n%s", template, lang, out.Text)
			}
		}
	}
}
