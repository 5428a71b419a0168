package reports

import (
	"context"
	"time"

	"vigie/receiver/store"
	"vigie/rules"
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
	return m.Store.Update(ctx, func(tx *store.Tx) error {
		return tx.AppendSystem(rules.Entry{At: now, Kind: "act", What: report.TestLine, Actor: t.By, Reason: reason, Personal: personal})
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

// dueWithin bounds what a scrape asks the store.
const dueWithin = 5 * time.Second

// DueNow is Due for who has no context of his own, such as a scrape.
func (m *Maker) DueNow(now func() time.Time, failed func(error)) func() []report.TestDue {
	return func() []report.TestDue {
		if len(m.Tested(now())) == 0 {
			return nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), dueWithin)
		defer cancel()
		due, err := m.Due(ctx, now())
		if err != nil {
			failed(err)
			return nil
		}
		return due
	}
}
