#!/usr/bin/env bash
# `rclone move -u SOURCE COPY` deletes from the source a file that it did not copy, since the
# one of its name in the copy has a later time. What is kept is that one, whatever it holds;
# the other is nowhere. Exit status 0, and the copy is what it was before.
#
# "--update: Skip files that are newer on the destination" sounds as if they were left alone,
# and they are by --ignore-existing, of which the documentation says so for move, and by rsync
# with -u and --remove-source-files. With -u rclone takes the later one for the same file,
# already there, whose source is to be removed.
#
# Exports that one night's job moves away, and of which somebody put an older version back or
# a machine's clock is behind, are lost by it. Leave -u away, give --ignore-existing, or copy
# and delete apart. --backup-dir does not help: nothing in the copy is replaced.
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

try() { # command: its exit code, and what source and copy have then
  local code=0
  rm -rf source copy
  mkdir source copy
  echo 'in the copy' >copy/export
  touch -d 2026-11-02 copy/export
  echo 'at the source' >source/export
  touch -d 2026-11-01 source/export
  "$@" >>log 2>&1 || code=$?
  echo "$code, source: $(cat source/export 2>/dev/null || echo gone), copy: $(cat copy/export)"
}
seen="rclone move: $(try rclone move source copy)
rclone move -u: $(try rclone move -u source copy)
rclone move --ignore-existing: $(try rclone move --ignore-existing source copy)
rclone copy -u: $(try rclone copy -u source copy)
rsync -u --remove-source-files: $(try rsync -au --remove-source-files source/ copy/)"
echo "$seen"
want=${WANT:-'rclone move: 0, source: gone, copy: at the source
rclone move -u: 0, source: gone, copy: in the copy
rclone move --ignore-existing: 0, source: at the source, copy: in the copy
rclone copy -u: 0, source: at the source, copy: in the copy
rsync -u --remove-source-files: 0, source: at the source, copy: in the copy'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" "$want" >&2
  cat log >&2
  exit 1
fi
