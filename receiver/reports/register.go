package reports

import (
	"context"
	"sync"
	"time"

	"vigie/receiver/store"
	"vigie/rules"
	"vigie/rules/incident"
	"vigie/rules/report"
)

// Tests are all tests of the register, oldest first. It stands in the journal: what
// is erased of a person there is gone here, too.
func (m *Maker) Tests(ctx context.Context) (out []report.RestoreTest, err error) {
	err = m.Store.View(ctx, func(tx *store.Tx) error {
		lines, err := store.Past{Tx: tx}.System("act", report.TestLine)
		for _, l := range lines {
			if t, bad := report.TestOf(l.Reason, l.Personal, l.Actor, l.At); bad == nil {
				out = append(out, t)
			}
		}
		return err
	})
	return out, err
}

// Record writes a test into the register.
func (m *Maker) Record(ctx context.Context, t report.RestoreTest, now time.Time) error {
	reason, personal := t.Line()
	defer m.recorded.Add(1)
	return m.Store.Update(ctx, func(tx *store.Tx) error {
		return tx.AppendSystem(incident.Entry{At: now, Kind: "act", What: report.TestLine, Actor: t.By, Reason: reason, Personal: personal})
	})
}

// Tested are the machines for which restore tests are asked: by the inventory, or by
// the policy for their class.
func (m *Maker) Tested(at time.Time) (out []report.Tested) {
	book := m.Book()
	for _, x := range m.machines("", at) {
		if every := book.RestoreEvery(x, at); every > 0 || !x.RestoreDue.IsZero() {
			out = append(out, report.Tested{Customer: x.Customer, Machine: x.Name, Class: x.Class, Every: every, Last: x.RestoreTested, Due: x.RestoreDue})
		}
	}
	return out
}

// Due says of each of them by when its next test is due.
func (m *Maker) Due(ctx context.Context, now time.Time) ([]report.TestDue, error) {
	tests, err := m.Tests(ctx)
	return report.TestsDue(m.Tested(now), tests, now, m.Zone(now)), err
}

const (
	// dueWithin bounds what a scrape asks the store.
	dueWithin = 5 * time.Second
	// dueServes is how long an answer serves: the register is read through the whole
	// journal, and scrapes come every few seconds.
	dueServes = time.Minute
)

// DueNow is Due for who has no context of his own, such as a scrape. What is recorded
// here, and a new configuration, show at once; what another receiver records, and the
// passing of a due date, within a minute.
func (m *Maker) DueNow(now func() time.Time, failed func(error)) func() []report.TestDue {
	var mu sync.Mutex
	var known struct {
		due      []report.TestDue
		at       time.Time
		book     *rules.Book
		recorded int64
	}
	return func() []report.TestDue {
		at, book, recorded := now(), m.Book(), m.recorded.Load()
		mu.Lock()
		defer mu.Unlock()
		if age := at.Sub(known.at); known.book == book && known.recorded == recorded && age >= 0 && age < dueServes {
			return known.due
		}
		if len(m.Tested(at)) == 0 {
			return nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), dueWithin)
		defer cancel()
		due, err := m.Due(ctx, at)
		if err != nil {
			failed(err)
			return nil
		}
		known.due, known.at, known.book, known.recorded = due, at, book, recorded
		return due
	}
}
