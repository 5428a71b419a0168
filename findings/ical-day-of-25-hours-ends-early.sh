#!/usr/bin/env bash
# An event of one day (DURATION:P1D) on the Sunday on which clocks go back ends at 23:00
# on that Sunday, and a week (P1W) over it an hour before midnight; in spring both run an
# hour into the next day. Two Go libraries for iCalendar agree in it.
#
# RFC 5545 (3.3.6) tells two kinds of duration apart: days and weeks are nominal, they end
# on the same face of the clock, PT24H is exact. The libraries make one length of time of
# both. With DTEND in place of DURATION, as most calendars write it, all is right, and so
# it is on 363 days.
#
# A company that is closed all day has an hour of work in the night, in which a deadline
# may end; in spring the first hour of Monday is closed.
#
# Seen with github.com/emersion/go-ical v0.0.0-20250609112844-439c63cef608 and
# github.com/apognu/gocal v0.9.1, Go 1.26.
#
# Needs: bash, Go 1.26 with its module proxy. Some seconds.
set -euo pipefail

goical=v0.0.0-20250609112844-439c63cef608
gocal=v0.9.1
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
	"github.com/emersion/go-ical"
)

func show(lines ...string) {
	text := strings.ReplaceAll("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//a//b//EN\nBEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\nSUMMARY:s\n"+
		strings.Join(lines, "\n")+"\nEND:VEVENT\nEND:VCALENDAR\n", "\n", "\r\n")
	c, err := ical.NewDecoder(strings.NewReader(text)).Decode()
	if err != nil {
		panic(err)
	}
	end, err := c.Events()[0].DateTimeEnd(time.UTC)
	if err != nil {
		panic(err)
	}
	p := gocal.NewParser(strings.NewReader(text))
	from, to := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	p.Start, p.End = &from, &to
	if err := p.Parse(); err != nil {
		panic(err)
	}
	const layout = "02 Jan 15:04"
	fmt.Printf("%s: %s, %s\n", lines[len(lines)-1], end.Format(layout), p.Events[0].End.Format(layout))
}

func main() {
	autumn, spring := "DTSTART;TZID=Europe/Paris:20261025T000000", "DTSTART;TZID=Europe/Paris:20260329T000000"
	show(autumn, "DURATION:P1D")
	show(autumn, "DURATION:P1W")
	show(spring, "DURATION:P1D")
	show(autumn, "DTEND;TZID=Europe/Paris:20261026T000000")
}
GO
(go mod init finding && GOFLAGS=-mod=mod go get "github.com/emersion/go-ical@$goical" "github.com/apognu/gocal@$gocal") >log 2>&1 || { tail -n 5 log >&2; exit 2; }
echo "go-ical $goical, gocal $gocal, $(go env GOVERSION)"
seen=$(GOFLAGS=-mod=mod go run .)
echo "$seen"
want=${WANT:-'DURATION:P1D: 25 Oct 23:00, 25 Oct 23:00
DURATION:P1W: 31 Oct 23:00, 31 Oct 23:00
DURATION:P1D: 30 Mar 01:00, 30 Mar 01:00
DTEND;TZID=Europe/Paris:20261026T000000: 26 Oct 00:00, 26 Oct 00:00'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" >&2
  echo "$want" >&2
  exit 1
fi
