package incidents

import (
	"cmp"
	"time"
)

// ByDeadline puts the nearest deadline first and what has none last.
func ByDeadline(a, b *Record) int {
	x, y := nearest(a), nearest(b)
	if x.IsZero() != y.IsZero() {
		if x.IsZero() {
			return 1
		}
		return -1
	}
	return cmp.Or(x.Compare(y), a.Number-b.Number)
}

func nearest(r *Record) (at time.Time) {
	for _, c := range r.Targets {
		if !c.Due.IsZero() && c.MetAt.IsZero() && !c.Paused && (at.IsZero() || c.Due.Before(at)) {
			at = c.Due
		}
	}
	return at
}
