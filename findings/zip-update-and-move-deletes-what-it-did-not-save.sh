#!/usr/bin/env bash
# `zip -um ARCHIVE FOLDER`, which brings an archive up to date and removes what it has taken
# in, also removes what it has not: a file that is not newer than the one of its name in the
# archive is left as it is there, and deleted from the disk, whatever it holds. What is kept
# is the old file; the new one is nowhere. Exit status 0.
#
# -u passes over files by their time alone, which does no harm by itself: they are still
# there. -m moves "the specified files into the zip archive" and deletes after it was made
# without error. One would expect it to delete what it has put in. But all that were named
# count as moved, those that were passed over included.
#
# A file with an older time is nothing rare: a version that was put back (cp -p, tar x, a
# restore), a download that keeps the server's time, a clock that was ahead. A script that
# moves exports away by night destroys these, and when nothing else is new zip deletes them
# too and ends with 12, "nothing to do". Use -m without -u, which replaces what it moves.
#
# Seen with Info-ZIP 3.0 (Debian 12, zip 3.0-13).
#
# Needs: bash, python3, dpkg-deb, apt-get with Debian 12's sources. Some seconds.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download zip libbz2-1.0 >/dev/null 2>&1 || { echo "zip cannot be had from Debian" >&2; exit 2; }
[[ $(echo zip_*.deb) == *_3.0-* ]] || { echo "another zip than 3.0: $(echo zip_*.deb)" >&2; exit 2; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu:$dir/root/lib/x86_64-linux-gnu
dpkg-deb -f zip_*.deb Package Version

try() { # letters of the second call: its exit code, what is left on the disk, what the archive has
  local code=0
  rm -rf exports a.zip
  mkdir exports
  echo 'the first' >exports/list
  touch -d 2026-11-02 exports/list
  root/usr/bin/zip -qr a.zip exports
  echo 'the one that counts' >exports/list
  touch -d 2026-11-01 exports/list
  [[ $2 == alone ]] || echo x >exports/another
  root/usr/bin/zip "$1" a.zip exports >log 2>&1 || code=$?
  echo "$code, disk: $(cat exports/list 2>/dev/null || echo gone), archive: $(python3 -c 'import zipfile; print(zipfile.ZipFile("a.zip").read("exports/list").decode().strip())')"
}
seen="-ru: $(try -ru beside)
-rum: $(try -rum beside)
-rum, nothing else: $(try -rum alone)
-rm: $(try -rm beside)"
echo "$seen"
want=${WANT:-"-ru: 0, disk: the one that counts, archive: the first
-rum: 0, disk: gone, archive: the first
-rum, nothing else: 12, disk: gone, archive: the first
-rm: 0, disk: gone, archive: the one that counts"}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" "$want" >&2
  cat log >&2
  exit 1
fi
