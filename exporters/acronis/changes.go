package acronis

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"vigie/exporters"
)

// changing is a listing that tells what changed. It is read completely now and
// then; in between the changes are laid over what is known, so that the number
// of requests follows the changes and not the fleet. Nothing leaves it but by a
// complete reading, or because the product says that it was deleted.
type changing[T any] struct {
	key  func(*T) string
	gone func(*T) bool // nil if the product does not say
	// same tells whether an item names the same things as the one before; nil
	// where nobody asks.
	same    func(a, b *T) bool
	renamed int // how many were new, or did not

	items   []T
	at      map[string]int
	since   time.Time // the product's clock when the last reading began
	refuses bool      // the service does not understand the question for changes
}

// read gives all items and those that this reading brought. Begun tells after
// the reading when it began by the product's clock.
func (c *changing[T]) read(ctx context.Context, begun func() time.Time, whole bool, list func(context.Context, time.Time) ([]T, error)) (all, fresh []T, complete bool, err error) {
	if c.at != nil && !whole && !c.refuses {
		fresh, err = list(ctx, c.since.Add(-overlap))
		var se *exporters.SourceError
		if errors.As(err, &se) && se.Status == http.StatusBadRequest {
			c.refuses = true
		} else {
			if err != nil {
				return nil, nil, false, err
			}
			c.lay(fresh)
			c.since = begun()
			return c.items, fresh, false, nil
		}
	}
	fresh, err = list(ctx, time.Time{})
	if err != nil {
		return nil, nil, false, err
	}
	c.items, c.at = make([]T, 0, len(fresh)), make(map[string]int, len(fresh))
	c.lay(fresh)
	c.since = begun()
	return c.items, fresh, true, nil
}

// lay puts items over those of the same key.
func (c *changing[T]) lay(items []T) {
	left := false
	for i := range items {
		key := c.key(&items[i])
		n, known := c.at[key]
		if c.same != nil && (!known || !c.same(&c.items[n], &items[i])) {
			c.renamed++
		}
		switch {
		case c.gone != nil && c.gone(&items[i]):
			left = left || known
			if known {
				c.items[n] = items[i]
			}
		case known:
			c.items[n] = items[i]
		default:
			c.at[key] = len(c.items)
			c.items = append(c.items, items[i])
		}
	}
	if !left {
		return
	}
	c.items = slices.DeleteFunc(c.items, func(it T) bool { return c.gone(&it) })
	clear(c.at)
	for i := range c.items {
		c.at[c.key(&c.items[i])] = i
	}
}

// seldom is a listing that does not tell changes and is read less often.
type seldom[T any] struct {
	last     exporters.LastGood[T]
	items    []T
	endpoint exporters.Endpoint
	at       time.Time // of the last good reading
}

// refresh reads the listing if it is due, or if it could not be read last time.
func (s *seldom[T]) refresh(ctx context.Context, now time.Time, due bool, list func(context.Context) ([]T, error)) ([]T, exporters.Endpoint, error) {
	if !due && !s.at.IsZero() && s.endpoint.Err == nil {
		return s.items, s.endpoint, nil
	}
	items, endpoint, err := s.last.Refresh(ctx, list)
	if err != nil {
		return nil, endpoint, err
	}
	s.items, s.endpoint = items, endpoint
	if endpoint.Err == nil {
		s.at = now
	}
	return items, endpoint, nil
}
