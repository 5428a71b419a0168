package receiver_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/receiver"
	"vigie/receiver/smtpsink"
	"vigie/receiver/store"
	"vigie/receiver/store/journal"
	"vigie/rules"
	"vigie/rules/incident"
	"vigie/rules/inventory"
	"vigie/rules/model"
)

// withDigest gives a rig's policy an overview at 09:00.
func withDigest(r *rig) {
	r.edits = append(r.edits, "\nroles:", "\ndigest: {at: \"09:00\", calendar: always, to: [supervisor]}\nroles:")
}

// digests runs the loop and returns the overviews that were sent.
func (r *rig) digests() []smtpsink.Message {
	r.t.Helper()
	for _, step := range []func() error{
		func() error { return r.engine.Digest(r.t.Context()) }, func() error { return r.engine.Deliver(r.t.Context()) },
	} {
		if err := step(); err != nil {
			r.t.Fatal(err)
		}
	}
	return r.mails("digest")
}

// covers: P12; each day at its hour, once, also when all is well, across restarts.
func TestDigest(t *testing.T) {
	r := newRig(t, 1, withDigest, withLinks, func(r *rig) {
		r.tune = func(p *receiver.Reloadable) {
			p.Counts = receiver.Counts{Machines: "machines{}", Good: "machines_good{}"}
		}
	})
	fleet := func(ok float64) { r.prom.source("acronis", ok, r.now()) }
	fleet(1)
	if n := len(r.digests()); n != 0 {
		t.Fatalf("%d overviews before the hour", n)
	}
	nine := time.Date(2026, 3, 9, 9, 0, 0, 0, monday.Location())
	r.set(nine)
	fleet(1)
	got := r.digests()
	if len(got) != 1 || !strings.Contains(got[0].Subject, "9 March: count unknown – nothing known to be due") || len(got[0].To) != 1 || got[0].To[0].Address != "sup@msp.example" {
		t.Fatalf("%d overviews: %+v", len(got), got)
	}
	for _, want := range []string{"Nothing that is known has to be handled this morning", "count unknown", "1 source read", "Watchdog: FAULTY, never"} {
		if !strings.Contains(got[0].Text, want) {
			t.Errorf("it does not say %q:\n%s", want, got[0].Text)
		}
	}
	if strings.Contains(got[0].Text, "late") {
		t.Errorf("it says that it is late:\n%s", got[0].Text)
	}
	r.set(nine.Add(time.Hour))
	r.restart()
	if n := len(r.digests()); n != 1 {
		t.Fatalf("%d overviews after a restart", n)
	}

	// The next day the receiver comes up at noon, and there is something to tell.
	r.set(nine.Add(27 * time.Hour))
	r.restart()
	a := backup("dupont", "SRV-AD", "primary")
	r.peers[0].change(func() {
		r.peers[0].alerts = append(r.peers[0].alerts, a)
		r.peers[0].silences = append(r.peers[0].silences,
			silence("s1", "adm1", "SRV-AD", r.now(), r.now().Add(2*time.Hour)),
			silence("s2", "adm2", "PRINTER", r.now(), r.now().Add(48*time.Hour)),
			map[string]any{"id": "s3", "createdBy": "somebody", "comment": "works", "startsAt": r.now(), "endsAt": r.now().Add(time.Hour), "updatedAt": r.now(),
				"status": map[string]string{"state": "active"}, "matchers": []any{map[string]any{"name": "customer", "value": "dupont", "isRegex": false, "isEqual": true}}})
	})
	r.fires(a)
	fleet(0)
	r.prom.set("machines", nil, 412)
	r.prom.set("machines_good", nil, 407)
	r.prom.set("backup_inbox_unsorted_messages", map[string]string{"source": "mails"}, 3)
	r.prom.set("backup_inbox_unsorted_messages", map[string]string{"source": "mails-read"}, 0)
	got = r.digests()
	if len(got) != 2 {
		t.Fatalf("%d overviews", len(got))
	}
	text := got[1].Text
	for _, want := range []string{"Sent late", "407/412 OK", "Dupont – SRV-AD", "1 due",
		`customer="dupont": TOO BROAD, by somebody`, `machine="PRINTER": LONGER THAN 24 H, COVERS NOTHING, by Awa Diallo`,
		"Reading of backups: FAULTY, acronis", "mails: 3"} {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "mails-read") {
		t.Errorf("a mailbox without unsorted mails is listed:\n%s", text)
	}
	if strings.Contains(text, `machine="SRV-AD": L`) || strings.Contains(text, `machine="SRV-AD": T`) || strings.Contains(text, `machine="SRV-AD": C`) {
		t.Errorf("a plain silence is called odd:\n%s", text)
	}
	// The seal that it bears proves what the journal held.
	var kept store.Seal
	for line := range strings.Lines(text) {
		if s, err := journal.ParseSeal(strings.TrimSpace(line[strings.LastIndexByte(line, ' ')+1:])); err == nil {
			kept = s
		}
	}
	if kept.Number == 0 {
		t.Fatalf("no seal in it:\n%s", text)
	}
	r.examine(kept)
	kept.Number += 1000
	err := r.db.View(t.Context(), func(tx *store.Tx) error {
		v, err := tx.Verify(kept)
		if err == nil && len(v.Faults) == 0 {
			t.Error("a seal that is not there any more is no fault")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// The clock goes back: the day has had its overview.
	r.set(nine.Add(2 * time.Hour))
	if n := len(r.digests()); n != 2 {
		t.Errorf("%d overviews after the clock went back", n)
	}
}

// Who installs it at noon was owed nothing at nine.
func TestTheFirstOverviewIsNotLate(t *testing.T) {
	r := newRig(t, 0, withDigest)
	r.set(time.Date(2026, 3, 9, 12, 0, 0, 0, monday.Location()))
	if got := r.digests(); len(got) != 1 || strings.Contains(got[0].Text, "late") {
		t.Errorf("the first overview: %+v", got)
	}
}

// What the account manager or a customer wrote back stands in the next overview,
// a worker's own notes do not.
func TestDigestTellsAnswers(t *testing.T) {
	r := newRig(t, 0, withDigest)
	r.fires(backup("dupont", "SRV-AD", "primary"))
	r.pass(2 * time.Second)
	for who, note := range map[string]string{"am": "the site is closed until Tuesday", "adm1": "looked at the log"} {
		if _, err := r.engine.Act(t.Context(), "1", incident.Act{Verb: "note", By: who, Fields: model.Labels{"note": note}}); err != nil {
			t.Fatal(err)
		}
	}
	r.set(time.Date(2026, 3, 9, 9, 0, 0, 0, monday.Location()))
	got := r.digests()
	if len(got) != 1 {
		t.Fatalf("%d overviews", len(got))
	}
	if text := strings.Join(strings.Fields(got[0].Text), " "); !strings.Contains(text, "the site is closed until Tuesday") || strings.Contains(text, "looked at the log") {
		t.Errorf("the answer does not stand in the overview:\n%s", got[0].Text)
	}
	r.set(r.now().Add(24 * time.Hour))
	if got = r.digests(); len(got) != 2 || strings.Contains(got[1].Text, "closed until") {
		t.Errorf("it is told twice:\n%s", got[len(got)-1].Text)
	}
}

// What only warns opens nothing, and is listed by name with what it is and since
// when, as long as it fires; so is what the inventory does not know.
func TestDigestNamesWhatIsOnlyListed(t *testing.T) {
	r := newRig(t, 1, withDigest, func(r *rig) {
		r.edits = append(r.edits, "\nscenarios:", "\nscenarios:\n  - {name: warning, title: {en: Warnings}, match: ['kind=\"warning\"'], ignores: warning}")
	})
	empty := backup("dupont", "SRV-AD", "primary")
	empty["alertname"], empty["kind"] = "BackupSizeDrop", "warning"
	without := alert{"alertname": "BackupMachineWithout", "customer": "dupont", "machine": "PC-LEA", "machine_class": "workstation", "kind": "warning"}
	stranger := backup("dupont", "SRV-NEW", "primary")
	stranger["alertname"], stranger["kind"] = "BackupWarning", "warning"
	r.peers[0].change(func() { r.peers[0].alerts = append(r.peers[0].alerts, empty, without, stranger) })
	r.fires(empty, without, stranger)
	r.set(time.Date(2026, 3, 9, 9, 0, 0, 0, monday.Location()))
	got := r.digests()
	if len(got) != 1 {
		t.Fatalf("%d overviews", len(got))
	}
	text := strings.Join(strings.Fields(got[0].Text), " ")
	for _, want := range []string{"To watch, without an incident", "Dupont – SRV-AD – backup unusually small: plan daily, since", "Dupont – PC-LEA – machine without backup: since",
		"Machines that the inventory does not know: 2 (Dupont – PC-LEA, Dupont – SRV-NEW)"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, got[0].Text)
		}
	}
	if strings.Contains(text, "unknown role") {
		t.Errorf("what names no backup is said to be one of unknown role:\n%s", got[0].Text)
	}
	if n := len(r.incidents("")); n != 0 {
		t.Errorf("%d incidents", n)
	}
	// The end of one is lost on its way: Alertmanager knows it no more.
	r.peers[0].change(func() {
		r.peers[0].alerts = slices.DeleteFunc(r.peers[0].alerts, func(a alert) bool { return a["alertname"] == "BackupSizeDrop" })
	})
	for range 40 {
		r.pass(time.Minute)
		if err := r.engine.Reconcile(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r.set(r.now().Add(24 * time.Hour))
	if got = r.digests(); len(got) != 2 || strings.Contains(got[1].Text, "unusually small") || !strings.Contains(got[1].Text, "PC-LEA") {
		t.Errorf("what is over is listed still, or what is not no more:\n%s", got[len(got)-1].Text)
	}
}

// What fails before anything is owed to a customer is one list for the supervisor:
// with the day from which it counts. What still fails on that day is an incident.
func TestDigestListsWhatIsNotCommissionedYet(t *testing.T) {
	r := newRig(t, 1, withDigest, func(r *rig) {
		r.edits = append(r.edits, "\nscenarios:", "\nscenarios:\n  - {name: warning, title: {en: Warnings}, match: ['kind=\"warning\"'], ignores: warning}")
		r.tune = func(p *receiver.Reloadable) {
			p.Book.Directory.Customers["dupont"].Commissioned = time.Date(2026, 3, 10, 0, 0, 0, 0, monday.Location())
		}
	})
	failed := backup("dupont", "SRV-AD", "primary")
	none := alert{"alertname": "BackupNoWorkingBackup", "customer": "dupont", "machine": "SRV-AD", "machine_class": "server", "kind": "warning"}
	r.peers[0].change(func() { r.peers[0].alerts = append(r.peers[0].alerts, failed, none) })
	r.fires(failed)
	r.fires(none)
	r.set(time.Date(2026, 3, 9, 9, 0, 0, 0, monday.Location()))
	got := r.digests()
	if len(got) != 1 {
		t.Fatalf("%d overviews", len(got))
	}
	if want := "Dupont – SRV-AD – backup failed, no working backup at all: plan daily, since Mon 9 March 07:10, an incident from 10 March on"; !strings.Contains(strings.Join(strings.Fields(got[0].Text), " "), want) {
		t.Errorf("it does not say %q:\n%s", want, got[0].Text)
	}
	if n := strings.Count(got[0].Text, "SRV-AD"); n != 1 {
		t.Errorf("it names the machine %d times:\n%s", n, got[0].Text)
	}
	if n := len(r.incidents("")); n != 0 {
		t.Errorf("%d incidents before anything is owed", n)
	}
	r.set(time.Date(2026, 3, 10, 0, 0, 0, 0, monday.Location()))
	if err := r.engine.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(r.incidents("")); n != 1 {
		t.Errorf("%d incidents on the first day", n)
	}
	if all, err := r.engine.Listed(t.Context()); err != nil || len(all) != 1 || all[0].Alertname != "BackupNoWorkingBackup" {
		t.Errorf("it is listed beside its incident: %v %v", all, err)
	}
}

// covers: S1.7, P12; the overview names the gaps in the duty of the next days.
func TestDigestOfGaps(t *testing.T) {
	r := newRig(t, 1, withDigest, func(r *rig) {
		r.edits = append(r.edits, "supervisor: {people: [sup]}", "supervisor: {rota: supervisor}")
		r.tune = func(p *receiver.Reloadable) {
			dir := p.Book.Directory.Clone()
			from := time.Date(2026, 3, 12, 0, 0, 0, 0, monday.Location())
			dir.Rotas = []inventory.RotaEntry{{Role: "supervisor", Person: "sup"}}
			for _, days := range []int{0, 14} {
				dir.Rotas = append(dir.Rotas, inventory.RotaEntry{Role: "supervisor", From: from.AddDate(0, 0, days), Until: from.AddDate(0, 0, days+1)})
			}
			book, err := rules.NewBook(dir, p.Book.Policies()...)
			if err != nil {
				t.Fatal(err)
			}
			p.Book = book
		}
	})
	r.prom.source("acronis", 1, r.now())
	r.set(time.Date(2026, 3, 9, 9, 0, 0, 0, monday.Location()))
	got := r.digests()
	if len(got) != 1 || !strings.Contains(got[0].Text, "Gaps in who is on duty") || strings.Count(got[0].Text, "nobody is on duty") != 1 || !strings.Contains(got[0].Text, "12 March") {
		t.Fatalf("%d overviews", len(got))
	}
}
