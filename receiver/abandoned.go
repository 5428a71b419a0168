package receiver

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

	"vigie/receiver/store"
	"vigie/rules"
)

// maxAbandoned bounds how many open incidents are looked through for owners who
// have left.
const maxAbandoned = 20_000

// Abandoned tells of open incidents whose owner is not in an inventory, a line for
// each such person. They are given back at the start, and when that inventory is
// taken over.
func (e *Engine) Abandoned(ctx context.Context, dir *rules.Directory) (lines []string, err error) {
	err = e.store.View(ctx, func(tx *store.Tx) (err error) {
		lines, err = abandoned(ctx, tx, dir)
		return err
	})
	return lines, err
}

// Abandoned is [Engine.Abandoned] for a database that a receiver may be using; none
// where there is none yet.
func (s *Setup) Abandoned(ctx context.Context) []string {
	path := s.Config.Path(s.Config.Database)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	a, err := store.OpenArchive(ctx, path)
	if err != nil {
		return []string{"whether somebody who has left still has incidents is not known: " + err.Error()}
	}
	defer a.Close()
	var lines []string
	err = a.View(ctx, func(tx *store.Tx) (err error) {
		lines, err = abandoned(ctx, tx, s.Book.Directory)
		return err
	})
	if err != nil {
		return []string{"whether somebody who has left still has incidents is not known: " + err.Error()}
	}
	return lines
}

func abandoned(ctx context.Context, tx *store.Tx, dir *rules.Directory) ([]string, error) {
	had := map[string][]string{}
	for after, seen := 0, 0; seen < maxAbandoned; {
		ids, last, err := tx.OpenAfter(after, anewAtOnce)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			r, err := tx.Incident(id)
			if err != nil {
				return nil, err
			}
			if r.Assignee != "" && dir.Left(r.Assignee) {
				had[r.Assignee] = append(had[r.Assignee], "#"+strconv.Itoa(r.Number))
			}
		}
		if after, seen = last, seen+len(ids); len(ids) < anewAtOnce || ctx.Err() != nil {
			break
		}
	}
	var lines []string
	for _, who := range slices.Sorted(maps.Keys(had)) {
		const most = 10
		numbers := had[who]
		if len(numbers) > most {
			numbers = append(slices.Clone(numbers[:most]), fmt.Sprintf("and %d more", len(numbers)-most))
		}
		lines = append(lines, fmt.Sprintf("%q has incidents and is in no inventory: %s; they are given back, so that somebody else takes them", who, strings.Join(numbers, ", ")))
	}
	return lines, ctx.Err()
}
