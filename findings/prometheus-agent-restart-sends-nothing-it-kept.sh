#!/usr/bin/env bash
# A Prometheus agent scrapes while the server that it writes to is away, is killed (or only
# restarted) before that is back, and starts again with its write-ahead log whole on disk.
# What it had scraped and not sent is never sent.
#
# One would expect of a write-ahead log, which the agent says it replays at its start, that
# it holds what is to be sent: without a restart it does, and an outage of the server leaves
# no gap. But remote write sends only samples newer than its own start. So an agent that is
# restarted in the middle of an outage, to mend it perhaps, makes a gap of what was kept.
#
# Seen with Prometheus 2.42.0 (Debian 12) as agent and as server; set PROMETHEUS to try
# another: 3.11.3, built from the Go module proxy, does the same.
#
# Needs: bash, curl, python3, dpkg-deb, apt-get with Debian 12's sources. A minute and a half.
set -euo pipefail

dir=$(mktemp -d)
pids=()
trap '((${#pids[@]} == 0)) || kill "${pids[@]}" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
prometheus=${PROMETHEUS:-$dir/root/usr/bin/prometheus}
if [[ -z ${PROMETHEUS:-} ]]; then
  apt-get download prometheus=2.42.0+ds-5+deb12u1 >/dev/null 2>&1 || { echo "prometheus 2.42.0 cannot be had from Debian" >&2; exit 2; }
  dpkg-deb -x prometheus_*.deb root
fi
echo "$("$prometheus" --version 2>&1 | head -n 1)"
as_agent=--agent
"$prometheus" --help 2>&1 | grep -q -- '--\[no-\]agent\|--agent' || as_agent=--enable-feature=agent

port=$((20000 + RANDOM % 20000))
echo 'global: {scrape_interval: 1m}' > server.yml
cat > agent.yml <<YML
global: {scrape_interval: 1s}
remote_write:
  - url: http://127.0.0.1:$port/api/v1/write
    queue_config: {batch_send_deadline: 1s, max_backoff: 1s}
scrape_configs:
  - job_name: self
    static_configs: [{targets: ["127.0.0.1:$((port + 1))"]}]
YML
server() {
  "$prometheus" --config.file=server.yml --storage.tsdb.path=server --web.listen-address=127.0.0.1:"$port" --web.enable-remote-write-receiver > server.log 2>&1 &
  server=$!; pids+=("$server")
}
agent() {
  "$prometheus" "$as_agent" --config.file=agent.yml --storage.agent.path=agent --web.listen-address=127.0.0.1:$((port + 1)) > agent.log 2>&1 &
  agent=$!; pids+=("$agent")
}
stop() { kill "$1" "$2"; wait "$2" 2>/dev/null || true; }
# How many seconds between two instants have a sample.
samples() {
  curl -sS "http://127.0.0.1:$port/api/v1/query" --data-urlencode "query=up[5m]" |
    python3 -c 'import json,sys; print(sum(float(sys.argv[1]) <= t < float(sys.argv[2]) for r in json.load(sys.stdin)["data"]["result"] for t, _ in r["values"]))' "$1" "$2"
}

server; sleep 3; agent; sleep 12
away=$EPOCHREALTIME; stop -TERM "$server"; sleep 15; back=$EPOCHREALTIME; server; sleep 12
whole=$(samples "$away" "$back")
echo "server away for 15 s, agent left alone: $whole samples of that time arrive"
away=$EPOCHREALTIME; stop -TERM "$server"; sleep 15; stop -KILL "$agent"; back=$EPOCHREALTIME; agent; sleep 3; server; sleep 12
kept=$(samples "$away" "$back")
later=$(samples "$back" "$EPOCHREALTIME")
echo "the same, agent killed and started again before the server is back: $kept samples of that time arrive, $later from after its start"
grep -o 'replaying WAL[^"]*\|[Rr]eplaying WAL[^"]*' agent.log | head -n 1

if ((whole >= 10 && kept <= 2 && later >= 5)); then
  echo "so: an agent that is restarted sends nothing of what it had kept"
else
  echo "this has changed: an agent that is restarted sends what it had kept" >&2
  exit 1
fi
