// Package sending decides which of the transmissions that are due are made now,
// and by how many senders, so that one address or channel that is slow holds back
// nobody else; and what their attempts come to.
package sending

import "vigie/receiver/store"

const (
	// senders transmit at the same time, perAddress of them at most to one address.
	senders    = 8
	perAddress = 2
	// perChannel of them at most use one channel when there are several, so that a
	// gateway that hangs holds back no mail.
	perChannel = senders - 2
	// inRun transmissions at most are made by a sender one after the other: what
	// they cost to claim, they cost together.
	inRun = 64
)

// Run is what one sender transmits to one address, in this order.
type Run struct {
	Channel, Address string
	Transmissions    []store.Transmission
}

type key struct{ message, address string }

func keyOf(t store.Transmission) key { return key{t.Message, t.Address} }

// Way is what is on its way. Its methods are for one goroutine.
type Way struct {
	running    int
	to         map[string]int // runs, by address
	by         map[string]int // and by channel, at most perChannel of each
	perChannel int
	// busy keeps one from being begun twice when the clock jumps past its lease.
	busy map[key]bool
	// slow are addresses at which an attempt of the last run failed: nothing queues
	// behind the next.
	slow map[string]bool
	// next are due and not begun. An earlier message never comes up meanwhile, so
	// they need not be looked for anew for each of them.
	next []store.Transmission
}

// New begins with nothing on its way; several tells whether there are channels
// beside mail.
func New(several bool) *Way {
	w := &Way{to: map[string]int{}, by: map[string]int{}, busy: map[key]bool{}, slow: map[string]bool{}, perChannel: senders}
	if several {
		w.perChannel = perChannel
	}
	return w
}

// Offer replaces what waits to be begun.
func (w *Way) Offer(due []store.Transmission) { w.next = due }

// Waiting is how many of those offered are not begun.
func (w *Way) Waiting() int { return len(w.next) }

// Running is how many runs have not ended.
func (w *Way) Running() int { return w.running }

// Free reports whether a sender has nothing to do.
func (w *Way) Free() bool { return w.running < senders }

// Begin takes what may be made now out of what was offered, and counts it as
// begun until [Way.Ended].
func (w *Way) Begin() []Run {
	var runs []*Run
	mine := map[string][]*Run{}
	left := w.next[:0]
	for _, t := range w.next {
		switch r := shortest(mine[t.Address]); {
		case w.busy[keyOf(t)]:
			continue
		case w.Free() && w.to[t.Address] < perAddress && w.by[t.Channel] < w.perChannel:
			r = &Run{Channel: t.Channel, Address: t.Address, Transmissions: []store.Transmission{t}}
			runs, mine[t.Address] = append(runs, r), append(mine[t.Address], r)
			w.running++
			w.to[t.Address]++
			w.by[t.Channel]++
		case r != nil && len(r.Transmissions) < inRun && !w.slow[t.Address]:
			r.Transmissions = append(r.Transmissions, t)
		default:
			left = append(left, t)
			continue
		}
		w.busy[keyOf(t)] = true
	}
	w.next = left
	out := make([]Run, len(runs))
	for i, r := range runs {
		out[i] = *r
	}
	return out
}

func shortest(runs []*Run) *Run {
	var s *Run
	for _, r := range runs {
		if s == nil || len(r.Transmissions) < len(s.Transmissions) {
			s = r
		}
	}
	return s
}

// Ended takes note that a run has ended, and whether one of its attempts failed.
func (w *Way) Ended(r Run, failed bool) {
	w.running--
	w.by[r.Channel]--
	if w.to[r.Address]--; w.to[r.Address] == 0 {
		delete(w.to, r.Address)
	}
	for _, t := range r.Transmissions {
		delete(w.busy, keyOf(t))
	}
	delete(w.slow, r.Address)
	if failed {
		w.slow[r.Address] = true
	}
}
