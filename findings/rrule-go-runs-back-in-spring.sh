#!/usr/bin/env bash
# A rule that recurs each half hour runs back in time when clocks go forward, and names
# the same instants twice; one that recurs each hour leaves out a whole hour when they
# go back; and of the two half past twos of that night a daily rule takes the later one,
# where RFC 5545 (3.3.5) has the first.
#
# teambition/rrule-go counts hours and minutes on the face of the clock and makes
# instants of them afterwards. Whoever walks its occurrences until one lies after now,
# or merges sorted windows of maintenance, expects them in order and each once.
#
# Seen with github.com/teambition/rrule-go v1.8.2 and Go 1.26, in Europe/Paris:
# 30 minutes: 03:00 03:30 03:00 03:30 +02:00; an hour: 01:00 +02:00 then 02:00 +01:00.
#
# Needs: bash, Go 1.26 with its module proxy. Some seconds.
set -euo pipefail

version=v1.8.2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > main.go <<'GO'
package main

import (
	"fmt"
	"time"
	_ "time/tzdata"

	"github.com/teambition/rrule-go"
)

func main() {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		panic(err)
	}
	show := func(what string, o rrule.ROption) {
		r, err := rrule.NewRRule(o)
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s:", what)
		for _, t := range r.All() {
			fmt.Print(t.Format(" 15:04-07"))
		}
		fmt.Println()
	}
	spring, autumn := time.Date(2026, 3, 29, 1, 0, 0, 0, paris), time.Date(2026, 10, 25, 0, 0, 0, 0, paris)
	show("half-hourly on 29 March", rrule.ROption{Freq: rrule.MINUTELY, Interval: 30, Dtstart: spring, Count: 7})
	show("hourly on 25 October", rrule.ROption{Freq: rrule.HOURLY, Dtstart: autumn, Count: 4})
	show("daily to 25 October", rrule.ROption{Freq: rrule.DAILY, Dtstart: autumn.Add(-24 * time.Hour).Add(150 * time.Minute), Count: 2})
}
GO
(go mod init finding && GOFLAGS=-mod=mod go get "github.com/teambition/rrule-go@$version") >log 2>&1 || { tail -n 5 log >&2; exit 2; }
echo "rrule-go $version, $(go env GOVERSION)"
seen=$(GOFLAGS=-mod=mod go run .)
echo "$seen"
want=${WANT:-'half-hourly on 29 March: 01:00+01 01:30+01 03:00+02 03:30+02 03:00+02 03:30+02 04:00+02
hourly on 25 October: 00:00+02 01:00+02 02:00+01 03:00+01
daily to 25 October: 02:30+02 02:30+01'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" >&2
  echo "$want" >&2
  exit 1
fi
