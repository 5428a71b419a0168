#!/bin/sh
# Backs up with borg and reports the run.
#
#   borg.sh JOB PATH...        options of `borg create` may stand among the paths
#
# borg's own settings come from its environment (BORG_REPO, BORG_PASSCOMMAND),
# those of the report from BACKUP_EXPORTER_URL, BACKUP_EXPORTER_TOKEN_FILE, VIGIE_SPOOL,
# VIGIE_MACHINE and VIGIE_CLASS; see docs/sources/push.md. BACKUP_EXPORTER and
# BORG name the programs where PATH does not. vigie-run has to lie beside this
# file or in PATH.
#
# The exit code is borg's: 0 good, 1 with warnings (a file that could not be
# read is one), 2 failed. An archive without files is reported as failed.
set -u
if [ $# -lt 2 ]; then
	echo "usage: borg.sh JOB PATH..." >&2
	exit 2
fi
job=$1
shift
# borg wants all options before the archive's name or behind all paths: put
# them first, each with its value.
quoted() { printf '%s\n' "$1" | sed "s/'/'\\\\''/g; 1s/^/'/; \$s/\$/'/"; }
options= paths= value= ended=
for word in "$@"; do
	one=$(quoted "$word")
	if [ -n "$value" ]; then
		options="$options $one" value=
	elif [ -n "$ended" ]; then
		paths="$paths $one"
	else
		case $word in
		--) ended=yes ;;
		-e | --exclude | --exclude-from | --pattern | --patterns-from | --exclude-if-present | -C | --compression | --comment | --timestamp | \
			-c | --checkpoint-interval | --chunker-params | --filter | --files-cache | --stdin-name | --stdin-user | --stdin-group | --stdin-mode | \
			--paths-delimiter | --remote-path | --rsh | --umask | --lock-wait | --remote-ratelimit | --upload-ratelimit | --upload-buffer | --debug-topic)
			options="$options $one" value=yes
			;;
		-?*) options="$options $one" ;;
		*) paths="$paths $one" ;;
		esac
	fi
done
run=$(dirname "$0")/vigie-run
[ -x "$run" ] || run=vigie-run
archive=$(quoted "::$job-{now:%Y-%m-%dT%H:%M:%S}")
eval "set -- $options $archive $paths"
exec "$run" --for=borg --hide-output --object-type=files "$job" -- "${BORG:-borg}" --log-json create --json "$@"
