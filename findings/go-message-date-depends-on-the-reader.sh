#!/usr/bin/env bash
# The Date of one and the same mail, "Sun, 29 Nov 2026 22:00:00 EST", is another instant
# in each zone in which the program that reads it happens to run: five hours too early in
# Paris or on a server in UTC, right in New York. "PST" is eight hours wrong nearly
# everywhere, New York included. No error is returned.
#
# emersion/go-message leaves the header to net/mail, whose ParseDate "parses an RFC 5322
# date". That RFC says what EST, EDT, CST, CDT, MST, MDT, PST and PDT mean (4.3) and that
# readers must understand them. net/mail hands the abbreviation to time.Parse, which knows
# only those of the local zone and makes an offset of zero of all others. Python's email
# package has the RFC's table.
#
# A script that makes its mail with `date '+%a, %d %b %Y %T %Z'` writes such dates. What it
# reports is dated hours too early: a success looks older than it is, and what was sent
# before a failure and what after it cannot be told apart.
#
# Seen with github.com/emersion/go-message v0.18.2 and Go 1.26.
#
# Needs: bash, Go 1.26 with its module proxy. Some seconds.
set -euo pipefail

version=v0.18.2
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

	"github.com/emersion/go-message/mail"
)

func main() {
	for _, date := range []string{"Sun, 29 Nov 2026 22:00:00 -0500", "Sun, 29 Nov 2026 22:00:00 EST", "Sun, 29 Nov 2026 22:00:00 PST"} {
		r, err := mail.CreateReader(strings.NewReader("Date: " + date + "\r\nFrom: backup@appliance.example\r\n\r\nBackup successful\r\n"))
		if err != nil {
			panic(err)
		}
		at, err := r.Header.Date()
		fmt.Printf("%v: %s = %s, error %v\n", time.Local, date[17:], at.UTC().Format("02 15:04Z"), err)
	}
}
GO
(go mod init finding && GOFLAGS=-mod=mod go get "github.com/emersion/go-message@$version" && GOFLAGS=-mod=mod go build -o reader .) >log 2>&1 || { tail -n 5 log >&2; exit 2; }
echo "go-message $version, $(go env GOVERSION)"
export ZONEINFO="" TZ
seen=$(for TZ in Europe/Paris America/New_York; do TZ=$TZ ./reader | sed "s|^Local|$TZ|"; done)
echo "$seen"
want=${WANT:-'Europe/Paris: 22:00:00 -0500 = 30 03:00Z, error <nil>
Europe/Paris: 22:00:00 EST = 29 22:00Z, error <nil>
Europe/Paris: 22:00:00 PST = 29 22:00Z, error <nil>
America/New_York: 22:00:00 -0500 = 30 03:00Z, error <nil>
America/New_York: 22:00:00 EST = 30 03:00Z, error <nil>
America/New_York: 22:00:00 PST = 29 22:00Z, error <nil>'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" >&2
  echo "$want" >&2
  exit 1
fi
