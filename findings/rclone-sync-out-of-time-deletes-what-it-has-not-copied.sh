#!/usr/bin/env bash
# `rclone sync --max-duration 2h --cutoff-mode soft` deletes, when its time is up, what is no
# longer at the source, before it has copied what took its place. A file that was renamed is
# then in the copy under neither name, until a later run comes as far as the new one.
#
# "Files in the destination won't be deleted if there were any errors at any point", says the
# documentation of sync, and the end of the time is one: the run fails (7; 10 in newer ones).
# By that rule nothing is deleted when --max-transfer was reached with the same cutoff mode,
# and none by --max-duration with the default one (hard), which breaks a file off and counts
# it as an error. A soft end breaks nothing off; the files that were still waiting are errors
# of nobody, and the deletion goes on as if they had been copied.
#
# Whoever keeps a large sync within the night loses, of folders that were moved or renamed,
# just what was not reached. Leave --cutoff-mode alone, copy instead of sync, or keep what is
# deleted (--backup-dir); --track-renames helps where the storage has checksums.
#
# Seen with rclone 1.60.1 (Debian 12) and 1.76.0.
#
# Needs: bash, dpkg-deb, apt-get with Debian 12's sources. A quarter of a minute.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download rclone >/dev/null 2>&1 || { echo "rclone cannot be had from Debian" >&2; exit 2; }
[[ $(echo rclone_*.deb) == *_1.60.1* ]] || { echo "another rclone than 1.60.1: $(echo rclone_*.deb)" >&2; exit 2; }
dpkg-deb -x rclone_*.deb root
export RCLONE_CONFIG=$dir/rclone.conf
touch rclone.conf
dpkg-deb -f rclone_*.deb Package Version

# The copy has accounts; at the source it is called z-accounts now, and there are others.
try() { # options of rclone: its exit code and what the copy has of the accounts
  local code=0
  rm -rf source copy
  mkdir source copy
  for name in 1 2 3 4 5 z-accounts; do head -c 1000000 /dev/urandom >"source/$name"; done
  cp source/z-accounts copy/accounts
  root/usr/bin/rclone sync --bwlimit 1M --transfers 1 "$@" source copy >log 2>&1 || code=$?
  echo "$code $(cd copy && echo *accounts)"
}
seen="--max-duration, soft: $(try --max-duration 2s --cutoff-mode soft)
--max-duration, hard: $(try --max-duration 2s --cutoff-mode hard)
--max-transfer, soft: $(try --max-transfer 2M --cutoff-mode soft)"
echo "$seen"
want=${WANT:-"--max-duration, soft: 7 *accounts
--max-duration, hard: 7 accounts
--max-transfer, soft: 8 accounts"}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" "$want" >&2
  cat log >&2
  exit 1
fi
