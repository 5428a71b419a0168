package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"vigie/receiver/store"
	"vigie/rules/incident"
	"vigie/rules/model"
)

var now = time.Date(2026, 3, 9, 7, 10, 0, 0, time.UTC)

func open(t *testing.T, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func record(n int) *store.Record {
	return store.NewRecord(incident.Incident{ID: fmt.Sprintf("i%d", n), Number: n, Key: fmt.Sprintf("k%d", n), State: model.Open, OpenedAt: now,
		Identity: model.Labels{"customer": "dupont", "machine": "SRV-AD"},
		Alerts:   map[string]*incident.Alert{fmt.Sprintf("f%d", n): {Firing: true, Labels: model.Labels{"source": "acronis-1"}}}})
}

// A failing and a panicking neighbour take nothing away from the others, and
// leave nothing behind.
func TestUpdatesAreApart(t *testing.T) { onBoth(t, testUpdatesAreApart) }

func testUpdatesAreApart(t *testing.T, database string) {
	s := open(t, database)
	var wg sync.WaitGroup
	errs := make([]error, 60)
	for i := range errs {
		wg.Go(func() {
			errs[i] = s.Update(t.Context(), func(tx *store.Tx) error {
				if err := tx.Save(record(i + 1)); err != nil {
					return err
				}
				switch i % 3 {
				case 1:
					return errors.New("bad decision")
				case 2:
					panic("worse decision")
				}
				return nil
			})
		})
	}
	wg.Wait()
	kept := 0
	for i, err := range errs {
		var p *store.PanicError
		switch i % 3 {
		case 0:
			kept++
			if err != nil {
				t.Errorf("update %d: %v", i, err)
			}
		case 1:
			if err == nil || errors.Is(err, store.ErrUnavailable) {
				t.Errorf("update %d: %v", i, err)
			}
		case 2:
			if !errors.As(err, &p) || len(p.Stack) == 0 {
				t.Errorf("update %d: %v", i, err)
			}
		}
	}
	err := s.View(t.Context(), func(tx *store.Tx) error {
		n := 0
		err := tx.EachOpen(func(*store.Record) error { n++; return nil })
		if n != kept {
			t.Errorf("%d incidents kept, want %d", n, kept)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAfterCommitOnlyAfterCommit(t *testing.T) { onBoth(t, testAfterCommitOnlyAfterCommit) }

func testAfterCommitOnlyAfterCommit(t *testing.T, database string) {
	s := open(t, database)
	var ran []string
	for _, fail := range []error{nil, errors.New("no")} {
		_ = s.Update(t.Context(), func(tx *store.Tx) error {
			tx.AfterCommit(func() { ran = append(ran, fmt.Sprint(fail)) })
			return fail
		})
	}
	if len(ran) != 1 || ran[0] != "<nil>" {
		t.Errorf("ran %v", ran)
	}
}

func TestCandidates(t *testing.T) { onBoth(t, testCandidates) }

func testCandidates(t *testing.T, database string) {
	s := open(t, database)
	ended, old, platform := record(2), record(3), record(4)
	ended.State, ended.ResolvedAt = model.Resolved, now.Add(-time.Hour)
	old.State, old.ResolvedAt = model.Closed, now.Add(-31*24*time.Hour)
	platform.Identity = model.Labels{"platform": "lms-A"}
	platform.Alerts["f4"].Labels = model.Labels{"platform": "lms-A", "host": "h1"}
	err := s.Update(t.Context(), func(tx *store.Tx) error {
		for _, r := range []*store.Record{record(1), ended, old, platform} {
			if err := tx.Save(r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		key   string
		place store.Place
		want  int
	}{
		{"k1", store.Place{}, 1},
		{"k9", store.Place{Customer: "dupont", Machine: "SRV-AD"}, 2},
		{"k9", store.Place{Customer: "martin", Machine: "SRV-AD"}, 0},
		{"k9", store.Place{Platform: "lms-A"}, 1},
		{"k9", store.Place{Host: "h1"}, 1},
		{"k9", store.Place{}, 0},
	} {
		err := s.View(t.Context(), func(tx *store.Tx) error {
			rs, err := tx.Candidates(c.key, c.place, now.Add(-30*24*time.Hour))
			if len(rs) != c.want {
				t.Errorf("%s %+v: %d candidates, want %d", c.key, c.place, len(rs), c.want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestDue(t *testing.T) { onBoth(t, testDue) }

func testDue(t *testing.T, database string) {
	s := open(t, database)
	due := record(1)
	due.WakeAt, due.AskAt = now, now.Add(time.Hour)
	never := record(2)
	err := s.Update(t.Context(), func(tx *store.Tx) error {
		return errors.Join(tx.Save(due), tx.Save(never))
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s.View(t.Context(), func(tx *store.Tx) error {
		ids, err := tx.Due(now, 10)
		if len(ids) != 1 || ids[0] != "i1" {
			t.Errorf("due: %v", ids)
		}
		asking, _ := tx.Asking(now, 10)
		if len(asking) != 0 {
			t.Errorf("asking: %v", asking)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestJournalIsAChain(t *testing.T) { onBoth(t, testJournalIsAChain) }

func testJournalIsAChain(t *testing.T, database string) {
	s := open(t, database)
	r := record(1)
	for n := range 3 {
		err := s.Update(t.Context(), func(tx *store.Tx) error {
			err := tx.Append(r, []incident.Entry{{At: now, Kind: "note", What: fmt.Sprint(n), Reason: "because"}, {At: now, Kind: "act", What: "note", Personal: "call Léa"}})
			return errors.Join(err, tx.Save(r), tx.AppendSystem(incident.Entry{At: now, Kind: "note", What: "system"}))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for chain, want := range map[string]int{"i1": 6, store.SystemChain: 3} {
		err := s.View(t.Context(), func(tx *store.Tx) error {
			lines, err := tx.Journal(chain)
			if err != nil || len(lines) != want {
				t.Fatalf("%s: %d lines, %v", chain, len(lines), err)
			}
			var before []byte
			for i, l := range lines {
				if l.Line != int64(i+1) || !bytes.Equal(l.Previous, before) || !bytes.Equal(l.Hash, l.Sum()) {
					t.Errorf("%s: line %d does not fit", chain, l.Line)
				}
				before = l.Hash
				changed := l
				changed.Reason += "."
				if bytes.Equal(changed.Sum(), l.Hash) {
					t.Error("a changed reason has the same hash")
				}
			}
			if chain == "i1" {
				rec, err := tx.Incident("i1")
				if err != nil {
					return err
				}
				if n, head := store.Head(rec); n != 6 || !bytes.Equal(head, before) {
					t.Errorf("the head is not the last line's")
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestOneProcessPerFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	open(t, path)
	if _, err := store.Open(t.Context(), path); err == nil {
		t.Fatal("a second start was not refused")
	}
}

func TestDamagedFileIsRefusedAndKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s := open(t, path)
	for n := range 200 {
		if err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.Save(record(n + 1)) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096 * 3; i < 4096*6 && i < len(raw); i++ {
		raw[i] ^= 0x5a
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), path); err == nil {
		t.Fatal("a damaged file was opened")
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(after, raw) {
		t.Error("the damaged file was written to")
	}
}

func TestClosedAndCancelled(t *testing.T) { onBoth(t, testClosedAndCancelled) }

func testClosedAndCancelled(t *testing.T, database string) {
	s := open(t, database)
	hold, held := make(chan struct{}), make(chan struct{})
	go s.Update(context.WithoutCancel(t.Context()), func(*store.Tx) error { close(held); <-hold; return nil })
	<-held
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ran := false
	if err := s.Update(ctx, func(*store.Tx) error { ran = true; return nil }); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("cancelled: %v", err)
	}
	close(hold)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if ran {
		t.Error("an abandoned update ran")
	}
	if err := s.Update(t.Context(), func(*store.Tx) error { return nil }); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("closed: %v", err)
	}
}

// A bundle leaves as one message; to one recipient the messages about an
// incident go in order.
func TestOutboxOrder(t *testing.T) { onBoth(t, testOutboxOrder) }

func testOutboxOrder(t *testing.T, database string) {
	s := open(t, database)
	n := func(id, inc, key string, hold time.Duration) incident.Notification {
		return incident.Notification{ID: id, IncidentID: inc, BundleKey: key, HoldUntil: now.Add(hold)}
	}
	do := func(f func(tx *store.Tx) error) {
		t.Helper()
		if err := s.Update(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	do(func(tx *store.Tx) error {
		return errors.Join(tx.Notify(n("a", "i1", "k", 0)), tx.Notify(n("a", "i1", "k", 0)), tx.Notify(n("b", "i2", "k", time.Minute)),
			tx.Notify(n("c", "i1", "l", time.Minute)), tx.Notify(n("d", "i1", "m", 0)), tx.Withdraw("d"))
	})
	do(func(tx *store.Tx) error {
		keys, err := tx.DueBundles(now, 10)
		if len(keys) != 1 || keys[0] != "k" {
			t.Fatalf("bundles: %v %v", keys, err)
		}
		ns, _, err := tx.Bundle("k", now, nil)
		if len(ns) != 2 {
			t.Fatalf("bundle: %+v", ns)
		}
		ok, sealErr := tx.CreateMessage("m1", "B1", ns, []byte("{}"), []string{"x@msp.example", "y@msp.example"}, now)
		if !ok {
			t.Error("not sealed")
		}
		again, _ := tx.CreateMessage("m1b", "B1", ns, []byte("{}"), nil, now)
		if again {
			t.Error("sealed twice")
		}
		return errors.Join(err, sealErr)
	})
	later := now.Add(2 * time.Minute)
	do(func(tx *store.Tx) error {
		ns, _, err := tx.Bundle("l", later, nil)
		_, sealErr := tx.CreateMessage("m2", "B1", ns, []byte("{}"), []string{"x@msp.example", "z@msp.example"}, later)
		return errors.Join(err, sealErr)
	})
	due := func() (got []string) {
		do(func(tx *store.Tx) error {
			ts, err := tx.DueTransmissions(later, 10)
			for _, x := range ts {
				got = append(got, x.Message+" "+x.Address)
			}
			return err
		})
		return got
	}
	if got := fmt.Sprint(due()); got != "[m1 x@msp.example m1 y@msp.example m2 z@msp.example]" {
		t.Errorf("due: %s", got)
	}
	do(func(tx *store.Tx) error { return tx.Finish("m1", "x@msp.example", store.Accepted, "", later) })
	if got := fmt.Sprint(due()); got != "[m1 y@msp.example m2 x@msp.example m2 z@msp.example]" {
		t.Errorf("due: %s", got)
	}
	// A lease hides it; a process that comes after takes it up again.
	do(func(tx *store.Tx) error {
		ts, err := tx.DueTransmissions(later, 1)
		return errors.Join(err, tx.Lease(ts, later.Add(time.Hour)))
	})
	if got := fmt.Sprint(due()); got != "[m2 x@msp.example m2 z@msp.example]" {
		t.Errorf("due: %s", got)
	}
	do(func(tx *store.Tx) error { return tx.ReleaseLeases(later) })
	if got := due(); len(got) != 3 {
		t.Errorf("due: %v", got)
	}
	do(func(tx *store.Tx) error {
		b, err := tx.Backlog(later)
		if b.Pending != 3 || !b.Oldest.Equal(now) {
			t.Errorf("backlog: %+v", b)
		}
		return err
	})
	// What was taken back between being found and being claimed is not sent.
	do(func(tx *store.Tx) error {
		found, err := tx.DueTransmissions(later, 10)
		if err != nil || len(found) != 3 {
			t.Fatalf("found %v (%v)", found, err)
		}
		err = errors.Join(tx.Finish(found[1].Message, found[1].Address, store.Withdrawn, "", later), tx.Lease(found, later.Add(time.Hour)))
		if found[0].Status != store.Sending || found[1].Status != store.Withdrawn || found[2].Status != store.Sending {
			t.Errorf("claimed: %+v", found)
		}
		return err
	})
}

// A bundle that other incidents have opened takes along nothing that would
// overtake an earlier message of its incident.
func TestBundleOvertakesNothing(t *testing.T) { onBoth(t, testBundleOvertakesNothing) }

func testBundleOvertakesNothing(t *testing.T, database string) {
	s := open(t, database)
	n := func(id, inc, key string, hold time.Duration) incident.Notification {
		return incident.Notification{ID: id, IncidentID: inc, BundleKey: key, HoldUntil: now.Add(hold)}
	}
	update(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.Notify(n("a", "i1", "opened", 20*time.Second)), tx.Notify(n("b", "i2", "escalated", 10*time.Second)),
			tx.Notify(n("c", "i1", "escalated", 30*time.Second)), tx.Notify(n("d", "i1", "at once", 0)), tx.Notify(n("e", "i3", "escalated", 40*time.Second)))
	})
	bundle := func(key string, after time.Duration, want string, stuck ...string) {
		t.Helper()
		err := s.View(t.Context(), func(tx *store.Tx) error {
			ns, _, err := tx.Bundle(key, now.Add(after), stuck)
			var got []string
			for _, n := range ns {
				got = append(got, n.ID)
			}
			if fmt.Sprint(got) != want {
				t.Errorf("%s after %s: %v, want %s", key, after, got, want)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	bundle("at once", 0, "[d]") // what is not held waits for nothing
	bundle("escalated", 10*time.Second, "[b e]")
	bundle("escalated", time.Minute, "[b e]")
	bundle("escalated", time.Minute, "[b c e]", "opened") // an earlier one that cannot be written
	bundle("opened", 10*time.Second, "[]")
	bundle("opened", 20*time.Second, "[a]")
	update(t, s, func(tx *store.Tx) error {
		_, err := tx.CreateMessage("m1", "B1", []incident.Notification{n("a", "i1", "opened", 0)}, []byte("{}"), nil, now)
		return err
	})
	bundle("escalated", 20*time.Second, "[b c e]")
	// What stays behind alone does not leave before its own time.
	update(t, s, func(tx *store.Tx) error { return errors.Join(tx.Withdraw("b"), tx.Withdraw("e")) })
	bundle("escalated", 20*time.Second, "[]")
	bundle("escalated", 30*time.Second, "[c]")
}

// Of a message that waits for the mail server, what is taken back leaves out of it;
// the rest is told in its place, before what came later.
func TestWithdrawnFromABundle(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "a.db"))
	n := func(id, inc string, hold time.Duration) incident.Notification {
		return incident.Notification{ID: id, IncidentID: inc, BundleKey: id[:1], HoldUntil: now.Add(hold)}
	}
	a1, a2, b1 := n("a1", "i1", 0), n("a2", "i2", 0), n("b1", "i1", time.Minute)
	later := now.Add(2 * time.Minute)
	message := func(tx *store.Tx, id string, ns ...incident.Notification) error {
		ok, err := tx.CreateMessage(id, "B1", ns, []byte("{}"), []string{"x@msp.example"}, later)
		if !ok {
			t.Errorf("%s was not made", id)
		}
		return err
	}
	update(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.Notify(a1), tx.Notify(a2), tx.Notify(b1), message(tx, "m1", a1, a2), message(tx, "m2", b1))
	})
	update(t, s, func(tx *store.Tx) error {
		if err := tx.Withdraw("a2"); err != nil {
			return err
		}
		ns, _, err := tx.Bundle("a", later, nil)
		if len(ns) != 1 || ns[0].ID != "a1" {
			t.Errorf("held again: %+v", ns)
		}
		return errors.Join(err, message(tx, "m3", a1))
	})
	for _, want := range []string{"m3", "m2"} {
		update(t, s, func(tx *store.Tx) error {
			due, err := tx.DueTransmissions(later, 10)
			if len(due) != 1 || due[0].Message != want {
				t.Fatalf("leaves %+v, want %s", due, want)
			}
			return errors.Join(err, tx.Finish(want, "x@msp.example", store.Accepted, "", later))
		})
	}
	update(t, s, func(tx *store.Tx) error { return tx.Withdraw("a1") }) // too late: it was accepted
	if err := s.View(t.Context(), func(tx *store.Tx) error {
		ts, err := tx.Transmissions("m3")
		if len(ts) != 1 || ts[0].Status != store.Accepted {
			t.Errorf("%+v", ts)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}
