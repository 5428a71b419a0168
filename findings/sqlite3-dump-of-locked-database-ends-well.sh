#!/usr/bin/env bash
# `sqlite3 DATABASE .dump` of a database that another program holds locked ends with
# exit status 0. What it wrote is no error message but SQL that loads: a transaction
# without a single row, whose last line is ROLLBACK. The words "database is locked"
# stand in it as an SQL comment, on the standard output, and nothing on the standard
# error.
#
# So a cron job such as `sqlite3 app.db .dump | gzip >app.sql.gz` keeps an empty backup
# whenever the application happens to write, and no exit status in the pipe tells it.
# `.backup` of the same locked database ends with 1, which is what one would expect of
# both. What tells a good dump is its last line, COMMIT;.
#
# Seen with sqlite3 3.40.1 (Debian 12).
#
# Needs: bash, dpkg-deb, apt-get with Debian 12's sources. A few seconds.
set -euo pipefail

version=3.40.1-2+deb12u2
dir=$(mktemp -d)
holder=
trap '[[ -z $holder ]] || kill "$holder" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
for package in "sqlite3=$version" "libsqlite3-0=$version"; do
  apt-get download "$package" >/dev/null 2>&1 || { echo "$package cannot be had from Debian" >&2; exit 2; }
done
for deb in *.deb; do dpkg-deb -x "$deb" root; done
LD_LIBRARY_PATH=$(dirname "$(find "$dir/root" -name 'libsqlite3.so.0' | head -n 1)")
export LD_LIBRARY_PATH
sqlite3=$dir/root/usr/bin/sqlite3
echo "sqlite3 $("$sqlite3" --version | cut -d' ' -f1)"
"$sqlite3" app.db "CREATE TABLE t(a); INSERT INTO t VALUES (1),(2),(3);"

# Another program writes: it holds the lock until it is ended.
mkfifo orders
"$sqlite3" app.db <orders >held 2>&1 &
holder=$!
exec 3>orders
echo "BEGIN EXCLUSIVE; SELECT 'held';" >&3
for _ in {1..100}; do
  if grep -q held held 2>/dev/null; then break; fi
  sleep 0.1
done
grep -q held held || { echo "the lock could not be taken" >&2; exit 2; }

dump=0
"$sqlite3" app.db .dump >dump.sql 2>dump.err || dump=$?
backup=0
"$sqlite3" app.db ".backup copy.db" >/dev/null 2>&1 || backup=$?
last=$(tail -n 1 dump.sql)
rows=$(grep -c '^INSERT' dump.sql || true)
echo "while it is locked: .dump ends with $dump, $rows rows, last line: $last, $(wc -c <dump.err) bytes of errors; .backup ends with $backup"
if [[ $dump != "${WANT_DUMP:-0}" || $rows != 0 || $last != ROLLBACK* || -s dump.err || $backup != "${WANT_BACKUP:-1}" ]]; then
  echo "this is not what was seen before (0, no row, ROLLBACK, no error; 1)" >&2
  exit 1
fi
