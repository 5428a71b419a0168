package rules_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vigie/rules"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// setup names the incident and the state into which inState brings it.
type setup struct {
	scenario string
	state    model.State
}

// inState returns an incident of a scenario in a state, and the instant after.
func inState(t *testing.T, st setup) (*bench, time.Time) {
	now := paris(t, "2026-03-09 10:00")
	var b *bench
	by := "adm1"
	switch st.scenario {
	case "platform":
		b = opened(t, exampleBook(t, "activeprolearn"), platformAlert("lms-A", "MoodleSlowPages", now), now)
		by = "op"
	default:
		class, machine, role := "server", "SRV-AD", "primary"
		if st.scenario == "workstation" {
			class, machine = "workstation", "PC-LEA"
		}
		if st.scenario == "local" {
			role = "local"
		}
		b = opened(t, exampleBook(t, "synomega"), backupAlert("dupont", machine, class, role, "daily", "failed", now), now)
		b.answer(now, incident.PlanEvidence{Known: true, LastSuccess: now.Add(-24 * time.Hour), LastFailure: now.Add(-time.Hour)}, model.EvidenceOK)
	}
	now = now.Add(time.Minute)
	switch st.state {
	case model.Open:
	case model.Taken:
		b.act("take", by, now)
	case model.Waiting:
		b.act("pause", by, now, "until", "2026-03-20")
	case model.CallDue:
		b.callDue(paris(t, "2026-03-10 09:30"))
		now = paris(t, "2026-03-17 09:31")
	case model.WorkedAround:
		b.act("workaround", by, now, "text", "use the mirror")
	case model.Unverified:
		if st.scenario == "platform" {
			b.do(incident.Fired{Signal: model.Signal{Kind: model.Level2Voluntary, Fingerprint: "r1", By: "exploit", StartsAt: now,
				Labels: model.Labels{model.LabelPlatform: "lms-A"}}}, now)
		}
		b.clear(now)
		if st.scenario != "platform" {
			b.answer(now, incident.PlanEvidence{}, model.EvidenceOK)
		}
	case model.Resolved:
		if st.scenario != "platform" { // only a success resolves a backup
			b.clear(now)
			b.answer(now, incident.PlanEvidence{Known: true, LastSuccess: now}, model.EvidenceOK)
			break
		}
		b.act("resolve", by, now, "note", "seen", "cause", "unknown", "data_loss", "none")
	case model.Closed:
		b.act("close", by, now, "reason", "duplicate")
	}
	if b.inc.State != st.state {
		t.Fatalf("%s cannot be brought to %s: it is %s, %+v", st.scenario, st.state, b.inc.State, b.last.Refusal)
	}
	return b, now.Add(time.Minute)
}

// callDue lets a workstation's user ignore the mail for a week.
func (b *bench) callDue(told time.Time) {
	b.do(incident.Tick{}, told)
	for _, n := range b.notes {
		b.accept(n, told.Add(time.Minute))
	}
	b.do(incident.Tick{}, told.AddDate(0, 0, 7))
}

