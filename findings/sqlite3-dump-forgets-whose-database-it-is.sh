#!/usr/bin/env bash
# A database that is restored from `sqlite3 DATABASE .dump` has user_version 0 and
# application_id 0, whatever they were: the dump has all tables, rows, indexes, views and
# triggers, and neither of the two numbers. .backup and VACUUM INTO keep both.
#
# user_version is where programs keep the version of their schema, since SQLite offers it
# for that; application_id says whose file it is. A program that opens the restored file
# takes it for a new one or for one of its oldest version, and creates its tables again or
# lets all its migrations run over tables that have been through them.
#
# That the numbers are lost is found on the day of the restore: the dump loads without an
# error, and each row is there. Note both and set them after loading, or use .backup.
#
# Seen with sqlite3 3.40.1 (Debian 12).
#
# Needs: bash, dpkg-deb, apt-get with Debian 12's sources. A few seconds.
set -euo pipefail

version=3.40.1-2+deb12u2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
for package in "sqlite3=$version" "libsqlite3-0=$version"; do
  apt-get download "$package" >/dev/null 2>&1 || { echo "$package cannot be had from Debian" >&2; exit 2; }
done
for deb in *.deb; do dpkg-deb -x "$deb" root; done
LD_LIBRARY_PATH=$(dirname "$(find "$dir/root" -name 'libsqlite3.so.0' | head -n 1)")
export LD_LIBRARY_PATH
sqlite3=$dir/root/usr/bin/sqlite3
echo "sqlite3 $("$sqlite3" --version | cut -d' ' -f1)"
"$sqlite3" app.db 'CREATE TABLE t(a); INSERT INTO t VALUES (1),(2),(3); PRAGMA user_version = 7; PRAGMA application_id = 1447642437;'

"$sqlite3" app.db .dump | "$sqlite3" dumped.db
"$sqlite3" app.db '.backup backup.db'
"$sqlite3" app.db "VACUUM INTO 'vacuumed.db'"
seen=
for f in app dumped backup vacuumed; do
  seen+="$f: $("$sqlite3" "$f.db" 'SELECT count(*) FROM t; PRAGMA user_version; PRAGMA application_id;' | tr '\n' ' ')"$'\n'
done
echo -n "$seen"
want=${WANT:-'app: 3 7 1447642437 
dumped: 3 0 0 
backup: 3 7 1447642437 
vacuumed: 3 7 1447642437 
'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" >&2
  echo "$want" >&2
  exit 1
fi
