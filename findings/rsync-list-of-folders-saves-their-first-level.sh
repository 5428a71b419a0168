#!/usr/bin/env bash
# `rsync -a --files-from=LIST` where the list names folders, "accounts/", copies the files that
# lie in each of them directly and makes its subfolders, empty: nothing below is copied. It
# ends with 0 and without a word. Named without the slash, "accounts", the folder itself is
# made empty.
#
# -a is -rlptgoD, and the same folder given as an argument is copied whole. With --files-from
# alone the r of -a does not count; an r beside it (-ar) does. The manual says that -r is not
# implied then, and one would expect empty folders, or all. That a slash brings one level looks
# like success: the folders that somebody looks into are there, with files and subfolders.
#
# Whoever moves the folders of a backup from the command line into a list has what lies deepest
# in no new backup. Write -ar.
#
# Seen with rsync 3.5.0 and 3.2.7 (both of Debian 12; set RSYNC to try another).
#
# Needs: bash, dpkg-deb, apt-get with Debian 12's sources. A few seconds.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download rsync libpopt0 libxxhash0 >/dev/null 2>&1 || { echo "rsync cannot be had from Debian" >&2; exit 2; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu
rsync=${RSYNC:-$dir/root/usr/bin/rsync}
"$rsync" --version >version
head -n 1 version

mkdir -p data/accounts/2026/q4
touch data/accounts/ledger data/accounts/2026/invoice data/accounts/2026/q4/balance
printf 'accounts/\n' >slash
printf 'accounts\n' >name
# copied ARGUMENT... names the files that come to a new place.
copied() {
  local status=0
  rm -rf copy
  mkdir copy
  "$rsync" "$@" copy/ >said 2>&1 || status=$?
  echo "$*: status $status, $(wc -c <said) bytes of words, files: $(cd copy && find . -type f -printf '%f\n' | sort | paste -sd ' ')"
}
{
  copied -a data/accounts
  copied -a --files-from=slash data
  copied -a --files-from=name data
  copied -ar --files-from=slash data
} >seen
cat seen
want=${WANT:-'-a data/accounts: status 0, 0 bytes of words, files: balance invoice ledger
-a --files-from=slash data: status 0, 0 bytes of words, files: ledger
-a --files-from=name data: status 0, 0 bytes of words, files: 
-ar --files-from=slash data: status 0, 0 bytes of words, files: balance invoice ledger'}
if [[ $(cat seen) != "$want" ]]; then
  echo "this is not what was seen before:" >&2
  echo "$want" >&2
  exit 1
fi
