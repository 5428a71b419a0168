#!/usr/bin/env bash
# An iCalendar event that recurs on dates which it names one by one (RDATE, no RRULE)
# does not recur for emersion/go-ical: RecurrenceSet is nil and so is its error, which is
# the answer for a single event. With a rule beside them the same dates count.
#
# By RFC 5545 (3.8.5.2) RDATE belongs to the recurrence set with and without a rule, and
# the set that would be returned, rrule-go's, needs none.
#
# Calendars of bridging days or of announced windows list their dates in this way: the
# office counts as open on all but the first of them.
#
# Seen with github.com/emersion/go-ical v0.0.0-20250609112844-439c63cef608 and Go 1.26.
#
# Needs: bash, Go 1.26 with its module proxy. Some seconds.
set -euo pipefail

version=v0.0.0-20250609112844-439c63cef608
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > main.go <<'GO'
package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/emersion/go-ical"
)

func show(what string, lines ...string) {
	text := strings.ReplaceAll("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//a//b//EN\nBEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\nSUMMARY:s\n"+
		strings.Join(lines, "\n")+"\nEND:VEVENT\nEND:VCALENDAR\n", "\n", "\r\n")
	c, err := ical.NewDecoder(strings.NewReader(text)).Decode()
	if err != nil {
		panic(err)
	}
	set, err := c.Events()[0].RecurrenceSet(time.UTC)
	fmt.Printf("%s: %v", what, err)
	if set == nil {
		fmt.Println(" no set")
		return
	}
	for _, at := range set.All() {
		fmt.Print(" ", at.Format("2006-01-02"))
	}
	fmt.Println()
}

func main() {
	show("a rule and a date", "DTSTART:20260803T080000Z", "RRULE:FREQ=WEEKLY;COUNT=2", "RDATE:20260901T080000Z")
	show("dates alone", "DTSTART:20260803T080000Z", "RDATE:20260901T080000Z,20260902T080000Z")
	show("a rule but one date", "DTSTART:20260803T080000Z", "RRULE:FREQ=WEEKLY;COUNT=2", "EXDATE:20260810T080000Z")
}
GO
(go mod init finding && GOFLAGS=-mod=mod go get "github.com/emersion/go-ical@$version") >log 2>&1 || { tail -n 5 log >&2; exit 2; }
echo "go-ical $version, $(go env GOVERSION)"
seen=$(GOFLAGS=-mod=mod go run .)
echo "$seen"
want=${WANT:-'a rule and a date: <nil> 2026-08-03 2026-08-10 2026-09-01
dates alone: <nil> no set
a rule but one date: <nil> 2026-08-03'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" >&2
  echo "$want" >&2
  exit 1
fi
