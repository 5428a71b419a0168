package sending

import (
	"fmt"
	"testing"

	"vigie/receiver/store"
)

func due(channel, address string, from, to int) []store.Transmission {
	var ts []store.Transmission
	for i := from; i < to; i++ {
		ts = append(ts, store.Transmission{Channel: channel, Address: address, Message: fmt.Sprint("m", i)})
	}
	return ts
}

func lengths(runs []Run) string {
	var out []string
	for _, r := range runs {
		out = append(out, fmt.Sprint(r.Address, ":", len(r.Transmissions)))
	}
	return fmt.Sprint(out)
}

func TestOneAddressNeverTakesAllSenders(t *testing.T) {
	w := New(false)
	w.Offer(append(due("", "a", 0, 300), due("", "b", 300, 301)...))
	runs := w.Begin()
	if got := lengths(runs); got != "[a:64 a:64 b:1]" {
		t.Errorf("begun %s", got)
	}
	if w.Waiting() != 172 || w.Running() != 3 || !w.Free() {
		t.Errorf("waiting %d, running %d", w.Waiting(), w.Running())
	}
	if got := lengths(w.Begin()); got != "[]" {
		t.Errorf("begun again %s", got)
	}
	w.Ended(runs[0], false)
	if got := lengths(w.Begin()); got != "[a:64]" {
		t.Errorf("after one had ended %s", got)
	}
}

func TestNothingQueuesBehindATroubledAddress(t *testing.T) {
	w := New(false)
	w.Offer(due("", "a", 0, 200))
	runs := w.Begin()
	w.Ended(runs[0], true)
	next := w.Begin()
	if got := lengths(next); got != "[a:1]" {
		t.Errorf("begun %s", got)
	}
	w.Ended(next[0], false)
	if got := lengths(w.Begin()); got != "[a:64]" {
		t.Errorf("once the address takes mail again %s", got)
	}
	if len(w.slow) != 0 {
		t.Errorf("still held as slow: %v", w.slow)
	}
}

func TestAChannelThatHangsLeavesSendersToMail(t *testing.T) {
	w := New(true)
	var all []store.Transmission
	for i := range 10 {
		all = append(all, due("sms", fmt.Sprint("sms:", i), i, i+1)...)
	}
	w.Offer(append(all, due("", "a", 10, 11)...))
	if got := lengths(w.Begin()); got != "[sms:0:1 sms:1:1 sms:2:1 sms:3:1 sms:4:1 sms:5:1 a:1]" {
		t.Errorf("begun %s", got)
	}
}

// A lease may end, by a clock that jumps, while the transmission is being made.
func TestNothingIsBegunTwice(t *testing.T) {
	w := New(false)
	w.Offer(due("", "a", 0, 3))
	runs := w.Begin()
	w.Offer(due("", "a", 0, 3))
	if again := w.Begin(); len(again) != 0 || w.Waiting() != 0 {
		t.Errorf("begun twice: %s", lengths(again))
	}
	for _, r := range runs {
		w.Ended(r, false)
	}
	w.Offer(due("", "a", 0, 1))
	if got := lengths(w.Begin()); got != "[a:1]" {
		t.Errorf("a new attempt: %s", got)
	}
}
