#!/usr/bin/env bash
# Prometheus whose file of rules is gone reloads with 200, says that its configuration is in
# order (prometheus_config_last_reload_successful is 1), writes no warning, and has no rule
# any more: whatever fired is over, and nothing will ever fire.
#
# promtool calls the same configuration broken: "does not point to an existing file". One
# would expect the server to refuse the reload as it does for a rule that cannot be parsed,
# and to go on with the rules that it has. But for the server each entry of rule_files is a
# pattern, with and without an asterisk, and a pattern that matches nothing is no error.
#
# A volume that is not mounted, a half-finished deployment, a package that took its file away
# end all alerts thus; a start does the same as a reload. The rule that would say so is gone
# with the others. Have an alert that always fires in each file, and something outside that
# misses it, or run promtool before each reload.
#
# Seen with Prometheus 2.42.0 (Debian 12) and 3.11.3; set PROMETHEUS and PROMTOOL to try others.
#
# Needs: bash, curl, grep, dpkg-deb, apt-get with Debian 12's sources. Some seconds.
set -euo pipefail

dir=$(mktemp -d)
pid=
trap '[[ -z $pid ]] || kill "$pid" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
if [[ -z ${PROMETHEUS:-} ]]; then
  apt-get download prometheus=2.42.0+ds-5+deb12u1 >/dev/null 2>&1 || { echo "Prometheus 2.42.0 cannot be had from Debian" >&2; exit 2; }
  dpkg-deb -x prometheus_*.deb root
fi
prometheus=${PROMETHEUS:-$dir/root/usr/bin/prometheus}
promtool=${PROMTOOL:-$dir/root/usr/bin/promtool}
"$prometheus" --version 2>&1 | head -n 1

echo 'rule_files: [rules.yml]' >prometheus.yml
good='groups: [{name: g, interval: 1s, rules: [{alert: BackupFailed, expr: vector(1)}]}]'
echo "$good" >rules.yml
port=$((20000 + RANDOM % 20000))
"$prometheus" --config.file=prometheus.yml --storage.tsdb.path=data --web.listen-address="127.0.0.1:$port" --web.enable-lifecycle >log 2>&1 &
pid=$!
ask() { curl -s "http://127.0.0.1:$port$1" "${@:2}"; }
for _ in {1..100}; do
  if ask /api/v1/alerts | grep -q '"firing"'; then break; fi
  sleep 0.2
done

look() { # the answer to a reload, what Prometheus says of it, how many fire, what promtool says
  local answer success code=0
  answer=$(ask /-/reload -X POST -o said -w '%{http_code}')
  success=$(ask /metrics | sed -n 's/^prometheus_config_last_reload_successful //p')
  "$promtool" check config prometheus.yml >>log 2>&1 || code=$?
  echo "reload $answer, successful $success, firing $(ask /api/v1/alerts | grep -o '"firing"' | wc -l), promtool $code"
}
seen="there: $(look)"
echo 'groups: [{name: g, rules: [{alert: BackupFailed, expr: "vector("}]}]' >rules.yml
seen+="
broken: $(look)"
rm rules.yml
: >log
seen+="
gone: $(look)"
echo "$seen"
want=${WANT:-'there: reload 200, successful 1, firing 1, promtool 0
broken: reload 500, successful 0, firing 1, promtool 1
gone: reload 200, successful 1, firing 0, promtool 1'}
if [[ $seen != "$want" ]] || grep -qE 'level=(warn|error)|level=(WARN|ERROR)' log; then
  echo "this is not what was seen before:" "$want" >&2
  tail -n 20 log >&2
  exit 1
fi
