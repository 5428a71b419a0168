package story

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/internal/strict"
	"vigie/rules"
	"vigie/rules/model"
)

// invent makes up a story from a stock of events, in random order and at
// random instants, and leaves out what cannot happen (an act on nothing).
func invent(t *testing.T, r *rand.Rand, book *rules.Book, stock []string) (*Story, []Happening, *player) {
	t.Helper()
	at := time.Date(2025, 3, 10, 7, 0, 0, 0, time.UTC)
	var lines []string
	for range 5 + r.IntN(25) {
		step := []int{1, 7, 59, 60, 61, 600, 1800, 3600, 20000}[r.IntN(9)]
		at = at.Add(time.Duration(r.IntN(step)+1) * time.Second)
		later := at.Add(time.Duration(1+r.IntN(300)) * time.Minute).Format(time.RFC3339)
		what := strings.ReplaceAll(stock[r.IntN(len(stock))], "LATER", later)
		lines = append(lines, fmt.Sprintf("  - {at: %q, %s}", at.Format(time.RFC3339), what))
	}
	until := at.Add(72 * time.Hour).Format(time.RFC3339)
	for {
		text := "start: 2025-03-10T00:00:00Z\nuntil: " + until + "\nevents:\n" + strings.Join(lines, "\n") + "\n"
		if len(lines) == 0 {
			text = strings.Replace(text, "events:\n\n", "events: []\n", 1)
		}
		s, err := Parse("random.yml", []byte(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		p := newPlayer(book, s, Options{})
		err = p.play(s)
		if err == nil {
			return s, p.out, p
		}
		var fs strict.Faults
		if !errors.As(err, &fs) || !strings.Contains(err.Error(), "matches") {
			t.Fatalf("%v\n%s", err, text)
		}
		lines = slices.Delete(lines, fs[0].Line-4, fs[0].Line-3)
	}
}

const seeds = 100

// Whatever happens, nobody counts as told who was not written to with both
// copies, every written trace has both, and the first mail of an episode is
// sent once.
// covers: S1.11, S1.32, S1.10, P1
func TestAnyBackupStoryLeavesItsTraces(t *testing.T) {
	book := exampleBook(t, "synomega")
	primary, local := "{customer: dupont, machine: SRV-AD, backup_role: primary}", "{customer: dupont, machine: SRV-AD, backup_role: local}"
	stock := []string{
		"fires: {alertname: BackupFailed, customer: dupont, machine: SRV-AD, machine_class: server, backup_role: primary, engine: acronis, plan: daily, kind: failed}",
		"fires: {alertname: BackupFailed, customer: dupont, machine: SRV-AD, machine_class: server, backup_role: primary, engine: acronis, plan: daily, kind: failed}",
		"fires: {alertname: BackupFailed, customer: dupont, machine: SRV-AD, machine_class: server, backup_role: local, engine: veeam, plan: Job Nuit, kind: failed}",
		"success: {customer: dupont, machine: SRV-AD, backup_role: primary, plan: daily}",
		"success: {customer: dupont, machine: SRV-AD, backup_role: local}",
		"evidence: {customer: dupont, machine: SRV-AD, backup_role: local, state: unknown}",
		"clears: " + primary, "clears: " + local,
		"silence: {matchers: ['machine=\"SRV-AD\"'], by: adm1, comment: x, until: \"LATER\"}",
		"smtp: {down_until: \"LATER\"}", "smtp: {refuse: am.dupont@msp.example}", "smtp: {refuse: expert@msp.example}",
		"contact: {person: am.dupont, email: claire@msp.example}", "contact: {person: expert, email: queue@msp.example}",
		"alertmanager: {unreachable_until: \"LATER\"}",
	}
	for _, on := range []string{primary, local} {
		for _, verb := range []string{"take", "attempt", "escalate, reason: x", "forecast, today: no, reason: x", "check_other, result: ok, note: x",
			"close, reason: duplicate", "note, note: x", "assign, to: adm2"} {
			stock = append(stock, fmt.Sprintf("act: {incident: %s, by: adm1, verb: %s}", on, verb))
		}
	}
	for seed := range uint64(seeds) {
		r := rand.New(rand.NewPCG(seed, 1))
		s, happened, p := invent(t, r, book, stock)
		again, err := Play(book, s, Options{})
		if err != nil || !reflect.DeepEqual(happened, again) {
			t.Fatalf("seed %d: played twice, the story came out differently: %v", seed, err)
		}
		first := map[string]bool{}
		told := map[string]bool{}
		for i, h := range happened {
			if i > 0 && h.At.Before(happened[i-1].At) {
				t.Fatalf("seed %d: %v goes back in time", seed, h)
			}
			if h.What != happenedNotification {
				continue
			}
			key := fmt.Sprint(h.Incident, h.Episode)
			if h.At.Before(h.DecidedAt) {
				t.Errorf("seed %d: %v was accepted before it was decided", seed, h)
			}
			if h.Step == "opened" || h.Step == "queued" {
				if first[key] {
					t.Errorf("seed %d: a second first mail for %s", seed, key)
				}
				first[key] = true
			}
			if slices.Contains([]string{"B2", "B3", "B9", "B10", "B11"}, h.Template) {
				all := strings.Join(slices.Concat(h.Recipients, h.Cc), " ")
				if !strings.Contains(all, "vijay@") || !strings.Contains(all, "expert@") && !strings.Contains(all, "queue@") {
					t.Errorf("seed %d: %s lacks a copy: %s", seed, h.Template, all)
				}
				for _, name := range append(h.Incidents, h.Incident) {
					told[fmt.Sprint(name, h.Episode)] = true
				}
			}
		}
		for _, e := range p.store.All() {
			if e.Flags[model.FlagAccountManagerTold] && !told[fmt.Sprint(e.ID, e.Episode)] {
				t.Errorf("seed %d: %s counts the account manager as told, but no complete mail left", seed, e.ID)
			}
		}
	}
}

// Whatever happens, the customer hears of a workstation on the next service day
// at the earliest, always with both copies, and of its repair only when he
// heard of its failure.
// covers: S1.17, S1.19, S1.20, S1.21, S1.23
func TestAnyWorkstationStorySparesTheCustomer(t *testing.T) {
	book := exampleBook(t, "synomega")
	const pc = "{customer: dupont, machine: PC-LEA, backup_role: primary}"
	stock := []string{
		"fires: {alertname: BackupMissed, customer: dupont, machine: PC-LEA, machine_class: workstation, backup_role: primary, engine: acronis, plan: daily, kind: missed}",
		"fires: {alertname: BackupFailed, customer: dupont, machine: PC-LEA, machine_class: workstation, backup_role: primary, engine: acronis, plan: daily, kind: failed}",
		"fires: {alertname: BackupSourceDown, source: acronis, kind: source_down}", "clears: {kind: source_down}",
		"success: {customer: dupont, machine: PC-LEA}", "clears: " + pc, "smtp: {down_until: \"LATER\"}",
		"absence: {customer: dupont, machine: PC-LEA, from: 2025-03-10, to: \"LATER\"}",
		"contact: {machine: PC-LEA, user: \"\"}", "contact: {machine: PC-LEA, user: lea}", "contact: {customer: dupont, it_contact: \"\"}",
	}
	for _, verb := range []string{"answer, by: lea, external: true", "answer, by: lea, until: \"LATER\"", "call, by: sup, outcome: voicemail", "call, by: sup, outcome: reached",
		"close, by: sup, reason: duplicate", "note, by: sup, note: x"} {
		stock = append(stock, "act: {incident: "+pc+", verb: "+verb+"}", stock[0])
	}
	for seed := range uint64(seeds) {
		r := rand.New(rand.NewPCG(seed, 3))
		_, happened, _ := invent(t, r, book, stock)
		opened, heard := map[string]time.Time{}, map[string]bool{}
		for _, h := range happened {
			key := fmt.Sprint(h.Incident, " episode ", h.Episode)
			if h.What == happenedState && (h.From == "" || h.From.Ended()) {
				opened[key] = h.At
			}
			outside := func(a string) bool { return strings.HasSuffix(a, "@dupont.example") }
			if h.What != happenedNotification || !slices.ContainsFunc(h.Recipients, outside) {
				continue
			}
			if !slices.Contains(h.Cc, "expert@msp.example") || !slices.Contains(h.Cc, "vijay@msp.example") {
				t.Errorf("seed %d: %v lacks a copy", seed, told(h))
			}
			switch h.Template {
			case "B4":
				if h.Step == "client_told_again" && !heard[h.Incident] || h.Step != "client_told_again" && h.DecidedAt.YearDay() <= opened[key].YearDay() {
					t.Errorf("seed %d: %s was written to too early: %s", seed, key, told(h))
				}
				heard[h.Incident] = true
				if clock := h.DecidedAt.Format("15:04:05"); clock < "09:30:00" || clock > "18:00:00" {
					t.Errorf("seed %d: %s was written to at %s", seed, key, clock)
				}
			case "B6":
				heard[h.Incident] = true
			case "B12":
				if !heard[h.Incident] {
					t.Errorf("seed %d: %s is told that all is well and never heard that it was not", seed, key)
				}
			default:
				t.Errorf("seed %d: %s was sent %s", seed, key, h.Template)
			}
		}
	}
}

// mailWaits reports whether what was to leave at an instant still waited for the mail
// server at a later one.
func mailWaits(s *Story, p *player, left, later time.Time) bool {
	var down time.Time // until when
	for _, e := range s.Events {
		at := e.At.in(p.zone)
		if e.SMTP == nil || e.SMTP.DownUntil.isZero() || at.After(later) {
			continue
		}
		if down.Before(at) && down.After(left) {
			return false // it was back in between
		}
		down = e.SMTP.DownUntil.in(p.zone)
	}
	return later.Before(down)
}

// Whatever happens, an ended platform incident was notified once, and either
// it was put right at once without a receipt or it had exactly one.
// covers: S2.19, S2.20, S2.23, S2.24
func TestAnyPlatformStoryNotifies(t *testing.T) {
	book := exampleBook(t, "activeprolearn")
	stock := []string{
		"fires: {alertname: MoodleCronLate, signal: functional_probe, platform: lms-A}", "clears: {platform: lms-A}",
		"report: {kind: l2_voluntary, platform: lms-A, by: exploit@lms-a.example, severity: major, text: x}",
		"report: {kind: emergency_means, means: phone, platform: lms-A, by: exploit@lms-a.example, severity: minor, text: x}",
		"silence: {matchers: ['platform=\"lms-A\"'], by: op, comment: x, until: \"LATER\"}", "smtp: {down_until: \"LATER\"}",
	}
	for _, verb := range []string{"take", "immediate", "qualify, severity: blocking", "qualify, severity: minor, cause: int.data_input", "workaround, text: x",
		"cascade, reason: x", "restore", "restore_verified", "resolve, cause: int.settings, note: x, data_loss: none", "resolve, note: x", "note, note: x"} {
		stock = append(stock, "act: {incident: {platform: lms-A}, by: op, verb: "+verb+"}")
	}
	for seed := range uint64(seeds) {
		r := rand.New(rand.NewPCG(seed, 2))
		s, happened, p := invent(t, r, book, stock)
		opened, ended, count := map[string]time.Time{}, map[string]time.Time{}, map[string]int{}
		for _, h := range happened {
			key := fmt.Sprint(h.Incident, " episode ", h.Episode)
			switch {
			case h.What == happenedState && h.To.Ended():
				ended[key] = h.At
			case h.What == happenedState && (h.From == "" || h.From.Ended()):
				opened[key] = h.At
				// Good news that is still held when it fails again, or waits for a mail
				// server, is taken back.
				before := fmt.Sprint(h.Incident, " episode ", h.Episode-1)
				if at, did := ended[before]; did && (h.At.Sub(at) < time.Minute || mailWaits(s, p, at.Add(time.Minute), h.At)) {
					delete(ended, before)
				}
			case h.What == happenedNotification:
				count[key+" "+h.Template]++
			}
		}
		for key, at := range ended {
			if n := count[key+" M2"]; n != 1 {
				t.Errorf("seed %d: %s ended with %d notices", seed, key, n)
			}
			receipts := count[key+" M3"]
			quick := at.Sub(opened[key]) < 10*time.Minute
			if receipts > 1 || receipts == 0 && !quick {
				t.Errorf("seed %d: %s had %d receipts and took %s", seed, key, receipts, at.Sub(opened[key]))
			}
		}
		if t.Failed() {
			for _, e := range s.Events {
				t.Log(e.At.at, e.kinds(), e.Act)
			}
			for _, h := range p.out {
				t.Log(told(h))
			}
			return
		}
	}
}

// An incident keeps the policy that it opened under, also when a newer one has
// come into force.
// covers: S2.40, T11
func TestIncidentKeepsItsPolicy(t *testing.T) {
	old := exampleBook(t, "activeprolearn")
	var newer []strict.File
	for _, f := range old.Policies()[0].Source {
		text := strings.ReplaceAll(string(f.Text), "effective_from: 2024-04-04", "effective_from: 2025-04-01T00:00:00+02:00")
		changed := strings.ReplaceAll(text, "minor: 6 business_days", "minor: 5 business_days")
		newer = append(newer, f, strict.File{Name: "newer-" + f.Name, Text: []byte(changed)})
	}
	policies, err := rules.LoadPolicies(newer)
	if err != nil {
		t.Fatal(err)
	}
	book, err := rules.NewBook(old.Directory, policies...)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Parse("s.yml", []byte(`start: 2025-03-31T09:00:00+02:00
until: 2025-04-30T09:00:00+02:00
events:
  - {at: "2025-03-31T10:00:00+02:00", fires: {alertname: MoodleSlowPages, signal: functional_probe, platform: lms-A}}
  - {at: "2025-04-01T10:00:00+02:00", fires: {alertname: MoodleSlowPages, signal: functional_probe, platform: lms-B}}
`))
	if err != nil {
		t.Fatal(err)
	}
	happened, err := Play(book, s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	due := map[string]string{}
	for _, h := range happened {
		if h.What == happenedBreach && h.Target == "resolve" {
			due[h.Incident] = h.Due.Format(time.DateOnly)
		}
	}
	if due["i1"] != "2025-04-08" || due["i2"] != "2025-04-08" {
		t.Errorf("resolution due %v: want six business days from 31 March and five from 1 April", due)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(on("11:00:00", "10:00:00 "+primary, "10:10:00 "+take, "10:20:00 "+hush, "10:30:00 "+smtpNo))
	f.Add("start: 2026-03-09\nuntil: 2026-03-10\nevents: [{at: 2026-03-09, fires: {alertname: A, annotations: {error: x}, startsAt: 2026-03-08}}]")
	book := least(f)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse("fuzz.yml", []byte(text))
		if err != nil || s.Until.endIn(time.UTC).Sub(s.Start.in(time.UTC)) > 30*24*time.Hour {
			return
		}
		if _, err := Play(book, s, Options{Journal: true}); err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
	})
}
