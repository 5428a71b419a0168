package rules_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vigie/rules"
	"vigie/rules/calendar"
	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/story"
)

// covers: S1.18, S2.24; a message that reaches nobody at all is told to whoever can mend
// that, in a host's failure of the one platform that lacks its people, and leaves once
// they are entered.
func TestMessageThatReachesNobody(t *testing.T) {
	book := exampleBook(t, "activeprolearn")
	dir := book.Directory.Clone()
	lacking := *dir.Platforms["lms-A"]
	lacking.Managers = nil
	dir.Platforms["lms-A"] = &lacking
	mute, err := rules.NewBook(dir, book.Policies()...)
	if err != nil {
		t.Fatal(err)
	}
	now := paris(t, "2026-03-09 10:00")
	b := opened(t, mute, platformAlert("lms-A", "HostDown", now), now)
	b.do(incident.Fired{Signal: platformAlert("lms-B", "HostDown", now)}, now)
	steps := func() (out []string) {
		for _, n := range b.notes {
			if n.Step == "receipt" || n.Step == "address_refused" {
				out = append(out, n.Step+" "+n.To[0].Address)
			}
		}
		return out
	}
	if got, want := steps(), []string{"address_refused op@apl.example", "receipt exploit@lms-b.example"}; !slices.Equal(got, want) {
		t.Fatalf("told are %q, want %q", got, want)
	}
	told := b.notes[slices.IndexFunc(b.notes, func(n incident.Notification) bool { return n.Step == "address_refused" })]
	if told.Data.RefusedWhat != incident.UnreachedRole || !slices.Equal(told.Data.Refused, []string{"managers"}) {
		t.Errorf("told is %q of %q", told.Data.RefusedWhat, told.Data.Refused)
	}
	b.book = book
	b.do(incident.Refreshed{}, now.Add(time.Hour/2))
	if got := steps(); len(got) != 3 || got[2] != "receipt exploit@lms-a.example" {
		t.Errorf("once they are entered the receipt does not leave to them: %q", got)
	}
}

// covers: S1.11, S1.29; rule W: when a role of every trace reaches nobody the
// trace leaves to those who exist, but is not done: the supervisor is told which
// role is empty, and whoever fills it later gets it.
func TestTraceThatReachesNoCopy(t *testing.T) {
	book := exampleBook(t, "synomega")
	dir := book.Directory.Clone()
	dir.People["expert"].Email = ""
	mute, err := rules.NewBook(dir, book.Policies()...)
	if err != nil {
		t.Fatal(err)
	}
	now := paris(t, "2026-03-09 10:00")
	b := opened(t, mute, backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), now)
	b.answer(now, incident.PlanEvidence{}, model.EvidenceOK)
	b.act("escalate", "adm1", now.Add(time.Minute), "reason", "disk")
	b.answer(now.Add(time.Minute), incident.PlanEvidence{}, model.EvidenceOK)
	trace := slices.IndexFunc(b.notes, func(n incident.Notification) bool { return n.Step == "account_manager" })
	empty := slices.IndexFunc(b.notes, func(n incident.Notification) bool { return n.Step == "address_refused" })
	if trace < 0 || empty < 0 {
		t.Fatalf("the trace leaves: %t; its empty role is told: %t", trace >= 0, empty >= 0)
	}
	if f := b.notes[empty].Data; f.RefusedWhat != incident.UnfilledRole || !slices.Equal(f.Refused, []string{"trace_queue"}) || b.notes[empty].To[0].Person != "sup" {
		t.Errorf("told is %+v to %+v", f.Refused, b.notes[empty].To)
	}
	var accepted []string
	for _, p := range slices.Concat(b.notes[trace].To, b.notes[trace].Cc) {
		accepted = append(accepted, p.Address)
	}
	b.do(incident.Delivered{NotificationID: b.notes[trace].ID, Accepted: accepted, MessageID: "m"}, now.Add(80*time.Second))
	if b.inc.Flags[model.FlagAccountManagerTold] {
		t.Error("a trace that lacks a role counts as done")
	}
	b.book = book // the address is mended
	b.do(incident.Refreshed{}, now.Add(90*time.Second))
	last := b.notes[len(b.notes)-1]
	if last.Step != "account_manager" || !last.Solo || last.To[0].Person != "expert" {
		t.Fatalf("the trace does not reach who fills the role by now: %+v", last)
	}
	b.do(incident.Delivered{NotificationID: last.ID, Accepted: []string{last.To[0].Address}, MessageID: "m"}, now.Add(100*time.Second))
	if !b.inc.Flags[model.FlagAccountManagerTold] {
		t.Error("the trace is not done although every role has it")
	}
}

