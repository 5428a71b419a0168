package report_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/deploy/exampletest"
	"vigie/rules"
	"vigie/rules/calendar"
	"vigie/rules/incident"
	"vigie/rules/policy"
	"vigie/rules/report"
	"vigie/rules/story"
)

const example = "activeprolearn"

// played are the cases of a story, from its journal.
func played(t *testing.T, b *rules.Book, name string) []report.Case {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(exampletest.Path(t, example), "stories", name+".yml"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := story.Parse(name, text)
	if err != nil {
		t.Fatal(err)
	}
	all, err := story.Play(b, s, story.Options{Journal: true})
	if err != nil {
		t.Fatal(err)
	}
	var out []report.Case
	for _, h := range all {
		if h.What != "journal" {
			continue
		}
		i := slices.IndexFunc(out, func(c report.Case) bool { return c.ID == h.Incident })
		if i < 0 {
			p := b.InForce(h.At)
			scenario := p.Scenarios[len(p.Scenarios)-1].Name
			for _, x := range p.Scenarios {
				if x.Immediate != nil {
					scenario = x.Name
				}
			}
			out = append(out, report.Case{ID: h.Incident, Number: len(out) + 1, Scenario: scenario, Policy: p.Hash, Platform: "lms-A", Customer: "lms-a", Opened: h.At})
			i = len(out) - 1
		}
		out[i].Lines = append(out[i].Lines, incident.Entry{At: h.At, Kind: h.Kind, What: h.Entry, Actor: h.Actor, Reason: h.Reason})
	}
	return out
}

func sources(b *rules.Book) report.Sources {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		panic(err)
	}
	return report.Sources{Zone: zone, InForce: b.InForce(time.Date(2025, 3, 1, 0, 0, 0, 0, zone)), Policy: b.Policy,
		Calendar: func(p *policy.Policy, name string) *calendar.Calendar { return b.Closures(p, name) }}
}

