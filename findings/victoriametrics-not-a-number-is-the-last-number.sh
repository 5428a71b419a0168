#!/usr/bin/env bash
# An exporter that does not know a value any more may say so: NaN is a value of the text
# format. Prometheus keeps it. The series is there, no comparison with it is true, and
# last_over_time gives NaN: not known. For VictoriaMetrics a NaN is no sample at all. Whatever
# looks back over a window gives the number from before, while the exporter is scraped and says
# that it does not know: what was good is still good for as long as the window reaches.
#
# So one rule says opposite things of one answer of one exporter. What is meant as a memory
# through gaps of the scrape, last_over_time(x[1h]) > 0, is on VictoriaMetrics a memory through
# "I do not know", too. An exporter that means "not known" should have a series of its own to
# say so.
#
# Seen with VictoriaMetrics 1.148.9 and Prometheus 2.42 (Debian 12).
#
# Needs: bash, go, curl, python3, dpkg-deb, apt-get with Debian 12's sources. Ten seconds, and
# some minutes to build VictoriaMetrics.
set -euo pipefail

dir=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
apt-get download prometheus >/dev/null 2>&1 || { echo "Prometheus cannot be had from Debian" >&2; exit 2; }
dpkg-deb -x prometheus_*.deb root
dpkg-deb -f prometheus_*.deb Package Version
GOFLAGS=-mod=mod GOBIN=$dir CGO_ENABLED=0 go install github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics@v1.148.9 >log 2>&1 ||
  { echo "VictoriaMetrics cannot be built" >&2; cat log >&2; exit 2; }
go version -m victoria-metrics | awk '$1 == "mod" {print $2, $3}'

port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
exporter=$(port) prometheus=$(port) victoria=$(port)
mkdir www
tell() { printf '# TYPE last_size gauge\nlast_size{job_id="a"} %s\n' "$1" >www/new && mv www/new www/metrics.txt; }
tell 5000
python3 -m http.server --bind 127.0.0.1 --directory www "$exporter" >>log 2>&1 & pids+=($!)
cat >prometheus.yml <<YML
scrape_configs:
  - job_name: exporter
    scrape_interval: 1s
    metrics_path: /metrics.txt
    static_configs: [{targets: ['127.0.0.1:$exporter']}]
YML
root/usr/bin/prometheus --config.file=prometheus.yml --storage.tsdb.path=p --web.listen-address="127.0.0.1:$prometheus" >>log 2>&1 & pids+=($!)
./victoria-metrics -promscrape.config=prometheus.yml -storageDataPath=v -httpListenAddr="127.0.0.1:$victoria" -search.latencyOffset=0s >>log 2>&1 & pids+=($!)
value() { # port, expression: what it gives, "nothing" for no series
  curl -s "http://127.0.0.1:$1/api/v1/query" --data-urlencode "query=$2" |
    python3 -c 'import json, sys; r = json.load(sys.stdin)["data"]["result"]; print(" ".join(x["value"][1] for x in r) or "nothing")'
}
until_both() { # expression, value: waits until both give it
  for ((i = 0; i < 300; i++)); do
    [[ $(value "$prometheus" "$1" 2>>log) == "$2" && $(value "$victoria" "$1" 2>>log) == "$2" ]] && return
    sleep 0.2
  done
  echo "not both know $1 = $2" >&2; exit 2
}
until_both last_size 5000
tell NaN
for ((i = 0; i < 100; i++)); do [[ $(value "$prometheus" last_size) == NaN ]] && break; sleep 0.2; done
sleep 3 # VictoriaMetrics scrapes at its own second
seen=
for expr in up scrape_samples_scraped 'last_over_time(last_size[5m])' 'last_over_time(last_size[5m]) > 0' 'avg_over_time(last_size[5m])'; do
  seen+="$expr: Prometheus $(value "$prometheus" "$expr"), VictoriaMetrics $(value "$victoria" "$expr")
"
done
printf %s "$seen"
want=${WANT:-'up: Prometheus 1, VictoriaMetrics 1
scrape_samples_scraped: Prometheus 1, VictoriaMetrics 1
last_over_time(last_size[5m]): Prometheus NaN, VictoriaMetrics 5000
last_over_time(last_size[5m]) > 0: Prometheus nothing, VictoriaMetrics 5000
avg_over_time(last_size[5m]): Prometheus NaN, VictoriaMetrics 5000
'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" "$want" >&2
  tail -n 30 log >&2
  exit 1
fi