// covers: S2.24; a pause ends with its date, and with the incident.
func TestPauseEnds(t *testing.T) {
	book, now := exampleBook(t, "activeprolearn"), paris(t, "2026-03-09 10:00")
	b := opened(t, book, platformAlert("lms-A", "MoodleSlowPages", now), now)
	b.act("pause", "op", now.Add(time.Hour), "until", "2026-03-11")
	if !b.inc.Targets["resolve"].Paused {
		t.Fatal("the clock runs on during a pause")
	}
	b.do(incident.Tick{}, paris(t, "2026-03-11 09:00"))
	b.is(model.Open)
	if c := b.inc.Targets["resolve"]; c.Paused || !c.Due.Equal(paris(t, "2026-03-18 18:00")) {
		t.Errorf("after the agreed date the clock is %+v", c)
	}
	b.act("pause", "op", paris(t, "2026-03-11 10:00"))
	b.act("close", "op", paris(t, "2026-03-11 11:00"), "reason", "duplicate")
	b.act("reopen", "op", paris(t, "2026-03-11 12:00"))
	if c := b.inc.Targets["resolve"]; c.Paused {
		t.Error("a pause outlives the incident's end")
	}
	if d := b.act("pause", "op", paris(t, "2026-03-11 13:00"), "until", "2026-03-10"); d.Refusal == nil || d.Refusal.Status != 422 {
		t.Errorf("a pause until a date that is past: %+v", d.Refusal)
	}
}

// covers: S2.22; who files a resolved incident away does not move its end.
func TestClosingWhatIsResolved(t *testing.T) {
	b := failingServer(t, "failed", "daily")
	now := paris(t, "2026-03-09 14:33")
	b.clear(now)
	b.answer(now, incident.PlanEvidence{Known: true, LastSuccess: now, LastFailure: paris(t, "2026-03-09 02:00")}, model.EvidenceOK)
	b.act("close", "adm1", now.Add(time.Hour), "reason", "duplicate")
	b.is(model.Closed)
	if !b.inc.ResolvedAt.Equal(now) || len(b.inc.SelfHealed) != 1 {
		t.Errorf("ended at %s, healed by itself %d times", b.inc.ResolvedAt, len(b.inc.SelfHealed))
	}
}

// covers: S2.26; what was said of lost data when it was resolved stays, and is not asked
// again, when it is filed away.
func TestClosingKeepsWhatWasLost(t *testing.T) {
	for _, cause := range []string{"int.data_input", "ext.network"} {
		book, now := exampleBook(t, "activeprolearn"), paris(t, "2026-03-09 10:00")
		b := opened(t, book, platformAlert("lms-A", "MoodleCronLate", now), now)
		b.act("resolve", "op", now.Add(time.Hour), "cause", cause, "note", "restored", "data_loss", "50 enrolments")
		if d := b.act("close", "op", now.Add(2*time.Hour), "reason", "duplicate"); d.Refusal != nil {
			t.Fatalf("%s: it is not filed away: %v", cause, d.Refusal)
		}
		if b.inc.DataLoss != "50 enrolments" {
			t.Errorf("%s: what was lost is now %q", cause, b.inc.DataLoss)
		}
	}
}

