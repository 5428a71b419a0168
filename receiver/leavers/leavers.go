// Package leavers names those who are in no inventory any more and still have
// incidents.
package leavers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"vigie/receiver/store"
	"vigie/rules/inventory"
)

// List is who has left, with the first of the incidents that each had.
type List map[string]*had

type had struct {
	first []string // their numbers
	n     int      // how many there were
}

// Add adds an incident of somebody.
func (l List) Add(who string, number int) {
	const most = 10
	if l[who] == nil {
		l[who] = &had{}
	}
	if l[who].n++; l[who].n <= most {
		l[who].first = append(l[who].first, "#"+strconv.Itoa(number))
	}
}

// Lines tell of each of them.
func (l List) Lines() []string {
	var out []string
	for _, who := range slices.Sorted(maps.Keys(l)) {
		numbers := slices.Clone(l[who].first)
		if more := l[who].n - len(numbers); more > 0 {
			numbers = append(numbers, fmt.Sprintf("and %d more", more))
		}
		out = append(out, fmt.Sprintf("%q has incidents and is in no inventory: %s; they are given back, so that somebody else takes them", who, strings.Join(numbers, ", ")))
	}
	return out
}

// Given collects who had incidents that were given back, until that is told.
type Given struct {
	mu   sync.Mutex
	list List
}

// Add notes an incident of somebody who has left.
func (g *Given) Add(who string, number int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.list == nil {
		g.list = List{}
	}
	g.list.Add(who, number)
}

// Drain returns what is to be told, once.
func (g *Given) Drain() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	lines := g.list.Lines()
	g.list = nil
	return lines
}

const (
	// most bounds how many open incidents are looked through, atOnce how many are
	// held together.
	most   = 20_000
	atOnce = 256
)

// Of tells of those whom a directory lacks, from a database that a receiver may be
// using; nothing where there is none yet. That receiver gives their incidents back
// when it takes the directory over, and tells it itself.
func Of(ctx context.Context, database string, o store.Options, dir *inventory.Directory) []string {
	if _, err := os.Stat(database); errors.Is(err, fs.ErrNotExist) && !store.OnServer(database) {
		return nil
	}
	found := List{}
	a, err := o.OpenArchive(ctx, database)
	if err == nil {
		defer a.Close()
		err = a.View(ctx, func(tx *store.Tx) error { return found.look(ctx, tx, dir) })
	}
	if err != nil {
		return []string{"whether somebody who has left still has incidents is not known: " + err.Error()}
	}
	return found.Lines()
}

// look looks through the open incidents.
func (l List) look(ctx context.Context, tx *store.Tx, dir *inventory.Directory) error {
	for after, seen := 0, 0; seen < most; {
		ids, last, err := tx.OpenAfter(after, atOnce)
		if err != nil {
			return err
		}
		for _, id := range ids {
			r, err := tx.Incident(id)
			if err != nil {
				return err
			}
			if r.Assignee != "" && dir.Left(r.Assignee) {
				l.Add(r.Assignee, r.Number)
			}
		}
		if after, seen = last, seen+len(ids); len(ids) < atOnce || ctx.Err() != nil {
			break
		}
	}
	return ctx.Err()
}
