#!/bin/sh
# Backs up with restic and reports the run.
#
#   restic.sh JOB PATH...        options of `restic backup` may stand among the paths
#
# restic's own settings come from its environment (RESTIC_REPOSITORY,
# RESTIC_PASSWORD_FILE), those of the report from BACKUP_EXPORTER_URL, BACKUP_EXPORTER_TOKEN_FILE,
# VIGIE_SPOOL, VIGIE_MACHINE and VIGIE_CLASS; see docs/sources/push.md.
# BACKUP_EXPORTER and RESTIC name the programs where PATH does not. vigie-run
# has to lie beside this file or in PATH.
#
# The exit code is restic's. A snapshot from which a path or a file is missing
# is reported as failed, and one without files is no success.
set -u
if [ $# -lt 2 ]; then
	echo "usage: restic.sh JOB PATH..." >&2
	exit 2
fi
job=$1
shift
run=$(dirname "$0")/vigie-run
[ -x "$run" ] || run=vigie-run
export RESTIC_PROGRESS_FPS="${RESTIC_PROGRESS_FPS:-0.1}"
exec "$run" --for=restic --strict --hide-output --object-type=files "$job" -- "${RESTIC:-restic}" backup --json "$@"
