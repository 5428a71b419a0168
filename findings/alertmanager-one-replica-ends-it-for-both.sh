#!/usr/bin/env bash
# Two Prometheus servers that are set up alike, which is what its FAQ advises for high
# availability, send the same alert to one Alertmanager. One of them loses sight of the
# target, and people are told "resolved", then "firing", then "resolved" and so on, with
# one start time, though the other server has been firing without a break.
#
# One would expect of the pair what it is there for: an alert is on as long as one of
# them says so. But Alertmanager keeps one end for each set of labels, that of the latest
# message: the one server repeats for 15 minutes that it ended, the other that it goes
# on. What the group is sent depends on who spoke last before its flush.
#
# A second Prometheus thus does not protect from a false "resolved" but is a source of
# it: whenever one of the two is cut off from a target, or evaluates another window.
#
# Seen with Prometheus 2.42.0 (Debian 12) and 3.11.3 and Alertmanager 0.31.1, built from
# the Go module proxy. The resend delay is a second here instead of a minute, so that the
# turns follow quickly.
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
# The target, as each server sees it, and what Alertmanager tells people.
cat > site.py <<'PY'
import http.server, json, os, sys

class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        cut = self.path == "/a" and os.path.exists("cut")
        self.send_response(503 if cut else 200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        if not cut:
            self.wfile.write(b'backup_failed{machine="SRV-A"} 1\n')

    def do_POST(self):
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open("told", "a") as f:
            for alert in told["alerts"]:
                f.write("%s %s\n" % (alert["status"], alert["startsAt"]))
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
      - {alert: BackupFailed, expr: backup_failed == 1}
YML
for replica in a b; do
  cat > $replica.yml <<YML
global: {scrape_interval: 1s, external_labels: {replica: $replica}}
rule_files: [rules.yml]
scrape_configs:
  - {job_name: backup, metrics_path: /$replica, static_configs: [{targets: ["127.0.0.1:$port"], labels: {instance: exporter}}]}
alerting:
  alert_relabel_configs: [{action: labeldrop, regex: replica}]
  alertmanagers: [{static_configs: [{targets: ["127.0.0.1:$((port + 1))"]}]}]
YML
done
cat > am.yml <<YML
route: {receiver: people, group_by: [machine], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
receivers: [{name: people, webhook_configs: [{url: "http://127.0.0.1:$port/"}]}]
YML
: >told
python3 site.py "$port" >site.log 2>&1 &
pids+=($!)
"$alertmanager" --config.file=am.yml --storage.path=am --web.listen-address="127.0.0.1:$((port + 1))" --cluster.listen-address= >am.log 2>&1 &
pids+=($!)
for replica in a b; do
  "$prometheus" --config.file=$replica.yml --storage.tsdb.path=data-$replica --web.listen-address="127.0.0.1:$((port + 2))" --rules.alert.resend-delay=1s >$replica.log 2>&1 &
  pids+=($!)
  port=$((port + 1))
done
for _ in {1..150}; do
  if grep -q firing told && curl -sf "http://127.0.0.1:$((port + 1))/api/v1/alerts" 2>/dev/null | grep -q '"firing"'; then break; fi
  sleep 0.2
done
grep -q firing told || { echo "nobody was told anything:" >&2; tail -n 3 ./*.log >&2; exit 2; }
sleep 5
before=$(cut -d' ' -f1 told | paste -sd ' ')
touch cut
for _ in {1..150}; do
  if (($(grep -c resolved told || true) >= 2)); then break; fi
  sleep 0.2
done
starts=$(cut -d' ' -f2 told | sort -u | wc -l)
still=$(curl -sf "http://127.0.0.1:$((port + 1))/api/v1/alerts" | grep -o '"state":"[a-z]*"' || true)
seen="before the cut: $before; after it: $(sed -n 2,4p told | cut -d' ' -f1 | paste -sd ' '), $starts start; the other server: $still"
echo "$seen"
want=${WANT:-'before the cut: firing; after it: resolved firing resolved, 1 start; the other server: "state":"firing"'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before: $want" >&2
  exit 1
fi