// covers: S2.20; an earlier start that is learnt later shortens the immediate branch.
func TestImmediateCountsFromTheStart(t *testing.T) {
	book, now := exampleBook(t, "activeprolearn"), paris(t, "2026-03-09 10:00")
	b := opened(t, book, platformAlert("lms-A", "MoodleCronLate", now), now)
	b.do(incident.Fired{Signal: b.signal(now.Add(-time.Hour))}, now.Add(time.Second))
	if b.inc.Flags[model.FlagImmediate] || !slices.ContainsFunc(b.notes, func(n incident.Notification) bool { return n.Template == "M3" }) {
		t.Errorf("ten minutes after an hour: %v", b.inc.Flags)
	}
}

// covers: S1.10; a refused address of one of several is written to again only
// when it changes, and never under an address that has the mail already.
func TestRefusedAmongSeveral(t *testing.T) {
	book, now := exampleBook(t, "activeprolearn"), paris(t, "2026-03-09 10:00")
	b := opened(t, book, platformAlert("lms-A", "DiskFull", now), now)
	b.do(incident.Tick{}, paris(t, "2026-03-09 11:00:01"))
	i := slices.IndexFunc(b.notes, func(n incident.Notification) bool { return len(n.To) > 2 })
	if i < 0 {
		t.Fatal("no message to several")
	}
	n, later := b.notes[i], paris(t, "2026-03-09 11:02")
	b.do(incident.Delivered{NotificationID: n.ID, Accepted: []string{n.To[1].Address, n.To[2].Address}, Refused: []string{n.To[0].Address}}, later)
	if d := b.do(incident.Refreshed{}, later); slices.ContainsFunc(d.Notifications, func(n incident.Notification) bool { return n.Solo }) {
		t.Errorf("is sent again to somebody who has it: %+v", d.Notifications)
	}
	dir := book.Directory.Clone()
	dir.People[n.To[0].Person].Email = "new@apl.example"
	mended, err := rules.NewBook(dir, book.Policies()...)
	if err != nil {
		t.Fatal(err)
	}
	b.book = mended
	d := b.do(incident.Refreshed{}, later.Add(time.Minute))
	k := slices.IndexFunc(d.Notifications, func(n incident.Notification) bool { return n.Solo })
	if k < 0 || d.Notifications[k].To[0].Address != "new@apl.example" {
		t.Errorf("is not sent again to the changed address: %+v", d.Notifications)
	}
}

// covers: S1.6; an alert that is weeks old when it is first known is due on the day on
// which it is known: nobody was late before.
func TestAlertThatIsWeeksOld(t *testing.T) {
	book, now := exampleBook(t, "synomega"), paris(t, "2026-03-09 10:00")
	b := opened(t, book, backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now.AddDate(0, 0, -20)), now)
	b.answer(now, incident.PlanEvidence{}, model.EvidenceOK)
	if c := b.inc.Targets["same_day"]; c == nil || !c.Due.Equal(paris(t, "2026-03-09 18:00")) || !c.Breached.IsZero() {
		t.Errorf("the clock is %+v", c)
	}
	if len(b.notes) != 1 || b.notes[0].Step != "opened" || !b.notes[0].Data.Deadline.Equal(paris(t, "2026-03-09 18:00")) {
		t.Errorf("%d mails at once", len(b.notes))
	}
}

// covers: S1.3; where no backup works the account manager is told of that, and no mail
// promises the one of the safety net, which does not come then.
func TestNoSafetyNetIsPromisedThatDoesNotCome(t *testing.T) {
	book, now := exampleBook(t, "synomega"), paris(t, "2026-03-09 10:00")
	for other, promised := range map[model.EvidenceState]bool{model.EvidenceOK: true, model.EvidenceKO: false} {
		b := opened(t, book, backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), now)
		b.answer(now, incident.PlanEvidence{}, other)
		if b.notes[0].Step != "opened" || b.notes[0].Data.NextStepAt.IsZero() == promised {
			t.Errorf("other backup %s: the safety net is promised at %s", other, b.notes[0].Data.NextStepAt)
		}
	}
}

