#!/usr/bin/env bash
# A single snapshot that was made while a machine's clock was ahead is the last one of restic
# for as long as that date lies ahead. `restic forget --keep-last 1` keeps it and removes the
# snapshot that has just been made, tonight and every night; `restic snapshots --latest 1`
# and `restic restore latest` have it, and not tonight's.
#
# restic knows of the case: --keep-within leaves snapshots of the future out where it looks for
# the newest, keeps all of them, and so keeps tonight's. One would expect the same of --keep-last
# and of latest. With --keep-last 7 one of the seven is lost, with --keep-daily a day.
#
# A clock that a dead battery or a restored machine set wrong is soon right again, and the
# snapshot stays. What looks only at the latest sees a backup that never grows old, whether
# there is one tonight or not. Forget it by its ID.
#
# Seen with restic 0.14.0 (Debian 12) and 0.18.1; set RESTIC to try another.
#
# Needs: bash, date, dpkg-deb, apt-get with Debian 12's sources. Half a minute.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
if [[ -z ${RESTIC:-} ]]; then
  apt-get download restic >/dev/null 2>&1 || { echo "restic cannot be had from Debian" >&2; exit 2; }
  [[ $(echo restic_*.deb) == *_0.14.0-* ]] || { echo "another restic than 0.14.0: $(echo restic_*.deb)" >&2; exit 2; }
  dpkg-deb -x restic_*.deb root
fi
restic=${RESTIC:-$dir/root/usr/bin/restic}
"$restic" version
export RESTIC_PASSWORD=x RESTIC_REPOSITORY=$dir/repository RESTIC_CACHE_DIR=$dir/cache
"$restic" init >log
mkdir data
night() { # name, time
  echo "$1" >data/night
  "$restic" backup --tag "$1" --time "$(date -d "$2" '+%F %T')" data >>log
}
night last 'yesterday'
night ahead '2 years'
night tonight 'now'

kept() { # options of forget: the tags of the snapshots that stay
  "$restic" forget --dry-run --json "$@" 2>>log | grep -o '"keep":\[.*\],"remove"' | grep -o '"tags":\["[a-z]*"\]' | cut -d'"' -f4 | sort -u | paste -sd' '
}
"$restic" restore latest --target restored >>log
seen="keep-last 1: $(kept --keep-last 1)
keep-last 2: $(kept --keep-last 2)
keep-within 12h: $(kept --keep-within 12h)
latest: $(cat "restored/data/night")
snapshots --latest 1: $("$restic" snapshots --latest 1 --json | grep -o '"tags":\["[a-z]*"\]' | cut -d'"' -f4)"
echo "$seen"
want=${WANT:-'keep-last 1: ahead
keep-last 2: ahead tonight
keep-within 12h: ahead tonight
latest: ahead
snapshots --latest 1: ahead'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" "$want" >&2
  tail -n 5 log >&2
  exit 1
fi
