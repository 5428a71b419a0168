// Package pinned reads the policies that incidents were opened under and the settings
// do not have any more, or not yet.
package pinned

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"vigie/internal/strict"
	"vigie/receiver/store"
	"vigie/rules"
	"vigie/rules/incidents"
)

// With adds to a book the policies that only pinned incidents still need. Beside an error
// it returns what it could read, nil for nothing.
func With(ctx context.Context, s *store.Store, book *rules.Book, now time.Time) (*rules.Book, error) {
	var texts map[string][]strict.File
	err := s.View(ctx, func(tx *store.Tx) (err error) {
		texts, err = tx.PinnedPolicies(now.Add(-incidents.Reopenable))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read pinned policies: %w", err)
	}
	var bad error
	all := slices.Clone(book.Policies())
	for _, hash := range slices.Sorted(maps.Keys(texts)) {
		if book.Policy(hash) != nil {
			continue
		}
		old, err := rules.LoadPolicies(texts[hash])
		if err != nil {
			bad = errors.Join(bad, fmt.Errorf("policy %s, which incidents are pinned to, cannot be read by this version: start the one that brought it: %w", hash, err))
			continue
		}
		for _, p := range old {
			p.Retired = true
			all = append(all, p)
		}
	}
	full, err := rules.NewBook(book.Directory, all...)
	return full, errors.Join(bad, err)
}
