#!/usr/bin/env bash
# When the expression of an alerting rule begins to fail, Prometheus goes on showing its
# alerts as firing, at /api/v1/alerts and on its pages, for as long as it runs;
# Alertmanager tells everybody a few minutes later that they are resolved.
#
# A failed evaluation leaves the alerts in memory as they were and sends nothing. To
# Alertmanager silence is the end: each alert was sent with an end four times the resend
# delay (or the rule's interval) later, four minutes with the default. One of the two
# would be expected everywhere: firing, since nothing says that it is over, or nowhere.
#
# What makes a rule fail can have to do with somebody else only. Here a join by machine
# fails for all of them once a second line about SRV-B appears (a customer that is
# renamed), and SRV-A, whose backup still fails, is reported as repaired. The only signs
# are prometheus_rule_evaluation_failures_total and the rule's health. The documentation
# of `limit` says that a rule over it loses its alerts; of failing ones it says nothing.
#
# Seen with Prometheus 2.42.0 (Debian 12) and 3.11.3 and Alertmanager 0.31.1, built from
# the Go module proxy. The resend delay is a second here instead of a minute.
#
# Needs: bash, curl, python3, dpkg-deb, apt-get with Debian 12's sources, Go 1.26. Some
# minutes for the first build, then half a minute.
set -euo pipefail

dir=$(mktemp -d)
pids=()
trap '((${#pids[@]} == 0)) || kill "${pids[@]}" 2>/dev/null || true; chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
# Ones that are there already may be named in PROMETHEUS and ALERTMANAGER.
prometheus=${PROMETHEUS:-$dir/root/usr/bin/prometheus}
if [[ -z ${PROMETHEUS:-} ]]; then
  apt-get download prometheus=2.42.0+ds-5+deb12u1 >/dev/null 2>&1 || { echo "prometheus 2.42.0 cannot be had from Debian" >&2; exit 2; }
  dpkg-deb -x prometheus_*.deb root
fi
alertmanager=${ALERTMANAGER:-$dir/alertmanager}
if [[ -z ${ALERTMANAGER:-} ]]; then
  mkdir build
  (cd build && go mod init build && go get -tool github.com/prometheus/alertmanager/cmd/alertmanager@v0.31.1 &&
    CGO_ENABLED=0 go build -trimpath -buildvcs=false -o ../alertmanager github.com/prometheus/alertmanager/cmd/alertmanager) >build.log 2>&1 || { tail -n 5 build.log >&2; exit 2; }
fi
echo "$("$prometheus" --version 2>&1 | head -n 1); Alertmanager v0.31.1"

port=$((20000 + RANDOM % 20000))
# What is scraped, and what Alertmanager tells people.
cat > site.py <<'PY'
import http.server, json, sys

class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open("metrics", "rb") as f:
            text = f.read()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self):
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open("told", "a") as f:
            for alert in told["alerts"]:
                f.write("%s %s\n" % (alert["labels"]["machine"], alert["status"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Site).serve_forever()
PY
cat > rules.yml <<'YML'
groups:
  - name: g
    interval: 1s
    rules:
      - alert: BackupFailed
        expr: backup_failed * on (machine) group_left (customer) machine_info
YML
cat > prometheus.yml <<YML
global: {scrape_interval: 1s}
rule_files: [rules.yml]
scrape_configs: [{job_name: backup, static_configs: [{targets: ["127.0.0.1:$port"]}]}]
alerting: {alertmanagers: [{static_configs: [{targets: ["127.0.0.1:$((port + 1))"]}]}]}
YML
cat > am.yml <<YML
route: {receiver: people, group_by: [machine], group_wait: 0s, group_interval: 1s}
receivers: [{name: people, webhook_configs: [{url: "http://127.0.0.1:$port/"}]}]
YML
cat > metrics <<'TXT'
backup_failed{machine="SRV-A"} 1
machine_info{machine="SRV-A",customer="Durand"} 1
machine_info{machine="SRV-B",customer="Martin"} 1
TXT
: >told
python3 site.py "$port" >site.log 2>&1 &
pids+=($!)
"$alertmanager" --config.file=am.yml --storage.path=am --web.listen-address="127.0.0.1:$((port + 1))" --cluster.listen-address= >am.log 2>&1 &
pids+=($!)
"$prometheus" --config.file=prometheus.yml --storage.tsdb.path=data --web.listen-address="127.0.0.1:$((port + 2))" --rules.alert.resend-delay=1s >prometheus.log 2>&1 &
pids+=($!)
await() { # a line of what was told
  for _ in {1..150}; do
    if grep -q "$1" told; then return; fi
    sleep 0.2
  done
  echo "nobody was told '$1':" >&2
  tail -n 3 prometheus.log am.log site.log >&2
  exit 2
}
await "SRV-A firing"
cp metrics next
echo 'backup_failed{machine="SRV-B"} 0
machine_info{machine="SRV-B",customer="Martin & fils"} 1' >>next
mv next metrics
await "SRV-A resolved"
alerts=$(curl -sf "http://127.0.0.1:$((port + 2))/api/v1/alerts" | grep -o '"state":"[a-z]*"' || true)
health=$(curl -sf "http://127.0.0.1:$((port + 2))/api/v1/rules" | grep -o '"health":"[a-z]*"' || true)
held=$(curl -sf "http://127.0.0.1:$((port + 1))/api/v2/alerts")
seen="told: $(tr '\n' ',' <told) Prometheus: $alerts $health, Alertmanager: $held"
echo "$seen"
want=${WANT:-'told: SRV-A firing,SRV-A resolved, Prometheus: "state":"firing" "health":"err", Alertmanager: []'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before: $want" >&2
  exit 1
fi
