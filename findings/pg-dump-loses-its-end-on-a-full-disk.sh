#!/usr/bin/env bash
# `pg_dump app >app.sql` ends with 0 where the disk becomes full within the last 4 KiB of the
# dump: it looks whether its writes went well, and not at the last one, which is made when it
# ends. The dump is cut off in the middle of a row. A small one is all in that last write, such
# as what `pg_dumpall --globals-only` saves of the roles: on a full disk nothing is left but an
# empty file, exit 0. That one does so with --file as well, and so does pg_dump -Fc --file.
#
# Of a custom archive that was cut off so `pg_restore --list` ends with 0: its list stands in
# front. Plain, tar and directory dumps by --file end with 1, "could not close output file".
#
# Look for "database dump complete" at the end, and restore an archive once, to /dev/null.
#
# Seen with PostgreSQL 15.18 and 15.20 (Debian 12), on a full tmpfs, and with a limit of the size of files,
# which takes its place here: a write fails with EFBIG where that one failed with ENOSPC.
#
# Needs: bash, setpriv (when root), dpkg-deb, apt-get with Debian 12's sources. Ten seconds.
set -euo pipefail

dir=$(mktemp -d)
trap '"${user[@]}" "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$dir"' EXIT
cd "$dir"
chmod 755 "$dir"
apt-get download postgresql-15 postgresql-client-15 libpq5 libicu72 libxml2 libldap-2.5-0 >/dev/null 2>&1 || { echo "PostgreSQL cannot be had from Debian" >&2; exit 2; }
[[ $(echo postgresql-client-15_*.deb) == *_15.* ]] || { echo "another PostgreSQL than 15" >&2; exit 2; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
bin=$dir/root/usr/lib/postgresql/15/bin
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu PGHOST=$dir PGUSER=postgres LC_ALL=C.UTF-8
dpkg-deb -f postgresql-client-15_*.deb Package Version
user=()
if [[ $(id -u) == 0 ]]; then # as whom it does not run
  user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
  chown 65534:65534 "$dir"
fi
"${user[@]}" "$bin/initdb" -D data -U postgres >log 2>&1
"${user[@]}" "$bin/pg_ctl" -D data -o "-k $dir -c listen_addresses=" -l server.log -w start >>log 2>&1
"$bin/psql" -qc "create table t as select g, md5(g::text) from generate_series(1,20000) g" postgres

within() { # the size at which files end, in KiB
  local most=$1
  shift
  (trap '' XFSZ; ulimit -f "$most"; "$@") >>log 2>&1
}
plain() { "$bin/pg_dump" postgres >app.sql; }
globals() { "$bin/pg_dumpall" --globals-only >globals.sql; }
archive() { "$bin/pg_dump" -Fc -Z0 --file=app.dump postgres; }
ends() { # what is done with it
  local code=0
  "$@" || code=$?
  echo "exit $code"
}
plain
archive
all=$(($(stat -c %s app.sql) / 4096 * 4)) # but for the last of its writes
dump=$(($(stat -c %s app.dump) / 4096 * 4))
seen=$(
  echo "plain, room for half of it: $(ends within $((all / 2)) plain)"
  echo "plain, no room for its end: $(ends within $all plain), $(grep -c 'database dump complete' app.sql || true) ends"
  echo "globals, no room: $(ends within 0 globals), $(stat -c %s globals.sql) bytes"
  echo "archive, no room for its end: $(ends within $dump archive)"
  echo "its list: $(ends "$bin/pg_restore" --list app.dump 2>>log | tail -n 1)"
  echo "its restore: $(ends "$bin/pg_restore" --file=/dev/null app.dump 2>>log)"
)
echo "$seen"
want=${WANT:-'plain, room for half of it: exit 1
plain, no room for its end: exit 0, 0 ends
globals, no room: exit 0, 0 bytes
archive, no room for its end: exit 0
its list: exit 0
its restore: exit 1'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before: $want" >&2
  cat log >&2
  exit 1
fi
