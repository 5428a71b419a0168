package message

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
)

// twoLocals are the local backups of two machines that failed in one night.
func twoLocals(template, lang string) []incident.Notification {
	ns := bundle(example(template, lang)[0], 2)
	ns[1].Data.Machine, ns[1].Data.MachineClass = "NAS-01", "nas"
	ns[1].Data.Error = "Le certificat du dépôt a expiré"
	return ns
}

// A mail about several incidents has, for each of them, the links that a lone one
// has, and the product's own words.
func TestEveryRowHasItsLinks(t *testing.T) {
	r := newTestRenderer(t)
	for _, id := range numbers(r) {
		if id == "D1" { // its tables are read by one person, and link each incident
			continue
		}
		for _, lang := range []string{"fr", "en"} {
			first := example(id, lang)[0]
			lone, err := r.Render([]incident.Notification{first})
			if err != nil {
				t.Fatal(err)
			}
			ns := twoLocals(id, lang)
			if first.Data.Machine == "" || first.Data.Platform != "" {
				ns = bundle(first, 2)
			}
			many, err := r.Render(ns)
			if err != nil {
				t.Fatal(err)
			}
			checkMail(t, many, lang)
			checkProse(t, id+"/"+lang, many)
			for _, purpose := range []string{"take", "assign", "escalate", "forecast_yes", "forecast_no", "call", "check_ok", "check_ko",
				"silence", "attempt", "resolve", "close", "reopen", "incident", "answer"} {
				if !strings.Contains(lone.HTML, "/a/"+purpose+".") {
					continue
				}
				for _, n := range ns {
					for part, s := range map[string]string{"text": many.Text, "html": many.HTML} {
						if !strings.Contains(s, "/a/"+purpose+"."+n.IncidentID+".") {
							t.Errorf("%s/%s: %s of %s has no link in the %s:\n%s", id, lang, purpose, n.IncidentID, part, many.Text)
						}
					}
				}
			}
			if slices.Contains([]string{"B1", "B2", "B7", "B9", "B11", "D2"}, id) {
				for _, n := range ns {
					if !strings.Contains(strings.Join(strings.Fields(many.Text), " "), n.Data.Error) || !strings.Contains(htmlText(many.HTML), n.Data.Error) {
						t.Errorf("%s/%s lacks the error of %s:\n%s", id, lang, n.Data.Machine, many.Text)
					}
				}
			}
		}
	}
}

// A customer's own people read no error text, whatever the number of machines.
func TestRowsForCustomersAreBare(t *testing.T) {
	r := newTestRenderer(t)
	for _, id := range []string{"B4", "B12"} {
		first := example(id, "fr")[0]
		first.To, first.Cc = to(lea), nil
		first.Data.Error = "0x1350016"
		out, err := r.Render(bundle(first, 3))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.Text+out.HTML, "0x1350016") || strings.Contains(out.Text+out.HTML, "/a/incident.") {
			t.Errorf("%s: a customer reads\n%s", id, out.Text)
		}
	}
}

// What fails again goes on with its old clocks: nobody is promised what is past.
func TestNoPromiseForYesterday(t *testing.T) {
	r := newTestRenderer(t)
	for _, id := range []string{"M3", "M4", "M5", "M6"} {
		for lang, words := range map[string]string{"fr": "Prochaine nouvelle|(contournement|résolution) avant|reste due", "en": "Next news|(workaround|resolution) by|still due"} {
			n := example(id, lang)[0]
			n.Data.NextStepAt = time.Time{}
			for i := range n.Data.Clocks {
				n.Data.Clocks[i].MetAt, n.Data.Clocks[i].Due = time.Time{}, n.DecidedAt.Add(-20*time.Hour)
			}
			out, err := r.Render([]incident.Notification{n})
			if err != nil {
				t.Fatal(err)
			}
			said := regexp.MustCompile(words).FindString(strings.Join(strings.Fields(out.Subject+" "+out.Text), " "))
			if said != "" || len(n.Data.Clocks) == 0 {
				t.Errorf("%s.%s says %q\n%s\n%s", id, lang, said, out.Subject, out.Text)
			}
		}
	}
}

