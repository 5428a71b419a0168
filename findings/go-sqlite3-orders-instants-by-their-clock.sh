#!/usr/bin/env bash
# SQLite, filled by mattn/go-sqlite3 with time.Time in a column declared TIMESTAMP, orders
# and compares instants by what the clock on the wall showed, not by when they are. A step
# that is due at 10:00 in Paris is not due at 08:30 UTC, half an hour later. In one zone
# alone it goes wrong once a year: in the night in which clocks go back 02:10, the later one,
# comes before 02:30, and what was due at 02:30 is not due three quarters of an hour after.
#
# The driver gives a time.Time back for one that it was given, the same instant, so that one
# would expect a comparison to be one of instants, as with PostgreSQL's timestamptz. It
# stores text that begins with the local clock and ends with the offset; SQLite compares the
# text. No error is returned, and tests with times in UTC all pass.
#
# Keep instants as whole numbers, or write each in UTC.
#
# Seen with github.com/mattn/go-sqlite3 v1.14.53 and Go 1.26.
#
# Needs: bash, Go 1.26 with its module proxy, a C compiler. Half a minute for the first build.
set -euo pipefail

version=v1.14.53
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > main.go <<'GO'
package main

import (
	"database/sql"
	"fmt"
	"log"
	"time"

	_ "github.com/mattn/go-sqlite3"
)

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// keep stores two steps, the earlier one first, and says in which order they come and
// how many are due at an instant.
func keep(what string, earlier, later, now time.Time) {
	db, err := sql.Open("sqlite3", ":memory:")
	must(err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	_, err = db.Exec("CREATE TABLE step (name TEXT, due TIMESTAMP)")
	must(err)
	_, err = db.Exec("INSERT INTO step VALUES ('earlier', ?), ('later', ?)", earlier, later)
	must(err)
	rows, err := db.Query("SELECT name, due FROM step ORDER BY due")
	must(err)
	fmt.Print(what, ":")
	for rows.Next() {
		var name string
		var due time.Time
		must(rows.Scan(&name, &due))
		fmt.Print(" ", name, " ", due.UTC().Format("15:04Z"))
	}
	must(rows.Close())
	var n int
	must(db.QueryRow("SELECT COUNT(*) FROM step WHERE due <= ?", now).Scan(&n))
	fmt.Printf("; due at %s: %d\n", now.UTC().Format("15:04Z"), n)
}

func main() {
	paris, err := time.LoadLocation("Europe/Paris")
	must(err)
	eight := time.Date(2026, 7, 1, 8, 0, 0, 0, time.UTC)
	keep("all in UTC", eight, eight.Add(time.Hour), eight.Add(30*time.Minute))
	keep("the first in Paris", eight.In(paris), eight.Add(time.Hour), eight.Add(30*time.Minute))
	half := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC) // 02:30 in Paris, for the first time
	keep("all in Paris, clocks go back", half.In(paris), half.Add(40*time.Minute).In(paris), half.Add(45*time.Minute).In(paris))
}
GO
(go mod init finding && GOFLAGS=-mod=mod go get "github.com/mattn/go-sqlite3@$version") >log 2>&1 || { tail -n 5 log >&2; exit 2; }
echo "go-sqlite3 $version, $(go env GOVERSION)"
seen=$(GOFLAGS=-mod=mod go run .)
echo "$seen"
want=${WANT:-'all in UTC: earlier 08:00Z later 09:00Z; due at 08:30Z: 1
the first in Paris: later 09:00Z earlier 08:00Z; due at 08:30Z: 0
all in Paris, clocks go back: later 01:10Z earlier 00:30Z; due at 01:15Z: 1'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" >&2
  echo "$want" >&2
  exit 1
fi
