#!/usr/bin/env bash
# keep_firing_for does not outlast a restart of Prometheus: an alert that shall be kept for
# a quarter of an hour after its condition was seen last is gone when Prometheus is back
# after a second, and Alertmanager tells everybody a few minutes later that it is resolved.
# However long it is kept, and however long it has fired before, makes no difference.
#
# `for` is restored (from ALERTS_FOR_STATE, if it is longer than the grace period), so that
# one would expect the same of its counterpart, whose purpose is that nobody hears "over" by
# mistake. The instant since when an alert is kept is in memory only. An expression that
# looks back itself (last_over_time, max_over_time) reads it from the samples, which stay.
#
# Seen with Prometheus 3.11.3, a condition that ends while it runs, and a restart.
#
# Needs: bash, curl, date, and Go 1.26. Some minutes for the first build.
set -euo pipefail

version=v0.311.3 # of the program 3.11.3
dir=$(mktemp -d)
pid=
trap '[[ -z $pid ]] || { kill "$pid"; wait "$pid"; } 2>/dev/null || true; chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
if [[ -n ${PROMETHEUS:-} ]]; then # one that is built already, of the same version
  prometheus=$PROMETHEUS
else
  mkdir build
  (cd build && go mod init build && go get -tool "github.com/prometheus/prometheus/cmd/prometheus@$version" &&
    CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags remove_all_sd -o ../prometheus github.com/prometheus/prometheus/cmd/prometheus) >build.log 2>&1 || { tail -n 5 build.log >&2; exit 2; }
  prometheus=$dir/prometheus
fi
ends=$(($(date +%s) + 10))
cat > rules.yml <<YML
groups:
  - name: g
    interval: 1s
    rules:
      - {alert: Lasts, expr: vector(1)}
      - {alert: Kept, expr: vector(1) and vector(time()) < $ends, keep_firing_for: 15m}
YML
echo 'rule_files: [rules.yml]' > prometheus.yml
port=$((20000 + RANDOM % 20000))

start() {
  "$prometheus" --config.file=prometheus.yml --storage.tsdb.path=data --web.listen-address="127.0.0.1:$port" >>log 2>&1 &
  pid=$!
}
stop() { kill "$pid"; wait "$pid" || true; pid=; }
answer() { curl -sf "http://127.0.0.1:$port/api/v1/alerts" || true; }
# firing waits until an alert fires, and says which do.
firing() {
  for _ in {1..150}; do
    if [[ $(answer) == *"\"alertname\":\"$1\""* ]]; then
      answer | grep -o '"alertname":"[A-Za-z]*"' | cut -d'"' -f4 | sort | paste -sd' '
      return
    fi
    sleep 0.2
  done
  echo "$1 does not fire:" >&2
  tail -n 5 log >&2
  exit 2
}
start
firing Kept >/dev/null
for _ in {1..150}; do
  if [[ $(answer) == *keepFiringSince* ]]; then break; fi
  sleep 0.2
done
before=$(firing Kept)
stop
start
after=$(firing Lasts)
stop
echo "Prometheus $version; the condition has ended, firing before the restart: $before; after it: $after"
want=${WANT:-Lasts}
if [[ $before != 'Kept Lasts' || $after != "$want" ]]; then
  echo "this is not what was seen before: Kept Lasts, then $want" >&2
  exit 1
fi
