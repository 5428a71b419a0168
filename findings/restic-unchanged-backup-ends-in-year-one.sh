#!/usr/bin/env bash
# The summary of a `restic backup --json --skip-if-unchanged` that finds nothing new says that
# it ended on 1 January of the year 1 and took -9223372036.85 seconds, minus 292 years. Its
# exit status is 0, backup_start and total_files_processed are those of any good run.
#
# That it makes no snapshot is what the option is for, and the documentation says that
# snapshot_id is left out then. backup_end and total_duration are there for it, as "Time at
# which the backup was completed" and "Total time it took", and are never filled in. Whoever
# dates a run by its end has the job overdue by 2000 years on just the nights on which all is
# well, and one such night ruins any average of durations.
#
# Nor does the next step show anything: what reads the ID with jq has "null", and `restic tag
# --add verified null`, which finds no such snapshot, ends with 0 as if it had tagged one.
# Take the exit code and backup_start, and look whether there is an ID.
#
# Seen with restic 0.18.1, built from the Go module proxy.
#
# Needs: bash, python3, and Go 1.26. A minute or two for the first build.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
GOBIN=$dir go install github.com/restic/restic/cmd/restic@v0.18.1
./restic version
export RESTIC_PASSWORD=x RESTIC_REPOSITORY=$dir/repository RESTIC_CACHE_DIR=$dir/cache
./restic init -q
mkdir data
echo accounts >data/accounts

backup() { # what is said of a run
  local code=0
  ./restic backup --json --skip-if-unchanged data >out || code=$?
  tail -n 1 out >summary
  python3 - "$code" <<'P'
import json, sys
s = json.load(open("summary"))
print("exit %s, %d file, took %s, ended %s, snapshot %s" % (sys.argv[1], s["total_files_processed"],
      "some time" if 0 < s["total_duration"] < 60 else int(s["total_duration"]),
      "after it began" if s["backup_end"] > s["backup_start"] else s["backup_end"], "named" if "snapshot_id" in s else "missing"))
P
}
seen="first: $(backup)
unchanged: $(backup)"
code=0
./restic tag --add verified null >/dev/null 2>&1 || code=$?
seen+="
tag null: exit $code"
echo "$seen"
want=${WANT:-"first: exit 0, 1 file, took some time, ended after it began, snapshot named
unchanged: exit 0, 1 file, took -9223372036, ended 0001-01-01T00:00:00Z, snapshot missing
tag null: exit 0"}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" "$want" >&2
  cat summary >&2
  exit 1
fi
