#!/usr/bin/env bash
# `rsync -a --delete /srv/www nas/` saves the folder www, until somebody moves it to a larger
# disk and leaves a link in its place, which everything else follows. The next night rsync
# copies the link, deletes the folder with all that was saved of it to make room, and ends with
# 0 without a word. What is left of the backup is a link that leads nowhere on another machine.
#
# Without --delete it ends with 23: "could not make way for new symlink". With a slash behind
# the source (www/ and nas/www/) the link is followed and nothing is lost. The manual says that
# links are copied as links, and of --delete that files are deleted "that aren't on the sending
# side"; that a folder gives way to a link it says of --force, "not needed" with --delete.
#
# Look for "Number of files: 1 (link: 1)" in what --stats writes.
#
# Seen with rsync 3.5.0 (Debian 12 with its security updates).
#
# Needs: bash, dpkg-deb, apt-get with Debian 12's sources. A few seconds.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download rsync libpopt0 libxxhash0 >/dev/null 2>&1 || { echo "rsync cannot be had from Debian" >&2; exit 2; }
[[ $(echo rsync_*.deb) == *_3.5.0* ]] || { echo "another rsync than 3.5.0: $(echo rsync_*.deb)" >&2; exit 2; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu
dpkg-deb -f rsync_*.deb Package Version

save() { # what is said, how it ended, and how many files the copy holds
  local code=0 words=$1
  shift
  root/usr/bin/rsync "$@" >>log 2>&1 || code=$?
  echo "$words: exit $code, $(find nas -type f | wc -l) files"
}
mkdir -p srv/www large nas
for n in 1 2 3; do echo "$n" >"srv/www/$n"; done
seen=$(
  save 'a folder' -a --delete srv/www nas/
  mv srv/www large/
  ln -s ../large/www srv/www
  save 'a link, without --delete' -a srv/www nas/
  save 'a link, with a slash' -a --delete srv/www/ nas/www/
  save 'a link' -a --delete srv/www nas/
)
echo "$seen"
want=${WANT:-'a folder: exit 0, 3 files
a link, without --delete: exit 23, 3 files
a link, with a slash: exit 0, 3 files
a link: exit 0, 0 files'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before: $want" >&2
  cat log >&2
  exit 1
fi
