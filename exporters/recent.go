package exporters

import (
	"cmp"
	"slices"
	"time"
)

// keptInstants bounds what is remembered of a job that ends well.
const keptInstants = 8

// recent are the latest instants at which runs of a job ended, oldest first, in unix
// nanoseconds; negative where a run of that instant is no success, for of one instant
// nobody can say whose success it was. So the last success is the same in whatever
// order runs are told, as long as none is older than all of these.
// It is replaced and never changed: whoever shows a job may hold it.
type recent []int64

func (r recent) find(at time.Time) (int, bool) {
	return slices.BinarySearchFunc(r, at.UnixNano(), func(a, b int64) int { return cmp.Compare(max(a, -a), b) })
}

// with adds an instant; where it is known it stays in doubt.
func (r recent) with(at time.Time, good bool) recent {
	n, known := r.find(at)
	switch {
	case !known:
		ns := at.UnixNano()
		if !good {
			ns = -ns
		}
		return slices.Concat(r[:n], recent{ns}, r[n:])
	case !good && r[n] > 0:
		out := slices.Clone(r)
		out[n] = -out[n]
		return out
	}
	return r
}

func (r recent) without(at time.Time) recent {
	n, known := r.find(at)
	if !known {
		return r
	}
	return slices.Concat(r[:n], r[n+1:])
}

// success is the latest instant that is none in doubt; zero if there is none.
func (r recent) success() time.Time {
	for _, at := range slices.Backward(r) {
		if at > 0 {
			return time.Unix(0, at)
		}
	}
	return time.Time{}
}

// oldest is from when on all is known.
func (r recent) oldest() time.Time {
	if len(r) < keptInstants {
		return time.Time{}
	}
	return time.Unix(0, max(r[0], -r[0]))
}
