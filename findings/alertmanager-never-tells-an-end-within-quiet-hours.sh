#!/usr/bin/env bash
# An alert that was told as firing in the evening, and ends at night while a mute time
# interval keeps its route quiet, is never told as resolved: not at night, and not in the
# morning when the interval is over. The same happens to one that ends while another alert
# inhibits it. A ticket or a call that was opened by the first message stays open for good.
#
# mute_time_intervals and inhibit_rules hold notifications back, and one would expect the
# resolved, too, to be held back until they no longer apply; that is what becomes of an
# alert that still fires. But Alertmanager takes a notification that it does not send for one
# that was sent, and forgets the alerts of the group that have ended.
#
# Whoever opens something on "firing" has to ask the API at times what still fires, and must
# not wait for the webhook that ends it.
#
# Seen with Alertmanager 0.31.1 and a webhook with send_resolved, which is its default.
#
# Needs: bash, curl, date, grep, and Go 1.26. Two minutes, and some for the first build.
set -euo pipefail

version=v0.31.1
dir=$(mktemp -d)
pids=()
trap '{ kill "${pids[@]}"; wait; } 2>/dev/null || true; chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
if [[ -n ${ALERTMANAGER:-} ]]; then # one that is built already, of the same version
  alertmanager=$ALERTMANAGER
else
  mkdir build
  (cd build && go mod init build && go get -tool "github.com/prometheus/alertmanager/cmd/alertmanager@$version" &&
    CGO_ENABLED=0 go build -trimpath -buildvcs=false -o ../alertmanager github.com/prometheus/alertmanager/cmd/alertmanager) >build.log 2>&1 || { tail -n 5 build.log >&2; exit 2; }
  alertmanager=$dir/alertmanager
fi
cat > inbox.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
)

// Prints name and status of each alert that comes by webhook.
func main() {
	http.ListenAndServe(os.Args[1], http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m struct {
			Alerts []struct {
				Status string
				Labels map[string]string
			}
		}
		_ = json.NewDecoder(r.Body).Decode(&m)
		for _, a := range m.Alerts {
			fmt.Println(a.Labels["alertname"], a.Status)
		}
	}))
}
GO
go build -o inbox inbox.go
port=$((20000 + RANDOM % 20000))
./inbox "127.0.0.1:$((port + 1))" >told &
pids+=($!)

# The quiet minute begins in ten seconds or more.
quiet=$((($(date +%s) + 10) / 60 * 60 + 60))
clock() { date -u -d "@$1" +%H:%M; }
last=$(clock $((quiet + 60)))
cat > am.yml <<YML
route:
  receiver: r
  group_by: [alertname]
  group_wait: 1s
  group_interval: 2s
  routes:
    - matchers: [alertname="Muted"]
      mute_time_intervals: [night]
receivers: [{name: r, webhook_configs: [{url: "http://127.0.0.1:$((port + 1))/"}]}]
inhibit_rules:
  - source_matchers: [alertname="Site"]
    target_matchers: [alertname="Inhibited"]
time_intervals:
  - name: night
    time_intervals: [{times: [{start_time: "$(clock "$quiet")", end_time: "${last/00:00/24:00}"}]}]
YML
"$alertmanager" --config.file=am.yml --storage.path=data --web.listen-address="127.0.0.1:$port" --cluster.listen-address= >log 2>&1 &
pids+=($!)
for _ in {1..100}; do
  curl -sf "http://127.0.0.1:$port/-/ready" >/dev/null 2>&1 && break
  sleep 0.2
done
curl -sf "http://127.0.0.1:$port/-/ready" >/dev/null || { tail -n 5 log >&2; exit 2; }

# alerts END NAME... says that alerts end at END, in date's words.
alerts() {
  local ends name list=
  ends=$(date -u -d "$1" +%FT%TZ)
  shift
  for name; do list+="${list:+,}{\"labels\":{\"alertname\":\"$name\"},\"endsAt\":\"$ends\"}"; done
  curl -sf -H 'Content-Type: application/json' -d "[$list]" "http://127.0.0.1:$port/api/v2/alerts"
}
at() { local left=$(($1 - $(date +%s))); ((left <= 0)) || sleep "$left"; }

alerts '1 hour' Plain Muted Inhibited
at $((quiet + 2))
alerts '1 hour' Site
at $((quiet + 10))
alerts '1 second ago' Plain Muted Inhibited
at $((quiet + 20))
alerts '1 second ago' Site
at $((quiet + 75))
echo "Alertmanager $version; told until a quarter of a minute after the quiet minute:"
cat told
for name in Plain Muted Inhibited; do grep -q "^$name firing" told || { echo "$name was never told as firing" >&2; exit 2; }; done
ends=$(grep resolved told | sort | paste -sd, )
want=${WANT:-Plain resolved,Site resolved}
if [[ $ends != "$want" ]]; then
  echo "this is not what was seen before: $want" >&2
  exit 1
fi
