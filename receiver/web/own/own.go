// Package own tells what somebody may see: a customer's own person sees what is his.
package own

import (
	"context"
	"slices"

	"vigie/receiver"
	"vigie/receiver/board"
	"vigie/receiver/store"
	"vigie/rules"
	"vigie/rules/act"
	"vigie/rules/inventory"
	"vigie/rules/model"
)

// Rows are the open incidents that somebody may see.
func Rows(ctx context.Context, e *receiver.Engine, who string) ([]*board.Row, error) {
	rows, err := e.Rows(ctx)
	if err != nil {
		return nil, err
	}
	return concerning(rows, e.Book(), who), nil
}

// mostEnded bounds how many of those that ended are looked through, the newest first;
// older ones stand in the reports of their months.
const mostEnded = 1000

// Ended are the incidents that somebody may see and that are over, the last first.
func Ended(ctx context.Context, e *receiver.Engine, who string) ([]*board.Row, error) {
	var all []receiver.Summary
	for _, state := range []model.State{model.Resolved, model.Closed} {
		some, _, err := Incidents(ctx, e, who, store.Filter{State: string(state), Ended: true, Limit: mostEnded}, "")
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	slices.SortStableFunc(all, func(a, b receiver.Summary) int { return b.ResolvedAt.Compare(a.ResolvedAt) })
	rows := make([]*board.Row, len(all))
	for n := range all {
		rows[n] = board.RowOf(&all[n].Incident)
	}
	return concerning(rows, e.Book(), who), nil
}

// Incidents are the part of the incidents that f asks for and somebody may see, in a role
// if one is named; more tells that others follow. What he may not see does not count:
// not even that there is something.
func Incidents(ctx context.Context, e *receiver.Engine, who string, f store.Filter, role string) (part []receiver.Summary, more bool, err error) {
	book, limit, skip := e.Book(), f.Limit, f.Skip
	outside := book.Role(who) == act.Customer
	if f.Limit++; outside || role != "" { // then the database cannot count
		f.Limit, f.Skip = atOnce, 0
	} else {
		skip = 0
	}
	if outside { // the database leaves out what cannot be his: of all that ever ended he has little
		f.Customers = []string{""} // a host's, say
		for id := range book.Directory.Customers {
			if book.Directory.Belongs(who, id) {
				f.Customers = append(f.Customers, id)
			}
		}
	}
	part = []receiver.Summary{}
	for {
		found, err := e.Incidents(ctx, f)
		if err != nil {
			return nil, false, err
		}
		for _, inc := range found {
			switch {
			case outside && !book.Concerns(&inc.Incident, who), role != "" && inc.Identity[model.LabelBackupRole] != role:
			case skip > 0:
				skip--
			case len(part) == limit:
				return part, true, nil
			default:
				part = append(part, inc)
			}
		}
		if len(found) < f.Limit {
			return part, false, nil
		}
		f.Skip += len(found)
	}
}

// atOnce is how many incidents are looked through at a time.
const atOnce = 1000

func concerning(rows []*board.Row, book *rules.Book, who string) []*board.Row {
	if book.Role(who) != act.Customer {
		return rows
	}
	var own []*board.Row
	for _, row := range rows {
		if inc := row.Incident(); book.Concerns(&inc, who) {
			own = append(own, row.Outside(func(platform string) bool { return book.Directory.Answers(who, "", "", platform) }))
		}
	}
	return own
}

// Machine reports whether somebody may see a machine.
func Machine(book *rules.Book, m *inventory.Machine, who string) bool {
	return book.Role(who) != act.Customer || book.Directory.Answers(who, m.Customer, m.Name, "")
}

// Machines reports whether somebody may see any.
func Machines(book *rules.Book, who string) bool {
	return slices.ContainsFunc(book.Directory.Machines, func(m *inventory.Machine) bool { return Machine(book, m, who) })
}
