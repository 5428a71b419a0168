#!/usr/bin/env bash
# time.Parse reads "2026-11-29 22:00 GMT+3" without an error as one o'clock in the next
# morning, GMT+3: three hours too late, and on another day. Formatted again by the same
# layout it says 2026-11-30 01:00 GMT+3.
#
# Of abbreviations that it does not know Go promises that they come back as they were,
# the clock unchanged and the offset zero ("EST" below). GMT with a number is the one for
# which it knows the offset; it gives that to the zone, and leaves the instant where the
# clock would be UTC. One would expect 19:00 UTC, or by the promise at least the same clock.
#
# ICU, and so JavaScript's Intl, names zones in this way that have no letters in the
# language of the text (Istanbul, Sao Paulo, in English Paris, too). The end of a night's
# run moves to another day.
#
# Seen with Go 1.26; open in Go's tracker since 2022 (golang/go#56392), not documented.
#
# Needs: bash, Go 1.26. Some seconds.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > main.go <<'GO'
package main

import (
	"fmt"
	"time"
	_ "time/tzdata"
)

func main() {
	const layout = "2006-01-02 15:04 MST"
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		panic(err)
	}
	for _, text := range []string{"2026-11-29 22:00 EST", "2026-11-29 22:00 GMT", "2026-11-29 22:00 GMT+3", "2026-11-29 22:00 GMT-3"} {
		t, err := time.ParseInLocation(layout, text, paris)
		fmt.Printf("%s: again %s, error %v, in UTC %s\n", text, t.Format(layout), err, t.UTC().Format("02 15:04"))
	}
}
GO
go mod init finding >log 2>&1 || { cat log >&2; exit 2; }
echo "$(go env GOVERSION)"
seen=$(go run .)
echo "$seen"
want=${WANT:-'2026-11-29 22:00 EST: again 2026-11-29 22:00 EST, error <nil>, in UTC 29 22:00
2026-11-29 22:00 GMT: again 2026-11-29 22:00 GMT, error <nil>, in UTC 29 22:00
2026-11-29 22:00 GMT+3: again 2026-11-30 01:00 GMT+3, error <nil>, in UTC 29 22:00
2026-11-29 22:00 GMT-3: again 2026-11-29 19:00 GMT-3, error <nil>, in UTC 29 22:00'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" >&2
  echo "$want" >&2
  exit 1
fi
