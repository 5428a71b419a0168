package rules_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"vigie/rules"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// toldClient is a computer's incident whose user was written to, with that mail.
func toldClient(t *testing.T) (*bench, incident.Notification, time.Time) {
	t.Helper()
	book, now := exampleBook(t, "synomega"), paris(t, "2026-03-09 07:10")
	b := opened(t, book, backupAlert("dupont", "PC-LEA", "workstation", "primary", "daily", "failed", now), now)
	sent := paris(t, "2026-03-10 09:31")
	b.do(incident.Tick{}, sent)
	i := slices.IndexFunc(b.notes, func(n incident.Notification) bool { return n.Step == "client_told" })
	if i < 0 {
		t.Fatalf("nobody is told: %+v", b.notes)
	}
	n := b.notes[i]
	b.accept(n, sent.Add(time.Minute))
	if !b.inc.Flags["customer_told"] || b.inc.Targets["informed"].MetAt.IsZero() {
		t.Fatalf("flags %v, target %+v", b.inc.Flags, b.inc.Targets["informed"])
	}
	return b, n, sent.Add(2 * time.Minute)
}

// A bounce undoes the written trace with all that it had brought about, and asks
// for another address; sent to that one, the trace is made.
func TestBounceUndoesTheWrittenTrace(t *testing.T) {
	b, n, at := toldClient(t)
	client := n.To[0]
	d := b.do(incident.Returned{NotificationID: n.ID, Address: strings.ToUpper(client.Address), What: incident.ReturnedBounced, Detail: "550 5.1.1 unknown"}, at)
	r := record(b, "client_told")
	if r.Status != incident.StepDecided || len(r.Refused) != 1 || slices.Contains(r.Accepted, client.Address) {
		t.Errorf("the step is %+v", r)
	}
	if b.inc.Flags["customer_told"] || !b.inc.Targets["informed"].MetAt.IsZero() {
		t.Errorf("flags %v, target %+v", b.inc.Flags, b.inc.Targets["informed"])
	}
	i := slices.IndexFunc(d.Notifications, func(n incident.Notification) bool { return n.Step == "address_refused" })
	if i < 0 || d.Notifications[i].To[0].Person != "sup" || !slices.Contains(d.Notifications[i].Data.Refused, client.Address) {
		t.Errorf("the supervisor is not asked for another address: %+v", d.Notifications)
	}
	if slices.ContainsFunc(b.inc.Told, func(p incident.Party) bool { return p.Address == client.Address }) {
		t.Error("counts as told")
	}
	if again := b.do(incident.Returned{NotificationID: n.ID, Address: client.Address, What: incident.ReturnedBounced}, at.Add(time.Minute)); len(again.Notifications) > 0 {
		t.Errorf("a second bounce is told again: %+v", again.Notifications)
	}
	// A week after a mail that nobody got nobody is phoned for not answering it.
	b.do(incident.Tick{}, paris(t, "2026-03-17 09:31"))
	if b.inc.State == model.CallDue {
		t.Error("is phoned for not answering what was not delivered")
	}
	dir := b.book.Directory.Clone()
	dir.People[client.Person].Email = "lea.new@dupont.example"
	mended, err := rules.NewBook(dir, b.book.Policies()...)
	if err != nil {
		t.Fatal(err)
	}
	b.book = mended
	later := paris(t, "2026-03-17 10:00")
	d = b.do(incident.Refreshed{}, later)
	k := slices.IndexFunc(d.Notifications, func(n incident.Notification) bool { return n.Solo })
	if k < 0 || d.Notifications[k].To[0].Address != "lea.new@dupont.example" {
		t.Fatalf("is not sent to the new address: %+v", d.Notifications)
	}
	b.accept(d.Notifications[k], later.Add(time.Minute))
	if !b.inc.Flags["customer_told"] {
		t.Error("the trace is not made by the second mail")
	}
}

// A full mailbox, or a content filter, is told as such.
func TestBounceThatIsNotOfTheAddress(t *testing.T) {
	for _, what := range []string{incident.RefusedMessage, incident.RefusedTrouble} {
		b, n, at := toldClient(t)
		d := b.do(incident.Returned{NotificationID: n.ID, Address: n.To[0].Address, What: incident.ReturnedBounced, Detail: "552 5.2.2 full", Refused: what}, at)
		i := slices.IndexFunc(d.Notifications, func(n incident.Notification) bool { return n.Step == "address_refused" })
		if i < 0 || d.Notifications[i].Data.RefusedWhat != what {
			t.Errorf("what is refused is not %s: %+v", what, d.Notifications)
		}
		if r := record(b, "client_told"); r.Status != incident.StepDecided || len(r.Refused) != 1 {
			t.Errorf("%s: the step is %+v", what, r)
		}
	}
}

// A late mail and a machine's answer are news for the journal, and nothing else.
func TestDelayAndAbsenceChangeNothing(t *testing.T) {
	for _, what := range []string{incident.ReturnedDelayed, incident.ReturnedAbsence} {
		b, n, at := toldClient(t)
		was := b.inc.Clone()
		d := b.do(incident.Returned{NotificationID: n.ID, Address: n.To[0].Address, What: what, Detail: "4.4.1"}, at)
		if len(d.Journal) != 1 || !strings.HasPrefix(d.Journal[0].What, what) || d.Journal[0].Personal != n.To[0].Address {
			t.Errorf("%s: journal %+v", what, d.Journal)
		}
		if len(d.Notifications) > 0 || b.inc.State != was.State || !b.inc.Flags["customer_told"] || record(b, "client_told").Status != incident.StepAccepted {
			t.Errorf("%s changed the incident: %+v", what, b.inc)
		}
		b.do(incident.Tick{}, paris(t, "2026-03-17 09:31"))
		if b.inc.State != model.CallDue {
			t.Errorf("%s: counts as an answer: %s", what, b.inc.State)
		}
	}
}

// What a complete trace had moved goes back: after the record of a call the
// incident waits for the date only once it is in writing.
func TestBounceTakesTheStateBack(t *testing.T) {
	b, _, at := toldClient(t)
	b.do(incident.Acted{Act: incident.Act{Verb: "call", By: "sup", Fields: model.Labels{"outcome": "reached", "agreed": "switch it on"}}}, at)
	i := slices.IndexFunc(b.notes, func(n incident.Notification) bool { return n.Step == "call_written" })
	if i < 0 {
		t.Fatalf("no trace of the call: %+v", b.last.Notifications)
	}
	n := b.notes[i]
	b.accept(n, at.Add(time.Minute))
	if b.inc.State != model.Waiting {
		t.Fatalf("state %s", b.inc.State)
	}
	b.do(incident.Returned{NotificationID: n.ID, Address: n.To[0].Address, What: incident.ReturnedBounced, Detail: "550"}, at.Add(2*time.Minute))
	if b.inc.State == model.Waiting || !b.inc.Flags["customer_told"] {
		t.Errorf("state %s, flags %v: the mail of before still stands", b.inc.State, b.inc.Flags)
	}
}

func record(b *bench, step string) *incident.StepRecord {
	b.t.Helper()
	for _, r := range b.inc.Steps {
		if r.Step == step {
			return r
		}
	}
	b.t.Fatalf("no record of step %s", step)
	return nil
}
