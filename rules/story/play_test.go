package story

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"vigie/internal/strict"
	"vigie/rules"
	"vigie/rules/incident"
	"vigie/rules/inventory"
	"vigie/rules/model"
)

// least is the book of the least policy.
func least(t testing.TB) *rules.Book {
	t.Helper()
	read := func(name string) []strict.File {
		text, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return []strict.File{{Name: name, Text: text}}
	}
	dir, err := inventory.Load(read("inventory.yml"))
	if err != nil {
		t.Fatal(err)
	}
	policies, err := rules.LoadPolicies(read("policy.yml"))
	if err != nil {
		t.Fatal(err)
	}
	book, err := rules.NewBook(dir, policies...)
	if err != nil {
		t.Fatal(err)
	}
	return book
}

// on makes a story of 9 March 2026 out of "10:00:00 event" lines.
func on(until string, lines ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "start: 2026-03-09T00:00:00+01:00\nuntil: 2026-03-09T%s+01:00\nevents:\n", until)
	for _, l := range lines {
		at, what, _ := strings.Cut(l, " ")
		fmt.Fprintf(&b, "  - {at: \"2026-03-09T%s+01:00\", %s}\n", at, what)
	}
	return b.String()
}

// told is a happening in one short line.
func told(h Happening) string {
	at := h.At.Format("15:04:05 ")
	switch h.What {
	case happenedState:
		return at + h.Incident + " " + string(h.From) + ">" + string(h.To)
	case happenedNotification:
		who := strings.Join(h.Recipients, ",")
		if len(h.Cc) > 0 {
			who += " cc " + strings.Join(h.Cc, ",")
		}
		if len(h.Incidents) > 0 {
			who += " [" + strings.Join(h.Incidents, " ") + "]"
		}
		return at + h.Incident + " " + h.Template + " " + h.DecidedAt.Format("15:04:05") + " " + strings.ReplaceAll(who, "@msp.example", "")
	case happenedBreach:
		return at + h.Incident + " breach " + h.Target + " " + h.Due.Format("15:04:05")
	case happenedRefused:
		return at + h.Incident + " refused " + fmt.Sprint(h.Status)
	}
	return at + h.Incident + " " + h.What
}

const (
	primary   = `fires: {alertname: BackupFailed, customer: dupont, machine: SRV-AD, machine_class: server, backup_role: primary, engine: acronis, plan: daily, kind: failed}`
	local     = `fires: {alertname: BackupFailed, customer: dupont, machine: SRV-AD, machine_class: server, backup_role: local, engine: veeam, plan: Job Nuit, kind: failed}`
	second    = `fires: {alertname: BackupFailed, customer: dupont, machine: SRV-2, machine_class: server, backup_role: primary, engine: acronis, plan: daily, kind: failed}`
	coming    = `fires: {alertname: BackupFailed, customer: martin, machine: SRV-NEW, machine_class: server, backup_role: primary, engine: acronis, plan: daily, kind: failed}`
	thePlan   = `{customer: dupont, machine: SRV-AD, backup_role: primary}`
	ends      = `clears: ` + thePlan
	repaired  = `success: {customer: dupont, machine: SRV-AD, backup_role: primary, plan: daily}`
	escalate  = `act: {verb: escalate, by: sup, reason: disk full, incident: ` + thePlan + `}`
	take      = `act: {verb: take, by: adm1, incident: ` + thePlan + `}`
	hush      = `silence: {matchers: ['machine="SRV-AD"'], by: adm1, comment: disk, until: "2026-03-09T10:30:00+01:00"}`
	localOK   = `evidence: {customer: dupont, machine: SRV-AD, backup_role: local, state: ok}`
	probe     = `fires: {alertname: HostDown, signal: infra_probe, platform: lms-A}`
	smtpDown  = `smtp: {down_until: "2026-03-09T11:00:00+01:00"}`
	smtpNo    = `smtp: {refuse: am@msp.example}`
	deafUntil = `alertmanager: {unreachable_until: "2026-03-09T11:00:30+01:00"}`
)

