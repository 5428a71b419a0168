package message

import (
	"slices"
	"strings"
	"testing"

	"vigie/rules"
)

// twoLocals are the local backups of two machines that failed in one night.
func twoLocals(template, lang string) []rules.Notification {
	ns := bundle(example(template, lang)[0], 2)
	ns[1].Facts.Machine, ns[1].Facts.MachineClass = "NAS-01", "nas"
	ns[1].Facts.Error = "Le certificat du dépôt a expiré"
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
			lone, err := r.Render([]rules.Notification{first})
			if err != nil {
				t.Fatal(err)
			}
			ns := twoLocals(id, lang)
			if first.Facts.Machine == "" || first.Facts.Platform != "" {
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
					if !strings.Contains(strings.Join(strings.Fields(many.Text), " "), n.Facts.Error) || !strings.Contains(htmlText(many.HTML), n.Facts.Error) {
						t.Errorf("%s/%s lacks the error of %s:\n%s", id, lang, n.Facts.Machine, many.Text)
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
		first.Facts.Error = "0x1350016"
		out, err := r.Render(bundle(first, 3))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.Text+out.HTML, "0x1350016") || strings.Contains(out.Text+out.HTML, "/a/incident.") {
			t.Errorf("%s: a customer reads\n%s", id, out.Text)
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
		n.Facts.Percent = 100
		n.Facts.Clocks = []rules.ClockRow{
			{Target: "prequalification", Due: at("2025-03-10 15:00"), Late: true},
			{Target: "workaround", Due: at("2025-03-10 15:00"), Late: true},
			{Target: "resolve", Due: at("2025-03-12 14:00")},
		}
		n.DecidedAt = at("2025-03-10 15:00")
		one, two := n, n
		one.Facts.Target, two.Facts.Target = "prequalification", "workaround"
		two.ID = "n2"
		out, err := r.Render([]rules.Notification{one, two})
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
			ns := []rules.Notification{first, first}
			f := local()
			f.State, f.ResolvedAt, f.Assignee, f.SilenceUntil = first.Facts.State, first.Facts.ResolvedAt, first.Facts.Assignee, first.Facts.SilenceUntil
			f.Number, ns[1].IncidentID, ns[1].ID = 999, "i999", "n2"
			ns[1].Facts = f
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
