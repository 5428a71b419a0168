#!/usr/bin/env bash
# `rdiff-backup remove increments --older-than AGE` ends with 2 when no increment is that old,
# and `rdiff-backup backup` ends with 0 when it could not read a folder and saved nothing of it.
# The exit codes say the contrary of what matters: a new repository fails each night for as
# long as its first increment is younger than AGE, and a backup that lacks data is a success.
#
# A script with `set -e`, or a wrapper that takes each code but 0 for a failure, stops behind
# the removal (before a verify, a copy elsewhere or the message that all went well), while the
# lost folder is a line of the log, a "ListError". Run again after a removal that did remove
# something the same command ends with 2, so that it cannot be repeated either.
#
# Take 2 of the removal with its "No increment is older than" for good, and look for ListError
# and UpdateError in what a backup says.
#
# Seen with rdiff-backup 2.2.2 (Debian 12); 2.2.6 (Debian 13) does the same.
#
# Needs: root (a folder that the user of the backup may not read), bash, setpriv, dpkg-deb, apt-get with
# Debian 12's sources. A few seconds.
set -euo pipefail

version=2.2.2-1
((EUID == 0)) || { echo "run it as root" >&2; exit 2; }
dir=$(mktemp -d)
chmod 755 "$dir"
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download "rdiff-backup=$version" librsync2 libb2-1 libgomp1 python3-yaml python3.11-minimal libpython3.11-minimal libpython3.11-stdlib libyaml-0-2 >/dev/null 2>&1 ||
  { echo "rdiff-backup $version cannot be had from Debian" >&2; exit 2; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
run() {
  setpriv --reuid=65534 --regid=65534 --clear-groups env LC_ALL=C HOME="$dir" LD_LIBRARY_PATH="$dir/root/usr/lib/x86_64-linux-gnu" PYTHONHOME="$dir/root/usr" PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH="$dir/root/usr/lib/python3/dist-packages" "$dir/root/usr/bin/python3.11" "$dir/root/usr/bin/rdiff-backup" --api-version 201 "$@" >said 2>&1 && code=0 || code=$?
}
run --version
grep '^rdiff-backup' said

mkdir data data/ledgers repository
echo a >data/one
echo b >data/ledgers/two
chmod 700 data/ledgers
chown 65534:65534 repository
run backup data repository
seen="backup without ledgers: $code"$'\n'
[[ -e repository/one && ! -e repository/ledgers/two ]] || { echo "not what was to be shown:" >&2; cat said >&2; exit 2; }
run remove increments --older-than 1M repository
seen+="nothing old enough to remove: $code"$'\n'
sleep 1.1 # increments are named by seconds
echo c >data/one
run backup data repository
sleep 1.1
run remove increments --older-than 1s repository
seen+="one removed: $code"$'\n'
run remove increments --older-than 1s repository
seen+="again: $code"
echo "$seen"
want=${WANT:-"backup without ledgers: 0
nothing old enough to remove: 2
one removed: 0
again: 2"}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before: $want" >&2
  exit 1
fi