// covers: S1.13; late in the day a failure has until tomorrow, but where no backup works
// one of the two has to work today: the mail names the nearer of both.
func TestTheNearerDeadlineIsNamed(t *testing.T) {
	book, now := exampleBook(t, "synomega"), paris(t, "2026-03-09 17:00")
	for other, due := range map[model.EvidenceState]string{model.EvidenceOK: "2026-03-10 18:00", model.EvidenceKO: "2026-03-09 18:00"} {
		b := opened(t, book, backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), now)
		b.answer(now, incident.PlanEvidence{}, other)
		if n := b.notes[0]; n.Step != "opened" || !n.Data.Deadline.Equal(paris(t, due)) {
			t.Errorf("other backup %s: %s says %s, want %s", other, n.Step, n.Data.Deadline, due)
		}
	}
}

// covers: S2.26; what goes to level 3 does not say level 2.
func TestLevelOfWhoReads(t *testing.T) {
	book, now := exampleBook(t, "activeprolearn"), paris(t, "2026-03-09 10:00")
	b := opened(t, book, platformAlert("lms-A", "DiskFull", now), now)
	i := slices.IndexFunc(b.notes, func(n incident.Notification) bool { return n.Step == "blocking_level3" })
	if i < 0 || b.notes[i].Data.Level != 3 {
		t.Errorf("%d mails, none of them of level 3", len(b.notes))
	}
}

// covers: S1.3; why a run failed is not said of the next one, which is asked; an alert
// that begins anew without a run, as after a restart of Prometheus, keeps it.
func TestWhyARunFailedIsOfThatRun(t *testing.T) {
	for _, role := range []string{"primary", "local"} {
		book, now := exampleBook(t, "synomega"), paris(t, "2026-03-09 10:00")
		alert := backupAlert("dupont", "SRV-AD", "server", role, "daily", "failed", now)
		ran := func(at time.Time) {
			alert.Annotations = map[string]string{"last_run": strconv.FormatInt(at.Unix(), 10)}
		}
		ran(now)
		b := opened(t, book, alert, now)
		b.answer(now.Add(time.Minute), incident.PlanEvidence{Error: "disk full"}, model.EvidenceOK)
		if b.inc.LastErr != "disk full" {
			t.Fatalf("%s: it says %q", role, b.inc.LastErr)
		}
		now = now.Add(5 * time.Minute)
		alert.StartsAt = now
		if d := b.do(incident.Fired{Signal: alert}, now); b.inc.LastErr != "disk full" || d.Needs != nil {
			t.Errorf("%s: the same run began anew: it says %q, and asks %v", role, b.inc.LastErr, d.Needs)
		}
		now = now.Add(10 * time.Minute)
		alert.StartsAt = now
		ran(now)
		if d := b.do(incident.Fired{Signal: alert}, now); b.inc.LastErr != "" || d.Needs == nil {
			t.Errorf("%s: of a run that nobody has explained it says %q, and asks %v", role, b.inc.LastErr, d.Needs)
		}
	}
}

// covers: S2.35; a reminder that rests, and one that nobody would get, is not announced.
func TestWhatComesIsWhatWillBeSent(t *testing.T) {
	book, now := exampleBook(t, "activeprolearn"), paris(t, "2026-03-09 10:00")
	b := opened(t, book, platformAlert("lms-A", "MoodleTasksFailed", now), now)
	coming := func() map[string]string {
		out := map[string]string{}
		for _, s := range book.Explain(b.inc, incident.Circumstances{}, now).Steps {
			out[s.Name] = s.Status
		}
		return out
	}
	for name, want := range map[string]string{"measured_well_again": "waiting", "asked_again": "waiting", "untaken_again": "due"} {
		if got := coming()[name]; got != want {
			t.Errorf("while nobody has it %s is %s, want %s", name, got, want)
		}
	}
	b.act("take", "op", now)
	for name, want := range map[string]string{"asked_again": "due", "untaken_again": "waiting"} {
		if got := coming()[name]; got != want {
			t.Errorf("while op has it %s is %s, want %s", name, got, want)
		}
	}
}

