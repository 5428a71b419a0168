#!/bin/sh
# Backs up with restic and reports the run.
#
#   restic.sh JOB PATH...        options of `restic backup` may stand among the paths
#
# restic's own settings come from its environment (RESTIC_REPOSITORY,
# RESTIC_PASSWORD_FILE), those of the report from BACKUP_EXPORTER_URL, BACKUP_EXPORTER_TOKEN_FILE,
# VIGIE_SPOOL, VIGIE_MACHINE and VIGIE_CLASS; see docs/sources/push.md.
# BACKUP_EXPORTER and RESTIC name the programs where PATH does not.
#
# The exit code is restic's. Code 3 means that files are missing from the
# snapshot: it is reported as failed. A report that cannot be sent now waits
# on disk and never turns a good backup into a bad one.
set -u
if [ $# -lt 2 ]; then
	echo "usage: restic.sh JOB PATH..." >&2
	exit 2
fi
job=$1
shift
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
# Outlive the signal that ends restic, to tell of it.
trap : HUP INT TERM
started=$(date +%s)
RESTIC_PROGRESS_FPS=${RESTIC_PROGRESS_FPS:-0.1} "${RESTIC:-restic}" backup --json "$@" >"$log" 2>&1
code=$?
"${BACKUP_EXPORTER:-backup_exporter}" push --job="$job" --engine=restic --object-type=files --exit-code="$code" \
	--started="$started" --log="$log" >&2 || echo "restic.sh: not reported yet (code $?)" >&2
exit "$code"