// Two clocks of one incident that are missed in one second are both named, and
// two of its notifications do not make it two platforms.
func TestTwoClocksOfOneIncident(t *testing.T) {
	r := newTestRenderer(t)
	for lang, want := range map[string][]string{
		"fr": {"pré-qualification et contournement", "les délais « pré-qualification et contournement » sont dépassés"},
		"en": {"pre-qualification and workaround", "the times for pre-qualification and workaround are over"},
	} {
		n := example("M7", lang)[0]
		n.Data.Percent = 100
		n.Data.Clocks = []incident.ClockRow{
			{Target: "prequalification", Due: at("2025-03-10 15:00"), Late: true},
			{Target: "workaround", Due: at("2025-03-10 15:00"), Late: true},
			{Target: "resolve", Due: at("2025-03-12 14:00")},
		}
		n.DecidedAt = at("2025-03-10 15:00")
		one, two := n, n
		one.Data.Target, two.Data.Target = "prequalification", "workaround"
		two.ID = "n2"
		out, err := r.Render([]incident.Notification{one, two})
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(strings.Fields(out.Text), " ")
		if !strings.Contains(out.Subject, want[0]) || !strings.Contains(text, want[1]) || strings.Contains(out.Subject, "[2 ") {
			t.Errorf("%s: %s\n%s", lang, out.Subject, out.Text)
		}
		checkProse(t, lang, out)
	}
}

// Two roles of one server are one machine.
func TestTwoRolesOfOneMachine(t *testing.T) {
	r := newTestRenderer(t)
	for _, id := range []string{"B1", "B2", "B3", "B8", "B8q", "B9", "B11", "B12", "D2", "D3", "D6"} {
		for _, lang := range []string{"fr", "en"} {
			first := example(id, lang)[0]
			ns := []incident.Notification{first, first}
			f := local()
			f.State, f.ResolvedAt, f.Assignee, f.SilenceUntil = first.Data.State, first.Data.ResolvedAt, first.Data.Assignee, first.Data.SilenceUntil
			f.Number, ns[1].IncidentID, ns[1].ID = 999, "i999", "n2"
			ns[1].Data = f
			out, err := r.Render(ns)
			if err != nil {
				t.Fatal(err)
			}
			checkProse(t, id+"/"+lang, out)
			for _, wrong := range []string{"2 machines", "1 machine", "SRV-AD, SRV-AD"} {
				if strings.Contains(out.Subject+out.Text+out.HTML, wrong) {
					t.Errorf("%s/%s says %q:\n%s\n%s", id, lang, wrong, out.Subject, out.Text)
				}
			}
			if testing.Verbose() {
				t.Logf("%s\n%s", out.Subject, out.Text)
			}
		}
	}
}

// A server that missed its backup is not said to be switched off, whatever its
// agent did; a workstation is.
func TestMissedIsNotSwitchedOff(t *testing.T) {
	r := newTestRenderer(t)
	for _, id := range []string{"B1", "B2", "B3", "B7", "B11", "D2"} {
		for lang, off := range map[string]string{"fr": "éteint", "en": " off"} {
			for _, count := range []int{1, 2} {
				n := example(id, lang)[0]
				n.Data.Kind, n.Data.Offline = "missed", true
				ns := bundle(n, count)
				for i := range ns {
					ns[i].Data.Offline = true
				}
				out, err := r.Render(ns)
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(out.Subject+out.Text, off) {
					t.Errorf("%s/%s calls a server switched off:\n%s\n%s", id, lang, out.Subject, out.Text)
				}
			}
		}
	}
}

// A machine that was away tells its success when it is back: that it ended before the
// alert began changes nothing about when it was.
func TestRepairIsWhenTheSuccessWas(t *testing.T) {
	n := example("B12", "en")[0]
	n.Data.StartedAt = at("2025-03-10 09:00")
	n.Data.Plans = []incident.PlanRow{{Plan: "daily", State: model.EvidenceOK, LastSuccess: at("2025-03-10 02:10")}}
	out, err := newTestRenderer(t).Render([]incident.Notification{n})
	if err != nil || !strings.Contains(out.Subject, "succeeded 10 March 02:10") {
		t.Errorf("%v, %s", err, out.Subject)
	}
}

