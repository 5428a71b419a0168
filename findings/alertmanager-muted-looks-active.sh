#!/usr/bin/env bash
# An alert that a mute time interval of its route keeps from being sent is "active" in
# GET /api/v2/alerts, with empty silencedBy, inhibitedBy and mutedBy: by that answer
# somebody is told of it, and nobody is. Only GET /api/v2/alerts/groups says
# "suppressed", with the interval's name in mutedBy.
#
# The field mutedBy stands in the status of both answers, so that one would read it
# where each alert is listed once, as for silences and inhibitions.
#
# Seen with Alertmanager 0.31.1, built from the Go module proxy.
#
# Needs: bash, curl, grep, and Go 1.26. Some minutes for the first build.
set -euo pipefail

version=v0.31.1
dir=$(mktemp -d)
pid=
trap '[[ -z $pid ]] || kill "$pid" 2>/dev/null || true; chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
if [[ -n ${ALERTMANAGER:-} ]]; then # one that is built already, of the same version
  alertmanager=$ALERTMANAGER
else
  mkdir build
  (cd build && go mod init build && go get -tool "github.com/prometheus/alertmanager/cmd/alertmanager@$version" &&
    CGO_ENABLED=0 go build -trimpath -buildvcs=false -o ../alertmanager github.com/prometheus/alertmanager/cmd/alertmanager) >build.log 2>&1 || { tail -n 5 build.log >&2; exit 2; }
  alertmanager=$dir/alertmanager
fi
cat > am.yml <<'YML'
route:
  receiver: r
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
  routes:
    - matchers: [alertname="Muted"]
      mute_time_intervals: [always]
receivers: [{name: r}]
time_intervals:
  - name: always
    time_intervals: [{times: [{start_time: "00:00", end_time: "24:00"}]}]
YML
port=$((20000 + RANDOM % 20000))
"$alertmanager" --config.file=am.yml --storage.path=data --web.listen-address="127.0.0.1:$port" --cluster.listen-address= >log 2>&1 &
pid=$!
for _ in {1..100}; do
  curl -sf "http://127.0.0.1:$port/-/ready" >/dev/null 2>&1 && break
  sleep 0.2
done
curl -sf "http://127.0.0.1:$port/-/ready" >/dev/null || { tail -n 5 log >&2; exit 2; }
echo "Alertmanager $version"
curl -sf -H 'Content-Type: application/json' -d '[{"labels":{"alertname":"Muted"}}]' "http://127.0.0.1:$port/api/v2/alerts"

# The muting is decided when the group is flushed first.
groups=
for _ in {1..50}; do
  groups=$(curl -sf "http://127.0.0.1:$port/api/v2/alerts/groups" | grep -o '"status":{[^}]*}' || true)
  if [[ $groups == *always* ]]; then break; fi
  sleep 0.2
done
alerts=$(curl -sf "http://127.0.0.1:$port/api/v2/alerts" | grep -o '"status":{[^}]*}')
echo "/api/v2/alerts        $alerts"
echo "/api/v2/alerts/groups $groups"
want_alerts=${WANT_ALERTS:-'"mutedBy":[]*"state":"active"'}
want_groups=${WANT_GROUPS:-'"mutedBy":["always"]*"state":"suppressed"'}
contains() { # text, parts with * between them, each taken literally
  local text=$1 part
  while IFS= read -r part; do
    if [[ $text != *"$part"* ]]; then return 1; fi
  done < <(tr '*' '\n' <<<"$2")
}
if ! contains "$alerts" "$want_alerts" || ! contains "$groups" "$want_groups"; then
  echo "this is not what was seen before (active with an empty mutedBy; suppressed by always)" >&2
  exit 1
fi
