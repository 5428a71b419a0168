#!/usr/bin/env bash
# `zpaq add backup.zpaq data` does not look whether what it writes was written. On a full disk
# it counts what it added, gives the size that the archive would have, says "(all OK)" and ends
# with 0. Of a first archive nothing can be restored ("archive not found"); of a later run the
# archive holds what the one before it saved, night after night.
#
# `zpaq list backup.zpaq` shows it: "0 files", or a size of the archive that is not the one with
# which the add ended ("fragments, N MB" against "= N MB"). It ends with 0 as well. tar and all
# others that were tried end with a failure when they cannot write.
#
# Seen with zpaq 7.15 (Debian 12), on a tmpfs of 300 kB, and with a limit of the size of files,
# which takes its place here: a write fails with EFBIG where that one failed with ENOSPC.
#
# Needs: bash, tar, dpkg-deb, apt-get with Debian 12's sources. A few seconds.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download zpaq >/dev/null 2>&1 || { echo "zpaq cannot be had from Debian" >&2; exit 2; }
[[ $(echo zpaq_*.deb) == *_7.15* ]] || { echo "another zpaq than 7.15: $(echo zpaq_*.deb)" >&2; exit 2; }
dpkg-deb -x zpaq_*.deb root
dpkg-deb -f zpaq_*.deb Package Version
zpaq=$dir/root/usr/bin/zpaq

full() { (trap '' XFSZ; ulimit -f 100; "$@"); } # files end at 100 KiB
add() { # what stands in front of it, the last words, and how many files the archive holds
  local code=0 words=$1
  shift
  "$@" "$zpaq" add backup.zpaq data >out 2>&1 || code=$?
  cat out >>log
  echo "$words: exit $code, $(tail -n 1 out | sed 's/.*(/(/'), $("$zpaq" list backup.zpaq 2>/dev/null | grep -c '^- .* data/.*[^/]$' || true) files"
}
mkdir data
head -c 600000 /dev/urandom >data/large
seen=$(
  code=0
  full tar -cf backup.tar data >>log 2>&1 || code=$?
  echo "tar on a full disk: exit $code"
  add 'the first on a full disk' full
  rm -f backup.zpaq
  mv data/large .
  echo 1 >data/small
  add 'with room'
  mv large data/
  add 'the next on a full disk' full
  add 'with room again'
)
echo "$seen"
want=${WANT:-'tar on a full disk: exit 2
the first on a full disk: exit 0, (all OK), 0 files
with room: exit 0, (all OK), 1 files
the next on a full disk: exit 0, (all OK), 1 files
with room again: exit 0, (all OK), 2 files'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before: $want" >&2
  cat log >&2
  exit 1
fi
