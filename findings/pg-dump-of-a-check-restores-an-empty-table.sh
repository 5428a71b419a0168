#!/usr/bin/env bash
# A table whose CHECK calls a function that calls another one is dumped by pg_dump with exit
# status 0, all rows included, and is empty after the dump was restored into a new database,
# on the same server. An index by such a function is missing. psql, too, ends with 0, unless
# ON_ERROR_STOP is set.
#
# In the living database the functions find each other by the search_path. The dump begins by
# emptying it, so that what a function names without its schema is not found while rows are
# loaded; COPY fails at the first of them. The documentation warns of checks that look at
# other tables; this one looks at nothing but its own value, and a dump of one's own database
# with the program that was made for it is expected to load.
#
# Only a restore shows it. Write the schema before each name inside functions, or give them
# SET search_path; the last line of the output below is the same table with that.
#
# Seen with PostgreSQL 15.18 of Debian 12.
#
# Needs: bash, setpriv (when root), dpkg-deb, apt-get with Debian 12's sources. Half a minute.
set -euo pipefail

version=15.18-0+deb12u1
dir=$(mktemp -d)
chmod 755 "$dir"
as=()
trap '"${as[@]}" "$bin/pg_ctl" -D "$dir/data" -m immediate -s stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
cd "$dir"
apt-get download "postgresql-15=$version" "postgresql-client-15=$version" libpq5 libldap-2.5-0 libsasl2-2 libxml2 libicu72 >/dev/null 2>&1 ||
  { echo "PostgreSQL $version cannot be had from Debian" >&2; exit 2; }
for f in *.deb; do dpkg-deb -x "$f" root; done
bin=$dir/root/usr/lib/postgresql/15/bin
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu LC_ALL=C PGHOST=$dir/run PGPORT=$((20000 + RANDOM % 20000)) PGUSER=postgres
mkdir data run
if ((EUID == 0)); then # a server refuses to run as root
  chown 65534:65534 data run
  as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
fi
chmod 700 data
"${as[@]}" "$bin/initdb" -D data -U postgres -A trust -L "$dir/root/usr/share/postgresql/15" >log 2>&1 || { tail -n 5 log >&2; exit 2; }
"${as[@]}" "$bin/pg_ctl" -D data -w -s -l run/log -o "-p $PGPORT -c listen_addresses= -c unix_socket_directories=$dir/run" start || { tail -n 5 run/log >&2; exit 2; }
sql() { "$bin/psql" -X -q -t -A "$@"; }
echo "PostgreSQL $(sql -d postgres -c 'SHOW server_version')"

# restored NAME FUNCTION says what becomes of a table whose check calls a function.
restored() {
  sql -d postgres -c "CREATE DATABASE $1" -c "CREATE DATABASE $1_restored"
  sql -d "$1" -v ON_ERROR_STOP=1 <<SQL
CREATE FUNCTION clean(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower(btrim(t))';
CREATE FUNCTION is_clean(t text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT t = $2(t)';
CREATE TABLE customer (name text CHECK (is_clean(name)));
CREATE INDEX customer_clean ON customer (is_clean(name));
INSERT INTO customer VALUES ('dupont'), ('leroy');
SQL
  local dump load
  "$bin/pg_dump" "$1" >"$1.sql" && dump=0 || dump=$?
  sql -d "$1_restored" -f "$1.sql" >"$1.log" 2>&1 && load=0 || load=$?
  echo "$2: pg_dump $dump, psql $load, rows $(sql -d "$1_restored" -c 'SELECT count(*) FROM customer') of $(sql -d "$1" -c 'SELECT count(*) FROM customer')," \
    "indexes $(sql -d "$1_restored" -c "SELECT count(*) FROM pg_indexes WHERE tablename = 'customer'") of 1"
}
seen=$(restored plain clean; restored named public.clean)
echo "$seen"
want=${WANT:-'clean: pg_dump 0, psql 0, rows 0 of 2, indexes 0 of 1
public.clean: pg_dump 0, psql 0, rows 2 of 2, indexes 1 of 1'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" >&2
  echo "$want" >&2
  exit 1
fi
