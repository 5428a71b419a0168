// Package own tells what somebody may see: a customer's own person sees what is his.
package own

import (
	"context"

	"vigie/receiver"
	"vigie/receiver/board"
	"vigie/rules"
	"vigie/rules/act"
)

// Rows are the open incidents that somebody may see.
func Rows(ctx context.Context, e *receiver.Engine, who string) ([]*board.Row, error) {
	rows, err := e.Rows(ctx)
	if err != nil {
		return nil, err
	}
	book := e.Book()
	if book.Role(who) != act.Customer {
		return rows, nil
	}
	var own []*board.Row
	for _, row := range rows {
		if inc := row.Incident(); book.Concerns(&inc, who) {
			own = append(own, row)
		}
	}
	return own, nil
}

// Machine reports whether somebody may see a machine.
func Machine(book *rules.Book, m *rules.Machine, who string) bool {
	return book.Role(who) != act.Customer || book.Directory.Answers(who, m.Customer, m.Name, "")
}
