package copies_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"vigie/internal/strict"
	"vigie/rules/copies"
	"vigie/rules/inventory"
)

func load(t *testing.T, name, text string) (*inventory.Directory, error) {
	t.Helper()
	return inventory.Load([]strict.File{{Name: "customers.yml", Text: []byte("customers:\n  dupont: {name: Dupont}\n")}, {Name: name, Text: []byte(text)}})
}

// covers: P15, S1.2; only what is proven good is counted beside what is expected, and
// what the inventory does not say is counted as nothing.
func TestCopies(t *testing.T) {
	const three = `
      - {plan: daily, role: primary, engine: acronis, medium: cloud, offsite: true, immutable: true}
      - {plan: Job Nuit, role: local, engine: veeam, medium: nas, offsite: false, immutable: false}
      - {plan: Tapes, engine: veeam, kind: copy, medium: tape, offsite: true}`
	ok := func(role, engine, plan string) copies.Job {
		return copies.Job{Role: role, Engine: engine, Plan: plan, State: "ok"}
	}
	state := func(j copies.Job, s string) copies.Job { j.State = s; return j }
	daily, night, tapes := ok("primary", "acronis", "daily"), ok("local", "veeam", "Job Nuit"), ok("copy", "veeam", "Tapes")
	for _, c := range []struct {
		name, plans    string
		jobs           []copies.Job
		expected, good copies.Counts
		unknown        int
	}{
		{"all good", three, []copies.Job{daily, night, tapes},
			copies.Counts{Copies: 3, Media: 3, Offsite: 2, Immutable: 1, ImmutableUntold: 1}, copies.Counts{Copies: 3, Media: 3, Offsite: 2, Immutable: 1, ImmutableUntold: 1}, 0},
		{"one failed, one late", three, []copies.Job{state(daily, "failed"), night, state(tapes, "late")},
			copies.Counts{Copies: 3, Media: 3, Offsite: 2, Immutable: 1, ImmutableUntold: 1}, copies.Counts{Copies: 1, Media: 1}, 0},
		{"remarks, and nobody could see", three, []copies.Job{state(daily, "warning"), state(night, "unknown")},
			copies.Counts{Copies: 3, Media: 3, Offsite: 2, Immutable: 1, ImmutableUntold: 1}, copies.Counts{Copies: 1, Media: 1, Offsite: 1, Immutable: 1}, 2},
		{"a cloud is not off-site by itself", "[{plan: daily, role: primary, engine: acronis, medium: cloud}]", []copies.Job{daily},
			copies.Counts{Copies: 1, Media: 1, OffsiteUntold: 1, ImmutableUntold: 1}, copies.Counts{Copies: 1, Media: 1, OffsiteUntold: 1, ImmutableUntold: 1}, 0},
		{"nothing is told", "[{plan: daily, role: primary, engine: acronis}]", nil,
			copies.Counts{Copies: 1, MediumUntold: 1, OffsiteUntold: 1, ImmutableUntold: 1}, copies.Counts{}, 1},
		{"two jobs into one vault", "[{plan: system, role: primary, engine: acronis}, {plan: files, role: primary, engine: acronis}]",
			[]copies.Job{ok("primary", "acronis", "system"), state(ok("primary", "acronis", "files"), "never")},
			copies.Counts{Copies: 1, MediumUntold: 1, OffsiteUntold: 1, ImmutableUntold: 1}, copies.Counts{}, 0},
		{"one location, said once", `
      - {plan: a, role: primary, engine: acronis, location: "NAS-01 ", medium: nas}
      - {plan: b, role: local, engine: veeam, location: nas-01, offsite: no}`, []copies.Job{ok("primary", "acronis", "A"), ok("local", "veeam", "b")},
			copies.Counts{Copies: 1, Media: 1, ImmutableUntold: 1}, copies.Counts{Copies: 1, Media: 1, ImmutableUntold: 1}, 0},
		{"no copy of the machine's data", "[{plan: r, engine: veeam, kind: replica}, {plan: c, engine: veeam, kind: config}, {plan: t, role: local, engine: veeam, ignore: true}]",
			[]copies.Job{ok("replica", "veeam", "r")}, copies.Counts{}, copies.Counts{}, 0},
		{"named otherwise in the product, and an old job that is switched off", "[{plan: daily, role: primary, engine: acronis, medium: disk, offsite: false, immutable: false}]",
			[]copies.Job{ok("primary", "Acronis", "Every night"), state(daily, "disabled")}, copies.Counts{Copies: 1, Media: 1}, copies.Counts{}, 0},
		{"the plan and an old one of its name", "[{plan: daily, role: primary, engine: acronis, medium: disk, offsite: false, immutable: false}]",
			[]copies.Job{daily, state(daily, "disabled")}, copies.Counts{Copies: 1, Media: 1}, copies.Counts{Copies: 1, Media: 1}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, err := load(t, "m.yml", "machines:\n  - customer: dupont\n    name: SRV-AD\n    class: server\n    plans: "+c.plans+"\n")
			if err != nil {
				t.Fatal(err)
			}
			got := copies.Of(dir.Machine("dupont", "SRV-AD"), c.jobs)
			if got.Expected != c.expected || got.Good != c.good || got.Unknown != c.unknown {
				text, _ := json.MarshalIndent(got, "", " ")
				t.Errorf("expected %+v\n  want %+v\ngood %+v\nwant %+v\n%d unknown\n%s", got.Expected, c.expected, got.Good, c.good, got.Unknown, text)
			}
		})
	}
}

