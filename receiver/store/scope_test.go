package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"vigie/receiver/store"
	"vigie/receiver/store/pgtest"
	"vigie/rules/incident"
	"vigie/rules/incidents"
	"vigie/rules/model"
)

func machine(name string) incidents.Handle {
	return incidents.Handle{Kind: incidents.OfMachine, Customer: "dupont", Name: name}
}

func aboutMachine(ctx context.Context, names ...string) context.Context {
	var s store.Scope
	for _, n := range names {
		s.Handles = append(s.Handles, machine(n))
	}
	return store.About(ctx, s)
}

// opened opens an incident of a machine.
func opened(tx *store.Tx, name string) (*store.Record, error) {
	n, err := tx.NextNumber()
	if err != nil {
		return nil, err
	}
	id := model.Labels{"customer": "dupont", "machine": name}
	r := tx.NewRecord(incident.Incident{ID: fmt.Sprintf("i%d", n), Number: n, Key: "k/" + name, Identity: id, State: model.Open, OpenedAt: time.Unix(int64(n), 0)})
	if err := tx.Append(r, []incident.Entry{{At: r.OpenedAt, Kind: "state", What: "open", Actor: "adm1"}}); err != nil {
		return nil, err
	}
	return r, tx.Save(r)
}

// Updates of two receivers about different machines go on at the same time; those about
// one machine, and those about everything, wait for each other.
func TestUpdatesBeside(t *testing.T) {
	address := postgres(t)
	a, b := open(t, address), open(t, address)
	inside, on := make(chan bool), make(chan bool)
	var first sync.WaitGroup
	first.Go(func() {
		err := a.Update(aboutMachine(t.Context(), "A"), func(tx *store.Tx) error {
			inside <- true
			<-on
			_, err := opened(tx, "A")
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-inside
	if err := b.Update(aboutMachine(t.Context(), "B"), func(tx *store.Tx) error { _, err := opened(tx, "B"); return err }); err != nil {
		t.Fatal(err)
	}
	var order []string
	var mu sync.Mutex
	var rest sync.WaitGroup
	waits := func(name string, s *store.Store, ctx context.Context) {
		rest.Go(func() {
			err := s.Update(ctx, func(tx *store.Tx) error {
				rs, err := tx.Candidates("", store.Place{Customer: "dupont", Machine: "A"}, time.Time{})
				mu.Lock()
				defer mu.Unlock()
				order = append(order, fmt.Sprint(name, len(rs)))
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	waits("same machine ", b, aboutMachine(t.Context(), "A"))
	time.Sleep(100 * time.Millisecond) // long enough to be wrong
	waits("everything ", b, t.Context())
	mu.Lock()
	if len(order) > 0 {
		t.Errorf("%v did not wait", order)
	}
	mu.Unlock()
	close(on)
	first.Wait()
	rest.Wait()
	slices.Sort(order)
	if fmt.Sprint(order) != "[everything 1 same machine 1]" {
		t.Errorf("what waited saw %v", order)
	}
}

// An update that is about more than it said is undone and run again with that, whatever
// it makes of the refusal; its neighbours are kept.
func TestUpdateBeyondItsScope(t *testing.T) {
	s := open(t, postgres(t))
	if err := s.Update(t.Context(), func(tx *store.Tx) error { _, err := opened(tx, "A"); return err }); err != nil {
		t.Fatal(err)
	}
	for name, work := range map[string]func(tx *store.Tx) error{
		"another machine": func(tx *store.Tx) error {
			rs, err := tx.OnMachine("dupont", "A", "")
			if err == nil && len(rs) != 1 {
				err = fmt.Errorf("%d incidents", len(rs))
			}
			return err
		},
		"an incident by its id": func(tx *store.Tx) error { _, err := tx.Incident("i1"); return err },
		"everything":            func(tx *store.Tx) error { return tx.EachOpen(func(*store.Record) error { return nil }) },
		"what nobody locks": func(tx *store.Tx) error {
			return tx.AppendSystem(incident.Entry{At: time.Unix(1, 0), Kind: "note", What: "x"})
		},
		"in vain": func(tx *store.Tx) error {
			_ = tx.EachOpen(func(*store.Record) error { return nil })
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			ran := 0
			err := s.Update(aboutMachine(t.Context(), "B"), func(tx *store.Tx) error { ran++; return work(tx) })
			if err != nil || ran != 2 {
				t.Errorf("run %d times: %v", ran, err)
			}
		})
	}
	refused := errors.New("refused")
	if err := s.Update(aboutMachine(t.Context(), "A"), func(tx *store.Tx) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("its own error: %v", err)
	}
}

// Two receivers that open incidents at the same time, deliveries of several machines in
// different orders among them, give out each number once and lose nothing; the journal verifies.
func TestReceiversOpenTogether(t *testing.T) {
	address := postgres(t)
	a, b := open(t, address), open(t, address)
	const each, machines = 120, 15
	var wg sync.WaitGroup
	for n := range each {
		for i, s := range []*store.Store{a, b} {
			wg.Go(func() {
				names := []string{fmt.Sprintf("M%d", n%machines), fmt.Sprintf("M%d", (n+7)%machines)}
				if i == 1 {
					slices.Reverse(names)
				}
				err := s.Update(aboutMachine(t.Context(), names...), func(tx *store.Tx) error {
					for _, name := range names {
						rs, err := tx.Candidates("", store.Place{Customer: "dupont", Machine: name}, time.Time{})
						if err != nil {
							return err
						}
						if len(rs) == 0 {
							if _, err := opened(tx, name); err != nil {
								return err
							}
							continue
						}
						rs[0].Assignee = fmt.Sprint(i, n)
						if err := errors.Join(tx.Append(rs[0], []incident.Entry{{At: time.Unix(1, 0), Kind: "note", What: name, Actor: "adm2"}}), tx.Save(rs[0])); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	lines := int64(0)
	err := a.View(t.Context(), func(tx *store.Tx) error {
		found := 0
		err := tx.EachOpen(func(r *store.Record) error {
			n, _ := store.Head(r)
			found, lines = found+1, lines+n
			return nil
		})
		if found != machines {
			t.Errorf("%d incidents of %d machines", found, machines)
		}
		return err
	})
	if err != nil || lines != 2*2*each {
		t.Errorf("%d lines in the journals of %d updates of two incidents each (%v)", lines, 2*each, err)
	}
	var v *store.Verification
	if err := a.View(t.Context(), func(tx *store.Tx) (err error) { v, err = tx.Verify(); return err }); err != nil || len(v.Faults) > 0 {
		t.Errorf("the journal: %+v (%v)", v, err)
	}
}

// The number of an incident whose opening was undone, and run again or not, is that of
// the next: as with a file, none is missing.
func TestUndoneNumbersComeAgain(t *testing.T) {
	s := open(t, postgres(t))
	number := func(name string, then func(tx *store.Tx) error) (n int) {
		t.Helper()
		err := s.Update(aboutMachine(t.Context(), name), func(tx *store.Tx) error {
			r, err := opened(tx, name)
			if err == nil {
				n = r.Number
			}
			if err == nil && then != nil {
				err = then(tx)
			}
			return err
		})
		if err != nil {
			return 0
		}
		return n
	}
	if n := number("A", nil); n != 1 {
		t.Errorf("the first has number %d", n)
	}
	if n := number("B", func(tx *store.Tx) error { return tx.EachOpen(func(*store.Record) error { return nil }) }); n != 2 {
		t.Errorf("one that was run again has number %d", n)
	}
	number("C", func(*store.Tx) error { return errors.New("a bad decision") })
	if n := number("D", nil); n != 3 {
		t.Errorf("the one after a failure has number %d", n)
	}
}

// A version before this one gives out the number after the highest, in a transaction for
// itself: neither of them stumbles over the other.
func TestNumbersBesideAnOlderVersion(t *testing.T) {
	address := postgres(t)
	s := open(t, address)
	for n := range 6 {
		err := s.Update(aboutMachine(t.Context(), fmt.Sprint("N", n)), func(tx *store.Tx) error {
			for i := range 3 {
				if _, err := opened(tx, fmt.Sprint("N", n, "-", i)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pgtest.Query(address, `INSERT INTO incident SELECT 'i' || (SELECT MAX(number) + 1 FROM incident), (SELECT MAX(number) + 1 FROM incident), 'old' || number, scenario, policy, state, entry, open, blinds,
			customer, machine, platform, host, opened_at, resolved_at, wake_at, wake_with, ask_at, outage, outage_marks, root, chain_length, chain_head, value FROM incident ORDER BY number LIMIT 1`); err != nil {
			t.Fatal(err)
		}
	}
}

// Transactions end in another order than they began in; a pulse tells of each change.
func TestPulseTellsOfEachChange(t *testing.T) {
	address := postgres(t)
	a, b, c := open(t, address), open(t, address), open(t, address)
	pulse := func() int64 {
		p, err := c.Pulse(t.Context(), "loops", "c", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return p.Changed
	}
	// Whoever acts first is waited for.
	if err := a.Update(t.Context(), func(tx *store.Tx) error { _, err := opened(tx, "0"); return err }); err != nil {
		t.Fatal(err)
	}
	before := pulse()
	written, on := make(chan bool), make(chan bool)
	var wg sync.WaitGroup
	wg.Go(func() {
		err := a.Update(aboutMachine(t.Context(), "A"), func(tx *store.Tx) error {
			r, err := opened(tx, "A")
			if err != nil {
				return err
			}
			_, err = tx.Incident(r.ID) // sends what waits
			written <- true
			<-on
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-written
	if err := b.Update(aboutMachine(t.Context(), "B"), func(tx *store.Tx) error { _, err := opened(tx, "B"); return err }); err != nil {
		t.Fatal(err)
	}
	second := pulse()
	close(on)
	wg.Wait()
	if third := pulse(); second == before || third == second || pulse() != third {
		t.Errorf("changes: %d, %d after the later one, %d after the earlier one, then %d", before, second, third, pulse())
	}
}
