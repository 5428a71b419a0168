#!/bin/sh
# Backs up with borg and reports the run.
#
#   borg.sh JOB PATH...        options of `borg create` may stand among the paths
#
# borg's own settings come from its environment (BORG_REPO, BORG_PASSCOMMAND),
# those of the report from BACKUP_EXPORTER_URL, BACKUP_EXPORTER_TOKEN_FILE, VIGIE_SPOOL,
# VIGIE_MACHINE and VIGIE_CLASS; see docs/sources/push.md. BACKUP_EXPORTER and
# BORG name the programs where PATH does not.
#
# The exit code is borg's: 0 good, 1 with warnings (a file that could not be
# read is one), 2 failed. A report that cannot be sent now waits on disk and
# never turns a good backup into a bad one.
set -u
if [ $# -lt 2 ]; then
	echo "usage: borg.sh JOB PATH..." >&2
	exit 2
fi
job=$1
shift
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
# Outlive the signal that ends borg, to tell of it.
trap : HUP INT TERM
started=$(date +%s)
"${BORG:-borg}" --log-json create --json "::$job-{now:%Y-%m-%dT%H:%M:%S}" "$@" >"$work/stats" 2>"$work/log"
code=$?
"${BACKUP_EXPORTER:-backup_exporter}" push --job="$job" --engine=borg --object-type=files --exit-code="$code" \
	--started="$started" --log="$work/log" --stats="$work/stats" >&2 || echo "borg.sh: not reported yet (code $?)" >&2
exit "$code"
