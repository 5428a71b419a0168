#!/usr/bin/env bash
# `zpaq add backup.zpaq data` takes a folder that it may not read for one that was emptied: it
# marks all that it had saved of it as deleted, says "(all OK)" and ends with 0. The newest
# version, which is what a restore gives, lacks the folder's files. So it goes with a name that
# is not there, a disk that is not mounted say: everything is deleted, "(all OK)", 0.
#
# A single file that changed and cannot be read is what the manual says: "skipped and a warning
# is reported", exit status 1, and what was saved of it stays. For a folder "Permission denied"
# is printed as well, and not counted. That an add deletes at all stands there in passing only.
#
# Older versions are in the archive (extract -until), as long as somebody knows that he needs
# one. Look for "Permission denied" and "No such file or directory" in what zpaq writes.
#
# Seen with zpaq 7.15 (Debian 12).
#
# Needs: bash, setpriv (when root), dpkg-deb, apt-get with Debian 12's sources. A few seconds.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download zpaq >/dev/null 2>&1 || { echo "zpaq cannot be had from Debian" >&2; exit 2; }
[[ $(echo zpaq_*.deb) == *_7.15* ]] || { echo "another zpaq than 7.15: $(echo zpaq_*.deb)" >&2; exit 2; }
dpkg-deb -x zpaq_*.deb root
dpkg-deb -f zpaq_*.deb Package Version
user=()
if [[ $(id -u) == 0 ]]; then # who may read everything
  user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
  chmod 777 "$dir"
fi

add() { # how it ended, the last words, and how many files the newest version holds
  local code=0
  "${user[@]}" root/usr/bin/zpaq add backup.zpaq data >out 2>&1 || code=$?
  cat out >>log
  echo "$1: exit $code, $(tail -n 1 out | sed 's/.*(/(/'), $(root/usr/bin/zpaq list backup.zpaq 2>/dev/null | grep -c '^- .* data.*[^/]$' || true) files"
}
mkdir -p data/accounts
for n in 1 2 3; do echo "$n" >"data/accounts/$n"; done
echo 4 >data/other
chmod -R a+rX data
seen=$(
  add 'all is there'
  echo changed >data/other
  chmod 000 data/other
  add 'a file cannot be read'
  chmod 644 data/other
  chmod 000 data/accounts
  add 'a folder cannot be read'
  chmod 755 data/accounts
  add 'all is there'
  mv data elsewhere
  add 'nothing is there'
)
echo "$seen"
want=${WANT:-'all is there: exit 0, (all OK), 4 files
a file cannot be read: exit 1, (with warnings), 4 files
a folder cannot be read: exit 0, (all OK), 1 files
all is there: exit 0, (all OK), 4 files
nothing is there: exit 0, (all OK), 0 files'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before: $want" >&2
  cat log >&2
  exit 1
fi
