package receiver_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/receiver"
	"vigie/receiver/smtpsink"
	"vigie/rules"
	"vigie/rules/report"
)

// withReports gives a rig's policy monthly reports, and restore tests of servers.
func withReports(r *rig) {
	r.edits = append(r.edits, "\nroles:", `
reports:
  at: "09:30"
  calendar: always
  send:
    - {report: statement, to: [supervisor]}
    - {report: statement, to: [lead]} # the same, to others
    - {report: dossier, per: customer, to: [account_manager]}
restore_tests: {every: {server: 2160h}, at: "08:00", calendar: always, to: [supervisor]}
roles:`)
}

// reports runs the loop and returns what was sent of a step.
func (r *rig) reports(step string) []smtpsink.Message {
	r.t.Helper()
	if err := r.engine.SendReports(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	if err := r.engine.Deliver(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	return r.mails(step)
}

// covers: P13; on the first service day of the month, once, over restarts, and later
// when nothing ran on that day.
func TestMonthlyReports(t *testing.T) {
	r := newRig(t, 0, withReports)
	r.fires(backup("dupont", "SRV-AD", "primary"))
	r.pass(2 * time.Second)
	if n := len(r.reports("report")); n != 0 {
		t.Fatalf("%d reports of a month in which nothing ran", n)
	}
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	april := func(day, hour, minute int) time.Time {
		return time.Date(2026, 4, day, hour, minute, 0, 0, paris)
	}
	r.set(april(1, 9, 29))
	if n := len(r.reports("report")); n != 0 {
		t.Fatalf("%d reports before the hour", n)
	}
	r.set(april(1, 9, 30))
	got := r.reports("report")
	if len(got) < 2 {
		t.Fatalf("%d reports", len(got))
	}
	whole, lead, dossier := false, false, false
	says := func(m smtpsink.Message) bool { // since when it was watched
		en, fr := "since Monday 9 March", "depuis le lundi 9 mars"
		return strings.Contains(m.Text, en) && strings.Contains(m.HTML, en) || strings.Contains(m.Text, fr) && strings.Contains(m.HTML, fr)
	}
	for _, m := range got {
		if !says(m) {
			t.Errorf("%s does not say that the month was not watched whole:\n%s", m.Subject, m.Text)
		}
		if len(m.To) == 1 && m.To[0].Address == "sup@msp.example" && strings.Contains(m.Subject, "March 2026") {
			whole = strings.Contains(m.Text, "Incidents opened: 1")
		}
		lead = lead || m.To[0].Address == "vijay@msp.example" && !strings.Contains(m.Subject, "Dossier")
		if strings.Contains(m.Subject, "Dupont") {
			dossier = strings.Contains(m.Text, ": 1")
		}
	}
	if !whole || !lead || !dossier {
		for _, m := range got {
			t.Logf("%s to %v\n%s", m.Subject, m.To, m.Text)
		}
		t.Errorf("the statement is sent: %t, to others, too: %t, the dossier: %t", whole, lead, dossier)
	}
	n := len(got)
	r.set(april(3, 12, 0))
	r.restart()
	if again := len(r.reports("report")); again != n {
		t.Errorf("%d mails after a restart, not %d", again, n)
	}
	// In May nothing ran until the 20th: what was due is sent then.
	r.set(time.Date(2026, 5, 20, 11, 0, 0, 0, paris))
	r.restart()
	if got = r.reports("report"); len(got) != 2*n {
		t.Errorf("%d mails in May, not %d", len(got), 2*n)
	} else if last := got[len(got)-1]; says(last) {
		t.Errorf("a month that was watched whole:\n%s", last.Text)
	}
	// The clock is set back: the month has its own.
	r.set(april(2, 10, 0))
	if again := len(r.reports("report")); again != 2*n {
		t.Errorf("%d mails after the clock went back, not %d", again, 2*n)
	}
}

// Once a week who must know is told which restore tests are overdue, until they are in
// the register.
func TestRestoreTestsAreRemindedOf(t *testing.T) {
	r := newRig(t, 0, withReports)
	r.set(time.Date(2026, 3, 9, 8, 0, 0, 0, monday.Location()))
	got := r.reports("restore_tests")
	if len(got) != 1 || !strings.Contains(got[0].Text, "SRV-AD") || got[0].To[0].Address != "sup@msp.example" {
		t.Fatalf("%d reminders: %+v", len(got), got)
	}
	r.set(time.Date(2026, 3, 11, 8, 0, 0, 0, monday.Location()))
	r.restart()
	if n := len(r.reports("restore_tests")); n != 1 {
		t.Fatalf("%d reminders in one week", n)
	}
	for _, result := range []string{report.TestFailed, report.TestOK} {
		for _, m := range r.engine.Book().Directory.Machines {
			if m.Class == "server" {
				test := report.RestoreTest{Customer: m.Customer, Machine: m.Name, Day: "2026-03-11", Result: result, Scope: "a folder", Note: "100 % & more", By: "adm1", Minutes: 35}
				if err := r.engine.Reports().Record(t.Context(), test, r.now()); err != nil {
					t.Fatal(err)
				}
			}
		}
		due, err := r.engine.Reports().Due(t.Context(), r.now())
		if err != nil || len(due) == 0 {
			t.Fatalf("%d machines, %v", len(due), err)
		}
		for _, d := range due {
			if d.Overdue != (result == report.TestFailed) {
				t.Errorf("after a test that is %s: %+v", result, d)
			}
		}
	}
	r.set(time.Date(2026, 3, 16, 8, 0, 0, 0, monday.Location()))
	if n := len(r.reports("restore_tests")); n != 1 {
		t.Errorf("%d reminders although every test was made", n)
	}
	tests, err := r.engine.Reports().Tests(t.Context())
	if err != nil || tests[0].Scope != "a folder" || tests[0].Note != "100 % & more" || tests[0].Minutes != 35 || tests[0].By != "adm1" {
		t.Errorf("%+v, %v", tests[0], err)
	}
	if got := r.metric(`backup_inventory_restore_test_due_timestamp_seconds{customer="dupont",machine="SRV-AD",machine_class="server"}`); got < float64(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC).Unix()) {
		t.Errorf("the alert's series says %v", got)
	}
}

// covers: P13; a dossier waits a day for a Prometheus that does not answer, and then
// says what is not known; what needs none leaves at its hour, once.
func TestADossierWaitsForPrometheus(t *testing.T) {
	r := newRig(t, 0, withReports)
	r.fires(backup("dupont", "SRV-AD", "primary"))
	r.pass(2 * time.Second)
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	customer := func(id string, machine bool) {
		dir := r.reloadable.Book.Directory.Clone()
		late := *dir.Customers["dupont"]
		late.ID = id
		dir.Customers[id] = &late
		if machine {
			m := *dir.Machine("dupont", "SRV-AD")
			m.Customer = id
			dir.Machines = append(dir.Machines, &m)
		}
		book, err := rules.NewBook(dir, r.reloadable.Book.Policies()...)
		if err != nil {
			t.Fatal(err)
		}
		r.reloadable.Book = book
		r.check(r.engine.Reload(t.Context(), r.reloadable))
	}
	customer("other", true)
	away := func(is bool) {
		r.prom.mu.Lock()
		r.prom.broken = is
		r.prom.mu.Unlock()
	}
	away(true)
	dossiers := func(day, hour int) (dossiers, others int) {
		r.set(time.Date(2026, 4, day, hour, 30, 0, 0, paris))
		_ = r.engine.SendReports(r.t.Context()) // says what it waits for
		if err := r.engine.Deliver(r.t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, m := range r.mails("report") {
			if strings.Contains(m.Subject, "Dossier") || strings.Contains(m.Subject, "dossier") {
				dossiers++
			} else {
				others++
			}
		}
		return dossiers, others
	}
	asked := func() int {
		r.prom.mu.Lock()
		defer r.prom.mu.Unlock()
		return r.prom.asked
	}
	already := asked()
	before, statements := dossiers(1, 9) // of whoever has no machine there is nothing to ask
	if n := asked() - already; n != 2 {
		t.Errorf("it is asked %d times in a turn while it is away: one question, and whether it answers any", n)
	}
	if statements == 0 {
		t.Error("while Prometheus is away no statement leaves")
	}
	if len(r.mails("restore_tests")) == 0 {
		t.Error("while a dossier waits nobody is reminded of restore tests")
	}
	customer("aaa", false) // sorts before the others
	before++               // it has no machine
	if n, m := dossiers(1, 12); n != before || m != statements {
		t.Errorf("three hours later %d dossiers and %d statements, not %d and %d", n, m, before, statements)
	}
	away(false)
	n, m := dossiers(1, 13)
	if n <= before || m != statements {
		t.Errorf("once it answers %d dossiers and %d statements, not %d", n, m, statements)
	}
	if again, _ := dossiers(2, 10); again != n {
		t.Errorf("%d dossiers a day later, not %d", again, n)
	}
	away(true)
	r.set(time.Date(2026, 5, 1, 9, 30, 0, 0, paris))
	if err := r.engine.SendReports(t.Context()); err == nil {
		t.Error("it waits without a word")
	}
	r.set(time.Date(2026, 5, 2, 9, 31, 0, 0, paris))
	if err := r.engine.SendReports(t.Context()); err != nil {
		t.Errorf("a day later it waits still: %v", err)
	}
}

// covers: P13; where no Prometheus is configured a dossier waits for none.
func TestADossierWithoutPrometheus(t *testing.T) {
	r := newRig(t, 0, withReports, func(r *rig) { r.tune = func(p *receiver.Reloadable) { p.Evidence = nil } })
	r.fires(backup("dupont", "SRV-AD", "primary"))
	r.pass(2 * time.Second)
	r.set(time.Date(2026, 4, 1, 9, 30, 0, 0, time.UTC))
	if !slices.ContainsFunc(r.reports("report"), func(m smtpsink.Message) bool { return strings.Contains(m.Subject, "Dupont") }) {
		t.Error("it waits")
	}
}
