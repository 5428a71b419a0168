#!/usr/bin/env bash
# `find /srv -maxdepth 1 -name '*.db' -exec save {} \;` ends with 0 when each single call of
# save has failed. With + in place of \; it ends with 1, and xargs with 123.
#
# The end of the line alone thus decides whether a failure is told, and its purpose is another:
# how many names a call is given. One is right where a program takes one file, as most dumps
# do; so just those loops never fail. What find could not read itself makes it end with 1,
# which is what one sees in a try, and looks as if failures counted.
#
# -exec of the first kind is a test, "true if 0 status is returned", of what is printed or run
# behind it; the failed test is what find is asked, not an error of find's. Cron, a wrapper or
# a unit of systemd take the backup for good. Use + with a program that takes several, or
# find -print0 | xargs -0 -n 1 under pipefail.
#
# Seen with findutils 4.9.0 (Debian 12).
#
# Needs: bash, dpkg-deb, apt-get with Debian 12's sources. A few seconds.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download findutils >/dev/null 2>&1 || { echo "findutils cannot be had from Debian" >&2; exit 2; }
[[ $(echo findutils_*.deb) == *_4.9.0-* ]] || { echo "another findutils than 4.9.0: $(echo findutils_*.deb)" >&2; exit 2; }
dpkg-deb -x findutils_*.deb root
PATH=$dir/root/usr/bin:$PATH
dpkg-deb -f findutils_*.deb Package Version

mkdir srv
touch srv/one.db srv/two.db
printf '#!/bin/sh\necho "$# given" >>%s/calls\nexit 3\n' "$dir" >save
chmod +x save
try() { # the exit code of a script, and how often save was called by it
  local code=0
  : >calls
  bash -c "set -o pipefail; $1" 2>>log || code=$?
  echo "$code, $(wc -l <calls) calls"
}
seen="exec ;: $(try 'find srv -name "*.db" -exec ./save {} \;')
execdir ;: $(try "find srv -name '*.db' -execdir $dir/save {} \;")
exec +: $(try 'find srv -name "*.db" -exec ./save {} +')
xargs: $(try 'find srv -name "*.db" -print0 | xargs -0 -n 1 ./save')
a folder that is not there: $(try 'find srv nowhere -name "*.db" -exec ./save {} \;')"
echo "$seen"
want=${WANT:-'exec ;: 0, 2 calls
execdir ;: 0, 2 calls
exec +: 1, 1 calls
xargs: 123, 2 calls
a folder that is not there: 1, 2 calls'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" "$want" >&2
  cat log >&2
  exit 1
fi