// happenings are the rows of the table: every event, and every act with what
// it needs and without.
func happenings() []struct {
	name string
	do   func(b *bench, now time.Time) incident.Decision
} {
	type row = struct {
		name string
		do   func(b *bench, now time.Time) incident.Decision
	}
	by := func(b *bench) string {
		if b.inc.Identity[model.LabelPlatform] != "" {
			return "op2"
		}
		return "adm2"
	}
	fingerprints := func(b *bench) []string {
		var fs []string
		for f := range b.inc.Alerts {
			fs = append(fs, f)
		}
		return fs
	}
	silence := func(b *bench, now time.Time) incident.Silence {
		m := "machine=" + strconv.Quote(b.inc.Identity[model.LabelMachine])
		return incident.Silence{ID: "s", Matchers: []string{m}, By: by(b), StartsAt: now, EndsAt: now.Add(time.Hour)}
	}
	rows := []row{
		{"fires anew", func(b *bench, now time.Time) incident.Decision {
			return b.do(incident.Fired{Signal: b.signal(now)}, now)
		}},
		{"a late copy", func(b *bench, now time.Time) incident.Decision {
			return b.do(incident.Fired{Signal: b.signal(now.Add(-3 * time.Hour))}, now)
		}},
		{"fires, confirmed", func(b *bench, now time.Time) incident.Decision {
			return b.do(incident.Fired{Signal: b.signal(now.Add(-3 * time.Hour)), Confirmed: true}, now)
		}},
		{"reported by a person", func(b *bench, now time.Time) incident.Decision {
			return b.do(incident.Fired{Signal: model.Signal{Kind: model.Level2Voluntary, Fingerprint: "r9", By: "exploit", StartsAt: now,
				Labels: model.Labels{model.LabelPlatform: b.inc.Identity[model.LabelPlatform]}}}, now)
		}},
		{"ends", func(b *bench, now time.Time) incident.Decision { return b.clear(now) }},
		{"ends, not trusted", func(b *bench, now time.Time) incident.Decision {
			return b.do(incident.Cleared{Fingerprints: fingerprints(b), At: now}, now)
		}},
		{"ends and is proven", func(b *bench, now time.Time) incident.Decision {
			b.clear(now)
			return b.answer(now, incident.PlanEvidence{Known: true, LastSuccess: now, LastFailure: now.Add(-2 * time.Hour)}, model.EvidenceOK)
		}},
		{"ends, nothing is known", func(b *bench, now time.Time) incident.Decision {
			b.clear(now)
			return b.answer(now, incident.PlanEvidence{}, model.EvidenceUnknown)
		}},
		{"proven while it fires", func(b *bench, now time.Time) incident.Decision {
			return b.answer(now, incident.PlanEvidence{Known: true, LastSuccess: now, LastFailure: now.Add(-2 * time.Hour)}, model.EvidenceOK)
		}},
		{"a minute passes", func(b *bench, now time.Time) incident.Decision { return b.do(incident.Tick{}, now) }},
		{"two weeks pass", func(b *bench, now time.Time) incident.Decision { return b.do(incident.Tick{}, now.AddDate(0, 0, 14)) }},
		{"silenced", func(b *bench, now time.Time) incident.Decision {
			return b.do(incident.Silenced{Active: []incident.Silence{silence(b, now)}}, now)
		}},
		{"silence over", func(b *bench, now time.Time) incident.Decision {
			b.do(incident.Silenced{Active: []incident.Silence{silence(b, now)}}, now)
			return b.do(incident.Silenced{}, now.Add(time.Hour))
		}},
		{"all mails accepted", func(b *bench, now time.Time) incident.Decision {
			for _, n := range slices.Clone(b.notes) {
				b.accept(n, now)
			}
			return b.last
		}},
		{"a mail refused", func(b *bench, now time.Time) incident.Decision {
			if len(b.notes) == 0 {
				return b.do(incident.Tick{}, now)
			}
			n := b.notes[len(b.notes)-1]
			return b.do(incident.Delivered{NotificationID: n.ID, Refused: []string{n.To[0].Address}}, now)
		}},
		{"other backup fails", func(b *bench, now time.Time) incident.Decision {
			b.around.Siblings = []incident.Sibling{{ID: "8", Role: "primary", State: model.Open}}
			return b.do(incident.Related{}, now)
		}},
		{"inventory changed", func(b *bench, now time.Time) incident.Decision { return b.do(incident.Refreshed{}, now) }},
	}
	act := func(verb string, fields ...string) {
		name := "act " + verb
		if len(fields) > 0 {
			name += " " + strings.Join(fields, " ")
		}
		rows = append(rows, row{name, func(b *bench, now time.Time) incident.Decision { return b.act(verb, by(b), now, fields...) }})
	}
	act("take")
	act("take", "force", "yes")
	act("release")
	act("assign", "to", "adm1")
	act("assign", "to", "op")
	act("assign")
	act("note", "note", "x")
	act("note")
	act("attempt")
	act("forecast", "today", "yes")
	act("forecast", "today", "no", "reason", "disk")
	act("forecast")
	act("escalate", "reason", "disk")
	act("escalate")
	act("answer", "until", "2026-03-27")
	act("answer", "until", "2026-01-01")
	act("answer", "until", "soon")
	act("call", "outcome", "reached")
	act("call", "outcome", "sung")
	act("check_other", "result", "ok", "note", "seen")
	act("check_other", "result", "maybe")
	act("immediate")
	act("qualify", "severity", "major")
	act("qualify", "severity", "grave")
	act("workaround", "text", "x")
	act("workaround")
	act("cascade", "reason", "x")
	act("cascade")
	act("promote")
	act("merge", "into", "8")
	act("merge")
	act("restore")
	act("restore_verified")
	act("pause")
	act("resume")
	act("resolve", "note", "seen", "cause", "unknown")
	act("resolve")
	act("close", "reason", "duplicate")
	act("close")
	act("reopen")
	act("decommission", "reason", "replaced")
	act("decommission")
	act("rebase")
	act("waive", "to", "x@y.example", "reason", "left")
	act("waive")
	act("silence", "comment", "disk being replaced")
	act("silence", "until", "02:00")
	act("unsilence")
	act("sing")
	rows = append(rows, row{"act of nobody", func(b *bench, now time.Time) incident.Decision { return b.act("take", "", now) }})
	return rows
}

