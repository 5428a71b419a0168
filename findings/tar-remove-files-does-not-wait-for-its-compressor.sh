#!/usr/bin/env bash
# `tar -czf ARCHIVE --remove-files FOLDER` on a disk that is full deletes files of which no byte
# has reached the archive. It ends with 2, and all but the last few of the files are nowhere.
#
# "Remove files after adding them to the archive" sounds as if the archive had them. tar takes a
# file away once it has handed it to the compressor's pipe; what gzip still holds,
# and whether it can write that, it learns at the end. Without a compressor, or where the disk
# fills up early, what was removed is in the part that was written; with one, a whole
# folder of small files fits into what it holds back.
#
# This is how old logs, exports and dumps are moved into archives each night. Make the archive
# first, and remove the files when tar has ended well.
#
# Seen with GNU tar 1.34 (Debian 12): of 40 files 1 is left, and the archive is empty.
#
# Needs: bash, gzip, dpkg-deb, apt-get with Debian 12's sources. A few seconds.
set -euo pipefail

version=1.34+dfsg-1.2+deb12u1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download "tar=$version" >/dev/null 2>&1 || { echo "tar $version cannot be had from Debian" >&2; exit 2; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
tar=$(find "$dir/root" -name tar -type f -perm -1 | head -n 1)
"$tar" --version | head -n 1

fill() {
  rm -rf data
  mkdir data
  for i in {10..49}; do head -c 1000 /dev/zero >"data/$i"; done
}
ln -s /dev/full full # a disk on which nothing is left
ends() { "$tar" "$@" data 2>/dev/null && echo 0 || echo $?; }
left() { find data -type f 2>/dev/null | wc -l; }

fill
code=$(ends -czf full --remove-files)
few='all'
((left=$(left), left < 20)) && few='most are gone'
fill
kept=$(ends -czf full)
seen="--remove-files on a full disk: $code, $few; without: $kept, $(left) files"
echo "$seen ($left left)"
want=${WANT:-'--remove-files on a full disk: 2, most are gone; without: 2, 40 files'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before: $want" >&2
  exit 1
fi
