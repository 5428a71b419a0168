#!/usr/bin/env bash
# A table WITH SYSTEM VERSIONING keeps each state that a row ever had: it is used where one
# must be able to show what stood there on a certain day. mariadb-dump saves the rows of now
# alone. It ends with 0 and "Dump completed" without a word. Loaded, the table is still
# versioned, its past is gone, and what is left seems to have begun at the time of the load.
#
# Nothing in the dump shows it: CREATE TABLE says WITH SYSTEM VERSIONING. pg_dump would save
# what its triggers keep, since that is a table; here the past is in the table itself. With
# --dump-history all of it is written and comes back with its times, which is an option that
# one has to know of: neither --all-databases nor --opt sets it. Dumps made before a table was given
# its versioning go on being right, and are not from that day on.
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

run mariadb -e 'CREATE DATABASE app; CREATE TABLE app.price (id INT PRIMARY KEY, eur INT) WITH SYSTEM VERSIONING;
  INSERT INTO app.price VALUES (1, 10); UPDATE app.price SET eur = 20; UPDATE app.price SET eur = 30;
  INSERT INTO app.price VALUES (2, 5); DELETE FROM app.price WHERE id = 2'
states() { run mariadb -N "$1" -e "SELECT GROUP_CONCAT(id, '=', eur ORDER BY row_start SEPARATOR ' ') FROM price FOR SYSTEM_TIME ALL"; }
began() { run mariadb -N "$1" -e "SELECT MIN(row_start) FROM price FOR SYSTEM_TIME ALL"; }
seen="server: $(states app)"
for option in --opt --dump-history; do
  code=0
  run mariadb-dump "$option" app >dump.sql || code=$?
  run mariadb -e 'DROP DATABASE IF EXISTS restored; CREATE DATABASE restored'
  loaded=0
  run mariadb restored <dump.sql || loaded=$?
  times="other times"
  [[ $(began app) != "$(began restored)" ]] || times="the same times"
  seen+="
$option: $code, $(tail -n 1 dump.sql | cut -d' ' -f1-3), $(grep -c 'WITH SYSTEM VERSIONING' dump.sql) versioned; load: $loaded; restored: $(states restored), $times"
done
echo "$seen"
want=${WANT:-'server: 1=10 1=20 1=30 2=5
--opt: 0, -- Dump completed, 1 versioned; load: 0; restored: 1=30, other times
--dump-history: 0, -- Dump completed, 1 versioned; load: 0; restored: 1=10 1=20 1=30 2=5, the same times'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" "$want" >&2
  cat log >&2
  exit 1
fi
