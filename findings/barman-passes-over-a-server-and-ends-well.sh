#!/usr/bin/env bash
# `barman backup SERVER` of a server that its configuration switches off (`active = false`, as
# left from a migration or a maintenance) prints "Skipping inactive server" and ends with 0. So
# does `barman backup all` where no server is left. A server that does not exist, or that
# cannot be reached, ends with 1.
#
# So a timer that looks at the exit code is green each night while nothing is saved. Look for
# "Backup completed" in the output, or let `barman check` ask for the age of the last backup
# (last_backup_maximum_age); without that check ends well for such a server, too.
#
# Seen with barman 3.4.0 (Debian 12).
#
# Needs: bash, python3.11, dpkg-deb, apt-get with Debian 12's sources. A few seconds.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download barman python3-barman python3-psycopg2 python3-dateutil python3-argcomplete libpq5 libldap-2.5-0 >/dev/null 2>&1 || { echo "barman cannot be had from Debian" >&2; exit 2; }
[[ $(echo barman_*.deb) == *_3.4.0-* ]] || { echo "another barman than 3.4.0: $(echo barman_*.deb)" >&2; exit 2; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
export PYTHONPATH=$dir/root/usr/lib/python3/dist-packages LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu
dpkg-deb -f barman_*.deb Package Version

mkdir home locks none
cat >barman.conf <<C
[barman]
barman_user = $(id -un)
barman_home = $dir/home
barman_lock_directory = $dir/locks
configuration_files_directory = $dir/none
log_file = $dir/log
[app]
active = ACTIVE
description = "x"
conninfo = host=127.0.0.1 port=1 user=postgres dbname=postgres
streaming_conninfo = host=127.0.0.1 port=1 user=postgres
backup_method = postgres
streaming_archiver = on
slot_name = app
C
sed 's/ACTIVE/false/' barman.conf >off.conf
sed 's/ACTIVE/true/' barman.conf >on.conf
run() { # configuration, arguments: the exit code and what it says
  local conf=$1 code=0 said
  shift
  said=$(python3.11 root/usr/bin/barman -c "$conf" "$@" 2>&1) || code=$?
  echo "$* ($conf): $code, ${said##*$'\n'}"
}
seen=$(run off.conf backup app; run off.conf backup all; run off.conf check app; run on.conf backup app; run off.conf backup other)
echo "$seen"
codes=$(sed 's/^[^:]*: \([0-9]*\),.*/\1/' <<<"$seen" | tr '\n' ' ')
[ "$codes" = "0 0 0 1 1 " ] || { echo "barman has changed: codes $codes" >&2; exit 1; }
[ "$(grep -c 'Skipping inactive server' <<<"$seen")" -ge 2 ] || { echo "barman has changed its words" >&2; exit 1; }
echo "Still so: a server that is switched off is passed over with 0."