// covers: S1.28, S1.31; on a half day whoever has it is asked before the account manager
// is told that no answer came.
func TestAskedBeforeTheNetOfAHalfDay(t *testing.T) {
	book := exampleBook(t, "synomega")
	dir := book.Directory.Clone()
	dir.Closures = map[string]map[calendar.Date][]calendar.Window{"service_day": {{Year: 2026, Month: 3, Day: 9}: {{Opens: 9 * 3600, Closes: 13 * 3600}}}}
	half, err := rules.NewBook(dir, book.Policies()...)
	if err != nil {
		t.Fatal(err)
	}
	now := paris(t, "2026-03-09 07:10")
	b := opened(t, half, backupAlert("dupont", "SRV-AD", "server", "local", "Job Nuit", "failed", now), now)
	b.answer(now, incident.PlanEvidence{}, model.EvidenceOK)
	b.act("assign", "sup", paris(t, "2026-03-09 07:20"), "to", "adm1")
	for _, at := range []string{"09:59:59", "10:00:00", "11:00:00"} {
		b.do(incident.Tick{}, paris(t, "2026-03-09 "+at))
		b.answer(paris(t, "2026-03-09 "+at), incident.PlanEvidence{}, model.EvidenceOK)
	}
	var got []string
	for _, n := range b.notes {
		if n.Step == "fixed_today" || n.Step == "account_manager" {
			got = append(got, n.Step+" "+n.DecidedAt.In(now.Location()).Format("15:04"))
		}
	}
	if want := "fixed_today 10:00, account_manager 11:00"; strings.Join(got, ", ") != want {
		t.Errorf("got %q, want %q", strings.Join(got, ", "), want)
	}
}

// covers: S2.30; who leaves out what asks whether it is over is warned, with the cure.
func TestNobodyAskedWhetherItIsOver(t *testing.T) {
	files := exampleFiles(t, "activeprolearn/policy")
	for i, f := range files {
		old := strings.ReplaceAll(string(f.Text), "        when: {at: unverified}\n        each_time: true\n        to: [owner]", "        when: {at: unverified}\n        each_time: true\n        unless: [not reported_by_person]\n        to: [owner]")
		files[i].Text = []byte(strings.ReplaceAll(old, "rests_while: [not unverified, agreed_wait, silenced]", "rests_while: [unverified]"))
	}
	book := loadBook(t, files, exampleFiles(t, "activeprolearn/inventory"))
	warned := strings.Join(book.Warnings(paris(t, "2026-03-09 10:00")), "\n")
	if !strings.Contains(warned, "scenario platform: an incident whose alert ends without proof") || strings.Contains(warned, "scenario blind: an incident") {
		t.Errorf("the warnings are\n%s", warned)
	}
	if warned := strings.Join(exampleBook(t, "activeprolearn").Warnings(paris(t, "2026-03-09 10:00")), "\n"); strings.Contains(warned, "without proof") {
		t.Errorf("the example is warned of:\n%s", warned)
	}
}

