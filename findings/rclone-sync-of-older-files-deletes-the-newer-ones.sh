#!/usr/bin/env bash
# `rclone sync --min-age 1h SOURCE COPY`, which shall leave alone what is still being written,
# deletes from the copy each file that changed within the hour. It does not copy the new one,
# which is too young, and removes the old one that a night before it had copied. Exit status 0.
#
# "Files that are excluded won't be deleted unless --delete-excluded is used", says the
# documentation of sync, and of the option: "Don't transfer any file younger than this". But
# the filter looks at each side by itself. At the source the file is too young to be seen, in
# the copy that of last night is old enough, and so it is one that the source has no longer.
# --max-size does the same to a file that grows beyond it. rsync's --max-size keeps the old one:
# such a rule "cannot have any effect on which files get deleted".
#
# What is always in use (a mailbox, a database, a log) is thus in no copy at all, and a try
# with files that were not there before shows nothing. Copy instead of sync, or keep what is
# deleted (--backup-dir).
#
# Seen with rclone 1.60.1 and rsync 3.5.0 (Debian 12), and rclone 1.76.0.
#
# Needs: bash, dpkg-deb, apt-get with Debian 12's sources. Some seconds.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download rclone rsync libpopt0 libxxhash0 >/dev/null 2>&1 || { echo "rclone and rsync cannot be had from Debian" >&2; exit 2; }
[[ $(echo rclone_*.deb) == *_1.60.1* ]] || { echo "another rclone than 1.60.1: $(echo rclone_*.deb)" >&2; exit 2; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu RCLONE_CONFIG=$dir/rclone.conf
touch rclone.conf
PATH=$dir/root/usr/bin:$PATH
dpkg-deb -f rclone_*.deb Package Version
dpkg-deb -f rsync_*.deb Package Version

# Of both files the copy has last night's; one has grown since.
try() { # command: its exit code, and how many lines each file of the copy has
  local code=0
  rm -rf source copy
  mkdir source copy
  echo quiet >source/archive
  echo night >source/mailbox
  touch -d yesterday source/archive source/mailbox
  cp -p source/archive source/mailbox copy
  echo 'and a mail of today' >>source/mailbox
  "$@" >>log 2>&1 || code=$?
  echo "$code, $(cd copy && for file in *; do echo "$file: $(wc -l <"$file")"; done | paste -sd' ')"
}
seen="rclone sync: $(try rclone sync source copy)
rclone sync --min-age: $(try rclone sync --min-age 1h source copy)
rclone sync --max-size: $(try rclone sync --max-size 10B source copy)
rclone copy --min-age: $(try rclone copy --min-age 1h source copy)
rsync --delete --max-size: $(try rsync -a --delete --max-size=10 source/ copy/)"
echo "$seen"
want=${WANT:-'rclone sync: 0, archive: 1 mailbox: 2
rclone sync --min-age: 0, archive: 1
rclone sync --max-size: 0, archive: 1
rclone copy --min-age: 0, archive: 1 mailbox: 1
rsync --delete --max-size: 0, archive: 1 mailbox: 1'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" "$want" >&2
  cat log >&2
  exit 1
fi