// covers: P15; the same from a list with a line for each plan, and faults with line
// and cure.
func TestCopiesOfALine(t *testing.T) {
	const header = "customer,machine,class,backup_role,engine,plan,medium,location,offsite,immutable\n"
	dir, err := load(t, "m.csv", header+"dupont,SRV-AD,server,primary,acronis,daily,Cloud,Acronis Paris,yes,TRUE\ndupont,SRV-AD,server,local,veeam,Job Nuit,NAS,,no,\n")
	if err != nil {
		t.Fatal(err)
	}
	c := copies.Of(dir.Machine("dupont", "SRV-AD"), nil)
	if want := (copies.Counts{Copies: 2, Media: 2, Offsite: 1, Immutable: 1, ImmutableUntold: 1}); c.Expected != want || c.Each[0].Location != "Acronis Paris" || c.Each[1].Offsite != "no" {
		t.Errorf("%+v", c)
	}
	want := "copies that the inventory expects: 1 machines have some, 0 of them one alone, 0 none said to be off-site; of 1 of 2 copies it does not say medium, offsite and immutable"
	if got := copies.Summary(dir, time.Now()); got != want {
		t.Errorf("%s\n%s", got, want)
	}
	for line, want := range map[string]string{
		"dupont,SRV-AD,server,primary,acronis,daily,floppy,,,\n":                                              `m.csv:2: machines.SRV-AD.medium: "floppy" is no medium: write disk, nas, removable, tape or cloud`,
		"dupont,SRV-AD,server,primary,acronis,daily,,,maybe,\n":                                               `m.csv:2: machines.SRV-AD.offsite: "maybe" is neither yes nor no: write true or false; leave it out where it is not known`,
		"dupont,SRV-AD,server,primary,acronis,daily,,NAS,yes,\ndupont,SRV-AD,server,local,veeam,b,,nas,no,\n": "m.csv:3: machines.SRV-AD.plans: offsite of the location \"nas\" is no here and yes in an earlier plan: write the same in both, or give two locations two names",
	} {
		if _, err := load(t, "m.csv", header+line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// covers: P15; a copy that is known not to be good protects nothing: what is left may be
// one copy, or none elsewhere.
func TestACopyThatFailsIsNotLeft(t *testing.T) {
	dir, err := load(t, "machines.yml", `machines:
  - customer: dupont
    name: SRV-AD
    class: server
    plans:
      - {plan: daily, role: primary, engine: acronis, medium: cloud, offsite: true}
      - {plan: Job Nuit, role: local, engine: veeam, medium: nas, offsite: false}
`)
	if err != nil {
		t.Fatal(err)
	}
	m := dir.Machine("dupont", "SRV-AD")
	for _, c := range []struct {
		cloud, nas         string
		single, notOffsite bool
	}{
		{"ok", "ok", false, false},
		{"failed", "ok", true, true},
		{"ok", "late", true, false},
		{"unknown", "unknown", false, false}, // as the inventory says
		{"never", "failed", true, true},
	} {
		got := copies.Of(m, []copies.Job{{Role: "primary", Engine: "acronis", Plan: "daily", State: c.cloud}, {Role: "local", Engine: "veeam", Plan: "Job Nuit", State: c.nas}})
		if got.Single() != c.single || got.NoOffsite() != c.notOffsite {
			t.Errorf("cloud %s, NAS %s: one alone %t, none off-site %t", c.cloud, c.nas, got.Single(), got.NoOffsite())
		}
	}
}
