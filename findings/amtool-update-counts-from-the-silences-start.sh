#!/usr/bin/env bash
# `amtool silence update --duration=2h ID` does not silence for two hours from now but
# until two hours after the silence began. Who works on a machine under a silence of three
# hours and asks for two more after an hour and a half has made it shorter, not longer: it
# ends in half an hour, in the middle of the work. amtool ends with 0.
#
# `silence add --duration=2h` counts from now, and the help of both says no more than
# "Duration of silence". Where the result would lie in the past it is refused, so that the
# first try, soon after the start, and the last, too late, both look right. Give the end
# instead (--end), or read the one that is printed.
#
# Seen with amtool and Alertmanager 0.31.1: a silence of one hour, four seconds later
# updated with --duration=20s, ends some sixteen seconds after that.
#
# Needs: bash, curl, date, and Go 1.26. Some minutes for the first build.
set -euo pipefail

version=v0.31.1
dir=$(mktemp -d)
pid=
trap '[[ -z $pid ]] || { kill "$pid"; wait "$pid"; } 2>/dev/null || true; chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
if [[ -n ${ALERTMANAGER:-} && -n ${AMTOOL:-} ]]; then # built already, of the same version
  alertmanager=$ALERTMANAGER amtool=$AMTOOL
else
  mkdir build
  (cd build && go mod init build && go get -tool "github.com/prometheus/alertmanager/cmd/alertmanager@$version" "github.com/prometheus/alertmanager/cmd/amtool@$version" &&
    for p in alertmanager amtool; do CGO_ENABLED=0 go build -trimpath -buildvcs=false -o ../$p github.com/prometheus/alertmanager/cmd/$p; done) >build.log 2>&1 || { tail -n 5 build.log >&2; exit 2; }
  alertmanager=$dir/alertmanager amtool=$dir/amtool
fi
printf 'route: {receiver: r}\nreceivers: [{name: r}]\n' > am.yml
port=$((20000 + RANDOM % 20000))
"$alertmanager" --config.file=am.yml --storage.path=data --web.listen-address="127.0.0.1:$port" --cluster.listen-address= >log 2>&1 &
pid=$!
for _ in {1..100}; do
  curl -sf "http://127.0.0.1:$port/-/ready" >/dev/null 2>&1 && break
  sleep 0.2
done
curl -sf "http://127.0.0.1:$port/-/ready" >/dev/null || { tail -n 5 log >&2; exit 2; }
echo "Alertmanager $version"

silence() { "$amtool" --alertmanager.url="http://127.0.0.1:$port" silence "$@"; }
# left says how many seconds from now on a silence lasts.
left() {
  local end
  end=$(silence query --output=json | grep -o '"endsAt":"[^"]*"' | cut -d'"' -f4)
  echo $(($(date -d "$end" +%s) - $(date +%s)))
}
id=$(silence add --author=ada --comment='disk replaced' --duration=1h machine=SRV-A)
added=$(left)
sleep 4
silence update --quiet --duration=20s "$id" >/dev/null && code=0 || code=$?
updated=$(left)
echo "added with --duration=1h: lasts $added s; updated with --duration=20s four seconds later: exit status $code, lasts $updated s"
seen=other
if ((added >= 3595 && added <= 3600 && code == 0 && updated <= 17)); then seen='from the start'; fi
if ((updated >= 18)); then seen='from now'; fi
echo "counted $seen"
want=${WANT:-from the start}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before: counted $want" >&2
  exit 1
fi
