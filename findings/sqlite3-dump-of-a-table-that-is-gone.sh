#!/usr/bin/env bash
# `sqlite3 app.db ".dump accounts"` ends with 0 when there is no table accounts, and writes a
# script that begins and commits and holds nothing. It loads without an error, and its last
# line is the COMMIT; by which whole dumps are told from broken ones.
#
# pg_dump ends with 1 for a table that is not there, mariadb-dump with 6, and sqlite3 itself
# with 1 where one asks for its rows. But what stands behind .dump is no name. It is a LIKE
# pattern, and one that matches nothing has no fault. So it may also take in more than was
# meant: _ stands for any character, and .dump app_data saves appXdata as well.
#
# A table that an update of the program renames is in no dump from that night on. Look for
# its CREATE TABLE in what was written.
#
# Seen with sqlite3 3.40.1 (Debian 12).
#
# Needs: bash, dpkg-deb, apt-get with Debian 12's sources. A few seconds.
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

sqlite app.db "CREATE TABLE user_accounts(x); CREATE TABLE app_data(x); CREATE TABLE appXdata(x);" 2>/dev/null
try() { # command: the exit code, the tables in what was written, its last line
  local code=0
  sqlite app.db "$1" >out 2>>log || code=$?
  echo "$code, tables: $(sed -n 's/CREATE TABLE \(.*\)(.*/\1/p' out | tr '\n' ' ')last line: $(tail -n 1 out)"
}
seen="dump user_accounts: $(try '.dump user_accounts')
dump accounts: $(try '.dump accounts')
select accounts: $(try 'SELECT * FROM accounts')
dump app_data: $(try '.dump app_data')"
sqlite app.db '.dump accounts' 2>/dev/null | sqlite restored.db 2>/dev/null
seen+="
loaded: $?"
echo "$seen"
want=${WANT:-'dump user_accounts: 0, tables: user_accounts last line: COMMIT;
dump accounts: 0, tables: last line: COMMIT;
select accounts: 1, tables: last line: 
dump app_data: 0, tables: app_data appXdata last line: COMMIT;
loaded: 0'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" "$want" >&2
  cat log >&2
  exit 1
fi