// Who hears that the day was missed hears what somebody has promised.
func TestDayExceededSaysWhatIsExpected(t *testing.T) {
	for lang, want := range map[string]string{"fr": "La réparation est prévue le", "en": "The repair is expected on"} {
		n := example("B11", lang)[0]
		n.Data.ExpectedDate = "2025-03-13"
		out, err := newTestRenderer(t).Render([]incident.Notification{n})
		if err != nil || !strings.Contains(strings.Join(strings.Fields(out.Text), " "), want) {
			t.Errorf("%v, %s", err, out.Text)
		}
	}
}

// The mails about calls say only what happened.
func TestCallsSayWhatHappened(t *testing.T) {
	r := newTestRenderer(t)
	wrote := incident.HistoryLine{At: at("2025-03-11 09:30"), What: "mail", Text: "B4"}
	answered := incident.HistoryLine{At: at("2025-03-12 09:30"), What: "answer", Text: "c'est fait"}
	for _, c := range []struct {
		name, template, outcome, called string
		history                         []incident.HistoryLine
		want, never                     []string
	}{
		{"no answer", "B5", "", "", []incident.HistoryLine{wrote}, []string{"sans réponse"}, nil},
		{"reached", "B5", "reached", "2025-03-11T10:00:00+01:00", []incident.HistoryLine{wrote}, []string{"malgré ce qui a été convenu"}, []string{"sans réponse"}},
		{"voicemail", "B5", "voicemail", "2025-03-17T10:00:00+01:00", []incident.HistoryLine{wrote}, []string{"n'a pas abouti"}, []string{"sans réponse"}},
		{"answered", "B5", "", "", []incident.HistoryLine{wrote, answered}, []string{"malgré la réponse reçue"}, []string{"sans réponse"}},
		{"never written", "B5", "", "", nil, nil, []string{"sans réponse"}},
		{"no call made", "B5n", "", "", []incident.HistoryLine{wrote}, []string{"appel prévu, non passé"}, []string{"pas de réponse au téléphone"}},
		{"just called in vain", "B5n", "voicemail", "2025-03-20T09:25:00+01:00", []incident.HistoryLine{wrote}, []string{"pas de réponse au téléphone"}, nil},
		{"just called, and answered by nobody", "B5n", "no_answer", "2025-03-20T09:25:00+01:00", []incident.HistoryLine{wrote}, []string{"pas de réponse au téléphone"}, []string{"non passé"}},
		{"just called, and declined", "B5n", "refused", "2025-03-20T09:25:00+01:00", []incident.HistoryLine{wrote}, []string{"[REFUS DU CLIENT]", "n'a pas souhaité donner suite", "Parlez-en"}, []string{"non passé", "n'a pas été noté", "sans réponse"}},
		{"called long ago", "B5n", "voicemail", "2025-03-12T09:25:00+01:00", []incident.HistoryLine{wrote}, []string{"appel prévu, non passé"}, []string{"pas de réponse au téléphone"}},
	} {
		n := example(c.template, "fr")[0]
		n.Data.History, n.Data.Call = c.history, nil
		if c.outcome != "" {
			n.Data.Call = map[string]string{"outcome": c.outcome, "at": c.called}
		}
		out, err := r.Render([]incident.Notification{n})
		if err != nil {
			t.Fatal(err)
		}
		all := out.Subject + " " + strings.Join(strings.Fields(out.Text), " ")
		for _, w := range c.want {
			if !strings.Contains(all, w) {
				t.Errorf("%s: %q is not said:\n%s\n%s", c.name, w, out.Subject, out.Text)
			}
		}
		for _, w := range c.never {
			if strings.Contains(all, w) {
				t.Errorf("%s: %q is said:\n%s\n%s", c.name, w, out.Subject, out.Text)
			}
		}
	}
}

