#!/usr/bin/env bash
# History that is brought back into an empty Prometheus from a backup is there, answers
# queries, outlasts restarts, and is deleted for good as soon as Prometheus writes its
# first block of new samples, some three hours later with live targets.
#
# --storage.tsdb.retention.time (15 days by default) sounds like an age: what is older
# than 15 days goes. It is the distance from the newest block's end. While there are only
# restored blocks, of two years ago say, nothing is older than the newest of them. The
# first block of today makes all of them two years too old at once, those that hold
# newer samples than another that was kept included.
#
# Who restores, looks, and ticks the test of the restore off has looked too early. Set the
# retention to the age of what was restored before the first start.
#
# Seen with Prometheus 2.42.0 (Debian 12) and 3.11.3. Blocks are looked at each minute.
#
# Needs: bash, curl, dpkg-deb, apt-get with Debian 12's sources. Some three minutes.
set -euo pipefail

dir=$(mktemp -d)
pid=
trap '[[ -z $pid ]] || kill "$pid" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
# Ones that are there already may be named in PROMETHEUS and PROMTOOL.
prometheus=${PROMETHEUS:-$dir/root/usr/bin/prometheus}
promtool=${PROMTOOL:-$dir/root/usr/bin/promtool}
if [[ -z ${PROMETHEUS:-} || -z ${PROMTOOL:-} ]]; then
  apt-get download prometheus=2.42.0+ds-5+deb12u1 >/dev/null 2>&1 || { echo "prometheus 2.42.0 cannot be had from Debian" >&2; exit 2; }
  dpkg-deb -x prometheus_*.deb root
fi
echo "$("$prometheus" --version 2>&1 | head -n 1)"

now=$(date +%s)
old=$((now - 400 * 86400))
printf '# TYPE backup_ok gauge\nbackup_ok 1 %d\nbackup_ok 1 %d\n# EOF\n' "$old" "$((old + 60))" >old.om
# What Prometheus makes by itself of the samples of a forenoon.
printf '# TYPE scraped gauge\nscraped 1 %d\nscraped 1 %d\n# EOF\n' "$((now - 7200))" "$((now - 7140))" >today.om
export TMPDIR=$dir
"$promtool" tsdb create-blocks-from openmetrics old.om data >made 2>&1 || { cat made >&2; exit 2; }
echo '{}' >prometheus.yml
port=$((20000 + RANDOM % 20000))
start() {
  "$prometheus" --config.file=prometheus.yml --storage.tsdb.path=data --web.listen-address="127.0.0.1:$port" >>log 2>&1 &
  pid=$!
  for _ in {1..150}; do
    if curl -sf "http://127.0.0.1:$port/-/ready" >/dev/null 2>&1; then return; fi
    sleep 0.2
  done
  tail -n 5 log >&2
  exit 2
}
history() { # of 400 days ago: there or gone
  local answer
  answer=$(curl -sf "http://127.0.0.1:$port/api/v1/query?query=backup_ok&time=$((old + 60))") || { echo "no answer"; return; }
  if [[ $answer == *'"result":[]'* ]]; then echo gone; else echo there; fi
}
start
sleep 75 # the blocks are looked at
first=$(history)
kill "$pid"; wait "$pid" || true
start
restarted=$(history)
"$promtool" tsdb create-blocks-from openmetrics today.om data >made 2>&1 || { cat made >&2; exit 2; }
with_new=there
for _ in {1..40}; do
  sleep 3
  with_new=$(history)
  if [[ $with_new == gone ]]; then break; fi
done
seen="400 days old, retention of 15 days: after a minute $first, after a restart $restarted, with a block of today $with_new"
echo "$seen"
want=${WANT:-'400 days old, retention of 15 days: after a minute there, after a restart there, with a block of today gone'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before: $want" >&2
  exit 1
fi
