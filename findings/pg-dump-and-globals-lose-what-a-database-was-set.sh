#!/usr/bin/env bash
# pg_dumpall --globals-only for what belongs to the server, and pg_dump for each database: that
# is how one saves a server whose databases are restored one by one. What was set for a
# database as a whole is in neither: ALTER DATABASE ... SET (time zone, search_path), ALTER
# ROLE ... IN DATABASE ... SET, its limit of connections, and who may connect. All of these commands
# end with 0, and so does the load.
#
# Until version 10 pg_dumpall wrote it. Since 11 it belongs to the database, and pg_dump
# writes it with --create alone, which a script leaves out that restores into a database made
# beforehand. So a program that found its tables by search_path does not find them after a
# restore, days begin at another hour, and everybody may connect whose right to had been revoked.
#
# Save with --create (or as -Fc and restore with pg_restore --create). pg_dumpall without
# --globals-only has it all.
#
# Seen with PostgreSQL 15.20 of Debian 12.
#
# Needs: bash, setpriv (when root), dpkg-deb, apt-get with Debian 12's sources. Half a minute.
set -euo pipefail

dir=$(mktemp -d)
trap 'stop; rm -rf "$dir"' EXIT
stop() { [[ ! -e $dir/data/postmaster.pid ]] || kill -QUIT "$(head -n 1 "$dir/data/postmaster.pid")" 2>/dev/null || true; }
cd "$dir"
apt-get download postgresql-15 postgresql-client-15 libpq5 libicu72 libxml2 libldap-2.5-0 >/dev/null 2>&1 || { echo "PostgreSQL 15 cannot be had from Debian" >&2; exit 2; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
bin=$dir/root/usr/lib/postgresql/15/bin
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu
user=()
if ((EUID == 0)); then # PostgreSQL refuses root
  user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
  chown 65534:65534 "$dir"
fi
"${user[@]}" "$bin/initdb" -D data -U postgres -A trust -E UTF8 --no-locale >log 2>&1 || { tail -n 5 log >&2; exit 2; }
"${user[@]}" "$bin/pg_ctl" -D data -w -l server.log -o "-c listen_addresses= -c timezone=UTC -k $dir" start >log 2>&1 || { tail -n 5 log server.log >&2; exit 2; }
sql() { "$bin/psql" -h "$dir" -U postgres -X -q -At -v ON_ERROR_STOP=1 "$@"; }
sql -c 'SELECT version()' | cut -d' ' -f1,2

sql <<'SQL'
CREATE ROLE clerk LOGIN;
CREATE DATABASE app;
ALTER DATABASE app SET timezone TO 'Pacific/Noumea';
ALTER DATABASE app SET search_path TO shop, public;
ALTER DATABASE app CONNECTION LIMIT 5;
ALTER ROLE clerk IN DATABASE app SET statement_timeout TO '5s';
REVOKE CONNECT ON DATABASE app FROM PUBLIC;
\connect app
CREATE SCHEMA shop;
CREATE TABLE shop.orders (at timestamptz);
INSERT INTO shop.orders VALUES ('2026-11-30 20:00+00');
SQL
state() { # what the program of the database meets
  sql -d app -c "SELECT current_setting('TimeZone'), current_setting('search_path')"
  sql -d app -c "SELECT at::date FROM orders" 2>/dev/null || echo "no table orders"
  sql -d app -c "SELECT datconnlimit, has_database_privilege('clerk', 'app', 'CONNECT'), (SELECT count(*) FROM pg_db_role_setting WHERE setdatabase = d.oid) FROM pg_database d WHERE datname = 'app'"
}
seen="server: $(state | tr '\n' ' ')"
status=0
"$bin/pg_dumpall" -h "$dir" -U postgres --globals-only >globals.sql 2>said || status=$?
"$bin/pg_dump" -h "$dir" -U postgres app >app.sql 2>>said || status=$?
"$bin/pg_dump" -h "$dir" -U postgres --create app >create.sql 2>>said || status=$?
seen+="
dumps: status $status, $(wc -c <said) bytes of warnings"
again() { # files: what is there after they were loaded into a server without the database
  sql -c 'DROP DATABASE app'
  [[ $1 != app.sql ]] || sql -c 'CREATE DATABASE app'
  local database=app loaded=0
  [[ $1 == app.sql ]] || database=postgres
  sql -f globals.sql >log 2>&1 || true # the roles are still there
  sql -d $database -f "$1" >log 2>&1 || loaded=$?
  echo "load $loaded: $(state | tr '\n' ' ')"
}
seen+="
globals and pg_dump: $(again app.sql)
globals and pg_dump --create: $(again create.sql)"
echo "$seen"
want=${WANT:-'server: Pacific/Noumea|shop, public 2026-12-01 5|f|2 
dumps: status 0, 0 bytes of warnings
globals and pg_dump: load 0: UTC|"$user", public no table orders -1|t|0 
globals and pg_dump --create: load 0: Pacific/Noumea|shop, public 2026-12-01 5|f|2 '}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" "$want" >&2
  exit 1
fi