// One mail about several answers says each of them, in its own words.
func TestAMailOfSeveralAnswersSaysEach(t *testing.T) {
	for lang, want := range map[string][]string{
		"fr": {"réponses reçues", "PC-LEA – Léa Bernard : souhaite un appel.", "> l'après-midi seulement", "PC-PAUL – Léa Bernard : absence annoncée ; prochain point le jeudi 20 mars.", "> je rentre jeudi"},
		"en": {"answers received", "PC-LEA – Léa Bernard: asks to be called.", "> l'après-midi seulement", "PC-PAUL – Léa Bernard: is away; we look again on Thursday 20 March.", "> je rentre jeudi"},
	} {
		one, two := example("B13", lang)[0], example("B13", lang)[0]
		one.Data.Machine, two.Data.Machine, two.Data.Number = "PC-LEA", "PC-PAUL", one.Data.Number+1
		two.IncidentID = "i131"
		one.Data.Answer = map[string]string{"result": "call_me", "note": "l'après-midi seulement", "by": "Léa Bernard"}
		two.Data.Answer = map[string]string{"result": "away", "until": "2025-03-20", "note": "je rentre jeudi", "by": "Léa Bernard"}
		out, err := newTestRenderer(t).Render([]incident.Notification{one, two})
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(strings.Fields(out.Subject+" "+out.Text), " ")
		for _, w := range want {
			if !strings.Contains(text, w) || !strings.Contains(out.HTML, strings.TrimPrefix(strings.ReplaceAll(w, "'", "&#39;"), "> ")) && strings.HasPrefix(w, "> ") {
				t.Errorf("%s: %q is not said:\n%s\n%s", lang, w, out.Subject, out.Text)
			}
		}
	}
}

// What sorts threads by subject strips what stands in brackets at the front
// (RFC 5256, base subject); two incidents of one machine still differ.
func TestSubjectsKeepIncidentsApart(t *testing.T) {
	r := newTestRenderer(t)
	base := func(s string) string {
		for strings.HasPrefix(s, "[") {
			_, rest, ok := strings.Cut(s, "] ")
			if !ok {
				return s
			}
			s = rest
		}
		return s
	}
	for _, id := range numbers(r) {
		for _, lang := range []string{"fr", "en"} {
			n := example(id, lang)[0]
			n.Data.CustomerName = strings.Repeat("Dupont ", 20)
			if n.Data.Number == 0 || id == "D1" || id == "D8" { // of several incidents
				continue
			}
			one, err := r.Subject([]incident.Notification{n})
			if err != nil {
				t.Fatal(err)
			}
			n.Data.Number += 1000
			two, err := r.Subject([]incident.Notification{n})
			if err != nil {
				t.Fatal(err)
			}
			if base(one) == base(two) {
				t.Errorf("%s/%s: one thread: %s", id, lang, base(one))
			}
		}
	}
}

// A mail about several incidents leads to one page for all of them; a customer's
// to no more than to answer there.
func TestOnePageForSeveralRows(t *testing.T) {
	r := newTestRenderer(t)
	for id, want := range map[string]string{"B1": "/a/several:take,silence,escalate", "B7": "/a/several:take,assign", "B11": "/a/several:answer,take,assign", "B4": "/a/several:answer."} {
		for _, lang := range []string{"fr", "en"} {
			first := example(id, lang)[0]
			many, err := r.Render(bundle(first, 3))
			if err != nil {
				t.Fatal(err)
			}
			if text := strings.ReplaceAll(many.HTML+many.Text, "%2C", ","); strings.Count(text, want) != 2 || id == "B4" && strings.Contains(text, "take") {
				t.Errorf("%s/%s has not one link %s:\n%s", id, lang, want, many.Text)
			}
			lone, err := r.Render([]incident.Notification{first, first})
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(lone.HTML, "several:") {
				t.Errorf("%s/%s: one incident has a page for several", id, lang)
			}
		}
	}
}