func march(t *testing.T, from report.Sources) report.Month {
	t.Helper()
	m, err := report.MonthOf("2025-03", from.Zone)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func row(s *report.Statement, target string) (out report.TargetRow) {
	for _, r := range s.Targets {
		if r.Target == target {
			out.Within, out.Met, out.Missed, out.Longest, out.Level, out.Severity = r.Within, out.Met+r.Met, out.Missed+r.Missed, r.Longest, r.Level, r.Severity
		}
	}
	return out
}

// covers: S2.29, S2.33, S2.35, S2.38
func TestTargetsOfAMonth(t *testing.T) {
	b := exampletest.Book(t, example)
	from := sources(b)
	blocking := report.StatementOf(march(t, from), report.Scope{Platform: "lms-A"}, played(t, b, "blocking"), from)
	if take := row(blocking, "take"); take.Met != 1 || take.Missed != 0 || take.Level != "G1" || take.Severity != "blocking" || take.Longest == nil || *take.Longest != 0 {
		t.Errorf("taken at once: %+v", take)
	}
	for _, target := range []string{"workaround", "resolve"} {
		if r := row(blocking, target); r.Missed != 1 || r.Met != 0 || r.Within != "2 business_hours" {
			t.Errorf("%s: %+v", target, r)
		}
	}
	if len(blocking.Breaches) != 2 || blocking.Breaches[0].Due.Format(time.RFC3339) != "2025-03-10T12:00:00+01:00" || !blocking.Breaches[0].Done.IsZero() || blocking.Open != 1 {
		t.Errorf("breaches: %+v", blocking.Breaches)
	}
	workaround := report.StatementOf(march(t, from), report.Scope{}, played(t, b, "major-workaround-in-time"), from)
	if r := row(workaround, "workaround"); r.Met != 2 || r.Missed != 0 || r.Longest == nil || *r.Longest != (119*time.Minute).Seconds() {
		t.Errorf("workarounds: %+v, longest %v", r, r.Longest)
	}
	if other := report.StatementOf(march(t, from), report.Scope{Platform: "lms-B"}, played(t, b, "blocking"), from); other.Missed+other.Met+other.Opened != 0 {
		t.Errorf("another platform's statement has %+v", other)
	}
}

// covers: S2.31, S2.30
func TestRestorationsOfAMonth(t *testing.T) {
	b := exampletest.Book(t, example)
	from := sources(b)
	s := report.StatementOf(march(t, from), report.Scope{}, played(t, b, "restoration"), from)
	if len(s.Restorations) != 2 {
		t.Fatalf("restorations: %+v", s.Restorations)
	}
	first, second := s.Restorations[0], s.Restorations[1]
	if first.Outcome != report.Missed || first.Seconds == nil || *first.Seconds != 4*3600+1 || first.Due.Format(time.RFC3339) != "2025-03-14T22:00:00+01:00" {
		t.Errorf("one second too late: %+v", first)
	}
	if second.Outcome != report.Missed || !second.Verified.IsZero() || second.Due.Format(time.RFC3339) != "2025-03-30T04:00:00+02:00" {
		t.Errorf("over the clock change: %+v", second)
	}
	if s.Integrity.None != 1 || len(s.Integrity.Lost) != 0 {
		t.Errorf("integrity: %+v", s.Integrity)
	}
	for _, c := range s.Causes {
		if c.Cause != "int.data_input" || c.Incidents != 1 || c.Text("fr") == "" {
			t.Errorf("causes: %+v", s.Causes)
		}
	}
}

// The levels of service fill the month, the hour that the clock change takes left out.
// covers: S2.26, S2.27, S2.28
func TestGuaranteesOfAMonth(t *testing.T) {
	from := sources(exampletest.Book(t, example))
	s := report.StatementOf(march(t, from), report.Scope{}, nil, from)
	held := map[string]float64{}
	total := 0.0
	for _, g := range s.Guarantees {
		held[g.Level] = g.Seconds / 3600
		total += g.Seconds / 3600
	}
	// March 2025 has 21 days from Monday to Friday and 5 Saturdays.
	if held["G1"] != 210 || held["G2"] != 40 || total != 31*24-1 {
		t.Errorf("held for hours: %v", held)
	}
}

// Made again, in whatever order its incidents come and however much was written
// after the month, a statement is the same to the byte.
func TestStatementAgain(t *testing.T) {
	b := exampletest.Book(t, example)
	from := sources(b)
	var cases []report.Case
	for _, name := range []string{"blocking", "restoration", "requalified", "still-broken", "waits-for-the-customer", "resolved-by-a-person", "severities"} {
		for _, c := range played(t, b, name) {
			c.Number, c.ID = len(cases)+1, fmt.Sprintf("i%d", len(cases)+1)
			cases = append(cases, c)
		}
	}
	month := march(t, from)
	made := func() string {
		text, err := json.MarshalIndent(report.StatementOf(month, report.Scope{}, cases, from), "", " ")
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	first := made()
	if !strings.Contains(first, `"targets_met"`) || strings.Contains(first, "0001-01-01") || strings.Contains(first, ": null") {
		t.Errorf("the statement lacks something, or says the year 1:\n%s", first)
	}
	for range 5 {
		rand.Shuffle(len(cases), func(i, j int) { cases[i], cases[j] = cases[j], cases[i] })
		if again := made(); again != first {
			t.Fatalf("made again it differs:\n%s\n%s", first, again)
		}
	}
	for i := range cases {
		cases[i].Lines = append(slices.Clip(cases[i].Lines), incident.Entry{At: month.To, Kind: "breach", What: "resolution", Reason: "was due at 2025-03-31T10:00:00+02:00"},
			incident.Entry{At: month.To.Add(time.Hour), Kind: "state", What: "resolved"})
	}
	if again := made(); !bytes.Equal([]byte(again), []byte(first)) {
		t.Errorf("what came after the month changed it")
	}
}

// Lines of builds that did not write a verdict still count.
func TestOlderLines(t *testing.T) {
	from := sources(exampletest.Book(t, example))
	at := time.Date(2025, 3, 10, 10, 0, 0, 0, from.Zone)
	line := func(minutes int, kind, what, reason string) incident.Entry {
		return incident.Entry{At: at.Add(time.Duration(minutes) * time.Minute), Kind: kind, What: what, Reason: reason}
	}
	s := report.StatementOf(march(t, from), report.Scope{}, []report.Case{{ID: "i1", Number: 1, Scenario: "platform", Opened: at, Lines: []incident.Entry{
		line(5, "target", "take", "met: taken"),
		line(60, "target", "workaround", "was due at 2025-03-10T11:00:00+01:00, and is no breach: the cause ext.expired is the customer's own"),
		line(90, "breach", "workaround", "was due at 2025-03-10T11:00:00+01:00"),
		line(100, "target", "handled", "met: handled"), line(101, "target", "handled", "not met after all: account_manager_told is taken back"),
		line(200, "target", "workaround", "met: workaround"),
	}}}, from)
	if s.Met != 1 || s.Missed != 1 || s.Excused != 0 || len(s.Breaches) != 1 || s.Breaches[0].Done.IsZero() || s.Breaches[0].Used != nil {
		t.Errorf("%+v", s)
	}
}

// What was so of an incident, that no backup worked or that all of it was silenced, was so
// no longer than the incident, and a silence of one plan silences nothing of another.
func TestHowLongItWasSo(t *testing.T) {
	b := exampletest.Book(t, example)
	from := sources(b)
	opened := time.Date(2025, 3, 10, 8, 0, 0, 0, from.Zone)
	c := report.Case{ID: "i1", Number: 1, Customer: "dupont", Machine: "SRV-AD", Policy: from.InForce.Hash, Scenario: from.InForce.Scenarios[0].Name, Opened: opened}
	for _, l := range []struct {
		hour       int
		kind, what string
	}{
		{0, "state", "open"}, {0, "flag", "double_failure"}, {1, "silence", "begun"}, {2, "silence", "begun"}, {2, "flag", "silenced"}, {4, "silence", "ended"}, {4, "flag", "not silenced"},
		{5, "flag", "silenced"}, {6, "state", "resolved"}, {30, "state", "open"}, {30, "flag", "double_failure"}, {31, "flag", "double_failure"}, {33, "flag", "not double_failure"}, {40, "state", "resolved"},
	} {
		c.Lines = append(c.Lines, incident.Entry{At: opened.Add(time.Duration(l.hour) * time.Hour), Kind: l.kind, What: l.what})
	}
	d := report.DossierOf(march(t, from), "dupont", []report.Case{c}, nil, from)
	if len(d.Incidents) != 1 || d.Incidents[0].Double != 9*3600 || d.Incidents[0].Silenced != 3*3600 {
		t.Errorf("%+v", d.Incidents)
	}
}