// covers: S2.30; ending it in another way answers for lost data, too.
func TestClosingAfterARestore(t *testing.T) {
	const start = "start: 2026-11-03T09:00:00+01:00\nuntil: 2026-11-03T12:00:00+01:00\nevents:\n  - at: 2026-11-03T10:00:00+01:00\n    fires: {alertname: MoodleCronLate, signal: functional_probe, platform: lms-B}\n" +
		"  - at: 2026-11-03T10:20:00+01:00\n    act: {verb: restore, by: op, incident: {platform: lms-B}}\n  - at: 2026-11-03T11:00:00+01:00\n    act: {verb: close, by: op, reason: duplicate, incident: {platform: lms-B}"
	for end, want := range map[string]string{"}": "refused 422", ", data_loss: none}": "state closed", ", data_loss: un cours}": "state closed, told data_lost"} {
		var got []string
		for _, h := range played(t, exampleBook(t, "activeprolearn"), "story.yml", start+end, story.Options{}) {
			switch {
			case h.What == "refused":
				got = append(got, "refused "+strconv.Itoa(h.Status))
			case h.What == "state" && h.To == model.Closed:
				got = append(got, "state closed")
			case h.What == "notification" && h.Step == "data_lost":
				got = append(got, "told data_lost")
			}
		}
		if said := strings.Join(got, ", "); said != want {
			t.Errorf("closed%s: %s, not %s", end, said, want)
		}
	}
}

// covers: S1.26, S1.31; whoever has promised a date keeps it until then.
func TestAPromiseIsWaitedFor(t *testing.T) {
	text := "start: 2026-11-03T07:00:00+01:00\nuntil: 2026-11-12T12:00:00+01:00\nevents:\n  - at: 2026-11-03T08:00:00+01:00\n    fires: {alertname: BackupFailed, customer: dupont, machine: SRV-AD, machine_class: server, backup_role: primary, engine: acronis, plan: daily, kind: failed}\n" +
		"  - at: 2026-11-03T10:00:00+01:00\n    act: {verb: take, by: adm1, incident: {machine: SRV-AD}}\n  - at: 2026-11-03T11:00:00+01:00\n    act: {verb: forecast, by: adm1, today: 'no', reason: disk, expected_date: 2026-11-10, incident: {machine: SRV-AD}}\n"
	var lapsed, told []string
	for _, h := range played(t, exampleBook(t, "synomega"), "story.yml", text, story.Options{}) {
		if h.What == "notification" && h.Step == "lapsed" {
			lapsed = append(lapsed, h.At.In(time.UTC).Format("2006-01-02 15:04"))
		}
		if h.What == "notification" && (h.Step == "forecast_told" || h.Step == "account_manager") {
			told = append(told, h.Step+" "+h.At.In(time.UTC).Format("2006-01-02 15:04"))
		}
	}
	if !slices.Equal(lapsed, []string{"2026-11-12 08:01"}) {
		t.Errorf("given back at %v", lapsed)
	}
	if !slices.Equal(told, []string{"forecast_told 2026-11-03 10:01"}) {
		t.Errorf("the account manager hears of it by %v", told)
	}
}

// covers: S2.12, S2.16; worse words of the same person are one mail, with those words.
func TestAWorseReportIsOneMail(t *testing.T) {
	text := "start: 2026-11-03T09:00:00+01:00\nuntil: 2026-11-03T10:30:00+01:00\nevents:\n" +
		"  - at: 2026-11-03T10:00:00+01:00\n    report: {kind: l2_voluntary, platform: lms-B, by: exploit@lms-b.example, severity: minor, text: lent}\n" +
		"  - at: 2026-11-03T10:20:00+01:00\n    report: {kind: l2_voluntary, platform: lms-B, by: exploit@lms-b.example, severity: blocking, text: plus rien}\n"
	words := map[string]string{}
	read := func(ns []incident.Notification) string {
		words[ns[0].Step] = ns[0].Data.Report
		return ""
	}
	played(t, exampleBook(t, "activeprolearn"), "story.yml", text, story.Options{Subject: read})
	if said := words["operator_again"]; said != "plus rien" {
		t.Errorf("the operators read %q", said)
	}
	if _, twice := words["report_told"]; twice {
		t.Error("and hear it a second time")
	}
}

