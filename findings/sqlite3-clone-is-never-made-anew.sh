#!/usr/bin/env bash
# `sqlite3 DATABASE ".clone COPY"` ends with 0 when COPY is there already, and leaves it as it
# is: the second night, and every night after it, the copy is that of the first, and each run
# is a success. `.backup COPY` writes it anew, and VACUUM INTO ends with 1.
#
# It ends with 0 as well where the folder of COPY is not there, and while another program has
# the database locked. That one leaves a COPY without any table behind, so that all later
# runs, however quiet the database, find it there and let it be.
#
# Each is told, in a line on the standard error and by no exit status, though the shell ends
# with 1 for what it cannot do by .backup, .dump into a file or an SQL statement.
#
# Use .backup, which does the same while others write, or look for any word of .clone but
# "NAME... done".
#
# Seen with sqlite3 3.40.1 (Debian 12).
#
# Needs: bash, cat, dpkg-deb, apt-get with Debian 12's sources. A few seconds.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download sqlite3 libsqlite3-0 libreadline8 >/dev/null 2>&1 || { echo "sqlite3 cannot be had from Debian" >&2; exit 2; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu
sqlite() { root/usr/bin/sqlite3 -init /dev/null "$@"; }
[[ $(sqlite --version 2>/dev/null) == 3.40.1\ * ]] || { echo "another sqlite3 than 3.40.1" >&2; exit 2; }
dpkg-deb -f sqlite3_*.deb Package Version

sqlite app.db "CREATE TABLE accounts(x); INSERT INTO accounts VALUES('first night');" 2>/dev/null
try() { # command, copy: the exit code, and what the copy has
  local code=0
  sqlite app.db "$1" >/dev/null 2>>log || code=$?
  echo "$code, $(if [[ -e $2 ]]; then sqlite "$2" "SELECT group_concat(x) FROM accounts" 2>/dev/null || echo 'no table'; else echo 'no file'; fi)"
}
seen="clone: $(try '.clone copy' copy)
backup: $(try '.backup kept' kept)
vacuum: $(try "VACUUM INTO 'vacuumed'" vacuumed)"
sqlite app.db "UPDATE accounts SET x='second night'" 2>/dev/null
seen+="
clone again: $(try '.clone copy' copy)
backup again: $(try '.backup kept' kept)
vacuum again: $(try "VACUUM INTO 'vacuumed'" vacuumed)
clone, no folder: $(try '.clone nowhere/copy' nowhere/copy)
backup, no folder: $(try '.backup nowhere/copy' nowhere/copy)"

# Another program holds the database until it has read a line.
mkfifo writer
sqlite app.db <writer >locked 2>/dev/null &
exec 3>writer
printf 'BEGIN EXCLUSIVE;\nSELECT 1;\n' >&3
until [[ -s locked ]]; do sleep 0.1; done
seen+="
clone, locked: $(try '.clone new' new)"
exec 3>&-
wait
seen+="
clone, after that: $(try '.clone new' new)"
echo "$seen"
cat log
want=${WANT:-'clone: 0, first night
backup: 0, first night
vacuum: 0, first night
clone again: 0, first night
backup again: 0, second night
vacuum again: 1, first night
clone, no folder: 0, no file
backup, no folder: 1, no file
clone, locked: 0, no table
clone, after that: 0, no table'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" "$want" >&2
  exit 1
fi
