#!/usr/bin/env bash
# A time interval of Alertmanager for the last day of each month (days_of_month: ['-1']) with
# `location: Europe/Paris` is the 30th in March, not the 31st; every other month is right,
# and so is March with UTC. All negative days of that month are a day early.
#
# The length of a month is reckoned as its hours divided by 24, without the rest, and the
# month in which clocks go forward has an hour less. A try in any other month shows
# nothing, and the month in which clocks go back has an hour more, which does no harm.
#
# Who mutes, or is told only, on the day of the monthly closing hears nothing on the 30th of
# March and everything on the 31st.
#
# Seen with Alertmanager 0.31.1, by the package that reads its time_intervals; 0.35.0 has the
# 31st.
#
# Needs: bash, Go 1.26 with its module proxy. Half a minute for the first build.
set -euo pipefail

version=${VERSION:-v0.31.1}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > main.go <<'GO'
package main

import (
	"fmt"
	"time"

	"github.com/prometheus/alertmanager/timeinterval"
	"go.yaml.in/yaml/v2"
)

func main() {
	for _, place := range []string{"UTC", "Europe/Paris"} {
		var interval timeinterval.TimeInterval
		if err := yaml.Unmarshal([]byte("days_of_month: ['-1']\nlocation: "+place), &interval); err != nil {
			panic(err)
		}
		zone, err := time.LoadLocation(place)
		if err != nil {
			panic(err)
		}
		fmt.Print(place, ":")
		for noon := time.Date(2026, 1, 1, 12, 0, 0, 0, zone); noon.Year() == 2026; noon = noon.AddDate(0, 0, 1) {
			if interval.ContainsTime(noon.UTC()) {
				fmt.Print(noon.Format(" 2.1."))
			}
		}
		fmt.Println()
	}
}
GO
(go mod init finding && GOFLAGS=-mod=mod go get "github.com/prometheus/alertmanager@$version" go.yaml.in/yaml/v2@v2.4.4) >log 2>&1 || { tail -n 5 log >&2; exit 2; }
echo "Alertmanager $version, $(go env GOVERSION)"
seen=$(GOFLAGS=-mod=mod go run .)
echo "$seen"
want=${WANT:-'UTC: 31.1. 28.2. 31.3. 30.4. 31.5. 30.6. 31.7. 31.8. 30.9. 31.10. 30.11. 31.12.
Europe/Paris: 31.1. 28.2. 30.3. 30.4. 31.5. 30.6. 31.7. 31.8. 30.9. 31.10. 30.11. 31.12.'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" >&2
  echo "$want" >&2
  exit 1
fi