func TestPlay(t *testing.T) {
	for _, c := range []struct {
		name  string
		story string
		want  []string
	}{
		{"a failure opens, is mailed after the hold, reminded and missed", on("13:00:00", "10:00:00 "+primary),
			[]string{"10:00:00 i1 >open", "10:01:00 i1 B1 10:00:00 sup", "11:01:00 i1 D2 11:00:00 sup",
				"12:00:01 i1 breach handled 12:00:00", "12:01:01 i1 B11 12:00:01 am cc expert"}},
		{"a label set may be taken over from another", on("10:45:00", "10:00:00 "+strings.Replace(primary, "{", "&a {", 1),
			"10:30:00 fires: {machine: SRV-2, <<: *a}", "10:40:00 act: {<<: &t {verb: take, by: adm1}, incident: {machine: SRV-2}}"),
			[]string{"10:00:00 i1 >open", "10:01:00 i1 B1 10:00:00 sup", "10:30:00 i2 >open", "10:31:00 i2 B1 10:30:00 sup", "10:40:00 i2 open>taken"}},
		{"until is inclusive", on("10:01:00", "10:00:00 "+primary), []string{"10:00:00 i1 >open", "10:01:00 i1 B1 10:00:00 sup"}},
		{"an end without proof is unverified; the proof is noticed at the next full minute", on("11:00:00",
			"10:00:00 "+primary, "10:10:10 "+ends, "10:20:20 "+repaired),
			[]string{"10:00:00 i1 >open", "10:01:00 i1 B1 10:00:00 sup", "10:10:10 i1 open>unverified", "10:21:00 i1 unverified>resolved",
				"10:22:00 i1 B12 10:21:00 sup"}},
		{"a success alone resolves nothing while the alert fires", on("10:40:00",
			"10:00:00 "+primary, "10:20:20 "+repaired, "10:30:00 "+ends),
			[]string{"10:00:00 i1 >open", "10:01:00 i1 B1 10:00:00 sup", "10:30:00 i1 open>resolved", "10:31:00 i1 B12 10:30:00 sup"}},
		{"a success at the instant of the failure is none newer", on("10:40:00",
			"10:00:00 "+primary, "10:00:00 "+repaired, "10:30:00 "+ends),
			[]string{"10:00:00 i1 >open", "10:01:00 i1 B1 10:00:00 sup", "10:30:00 i1 open>unverified"}},
		{"an act at the due instant is in time, one second later it is not", on("12:03:00",
			"10:00:00 "+primary, "10:00:00 "+strings.Replace(primary, "dupont", "martin", 1), "11:59:00 "+escalate, "11:59:01 "+strings.Replace(escalate, "dupont", "martin", 1)),
			[]string{"10:00:00 i1 >open", "10:00:00 i2 >open", "10:01:00 i1 B1 10:00:00 sup", "10:01:00 i2 B1 10:00:00 sup",
				"11:01:00 i1 D2 11:00:00 sup", "11:01:00 i2 D2 11:00:00 sup", "12:00:00 i1 B2 11:59:00 am cc expert",
				"12:00:01 i2 B2 11:59:01 am cc expert", "12:00:01 i2 breach handled 12:00:00", "12:01:01 i2 B11 12:00:01 am cc expert"}},
		{"what fails together leaves as one message, an hour later too", on("11:05:00", "10:00:00 "+primary, "10:00:20 "+second),
			[]string{"10:00:00 i1 >open", "10:00:20 i2 >open", "10:01:00 i1 B1 10:00:00 sup [i1 i2]", "11:01:00 i1 D2 11:00:00 sup [i1 i2]"}},
		{"who takes second is refused", on("10:30:00", "10:00:00 "+primary, "10:10:00 "+take, "10:10:00 "+strings.Replace(take, "adm1", "adm2", 1)),
			[]string{"10:00:00 i1 >open", "10:01:00 i1 B1 10:00:00 sup", "10:10:00 i1 open>taken", "10:10:00 i1 refused 409"}},
		{"an end under a silence is noticed at the next full minute, and the silence makes the author the assignee", on("11:00:00",
			"10:00:00 "+primary, "10:05:10 "+hush, "10:19:30 "+repaired, "10:20:01 "+ends),
			[]string{"10:00:00 i1 >open", "10:01:00 i1 B1 10:00:00 sup", "10:06:00 i1 open>taken", "10:21:00 i1 taken>resolved", "10:22:00 i1 B12 10:21:00 sup"}},
		{"an end under a silence at a full minute counts for that minute", on("10:25:00",
			"10:00:00 "+primary, "10:05:00 "+hush, "10:19:30 "+repaired, "10:20:00 "+ends),
			[]string{"10:00:00 i1 >open", "10:01:00 i1 B1 10:00:00 sup", "10:05:00 i1 open>taken", "10:20:00 i1 taken>resolved", "10:21:00 i1 B12 10:20:00 sup"}},
		{"a silence that ends unrepaired is told to its author", on("10:40:00", "10:00:00 "+primary, "10:05:00 "+hush),
			[]string{"10:00:00 i1 >open", "10:01:00 i1 B1 10:00:00 sup", "10:05:00 i1 open>taken", "10:30:00 i1 taken>open", "10:31:00 i1 D3 10:30:00 adm1"}},
		{"what fires under a silence is noticed at the next full minute", on("10:15:00", "10:05:00 "+hush, "10:10:10 "+primary),
			[]string{"10:11:00 i1 >open", "10:11:00 i1 open>taken", "10:12:00 i1 B1 10:11:00 sup"}},
		{"a failing local backup makes it double, once", on("11:00:00", "09:00:00 "+localOK, "10:00:00 "+primary, "10:30:00 "+local),
			[]string{"10:00:00 i1 >open", "10:01:00 i1 B1 10:00:00 sup", "10:30:00 i2 >open",
				"10:31:00 i2 B1 10:30:00 sup", "10:31:00 i2 B3 10:30:00 am cc expert"}},
		{"mail waits for the mail server", on("12:00:00", "10:00:00 "+primary, "10:00:30 "+smtpDown, "10:05:00 "+take, "10:30:00 "+escalate),
			[]string{"10:00:00 i1 >open", "10:05:00 i1 open>taken", "11:00:00 i1 B1 10:00:00 sup", "11:00:00 i1 B2 10:30:00 am cc expert"}},
		{"a refused address keeps the step undone until its contact changes", on("13:00:00", "10:00:00 "+smtpNo, "10:00:00 "+primary, "10:05:00 "+escalate,
			"12:30:00 contact: {person: am, email: am.new@msp.example}"),
			[]string{"10:00:00 i1 >open", "10:01:00 i1 B1 10:00:00 sup", "11:01:00 i1 D2 11:00:00 sup", "12:00:01 i1 breach handled 12:00:00",
				"12:31:00 i1 B2 10:05:00 am.new cc expert", "12:31:00 i1 B11 12:00:01 am.new cc expert"}},
		{"while Alertmanager is out of reach nothing fires or ends; then all of it does", on("11:10:00", "10:00:00 "+primary,
			"10:05:00 "+deafUntil, "10:06:00 "+repaired, "10:10:00 "+ends, "10:20:00 "+probe, "10:50:00 "+take),
			[]string{"10:00:00 i1 >open", "10:01:00 i1 B1 10:00:00 sup", "10:50:00 i1 open>taken", "11:00:30 i2 >open", "11:00:30 i1 taken>resolved",
				"11:01:30 i2 M1 11:00:30 adm1", "11:01:30 i1 B12 11:00:30 sup"}},
		{"announced maintenance opens nothing; what still fires at its end opens then", on("22:00:00",
			"19:00:00 maintenance: {platform: lms-A, from: \"2026-03-09T20:00:00+01:00\", to: \"2026-03-09T21:00:00+01:00\"}", "20:15:00 "+probe),
			[]string{"21:00:00 i1 >open", "21:01:00 i1 M1 21:00:00 adm1"}},
		{"what fails before anything is owed opens nothing; what still fails on the first day opens then", on("11:05:00",
			"10:00:00 "+coming, "10:10:00 "+strings.Replace(coming, "daily", "weekly", 1), `10:20:00 clears: {machine: SRV-NEW, plan: weekly}`),
			[]string{"11:00:00 i1 >open", "11:01:00 i1 B1 11:00:00 sup"}},
		{"what ends before anything is owed is never heard of", on("11:05:00", "10:00:00 "+coming, "10:30:00 clears: {machine: SRV-NEW}"), nil},
		{"maintenance declared too late counts for nothing", on("20:20:00",
			"19:30:00 maintenance: {platform: lms-A, from: \"2026-03-09T20:00:00+01:00\", to: \"2026-03-09T21:00:00+01:00\"}", "20:15:00 "+probe),
			[]string{"20:15:00 i1 >open", "20:16:00 i1 M1 20:15:00 adm1"}},
		{"what ends within maintenance is never heard of", on("22:00:00",
			"19:00:00 maintenance: {platform: lms-A, from: \"2026-03-09T20:00:00+01:00\", to: \"2026-03-09T21:00:00+01:00\"}", "20:15:00 "+probe,
			"20:30:00 clears: {platform: lms-A}"), nil},
		{"who is on duty is live", on("10:10:00", "09:00:00 rota: {role: supervisor, person: adm2, from: \"2026-03-09T09:30:00+01:00\", to: \"2026-03-09T18:00:00+01:00\"}",
			"10:00:00 "+primary), []string{"10:00:00 i1 >open", "10:01:00 i1 B1 10:00:00 adm2"}},
		{"a gap on duty falls to the admins", on("10:10:00", "09:00:00 rota: {role: supervisor, person: nobody, from: 2026-03-09, to: 2026-03-09}",
			"10:00:00 "+primary), []string{"10:00:00 i1 >open", "10:01:00 i1 B1 10:00:00 adm1,adm2"}},
		{"a stranger's report is refused, and somebody sorts it", on("10:10:00", "10:00:00 report: {kind: l2_voluntary, platform: lms-A, by: nobody@else.example, severity: major, text: slow}",
			"10:05:00 report: {kind: feature_request, platform: lms-A, by: exploit@lms-a.example}"),
			[]string{"10:00:00  refused 403", "10:00:00 i1 >open", "10:01:00 i1 B1 10:00:00 sup", "10:05:00  refused 422"}},
		{"a report opens, an alert of the same platform joins", on("10:10:00", "10:00:00 report: {kind: l2_voluntary, platform: lms-A, by: exploit@lms-a.example, severity: major, text: slow}",
			"10:05:00 "+probe, "10:06:00 act: {verb: take, by: adm1, incident: {platform: lms-A}}"),
			[]string{"10:00:00 i1 >open", "10:01:00 i1 M1 10:00:00 adm1", "10:06:00 i1 open>taken"}},
		{"a product's own name of the machine leads to it", on("10:30:00", "10:00:00 "+strings.Replace(primary, "SRV-AD", "srv-ad.dupont.local", 1),
			"10:10:00 "+take, "10:20:00 "+repaired, "10:21:00 "+ends),
			[]string{"10:00:00 i1 >open", "10:01:00 i1 B1 10:00:00 sup", "10:10:00 i1 open>taken", "10:21:00 i1 taken>resolved", "10:22:00 i1 B12 10:21:00 sup"}},
		{"blindness is told at once and a watchdog opens nothing", on("10:10:00", "09:00:00 fires: {alertname: Watchdog}", "10:00:00 fires: {alertname: SourceDown, source: acronis}"),
			[]string{"10:00:00 i1 >open", "10:00:00 i1 D5 10:00:00 sup"}},
		{"events of one instant keep the order of the file", on("10:30:00", "10:10:00 "+take, "10:00:00 "+primary, "10:10:00 "+ends, "10:10:00 "+repaired),
			[]string{"10:00:00 i1 >open", "10:01:00 i1 B1 10:00:00 sup", "10:10:00 i1 open>taken", "10:10:00 i1 taken>unverified",
				"10:10:00 i1 unverified>resolved", "10:11:00 i1 B12 10:10:00 sup"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Parse("s.yml", []byte(c.story))
			if err != nil {
				t.Fatal(err)
			}
			happened, err := Play(least(t), s, Options{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, h := range happened {
				got = append(got, told(h))
			}
			if g, w := strings.Join(got, "\n"), strings.Join(c.want, "\n"); g != w {
				t.Errorf("got\n%s\nwant\n%s", g, w)
			}
		})
	}
}

// What a story never mentions is unknown where a plan is expected, otherwise none.
func TestUnmentionedEvidence(t *testing.T) {
	s, err := Parse("s.yml", []byte(on("10:01:00", "10:00:00 "+primary, "10:00:00 "+second)))
	if err != nil {
		t.Fatal(err)
	}
	p := newPlayer(least(t), s, Options{})
	if err := p.play(s); err != nil {
		t.Fatal(err)
	}
	for i, want := range []model.EvidenceState{model.EvidenceUnknown, model.EvidenceNone} {
		if got := p.store.All()[i].Incident.Other.State; got != want {
			t.Errorf("%s: the other backup is %s, want %s", p.store.All()[i].ID, got, want)
		}
	}
}

// A job that is called otherwise from its next failure on is known by its new name.
func TestRenamedJob(t *testing.T) {
	renamed := strings.Replace(primary, "plan: daily", `plan: "Daily servers", job_id: daily`, 1)
	if renamed == primary {
		t.Fatal("the alert names no plan")
	}
	tale, err := Parse("s.yml", []byte(on("12:00:00", "10:00:00 "+primary, "11:00:00 "+renamed, `11:30:00 success: {customer: dupont, machine: SRV-AD, plan: "Daily servers"}`)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Play(least(t), tale, Options{}); err != nil {
		t.Error(err)
	}
}

func TestPlayRefuses(t *testing.T) {
	for _, c := range []struct{ name, story, want string }{
		{"unknown key", on("11:00:00", "10:00:00 fired: {alertname: X}"), `s.yml:4: events[0]: unknown key "fired": did you mean "fires"?`},
		{"unknown field of an act", on("11:00:00", "10:00:00 act: {verb: take, by: sup, incident: {machine: A}, reasson: x}"), `s.yml:4: act: unknown key "reasson": did you mean "reason"?`},
		{"unknown verb", on("11:00:00", "10:00:00 act: {verb: tack, by: sup, incident: {machine: A}}"), `s.yml:4: act.verb: unknown act "tack": did you mean "take"?`},
		{"no incident", on("11:00:00", "10:00:00 act: {verb: take, by: sup}"),
			"s.yml:4: act.incident: missing: write labels that only one open incident has, such as {customer: dupont, machine: SRV-AD, backup_role: primary}"},
		{"nothing", on("11:00:00", "10:00:00 x: {}"), `s.yml:4: events[0]: unknown key "x": known here are`},
		{"two at once", on("11:00:00", "10:00:00 clears: {a: b}, success: {a: b}"),
			"s.yml:4: events[0]: clears and success at once: write them as events of their own, in their order"},
		{"no start", "until: 2026-03-09T10:00:00+01:00\n", "s.yml:1: start: missing: write when the story begins, such as 2026-03-09T07:00:00+01:00"},
		{"state", on("11:00:00", "10:00:00 evidence: {machine: SRV-AD, state: good}"), `s.yml:4: evidence.state: "good" is not a state: write one of ok, degraded, ko, none, unknown`},
		{"part of a second", strings.Replace(on("11:00:00", "10:00:00 "+primary), "10:00:00", "10:00:00.5", 1),
			`s.yml:4: events[0].at: "2026-03-09T10:00:00.5+01:00" has a part of a second: stories are told in whole seconds`},
		{"matchers", on("11:00:00", "10:00:00 silence: {matchers: ['machine'], by: adm1, until: \"2026-03-09T10:30:00+01:00\"}"),
			`s.yml:4: events[0].silence.matchers: bad matcher format: machine; write them as in Alertmanager, such as 'machine="SRV-AD"'`},
		{"after the end", on("09:00:00", "10:00:00 "+primary), "s.yml:4: 2026-03-09T10:00:00+01:00 lies outside the story, which runs from 2026-03-09T00:00:00+01:00 until 2026-03-09T09:00:00+01:00"},
		{"no open incident", on("11:00:00", "10:00:00 "+primary, "10:10:00 "+strings.Replace(take, "SRV-AD", "SRV-XX", 1)),
			`s.yml:5: act.incident matches no open incident: {backup_role="primary",customer="dupont",machine="SRV-XX"}; open are i1 {backup_role="primary",customer="dupont",machine="SRV-AD"}`},
		{"two incidents", on("11:00:00", "10:00:00 "+primary, "10:00:00 "+local, "10:10:00 act: {verb: take, by: adm1, incident: {machine: SRV-AD}}"),
			`s.yml:6: act.incident matches 2 open incidents: {machine="SRV-AD"}; add labels until it is one of i1 {backup_role="primary",customer="dupont",machine="SRV-AD"}, i2 {backup_role="local",customer="dupont",machine="SRV-AD"}`},
		{"unknown person", on("11:00:00", "10:00:00 "+primary, "10:10:00 "+strings.Replace(take, "adm1", "adm9", 1)),
			`s.yml:5: act.by: unknown person "adm9": did you mean "adm1"?`},
		{"clears nothing", on("11:00:00", "10:00:00 "+ends), `s.yml:4: clears matches no alert that fires: {backup_role="primary",customer="dupont",machine="SRV-AD"}`},
		{"clears twice", on("11:00:00", "10:00:00 "+primary, "10:10:00 "+ends, "10:20:00 "+ends),
			`s.yml:6: clears matches no alert that fires: {backup_role="primary",customer="dupont",machine="SRV-AD"}`},
		{"success of nothing", on("11:00:00", "10:00:00 success: {customer: dupont, machine: SRV-AD, plan: weekly}"),
			`s.yml:4: success matches no plan of the inventory and no alert: {customer="dupont",machine="SRV-AD",plan="weekly"}`},
		{"evidence of nothing", on("11:00:00", "10:00:00 evidence: {customer: dupont, machine: SRV-XX, backup_role: local, state: ok}"),
			`s.yml:4: evidence matches no plan of the inventory and no alert: {backup_role="local",customer="dupont",machine="SRV-XX"}`},
		{"absence of nobody", on("11:00:00", "10:00:00 absence: {machine: PC-LEO, from: 2026-03-09, to: 2026-03-10}"), `s.yml:4: absence.machine: unknown machine "PC-LEO"`},
		{"absence of several", on("11:00:00", "10:00:00 absence: {machine: SRV-AD, from: 2026-03-09, to: 2026-03-10}"),
			`s.yml:4: absence.machine: several customers have a machine "SRV-AD": write the customer too`},
		{"unknown rota", on("11:00:00", "10:00:00 rota: {role: supervisors, person: adm1}"), `s.yml:4: rota.role: no role is filled by a rota "supervisors": did you mean "supervisor"?`},
		{"nobody named", on("11:00:00", "10:00:00 rota: {role: supervisor}"), "s.yml:4: events[0].rota.person: missing: write the id of a person, or `nobody` for a gap"},
		{"duty backwards", on("11:00:00", "10:00:00 rota: {role: supervisor, person: adm1, from: 2026-03-10, to: 2026-03-08}"), "s.yml:4: rota.to lies not after from: mend the dates"},
		{"a silence that is over", on("11:00:00", "10:30:00 "+hush), "s.yml:4: silence.until lies not after at: mend the dates"},
		{"mail down until before", on("11:00:00", "11:00:00 "+smtpDown), "s.yml:4: smtp.down_until lies not after at: mend the dates"},
		{"Alertmanager out of reach until before", on("12:00:00", "11:30:00 "+deafUntil), "s.yml:4: alertmanager.unreachable_until lies not after at: mend the dates"},
		{"no address", on("11:00:00", "10:00:00 smtp: {refuse: am}"), `s.yml:4: events[0].smtp.refuse: "am" is not an e-mail address: write it bare, like lea@dupont.example`},
		{"no address of a contact", on("11:00:00", "10:00:00 contact: {person: am, email: am}"), `s.yml:4: contact.email: "am" is not an e-mail address`},
		{"no such preference", on("11:00:00", "10:00:00 contact: {customer: dupont, prefers: boss}"), `s.yml:4: contact.prefers: "boss" is not known: write one of user, it, both`},
		{"thousands of years", strings.Replace(on("11:00:00", "10:00:00 "+primary), "until: 2026", "until: 9999", 1), "s.yml:1: until lies more than 20 years after start: tell a shorter story"},
		{"not YAML", "start: 2026-03-09T00:00:00+01:00\nevents:\n\t- x\n", "s.yml:3: not valid YAML: found character that cannot start any token"},
		{"contact of nothing", on("11:00:00", "10:00:00 contact: {person: lea}"),
			"s.yml:4: contact changes nothing: name a person, customer, machine or platform, and beside it what changes, such as {person: lea, email: lea.new@dupont.example}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Parse("s.yml", []byte(c.story))
			if err == nil {
				_, err = Play(least(t), s, Options{})
			}
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestHappeningJSON(t *testing.T) {
	s, err := Parse("s.yml", []byte(on("12:10:00", "10:00:00 "+primary, "10:10:00 "+take, "10:10:00 "+take)))
	if err != nil {
		t.Fatal(err)
	}
	subject := func(ns []incident.Notification) string { return ns[0].Template + " of " + ns[0].IncidentID }
	happened, err := Play(least(t), s, Options{Subject: subject})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, h := range happened {
		line, err := json.Marshal(h)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(line, '\n'))
	}
	key := `"key":"{backup_role=\"primary\",customer=\"dupont\",machine=\"SRV-AD\"}","episode":1`
	want := `{"at":"2026-03-09T10:00:00+01:00","what":"state","incident":"i1",` + key + `,"from_state":"","state":"open"}
{"at":"2026-03-09T10:01:00+01:00","what":"notification","incident":"i1",` + key + `,"step":"opened","template":"B1","decided_at":"2026-03-09T10:00:00+01:00","to":["sup@msp.example"],"cc":[],"subject":"B1 of i1"}
{"at":"2026-03-09T10:10:00+01:00","what":"state","incident":"i1",` + key + `,"from_state":"open","state":"taken"}
{"at":"2026-03-09T10:10:00+01:00","what":"refused","incident":"i1",` + key + `,"status":409,"reason":"adm1 has it already"}
{"at":"2026-03-09T12:00:01+01:00","what":"breach","incident":"i1",` + key + `,"target":"handled","due":"2026-03-09T12:00:00+01:00"}
{"at":"2026-03-09T12:01:01+01:00","what":"notification","incident":"i1",` + key + `,"step":"missed","template":"B11","decided_at":"2026-03-09T12:00:01+01:00","to":["am@msp.example"],"cc":["expert@msp.example"],"subject":"B11 of i1"}
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestJournal(t *testing.T) {
	s, err := Parse("s.yml", []byte(on("10:10:00", "10:00:00 "+primary)))
	if err != nil {
		t.Fatal(err)
	}
	happened, err := Play(least(t), s, Options{Journal: true})
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]bool{}
	for _, h := range happened {
		if h.What == happenedJournal {
			kinds[h.Kind] = true
		}
	}
	for _, k := range []string{"signal", "state", "step", "message"} {
		if !kinds[k] {
			t.Errorf("the journal has no line of kind %q", k)
		}
	}
}

// year is a story of failures, repairs and acts over a year.
func year(machines, every int) *Story {
	var b strings.Builder
	b.WriteString("start: 2026-01-01T00:00:00+01:00\nuntil: 2026-12-31T00:00:00+01:00\nevents:\n")
	at := time.Date(2026, 1, 1, 2, 0, 0, 0, time.FixedZone("", 3600))
	for i := 0; at.Year() == 2026 && at.YearDay() < 364; i++ {
		labels := fmt.Sprintf("customer: c%d, machine: M%d, backup_role: primary", i%50, i%machines)
		fmt.Fprintf(&b, "  - {at: %q, fires: {alertname: BackupFailed, %s, machine_class: server, engine: acronis, plan: daily, kind: failed}}\n", at.Format(time.RFC3339), labels)
		fmt.Fprintf(&b, "  - {at: %q, success: {%s}}\n", at.Add(5*time.Hour).Format(time.RFC3339), labels)
		fmt.Fprintf(&b, "  - {at: %q, clears: {%s}}\n", at.Add(5*time.Hour+time.Minute).Format(time.RFC3339), labels)
		at = at.Add(time.Duration(every) * time.Second)
	}
	s, err := Parse("year.yml", []byte(b.String()))
	if err != nil {
		panic(err)
	}
	return s
}

func benchmarkYear(b *testing.B, s *Story, least *rules.Book) {
	b.ReportAllocs()
	for b.Loop() {
		happened, err := Play(least, s, Options{})
		if err != nil {
			b.Fatal(err)
		}
		opened := 0
		for _, h := range happened {
			if h.What == happenedState && h.From == "" {
				opened++
			}
		}
		b.ReportMetric(float64(opened), "incidents")
	}
}

// BenchmarkYear plays a year with an incident a day.
func BenchmarkYear(b *testing.B) { benchmarkYear(b, year(30, 86400), least(b)) }

// BenchmarkYear10000 plays a year with 10,000 incidents.
func BenchmarkYear10000(b *testing.B) { benchmarkYear(b, year(10007, 3140), least(b)) }
