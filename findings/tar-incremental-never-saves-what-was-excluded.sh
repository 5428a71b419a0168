#!/usr/bin/env bash
# A file that `tar --listed-incremental` left out by --exclude is not saved by the
# following increments either once the --exclude is gone: it is older than the last run
# and so counts as saved, though no archive of the chain has it. It comes back with the
# next full backup, or when somebody touches it. Every tar ends with 0.
#
# A whole folder that was excluded is saved at once, since the snapshot file lists
# folders and this one is new to it. So a try ("I took the exclusion away and the folder
# was there") shows the contrary of what happens to single files such as *.bak or
# *.iso. restic and borg compare with what they have saved, and take both.
#
# Until the next full backup, often a month away, what was meant to be protected from
# now on is not, and each night reports success.
#
# Seen with GNU tar 1.34 (Debian 12).
#
# Needs: bash, dpkg-deb, apt-get with Debian 12's sources. A few seconds.
set -euo pipefail

version=1.34+dfsg-1.2+deb12u1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download "tar=$version" >/dev/null 2>&1 || { echo "tar $version cannot be had from Debian" >&2; exit 2; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
tar=$(find "$dir/root" -name tar -type f -perm -1 | head -n 1)
"$tar" --version | head -n 1

mkdir -p data/folder
echo a >data/ledger
echo b >data/export.bak
echo c >data/folder/file
sleep 1.1 # what a run saves is older than the run
"$tar" -c -g snar --exclude='*.bak' --exclude=data/folder -f full.tar data
sleep 1.1
"$tar" -c -g snar -f increment1.tar data 2>said1
sleep 1.1
"$tar" -c -g snar -f increment2.tar data 2>said2
sleep 1.1
touch data/export.bak
sleep 1.1
"$tar" -c -g snar -f increment3.tar data 2>said3
files() { "$tar" -tf "$1" | { grep -v '/$' || true; } | tr '\n' ' '; }
seen="full: $(files full.tar)| then without --exclude: $(files increment1.tar)| $(files increment2.tar)| touched: $(files increment3.tar)"
echo "$seen"
want=${WANT:-'full: data/ledger | then without --exclude: data/folder/file | | touched: data/export.bak '}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before: $want" >&2
  exit 1
fi
