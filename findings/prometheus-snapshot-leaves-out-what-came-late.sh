#!/usr/bin/env bash
# A snapshot of Prometheus (POST /api/v1/admin/tsdb/snapshot) has none of the samples that came
# out of order within the last hours, though the server itself answers with them. The answer is
# 200 and "success"; nothing is logged, and what is restored from it has a gap there.
#
# "Creates a snapshot of all current data", says the documentation, and skip_head, off by
# default, is the one thing that it lets one leave out. With out_of_order_time_window what
# comes late is kept in memory apart from the rest, and goes to blocks every few hours. The
# snapshot writes the blocks and the ordinary samples in memory; the others it does not look
# at. What was late two hours ago is in it, therefore, and what was late this hour is not.
#
# What comes late is just what was kept while a site was cut off and is sent afterwards: the
# snapshot that one takes after an outage lacks the outage. Take another one some hours later,
# or stop the server and copy its folder, in which they are (wbl).
#
# Seen with Prometheus 2.42.0 (Debian 12); set PROMETHEUS to try another: 3.11.3, built from
# the Go module proxy, does the same.
#
# Needs: bash, curl, python3, dpkg-deb, apt-get with Debian 12's sources. A few seconds.
set -euo pipefail

dir=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait; rm -rf "$dir"' EXIT
cd "$dir"
# One that is there already may be named in PROMETHEUS.
prometheus=${PROMETHEUS:-$dir/root/usr/bin/prometheus}
if [[ -z ${PROMETHEUS:-} ]]; then
  apt-get download prometheus=2.42.0+ds-5+deb12u1 >/dev/null 2>&1 || { echo "prometheus 2.42.0 cannot be had from Debian" >&2; exit 2; }
  dpkg-deb -x prometheus_*.deb root
fi
echo "$("$prometheus" --version 2>&1 | head -n 1)"

read -r port restored_port site_port < <(python3 -c '
import socket
free = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(s.getsockname()[1] for s in free))')
mkdir site
(cd site && exec python3 -m http.server --bind 127.0.0.1 "$site_port") >/dev/null 2>&1 &
pids+=($!)
cat >prometheus.yml <<C
global: {scrape_interval: 1s}
storage: {tsdb: {out_of_order_time_window: 6h}}
scrape_configs:
  - job_name: site
    metrics_path: /metrics.txt
    fallback_scrape_protocol: PrometheusText0.0.4
    static_configs: [{targets: ["127.0.0.1:$site_port"]}]
C
# Of before 3, which takes what it reads for text by itself.
if [[ $("$prometheus" --version 2>&1) == *'version 2'* ]]; then sed -i /fallback/d prometheus.yml; fi
start() { # data, port, configuration
  "$prometheus" --config.file="$3" --storage.tsdb.path="$1" --web.enable-admin-api --web.listen-address="127.0.0.1:$2" >>log 2>&1 &
  pids+=($!)
  for _ in {1..150}; do
    if curl -sf "http://127.0.0.1:$2/-/ready" >/dev/null 2>&1; then return; fi
    sleep 0.2
  done
  tail -n 5 log >&2
  exit 2
}
has() { # port: which of the samples that the site sent
  curl -sf --data-urlencode 'query=backups_ok[1h]' "http://127.0.0.1:$1/api/v1/query" | python3 -c '
import json, sys
print(" ".join(v for s in json.load(sys.stdin)["data"]["result"] for _, v in s["values"]) or "nothing")'
}
sends() { # value, minutes ago: until the server has it
  echo "backups_ok $1 $((($(date +%s) - 60 * $2) * 1000))" >site/new
  mv site/new site/metrics.txt
  for _ in {1..100}; do
    if [[ " $(has "$port") " == *" $1 "* ]]; then return; fi
    sleep 0.2
  done
  echo "the sample did not come in" >&2
  tail -n 5 log >&2
  exit 2
}
start data "$port" prometheus.yml
sends 1 40
sends 3 1
sends 2 20 # what was kept while the site was cut off
server=$(has "$port")
answer=$(curl -sf -X POST "http://127.0.0.1:$port/api/v1/admin/tsdb/snapshot")
echo "$answer"
[[ $answer == *'"status":"success"'* ]]
echo '{}' >none.yml
cp -r data/snapshots/* restored
start restored "$restored_port" none.yml
seen="the server has $server; its snapshot has $(has "$restored_port")"
echo "$seen"
want=${WANT:-'the server has 1 2 3; its snapshot has 1 3'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before: $want" >&2
  exit 1
fi
