#!/usr/bin/env bash
# sql_exporter runs its queries by its own clock and tells at each scrape what it has. A query
# that gives no row any more, or that fails, takes nothing away: the last number goes on being
# told as today's. An emptied table is told with its last rows and sql_exporter_last_scrape_failed
# 0: nothing anywhere says that it is not so. With the database gone that series is 1, the
# numbers stay, up is 1, and neither absent() nor a comparison notices.
#
# One would expect the series to end, as those of an exporter that asks at the scrape. So
# a number that SQL calculates ("seconds since cron ran", "messages in the queue") stands
# still at a good value while nothing is known. Let the query give an instant (when cron ran),
# for the difference to time() grows, let it always give a row (COALESCE, COUNT), and join each rule
# with sql_exporter_last_scrape_failed == 0.
#
# Seen with sql_exporter 0.4.5 and MariaDB 10.11 (Debian 12).
#
# Needs: bash, curl, dpkg-deb, apt-get with Debian 12's sources. Half a minute.
set -euo pipefail

dir=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
apt-get download prometheus-sql-exporter mariadb-server-core mariadb-client-core libmariadb3 liburing2 libsnappy1v5 liblzo2-2 \
  libpmem1 libndctl6 libdaxctl1 libkmod2 libaio1 >/dev/null 2>&1 || { echo "sql_exporter or MariaDB cannot be had from Debian" >&2; exit 2; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu
[[ $(dpkg-deb -f prometheus-sql-exporter_*.deb Version) == 0.4.5-* ]] || { echo "another sql_exporter than 0.4.5" >&2; exit 2; }
dpkg-deb -f prometheus-sql-exporter_*.deb Package Version

daemon=(root/usr/sbin/mariadbd --no-defaults --datadir="$dir/data" --lc-messages-dir="$dir/root/usr/share/mysql" --user="$(id -un)")
sql() { root/usr/bin/mariadb --no-defaults --socket="$dir/socket" -e "$1" 2>>log; }
mkdir data
"${daemon[@]}" --bootstrap <<<'CREATE DATABASE IF NOT EXISTS mysql;' 2>>log
"${daemon[@]}" --skip-grant-tables --skip-networking --socket="$dir/socket" 2>>log & pids+=($!)
for ((i = 0; i < 600; i++)); do sql 'SELECT 1' >/dev/null && break; sleep 0.1; done
sql 'CREATE DATABASE app; CREATE TABLE app.queue (name VARCHAR(9), waiting INT); INSERT INTO app.queue VALUES ("mail", 2), ("sms", 1)'

cat >sql.yml <<YML
jobs:
  - name: app
    interval: 1s
    connections: ['mysql://root:none@unix($dir/socket)/app']
    queries:
      - name: queue
        help: Messages that wait.
        labels: [name]
        values: [waiting]
        query: SELECT name, waiting FROM queue
YML
port=$((20000 + RANDOM % 20000))
root/usr/bin/prometheus-sql-exporter -config.file sql.yml -web.listen-address "127.0.0.1:$port" >>log 2>&1 & pids+=($!)
told() { # the answer's code, the queues as told, whether the query failed
  curl -s -o metrics -w '%{http_code}, queues ' "http://127.0.0.1:$port/metrics" || true
  sed -n 's/^sql_queue.*name="\([a-z]*\)".* \([0-9]*\)$/\1=\2/p; s/^sql_exporter_last_scrape_failed.* /failed /p' metrics | sort -r | tr '\n' ' '
}
for ((i = 0; i < 100; i++)); do [[ $(told) == *mail* ]] && break; sleep 0.2; done
seen="two queues: $(told)"
sql 'DELETE FROM app.queue WHERE name = "sms"'; sleep 4
seen+="
one: $(told)"
sql 'DELETE FROM app.queue'; sleep 4
seen+="
none: $(told)"
kill "${pids[0]}"; wait "${pids[0]}" 2>/dev/null || true; sleep 4
seen+="
no database: $(told)"
echo "$seen"
want=${WANT:-'two queues: 200, queues sms=1 mail=2 failed 0 
one: 200, queues mail=2 failed 0 
none: 200, queues mail=2 failed 0 
no database: 200, queues mail=2 failed 1 '}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" "$want" >&2
  tail -n 20 log >&2
  exit 1
fi
