#!/usr/bin/env bash
# `promtool test rules` evaluates a group whose `interval` is 10m each minute, the test
# file's evaluation_interval. So a test passes by which an alert with `for: 1m` fires a
# minute after its condition begins, and by which what the group records is there at any
# moment. Prometheus, which obeys the group's interval, fires after ten to twenty minutes,
# and the recorded series is away for half of the time: it looks back five minutes.
#
# What is tested is then not what runs, most of all for `for` and for rules that read slow
# ones. The documentation lists evaluation_interval without a word about groups. A test
# file of its own for such groups, with their interval as its evaluation_interval, shows
# the truth: the second try below.
#
# Seen with promtool 2.42.0 (Debian 12) and 3.11.3.
#
# Needs: bash, dpkg-deb, apt-get with Debian 12's sources. A few seconds.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
promtool=${PROMTOOL:-$dir/root/usr/bin/promtool} # one that is there already may be named
if [[ -z ${PROMTOOL:-} ]]; then
  apt-get download prometheus=2.42.0+ds-5+deb12u1 >/dev/null 2>&1 || { echo "prometheus 2.42.0 cannot be had from Debian" >&2; exit 2; }
  dpkg-deb -x prometheus_*.deb root
fi
echo "$("$promtool" --version 2>&1 | head -n 1)"
cat > rules.yml <<'YML'
groups:
  - name: slow
    interval: 10m
    rules:
      - {record: recorded:x, expr: x}
      - {alert: Late, expr: x > 0, for: 1m}
YML
test_file() { # evaluation_interval, what is tested
  cat <<YML
rule_files: [rules.yml]
evaluation_interval: $1
tests:
  - interval: 1m
    input_series: [{series: x, values: "0 0 1x30"}]
    $2
YML
}
fires='alert_rule_test: [{eval_time: 3m, alertname: Late, exp_alerts: [{}]}]'
recorded='promql_expr_test: [{expr: "recorded:x", eval_time: 9m, exp_samples: [{labels: "recorded:x", value: 1}]}]'
try() {
  test_file "$@" >test.yml
  if "$promtool" test rules test.yml >>said 2>&1; then echo passes; else echo fails; fi
}
seen="fires a minute later: each minute $(try 1m "$fires"), at the group's interval $(try 10m "$fires"); recorded 9 minutes on: $(try 1m "$recorded"), $(try 10m "$recorded")"
echo "$seen"
want=${WANT:-"fires a minute later: each minute passes, at the group's interval fails; recorded 9 minutes on: passes, fails"}
if [[ $seen != "$want" ]]; then
  cat said >&2
  echo "this is not what was seen before: $want" >&2
  exit 1
fi
