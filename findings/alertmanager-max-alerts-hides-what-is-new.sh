#!/usr/bin/env bash
# With max_alerts a webhook is sent the same few alerts of a group again and again, and
# not the one because of which it is sent. In a group that fails at SRV-A, SRV-B and
# SRV-C, with room for two, SRV-C is not in the message that its own failure causes. When
# SRV-A is repaired, the two are SRV-A, resolved, and SRV-B; that there would be room now
# for SRV-C causes no message. All that is ever told of SRV-C is that it is resolved.
#
# One would expect what is new before what is known, firing before resolved, or the rest
# in the next message: what is left out counts as told. Alertmanager sorts by label and
# cuts; the documentation says no more than that what is above the threshold is truncated.
# The number in truncatedAlerts does not tell new from old.
#
# A receiver behind a limit that once was set to keep payloads small hears of the machines
# that come first in the alphabet. It has to ask the API for the others, or max_alerts
# has to be 0.
#
# Seen with Alertmanager 0.31.1, built from the Go module proxy.
#
# Needs: bash, curl, Go 1.26. Some minutes for the first build, then half a minute.
set -euo pipefail

version=v0.31.1
dir=$(mktemp -d)
pid=
hook=
trap 'for p in $pid $hook; do kill "$p" 2>/dev/null || true; done; chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
if [[ -n ${ALERTMANAGER:-} ]]; then # one that is built already, of the same version
  alertmanager=$ALERTMANAGER
else
  mkdir build
  (cd build && go mod init build && go get -tool "github.com/prometheus/alertmanager/cmd/alertmanager@$version" &&
    CGO_ENABLED=0 go build -trimpath -buildvcs=false -o ../alertmanager github.com/prometheus/alertmanager/cmd/alertmanager) >build.log 2>&1 || { tail -n 5 build.log >&2; exit 2; }
  alertmanager=$dir/alertmanager
fi

# The receiver writes a line for each message.
port=$((20000 + RANDOM % 20000))
mkdir hook
cat > hook/main.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
)

func main() {
	panic(http.ListenAndServe(os.Args[1], http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m struct {
			Alerts []struct {
				Status string
				Labels map[string]string
			}
			TruncatedAlerts int
		}
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			panic(err)
		}
		for _, a := range m.Alerts {
			fmt.Print(a.Labels["machine"], " ", a.Status, ", ")
		}
		fmt.Println("left out", m.TruncatedAlerts)
	})))
}
GO
go build -o sink hook/main.go
./sink "127.0.0.1:$((port + 1))" >told &
hook=$!
cat > am.yml <<YML
route: {receiver: hook, group_by: [alertname], group_wait: 1s, group_interval: 2s}
receivers:
  - name: hook
    webhook_configs: [{url: "http://127.0.0.1:$((port + 1))", max_alerts: 2}]
YML
"$alertmanager" --config.file=am.yml --storage.path=data --web.listen-address="127.0.0.1:$port" --cluster.listen-address= >log 2>&1 &
pid=$!
for _ in {1..100}; do
  curl -sf "http://127.0.0.1:$port/-/ready" >/dev/null 2>&1 && break
  sleep 0.2
done
curl -sf "http://127.0.0.1:$port/-/ready" >/dev/null || { tail -n 5 log >&2; exit 2; }
echo "Alertmanager $version"

begun=$(date -u +%FT%TZ)
tell() { # machine, [ended]; then waits for one more message
  local ends='' before
  before=$(wc -l <told)
  if [[ -n ${2:-} ]]; then ends=",\"endsAt\":\"$(date -u +%FT%TZ)\""; fi
  curl -sf -H 'Content-Type: application/json' -d "[{\"labels\":{\"alertname\":\"BackupFailed\",\"machine\":\"$1\"},\"startsAt\":\"$begun\"$ends}]" "http://127.0.0.1:$port/api/v2/alerts"
  for _ in {1..150}; do
    if (($(wc -l <told) > before)); then return; fi
    sleep 0.2
  done
}
tell SRV-A
tell SRV-B
tell SRV-C
tell SRV-A ended
tell SRV-C ended
cat told
want=${WANT:-'SRV-A firing, left out 0
SRV-A firing, SRV-B firing, left out 0
SRV-A firing, SRV-B firing, left out 1
SRV-A resolved, SRV-B firing, left out 1
SRV-B firing, SRV-C resolved, left out 0'}
if [[ $(cat told) != "$want" ]]; then
  echo "this is not what was seen before:" >&2
  echo "$want" >&2
  exit 1
fi
