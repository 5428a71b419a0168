#!/usr/bin/env bash
# A restart of Prometheus makes an alert with `for` below ten minutes pending again,
# though it was firing and its expression never stopped being true; one with `for`
# of ten minutes and more goes on firing.
#
# Prometheus keeps ALERTS_FOR_STATE so that `for` outlasts a restart. But
# --rules.alert.for-grace-period is 10m by default, and an alert whose `for` is not
# longer than it is not restored at all: it waits its whole `for` anew, and whoever is
# told meanwhile hears that it ended.
#
# Seen with Prometheus 2.42.0 (Debian 12), a rule with `for: 20s` that had fired, a stop
# of a few seconds: with the default it fires again after its 20 seconds; with
# --rules.alert.for-grace-period=5s after one or two evaluations (of a second each).
#
# Needs: bash, curl, dpkg-deb, apt-get with Debian 12's sources. Some 90 seconds.
set -euo pipefail

version='2.42.0+ds-5+deb12u1'
dir=$(mktemp -d)
pid=
trap '[[ -z $pid ]] || kill "$pid" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
apt-get download "prometheus=$version" >/dev/null 2>&1 || { echo "prometheus $version cannot be had from Debian" >&2; exit 2; }
dpkg-deb -x prometheus_*.deb root
prometheus=$dir/root/usr/bin/prometheus
echo "$("$prometheus" --version 2>&1 | head -n 1)"

cat > rules.yml <<'YML'
groups:
  - name: g
    interval: 1s
    rules:
      - {alert: Short, expr: vector(1), for: 20s}
YML
echo 'rule_files: [rules.yml]' > prometheus.yml
port=$((20000 + RANDOM % 20000))

start() {
  "$prometheus" --config.file=prometheus.yml --storage.tsdb.path=data --web.listen-address="127.0.0.1:$port" "$@" >>log 2>&1 &
  pid=$!
  for _ in {1..100}; do
    curl -sf "http://127.0.0.1:$port/-/ready" >/dev/null 2>&1 && return
    sleep 0.2
  done
  echo "Prometheus does not start:" >&2
  tail -n 5 log >&2
  exit 2
}

stop() { kill "$pid"; wait "$pid" || true; pid=; }

# The state once the group was evaluated: pending or firing.
state() {
  for _ in {1..100}; do
    s=$(curl -sf "http://127.0.0.1:$port/api/v1/alerts" | grep -o '"state":"[a-z]*"' | cut -d'"' -f4 || true)
    if [[ -n $s ]]; then echo "$s"; return; fi
    sleep 0.2
  done
  echo none
}

until_firing() {
  for _ in {1..120}; do
    if [[ $(state) == firing ]]; then return; fi
    sleep 0.5
  done
  echo "the alert never fired" >&2
  exit 2
}

# Seconds from the first state after a start until it fires.
waits() {
  state >/dev/null
  local from=$EPOCHREALTIME
  until_firing
  echo $(((${EPOCHREALTIME/[.,]/} - ${from/[.,]/}) / 1000000))
}

start
until_firing
stop
start
default=$(waits)
stop
start --rules.alert.for-grace-period=5s
short=$(waits)
stop

echo "fired before each stop; fires again after: with the default grace period $default s, with one of 5s $short s"
if ((default < ${WANT_DEFAULT:-15} || short > ${WANT_SHORT:-8})); then
  echo "this is not what was seen before (the whole 20 s, and at most a few)" >&2
  exit 1
fi
