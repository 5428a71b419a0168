#!/usr/bin/env bash
# Two scripts each write a .prom file for node_exporter's textfile collector, of the same
# metric with different labels, both valid alone. One of them has no # HELP line, or no
# # TYPE line (both are optional in the format): its series are gone, as soon as the other
# file is there, too. node_textfile_scrape_error is 0, node_textfile_mtime_seconds of both
# is fresh, node_scrape_collector_success is 1. A line in the log says it.
#
# The collector puts a text of its own for the missing HELP, or the type untyped, and the
# library behind it takes one text and one type for a name and drops the rest. (Two HELP
# texts that differ are told by scrape_error since node_exporter 1.8; these are not.) One
# would expect the union of the files, or the error metric that is there for it.
#
# So a backup job that reports well disappears on the day on which somebody adds a second
# script for another job. An alert on its age stays silent, for there is no series.
#
# Seen with node_exporter 1.12.1, built from the Go module proxy, and 1.5.0 (Debian 12).
#
# Needs: bash, curl, Go 1.26 with its module proxy. Some minutes for the first build.
set -euo pipefail

version=v1.12.1
dir=$(mktemp -d)
pid=
trap '[[ -z $pid ]] || kill "$pid" 2>/dev/null || true; chmod -R u+w "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
if [[ -n ${NODE_EXPORTER:-} ]]; then # one that is built already
  node_exporter=$NODE_EXPORTER
else
  mkdir build
  (cd build && go mod init build && go get -tool "github.com/prometheus/node_exporter@$version" &&
    CGO_ENABLED=0 go build -trimpath -buildvcs=false -o ../node_exporter github.com/prometheus/node_exporter) >build.log 2>&1 || { tail -n 5 build.log >&2; exit 2; }
  node_exporter=$dir/node_exporter
  echo "node_exporter $version"
fi
mkdir textfile
port=$((20000 + RANDOM % 20000))
"$node_exporter" --web.listen-address="127.0.0.1:$port" --collector.disable-defaults --collector.textfile --collector.textfile.directory=textfile >log 2>&1 &
pid=$!
for _ in {1..100}; do
  if curl -sf "http://127.0.0.1:$port/metrics" >/dev/null 2>&1; then break; fi
  sleep 0.2
done
curl -sf "http://127.0.0.1:$port/metrics" >/dev/null || { tail -n 5 log >&2; exit 2; }
shown() { # the jobs of which something is told, and the error metric
  curl -sf "http://127.0.0.1:$port/metrics" >metrics
  echo "$({ grep -o 'job="[a-z]*"' metrics || true; } | cut -d'"' -f2 | paste -sd ' '), scrape_error $(grep '^node_textfile_scrape_error' metrics | cut -d' ' -f2)"
}
help='# HELP backup_ok Whether the last run was good.'
type='# TYPE backup_ok gauge'
printf '%s\n' "$type" 'backup_ok{job="mail"} 1' >textfile/mail.prom
alone=$(shown)
printf '%s\n' "$help" "$type" 'backup_ok{job="files"} 1' >textfile/files.prom
without_help=$(shown)
printf '%s\n' "$type" 'backup_ok{job="files"} 1' >textfile/files.prom
printf '%s\n' 'backup_ok{job="mail"} 1' >textfile/mail.prom
without_type=$(shown)
printf '%s\n' "$type" 'backup_ok{job="mail"} 1' >textfile/mail.prom
alike=$(shown)
seen="alone: $alone; one without HELP: $without_help; one without TYPE: $without_type; alike: $alike"
echo "$seen"
want=${WANT:-'alone: mail, scrape_error 0; one without HELP: files, scrape_error 0; one without TYPE: files, scrape_error 0; alike: files mail, scrape_error 0'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before: $want" >&2
  exit 1
fi