// covers: S1.5 to S1.33, S2.19 to S2.31, T4; every state x every event and
// every act: the state that follows, or the status of the refusal. A dot says
// that nothing moves. The table is testdata/states.txt, for people.
func TestStates(t *testing.T) {
	stages := map[string][]model.State{
		"server":      {model.Open, model.Taken, model.Waiting, model.Unverified, model.Resolved, model.Closed},
		"local":       {model.Open, model.Taken, model.Waiting, model.Unverified, model.Resolved, model.Closed},
		"workstation": {model.Open, model.Taken, model.Waiting, model.CallDue, model.Unverified, model.Resolved, model.Closed},
		"platform":    {model.Open, model.Taken, model.Waiting, model.WorkedAround, model.Unverified, model.Resolved, model.Closed},
	}
	done := map[string]bool{}
	var got strings.Builder
	got.WriteString("What follows in every state from every event and every act.\nA dot: the state stays. A number: refused, with this status.\n")
	for _, scenario := range []string{"server", "local", "workstation", "platform"} {
		fmt.Fprintf(&got, "\n%-42s", scenario)
		for _, s := range stages[scenario] {
			fmt.Fprintf(&got, "%-14s", s)
		}
		got.WriteString("\n")
		for _, h := range happenings() {
			fmt.Fprintf(&got, "%-42s", h.name)
			done[strings.Fields(h.name + " - -")[1]] = true
			for _, s := range stages[scenario] {
				b, now := inState(t, setup{scenario, s})
				before := asJSON(t, b.inc)
				d := h.do(b, now)
				cell := string(b.inc.State)
				switch {
				case d.Refusal != nil:
					cell = strconv.Itoa(d.Refusal.Status)
					if asJSON(t, b.inc) != before || d.Refusal.Error() == "" {
						t.Errorf("%s, %s, %s: a refusal changes something, or gives no reason", scenario, s, h.name)
					}
				case b.inc.State == s:
					cell = "."
				}
				fmt.Fprintf(&got, "%-14s", cell)
			}
			got.WriteString("\n")
		}
	}
	for _, verb := range rules.Verbs() {
		if !done[verb] {
			t.Errorf("no row of the table is about the act %s", verb)
		}
	}
	var lines []string
	for line := range strings.SplitSeq(got.String(), "\n") {
		lines = append(lines, strings.TrimRight(line, " "))
	}
	table := strings.Join(lines, "\n")
	want, err := os.ReadFile("testdata/states.txt")
	if err != nil || string(want) != table {
		for i, line := range lines {
			if w := strings.Split(string(want), "\n"); i >= len(w) || w[i] != line {
				t.Errorf("line %d\ngot  %s\nwant %s", i+1, line, w[min(i, len(w)-1)])
			}
		}
	}
}
