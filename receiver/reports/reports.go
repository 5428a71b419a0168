// Package reports makes the reports of a month: it reads what the store kept and
// hands it to the pure room that computes them.
package reports

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"vigie/receiver/nights"
	"vigie/receiver/store"
	"vigie/rules"
	"vigie/rules/calendar"
	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/policy"
	"vigie/rules/report"
)

// Maker makes reports.
type Maker struct {
	Store *store.Store
	Book  func() *rules.Book
	// Nights tells how backups went, day by day.
	Nights *nights.Keeper

	recorded atomic.Int64 // how many restore tests were written here
}

// forOneTurn makes reports one after the other, and waits once for a Prometheus that
// does not answer.
func (m *Maker) forOneTurn() *Maker {
	return &Maker{Store: m.Store, Book: m.Book, Nights: m.Nights.ForOneTurn()}
}

// Reader is for whom a report is made: whether he reads the words of an incident.
type Reader func(*incident.Incident) bool

// ReadBy is the reader of that id.
func (m *Maker) ReadBy(id string) Reader {
	book := m.Book()
	return func(inc *incident.Incident) bool { return !book.Confidential(inc) || id != "" && book.MayRead(inc, id) }
}

// gathered is what a report is made from.
type gathered struct {
	cases []report.Case
	from  report.Sources
	// records are the incidents themselves.
	records map[string]*incident.Incident
}

// Zone is the zone in which months begin and end.
func (m *Maker) Zone(now time.Time) *time.Location { return m.Book().InForce(now).Zone }

// Unwatched is since when a receiver has watched, if that is within or after a month; zero
// if it watched all of it.
func (m *Maker) Unwatched(ctx context.Context, month report.Month) (begun time.Time, err error) {
	err = m.Store.View(ctx, func(tx *store.Tx) (err error) {
		begun, err = store.Past{Tx: tx}.Begun()
		return err
	})
	if err != nil || !begun.After(month.From) {
		return time.Time{}, err
	}
	return begun.In(month.From.Location()), nil
}

// Statement is the statement of a month.
func (m *Maker) Statement(ctx context.Context, month report.Month, scope report.Scope, reads Reader) (*report.Statement, error) {
	g, err := m.gather(ctx, month, scope, reads)
	if err != nil {
		return nil, err
	}
	return report.StatementOf(month, scope, g.cases, g.from), nil
}

// Statements are a month's statements of many scopes, in their order; they are read
// at once.
func (m *Maker) Statements(ctx context.Context, month report.Month, scopes []report.Scope, reads Reader) ([]*report.Statement, error) {
	g, err := m.gather(ctx, month, report.Scope{}, reads)
	if err != nil {
		return nil, err
	}
	by := map[string][]report.Case{}
	for _, c := range g.cases {
		by["c/"+c.Customer] = append(by["c/"+c.Customer], c)
		by["p/"+c.Platform] = append(by["p/"+c.Platform], c)
	}
	out := make([]*report.Statement, len(scopes))
	for i, s := range scopes {
		cases := by["c/"+s.Customer]
		if s.Platform != "" {
			cases = by["p/"+s.Platform]
		}
		out[i] = report.StatementOf(month, s, cases, g.from)
	}
	return out, nil
}

func (m *Maker) gather(ctx context.Context, month report.Month, scope report.Scope, reads Reader) (*gathered, error) {
	book := m.Book()
	g := &gathered{records: map[string]*incident.Incident{}, from: report.Sources{InForce: book.InForce(month.To.Add(-time.Second)), Zone: month.From.Location()}}
	span := store.Span{From: month.From, To: month.To}
	switch {
	case scope.Platform != "":
		span.Platforms = []string{scope.Platform}
	case scope.Customer != "":
		span.Customers = []string{scope.Customer}
		for id, p := range book.Directory.Platforms {
			if p.Customer == scope.Customer {
				span.Platforms = append(span.Platforms, id)
			}
		}
	}
	policies := map[string]*policy.Policy{}
	err := m.Store.View(ctx, func(tx *store.Tx) error {
		past := store.Past{Tx: tx}
		err := past.Between(span, func(r *store.Record, lines []incident.Entry) error {
			g.cases = append(g.cases, caseOf(book, r, lines, reads))
			inc := r.Incident
			g.records[r.ID] = &inc
			return nil
		})
		if err != nil {
			return err
		}
		if g.from.Unavailability, err = unavailability(past); err != nil {
			return err
		}
		for _, c := range g.cases {
			if _, known := policies[c.Policy]; known {
				continue
			}
			if policies[c.Policy], err = policyOf(past, book, c.Policy); err != nil {
				return err
			}
		}
		return nil
	})
	g.from.Policy = func(hash string) *policy.Policy { return policies[hash] }
	closed := map[string]*calendar.Calendar{}
	g.from.Calendar = func(p *policy.Policy, name string) *calendar.Calendar {
		key := p.Hash + "/" + name
		if _, known := closed[key]; !known {
			closed[key] = book.Closures(p, name)
		}
		return closed[key]
	}
	return g, err
}

// unavailability is what all months of all platforms came to, as the journal has it.
func unavailability(past store.Past) (out []report.Unavailability, err error) {
	lines, err := past.System("note", report.UnavailabilityLine)
	for _, l := range lines {
		if u, bad := report.ReadUnavailability(l.Reason); bad == nil {
			out = append(out, u)
		}
	}
	return out, err
}

// caseOf is an incident as reports look at it.
func caseOf(book *rules.Book, r *store.Record, lines []incident.Entry, reads Reader) report.Case {
	place := r.Place()
	c := report.Case{ID: r.ID, Number: r.Number, Scenario: r.Scenario, Policy: r.Policy, Severity: r.Severity, Customer: place.Customer, Machine: place.Machine,
		Role: r.Identity[model.LabelBackupRole], Platform: place.Platform, Opened: r.OpenedAt, Lines: lines, Kept: !reads(&r.Incident)}
	if p := book.Directory.Platforms[c.Platform]; p != nil {
		c.Customer = cmp.Or(c.Customer, p.Customer)
	}
	return c
}

// policyOf is the policy of that hash: the one in use, or as it was kept. Nil for
// one that nobody kept, or that cannot be read any more: then what it promised is
// left out.
func policyOf(tx store.Past, book *rules.Book, hash string) (*policy.Policy, error) {
	if p := book.Policy(hash); p != nil {
		return p, nil
	}
	files, err := tx.PolicyText(hash)
	if err != nil || len(files) == 0 {
		return nil, err
	}
	loaded, err := rules.LoadPolicies(files)
	if err != nil {
		return nil, fmt.Errorf("policy %s, which incidents of the month were opened under, cannot be read any more: %w", hash, err)
	}
	for _, p := range loaded {
		if p.Hash == hash {
			return p, nil
		}
	}
	return nil, nil
}