// covers: S2.7; whose platform was well early reads of its own delays, and nothing of
// what the others wait for.
func TestAPlatformWellBeforeItsHost(t *testing.T) {
	text := "start: 2026-11-03T09:00:00+01:00\nuntil: 2026-11-03T15:00:00+01:00\nevents:\n"
	for _, e := range []string{"10:00:00+01:00\n    fires: {alertname: HostDown, signal: infra_probe, platform: lms-A, site: host-1}", "10:00:00+01:00\n    fires: {alertname: HostDown, signal: infra_probe, platform: lms-C, site: host-1}",
		"10:09:00+01:00\n    clears: {platform: lms-A}", "11:09:00+01:00\n    act: {verb: workaround, by: op, text: miroir, incident: {site: host-1}}", "14:42:00+01:00\n    clears: {platform: lms-C}"} {
		text += "  - at: 2026-11-03T" + e + "\n"
	}
	read := map[string][]string{}
	played(t, exampleBook(t, "activeprolearn"), "story.yml", text, story.Options{Subject: func(ns []incident.Notification) string {
		to := ns[0].To[0].Person
		if read[to] = append(read[to], ns[0].Step); ns[0].Step == "resolved" {
			for _, c := range ns[0].Data.Clocks {
				if late := to != "exploit" && c.Target == "resolve"; c.Target == "resolve" && c.Late != late {
					t.Errorf("%s reads of the resolution: late %t", to, c.Late)
				}
			}
		}
		return ""
	}})
	if slices.Contains(read["exploit"], "workaround") || !slices.Contains(read["exploit.lms-c"], "workaround") {
		t.Errorf("of the workaround read %v", read)
	}
}

// covers: S2.7; where all platforms of a host are well and nobody has said so yet, what
// is told to their people is told to all of them.
func TestPlatformsThatAreAllWell(t *testing.T) {
	text := "start: 2026-11-03T09:00:00+01:00\nuntil: 2026-11-03T15:00:00+01:00\nevents:\n"
	for _, e := range []string{"10:00:00+01:00\n    fires: {alertname: HostDown, signal: infra_probe, platform: lms-A, site: host-1}", "10:00:00+01:00\n    fires: {alertname: HostDown, signal: infra_probe, platform: lms-C, site: host-1}",
		"10:10:00+01:00\n    act: {verb: restore, by: op, incident: {site: host-1}}", "10:30:00+01:00\n    clears: {platform: lms-A}", "10:30:00+01:00\n    clears: {platform: lms-C}",
		"11:09:00+01:00\n    act: {verb: forecast, by: op, today: \"no\", reason: disque, expected_date: 2026-11-05, incident: {site: host-1}}"} {
		text += "  - at: 2026-11-03T" + e + "\n"
	}
	var told []string
	played(t, exampleBook(t, "activeprolearn"), "story.yml", text, story.Options{Subject: func(ns []incident.Notification) string {
		if ns[0].Step == "date_given" {
			told = append(told, ns[0].To[0].Person)
		}
		return ""
	}})
	if slices.Sort(told); !slices.Equal(told, []string{"exploit", "exploit.lms-c"}) {
		t.Errorf("of the date hear %v", told)
	}
}

// covers: T13; what waits for a delay to be missed is said to come then.
func TestWhatWaitsForABreachIsPlanned(t *testing.T) {
	now := paris(t, "2026-03-09 10:00")
	b := opened(t, exampleBook(t, "activeprolearn"), model.Signal{Kind: model.UserAssistance, By: "exploit", Text: "x", StartsAt: now, Fingerprint: "r",
		Labels: model.Labels{model.LabelPlatform: "lms-A", model.LabelSignal: string(model.UserAssistance), "reporter": "exploit"}}, now)
	for _, x := range b.book.Explain(b.inc, b.around, now.Add(2*time.Minute)).Steps {
		if x.Name == "missed" && (x.Status != "due" || !x.Due.Equal(now.Add(time.Hour+time.Second))) {
			t.Errorf("missed is %s, due %s", x.Status, x.Due)
		}
	}
}
