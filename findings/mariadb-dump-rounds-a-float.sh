#!/usr/bin/env bash
# mariadb-dump writes a FLOAT with six digits, though it holds more than seven. What is loaded
# from the dump is not what was saved: a counter of 8,388,607 comes back as 8,388,610, and
# 16777.215 as 16777.2. It ends with 0 and "Dump completed", and the load ends with 0.
#
# pg_dump and sqlite3's .dump write as many digits as it takes to get the same number again.
# mariadb-dump reads each row as a client would, as text, for which the server rounds: what
# one sees in a SELECT, too, so that comparing what both databases print shows no difference.
# Calculated with (x + 0e0) or as DOUBLE they differ. DOUBLE and DECIMAL come back as they were.
#
# Columns in which each unit counts should not be FLOAT; where they are, save the server's
# files (mariadb-backup), or compare sums of x + 0e0 after a restore.
#
# Seen with MariaDB 10.11.19 (Debian 12).
#
# Needs: bash, dpkg-deb, apt-get with Debian 12's sources. Half a minute.
set -euo pipefail

dir=$(mktemp -d)
server=
trap '[[ -z $server ]] || { kill "$server"; wait "$server"; } 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
apt-get download mariadb-server-core mariadb-client-core mariadb-client mariadb-common libmariadb3 liburing2 libsnappy1v5 liblzo2-2 \
  libpmem1 libndctl6 libdaxctl1 libkmod2 libaio1 >/dev/null 2>&1 || { echo "MariaDB cannot be had from Debian" >&2; exit 2; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu
run() { local program=$1; shift; "root/usr/bin/$program" --no-defaults --socket="$dir/socket" "$@"; }
daemon=(root/usr/sbin/mariadbd --no-defaults --datadir="$dir/data" --lc-messages-dir="$dir/root/usr/share/mysql" --user="$(id -un)")
[[ $(root/usr/bin/mariadb-dump --version) == *10.11.* ]] || { echo "another MariaDB than 10.11" >&2; exit 2; }
dpkg-deb -f mariadb-server-core_*.deb Package Version

mkdir data
"${daemon[@]}" --bootstrap <<<'CREATE DATABASE IF NOT EXISTS mysql;' 2>log
"${daemon[@]}" --skip-grant-tables --skip-networking --socket="$dir/socket" 2>>log &
server=$!
for ((i = 0; i < 600; i++)); do run mariadb-admin ping >/dev/null 2>&1 && break; sleep 0.1; done

run mariadb -e 'CREATE DATABASE app; CREATE DATABASE restored; CREATE TABLE app.meter (id INT PRIMARY KEY, f FLOAT, d DOUBLE);
  INSERT INTO app.meter VALUES (1, 8388607, 8388607), (2, 16777.215, 16777.215), (3, 0.5, 0.5)'
code=0
run mariadb-dump app >dump.sql || code=$?
loaded=0
run mariadb restored <dump.sql || loaded=$?
rows() { run mariadb -N "$1" -e "SELECT GROUP_CONCAT($2 ORDER BY id SEPARATOR ' ') FROM meter"; }
seen="dump: $code, $(tail -n 1 dump.sql | cut -d' ' -f1-3); load: $loaded
FLOAT, read as text: saved $(rows app f), restored $(rows restored f)
FLOAT, calculated:   saved $(rows app 'ROUND(f + 0e0, 3)'), restored $(rows restored 'ROUND(f + 0e0, 3)')
DOUBLE:              saved $(rows app d), restored $(rows restored d)"
echo "$seen"
want=${WANT:-'dump: 0, -- Dump completed; load: 0
FLOAT, read as text: saved 8388610 16777.2 0.5, restored 8388610 16777.2 0.5
FLOAT, calculated:   saved 8388607.000 16777.215 0.500, restored 8388610.000 16777.199 0.500
DOUBLE:              saved 8388607 16777.215 0.5, restored 8388607 16777.215 0.5'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" "$want" >&2
  cat log >&2
  exit 1
fi
