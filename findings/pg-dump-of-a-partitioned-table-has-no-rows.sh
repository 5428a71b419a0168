#!/usr/bin/env bash
# `pg_dump --table=readings` of a table that is partitioned ends with 0, says that the dump is
# complete, and holds not one row: the table is made again, empty, without its partitions and
# with no word on the standard error. The next to be written into the restored table is refused
# ("no partition of relation").
#
# To SELECT, DELETE, TRUNCATE, VACUUM and psql's \d the table is one thing with all its rows,
# and a dump of the same table before it was partitioned had them. pg_dump takes the name for
# the parent alone, which has none; COPY of it is an error, at least. The manual of version 15
# has no word about it, and its --load-via-partition-root, which sounds like it, changes
# nothing. Only a pattern that fits the partitions' names as well ('readings*') brings them.
#
# So the nightly dump of the one large table goes on being a success on the day on which
# somebody partitions it, and gets small. Version 16 has --table-and-children.
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
"${user[@]}" "$bin/pg_ctl" -D data -w -l server.log -o "-c listen_addresses= -k $dir" start >log 2>&1 || { tail -n 5 log server.log >&2; exit 2; }
sql() { "$bin/psql" -h "$dir" -U postgres -X -q -At -v ON_ERROR_STOP=1 "$@"; }
sql -c 'SELECT version()' | cut -d' ' -f1,2

sql <<'SQL'
CREATE TABLE plain (at date, value int);
INSERT INTO plain VALUES ('2026-11-30', 7);
CREATE TABLE readings (at date, value int) PARTITION BY RANGE (at);
CREATE TABLE readings_2026 PARTITION OF readings FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO readings VALUES ('2026-11-30', 7);
CREATE DATABASE restored;
SQL
seen=
for options in '--table=plain' '--table=readings' '--table=readings --load-via-partition-root' '--table=readings*'; do
  status=0
  # shellcheck disable=SC2086 # several options
  "$bin/pg_dump" -h "$dir" -U postgres $options postgres >dump.sql 2>said || status=$?
  table=readings
  if [[ $options == *plain ]]; then table=plain; fi
  sql -d restored -c 'DROP TABLE IF EXISTS plain, readings' -f dump.sql >log 2>&1 || { cat log >&2; exit 2; }
  line="$options: status $status, $(grep -c '^-- PostgreSQL database dump complete' dump.sql) complete, $(wc -c <said) bytes of warnings; $(sql -c "SELECT count(*) FROM $table") row there, $(sql -d restored -c "SELECT count(*) FROM $table") restored"
  echo "$line"
  seen+="$line
"
done
want=${WANT:-'--table=plain: status 0, 1 complete, 0 bytes of warnings; 1 row there, 1 restored
--table=readings: status 0, 1 complete, 0 bytes of warnings; 1 row there, 0 restored
--table=readings --load-via-partition-root: status 0, 1 complete, 0 bytes of warnings; 1 row there, 0 restored
--table=readings*: status 0, 1 complete, 0 bytes of warnings; 1 row there, 1 restored'}
if [[ ${seen%$'\n'} != "$want" ]]; then
  echo "this is not what was seen before:" >&2
  echo "$want" >&2
  exit 1
fi
