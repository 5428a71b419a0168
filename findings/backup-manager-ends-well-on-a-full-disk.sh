#!/usr/bin/env bash
# backup-manager ends with 0 when its disk is full, leaves the archive that was cut off under the
# name of a good one, and does not make it again that day: "already exists, skipping", 0 once more.
#
# So does a folder that is not there. Cron mails a line of it ("1 error occurred during the tarball
# generation."), but whatever looks at the exit code, or for today's archive and its age, takes the
# day for saved. Nor does room on the disk mend it: the archive of the day stays cut off until
# somebody removes it or forces a new one.
#
# Look for "error occurred", "Unable to" and "does not exist, skipping" in what it says.
#
# Seen with backup-manager 0.7.14 (Debian 12).
#
# Needs: root (a small disk of its own, tmpfs), bash, perl, dpkg-deb, apt-get with Debian 12's
# sources. Half a minute.
set -euo pipefail

version=0.7.14-1.3
((EUID == 0)) || { echo "run it as root" >&2; exit 2; }
dir=$(mktemp -d)
trap 'umount "$dir/disk" 2>/dev/null; rm -rf "$dir"' EXIT
cd "$dir"
apt-get download "backup-manager=$version" >/dev/null 2>&1 || { echo "backup-manager $version cannot be had from Debian" >&2; exit 2; }
dpkg-deb -x ./*.deb root
shared=root/usr/share/backup-manager
sed -i "s#^libdir=.*#libdir=$dir/$shared#; s#^bindir=.*#bindir=$dir/root/usr/bin#; s#^systemlockfile=.*#systemlockfile=$dir/lock#" root/usr/sbin/backup-manager
mkdir data disk
mount -t tmpfs -o size=64k none disk
head -c 300k /dev/urandom >data/ledger
sed "s#^export BM_REPOSITORY_ROOT=.*#export BM_REPOSITORY_ROOT=$dir/disk#; s#^export BM_REPOSITORY_\(USER\|GROUP\)=.*#export BM_REPOSITORY_\1=root#
  s#^export BM_TARBALL_DIRECTORIES=.*#export BM_TARBALL_DIRECTORIES=$dir/data#" $shared/backup-manager.conf.tpl >conf
run() {
  LC_ALL=C PERL5LIB=$dir/root/usr/share/perl5 bash root/usr/sbin/backup-manager -v -c conf >said 2>&1 && code=0 || code=$?
}
archive() {
  tar -tzf disk/*.tar.gz >/dev/null 2>&1 && echo "can be read" || echo "is cut off"
}

run
seen="full disk: $code, $(grep -o 'Unable to create' said || true), the archive $(archive)"$'\n'
mount -o remount,size=2m disk
run
seen+="room again: $code, $(grep -o 'already exists, skipping' said || true), the archive $(archive)"$'\n'
rm disk/*
sed -i "s#^export BM_TARBALL_DIRECTORIES=.*#export BM_TARBALL_DIRECTORIES=$dir/nosuch#" conf
run
seen+="no such folder: $code, $(grep -o 'does not exist, skipping' said || true)"
echo "$seen"
want=${WANT:-"full disk: 0, Unable to create, the archive is cut off
room again: 0, already exists, skipping, the archive is cut off
no such folder: 0, does not exist, skipping"}
if [[ $seen != "$want" ]]; then
  cat said >&2
  echo "this is not what was seen before: $want" >&2
  exit 1
fi
