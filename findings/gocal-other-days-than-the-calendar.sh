#!/usr/bin/env bash
# apognu/gocal expands a recurring event of an iCalendar file to other days than the
# calendar shows, without an error:
# - of "the last Friday of each month" after 29 May it makes 3 July and 31 July: none in
#   June; of "the first Monday" 8 June, the second;
# - "each 31st" becomes 3 March and then each 3rd, where RFC 5545 (3.3.10) leaves out the
#   months that are too short;
# - the day that UNTIL names, which the RFC counts in, is missing: of 1 May, yearly until
#   1 May 2028, the third.
#
# The library covers "the most common situations" of RRULE by its own words. Single
# events, weekly ones and those with COUNT come out right, so that a calendar of public
# holidays passes a try. Maintenance on the last Friday, or a company's closing days, fall
# on other dates: an alarm is held back on a day of work, and goes off in the window that
# was announced.
#
# Seen with github.com/apognu/gocal v0.9.1 and Go 1.26.
#
# Needs: bash, Go 1.26 with its module proxy. Some seconds.
set -euo pipefail

version=v0.9.1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > main.go <<'GO'
package main

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata"

	"github.com/apognu/gocal"
)

func show(what string, lines ...string) {
	text := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//a//b//EN\nBEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\nSUMMARY:s\n" +
		strings.Join(lines, "\n") + "\nEND:VEVENT\nEND:VCALENDAR\n"
	p := gocal.NewParser(strings.NewReader(strings.ReplaceAll(text, "\n", "\r\n")))
	from, to := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	p.Start, p.End = &from, &to
	fmt.Printf("%s:", what)
	if err := p.Parse(); err != nil {
		fmt.Print(" ", err)
	}
	for _, e := range p.Events {
		fmt.Print(" ", e.Start.Format("2006-01-02T15-07"))
	}
	fmt.Println()
}

func main() {
	show("last Fridays", "DTSTART;TZID=Europe/Paris:20260529T090000", "DTEND;TZID=Europe/Paris:20260529T100000", "RRULE:FREQ=MONTHLY;BYDAY=-1FR;COUNT=3")
	show("first Mondays", "DTSTART;TZID=Europe/Paris:20260504T090000", "DTEND;TZID=Europe/Paris:20260504T100000", "RRULE:FREQ=MONTHLY;BYDAY=1MO;COUNT=3")
	show("31st", "DTSTART;VALUE=DATE:20260131", "RRULE:FREQ=MONTHLY;COUNT=3")
	show("yearly until 1 May 2028", "DTSTART;VALUE=DATE:20260501", "RRULE:FREQ=YEARLY;UNTIL=20280501")
}
GO
(go mod init finding && GOFLAGS=-mod=mod go get "github.com/apognu/gocal@$version") >log 2>&1 || { tail -n 5 log >&2; exit 2; }
echo "gocal $version, $(go env GOVERSION)"
seen=$(GOFLAGS=-mod=mod go run .)
echo "$seen"
want=${WANT:-'last Fridays: 2026-05-29T09+02 2026-07-03T09+02 2026-07-31T09+02
first Mondays: 2026-05-04T09+02 2026-06-08T09+02 2026-07-06T09+02
31st: 2026-01-31T00+00 2026-03-03T00+00 2026-04-03T00+00
yearly until 1 May 2028: 2026-05-01T00+00 2027-05-01T00+00'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" >&2
  echo "$want" >&2
  exit 1
fi
