#!/usr/bin/env bash
# A commit that waits for its synchronous standby, which is away, is not ended by
# statement_timeout: an INSERT with a timeout of one second is still waiting after five. And
# when somebody cancels it, as one does with what hangs (pg_cancel_backend, Control-C, a
# driver's cancel), it succeeds: INSERT 0 1 and exit status 0, for the client as for others,
# who see the row. The standby has not got it, and will not have it when it takes over.
#
# statement_timeout "aborts any statement that takes more than the specified amount of time",
# and to cancel a statement gives ERROR: canceling statement due to user request: pg_sleep,
# below, does both. The timer is stopped before the commit begins, and the cancel ends the
# wait alone, since by then the row is committed here. What says so is a WARNING, which psql
# shows and drivers hand to nobody unless they are told to.
#
# So "acknowledged, therefore on two servers" holds only for who looks at warnings, and a
# client that must not hang has to have a clock of its own.
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
sql() { timeout 30 "$bin/psql" -h "$dir" -U postgres -X -q -At -v ON_ERROR_STOP=1 "$@"; }
sql -c 'SELECT version()' | cut -d' ' -f1,2

sql -c 'CREATE TABLE accepted (what text)' -c "ALTER SYSTEM SET synchronous_standby_names = 'gone'" -c 'SELECT pg_reload_conf()' >/dev/null
sleep 1
# told STATEMENT runs it with a timeout of a second, and cancels it after five.
told() {
  local status=0 client
  PGAPPNAME=client sql -c "SET statement_timeout = '1s'" -c "$1" >said 2>&1 &
  client=$!
  sleep 5
  sql -c "SELECT 'after 5 s: ' || wait_event FROM pg_stat_activity WHERE application_name = 'client' AND state = 'active'"
  sql -c "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'client'" >cancelled
  wait "$client" || status=$?
  head -n 1 said
  echo "exit status $status"
}
{
  told 'SELECT pg_sleep(20)'
  told "INSERT INTO accepted VALUES ('alert')"
  echo "others see: $(sql -c 'SELECT what FROM accepted')"
} >seen
cat seen
want=${WANT:-'ERROR:  canceling statement due to statement timeout
exit status 1
after 5 s: SyncRep
WARNING:  canceling wait for synchronous replication due to user request
exit status 0
others see: alert'}
if [[ $(cat seen) != "$want" ]]; then
  echo "this is not what was seen before:" >&2
  echo "$want" >&2
  exit 1
fi
