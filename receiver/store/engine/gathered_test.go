package engine

import (
	"database/sql"
	"fmt"
	"slices"
	"testing"
)

// noted is a connection that notes what it is told.
type noted struct{ said []string }

func (n *noted) Exec(text string, args ...any) (sql.Result, error) {
	n.said = append(n.said, fmt.Sprint(text, args))
	return nil, nil
}

func (n *noted) Query(text string, args ...any) (*sql.Rows, error) {
	_, err := n.Exec(text, args...)
	return nil, err
}

func (n *noted) Stamp() string { return "" }

// Rows of several incidents go together, before what may depend on them, and beside what
// does not; of an upsert the last row of a key counts, for a server refuses two.
func TestRowsAreGathered(t *testing.T) {
	n := &noted{}
	g := &Gathered{Querier: n}
	line := func(chain string, number int) {
		t.Helper()
		if err := Later(g, 2, []any{chain, number}, "line ", "", false); err != nil {
			t.Fatal(err)
		}
		if err := Later(g, 2, []any{chain, number}, "head ", " anew", true); err != nil {
			t.Fatal(err)
		}
	}
	line("i1", 1)
	_, _ = Beside(g).Exec("incident i1")
	line("i2", 1)
	_, _ = Beside(g).Exec("incident i2")
	line("i1", 2)
	_, _ = g.Query("lines?")
	line("i1", 3)
	_, _ = g.Exec("forget heads")
	line("i2", 2)
	if err := g.Settle(); err != nil {
		t.Fatal(err)
	}
	_ = Later(Beside(g), 2, []any{"i3", 1}, "line ", "", false)
	want := []string{
		"incident i1[]", "incident i2[]",
		"line (?, ?), (?, ?), (?, ?)[i1 1 i2 1 i1 2]", "head (?, ?), (?, ?) anew[i1 2 i2 1]", "lines?[]",
		"line (?, ?)[i1 3]", "head (?, ?) anew[i1 3]", "forget heads[]",
		"line (?, ?)[i2 2]", "head (?, ?) anew[i2 2]",
		"line (?, ?)[i3 1]",
	}
	if !slices.Equal(n.said, want) {
		t.Errorf("said\n%q\nwant\n%q", n.said, want)
	}
}
