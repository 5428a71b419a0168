#!/usr/bin/env bash
# On the Sunday on which clocks change, the working day that rickar/cal counts lies an
# hour beside the one that was set: a deadline of one working hour for an on-call
# service of 9 to 18 ends at 11:00 in spring and at 09:00 in autumn instead of 10:00.
# By IsWorkTime of the same calendar the day begins at 9.
#
# SetWorkHours takes durations since midnight, and the library adds them to midnight as
# elapsed time. Where Sundays are working days (services seven days a week) two days a
# year have their deadlines wrong by an hour.
#
# Seen with github.com/rickar/cal/v2 v2.1.13 and Go 1.26, in Europe/Paris.
#
# Needs: bash, Go 1.26 with its module proxy. Some seconds.
set -euo pipefail

version=v2.1.13
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > main.go <<'GO'
package main

import (
	"fmt"
	"time"
	_ "time/tzdata"

	"github.com/rickar/cal/v2"
)

func main() {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		panic(err)
	}
	c := cal.NewBusinessCalendar()
	c.WorkdayFunc = func(time.Time) bool { return true }
	c.SetWorkHours(9*time.Hour, 18*time.Hour)
	for _, day := range []time.Time{time.Date(2026, 3, 22, 0, 0, 0, 0, paris), time.Date(2026, 3, 29, 0, 0, 0, 0, paris), time.Date(2026, 10, 25, 0, 0, 0, 0, paris)} {
		at := func(hour int) time.Time { return time.Date(day.Year(), day.Month(), day.Day(), hour, 0, 0, 0, paris) }
		fmt.Printf("%s: an hour from midnight on ends at %s; from 8:00 to 12:00 %v; 9:30 is work time: %t\n", day.Format("2006-01-02"),
			c.AddWorkHours(day, time.Hour).Format("15:04"), c.WorkHoursInRange(at(8), at(12)), c.IsWorkTime(at(9).Add(30*time.Minute)))
	}
}
GO
(go mod init finding && GOFLAGS=-mod=mod go get "github.com/rickar/cal/v2@$version") >log 2>&1 || { tail -n 5 log >&2; exit 2; }
echo "rickar/cal $version, $(go env GOVERSION)"
seen=$(GOFLAGS=-mod=mod go run .)
echo "$seen"
want=${WANT:-'2026-03-22: an hour from midnight on ends at 10:00; from 8:00 to 12:00 3h0m0s; 9:30 is work time: true
2026-03-29: an hour from midnight on ends at 11:00; from 8:00 to 12:00 2h0m0s; 9:30 is work time: true
2026-10-25: an hour from midnight on ends at 09:00; from 8:00 to 12:00 4h0m0s; 9:30 is work time: true'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" >&2
  echo "$want" >&2
  exit 1
fi
