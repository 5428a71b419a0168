package ical

import (
	"strconv"
	"strings"

	"github.com/emersion/go-ical"
)

// entry is an event as a file has it.
type entry struct {
	ical.Event
	cancelled bool // by the file that it stands in
	outdated  bool // a newer revision of it stands in the same file
}

// outdate marks what a newer revision of the same event stands beside: a file that was put
// together from several exports or invitations holds both. A higher SEQUENCE is newer, and
// so is a cancellation of the same number. Others of one number stay, since some programs
// give all their events one UID.
func outdate(entries []entry) {
	of := func(e entry, name string) string {
		if p := e.Props.Get(name); p != nil {
			return strings.TrimSpace(p.Value)
		}
		return ""
	}
	number := func(e entry) int {
		n, _ := strconv.Atoi(of(e, ical.PropSequence)) // what is no number is the first
		return n
	}
	cancelled := func(e entry) bool {
		return e.cancelled || strings.EqualFold(of(e, ical.PropStatus), string(ical.EventCancelled))
	}
	newer := func(a, b entry) bool {
		return number(a) > number(b) || number(a) == number(b) && cancelled(a) && !cancelled(b) &&
			of(a, ical.PropDateTimeStart) == of(b, ical.PropDateTimeStart) && of(a, ical.PropDateTimeStamp) >= of(b, ical.PropDateTimeStamp)
	}
	same := map[[2]string][]int{}
	for i, e := range entries {
		if id := uid(e.Event); id != "" {
			k := [2]string{id, of(e, ical.PropRecurrenceID)}
			same[k] = append(same[k], i)
		}
	}
	for _, versions := range same {
		newest := versions[0]
		for _, i := range versions[1:] {
			if newer(entries[i], entries[newest]) {
				newest = i
			}
		}
		for _, i := range versions {
			entries[i].outdated = newer(entries[newest], entries[i])
		}
	}
}
