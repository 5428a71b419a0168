#!/usr/bin/env bash
# A systemd timer for 02:30 does not run at all on the night on which clocks go forward:
# after Saturday 02:30 comes Monday 02:30. In autumn an hourly timer leaves out the hour
# that comes twice: from 02:00 summer time it waits for 03:00 winter time, two hours, and
# a timer for each quarter of an hour rests for as long.
#
# cron in Debian runs a job of the missing hour right after it, and hourly jobs each hour
# (cron(8)); who moves a crontab to timers expects no less of them. Persistent=true, which
# makes up for what was missed while the machine was off, does not help: for systemd there
# was nothing to miss. systemd.time(7) has no word about it.
#
# The machines of a whole country have one backup less on the same Sunday, and whatever
# warns after 26 hours has all of them at once. Hours before 2 and after 3 are safe; so is
# a time with its zone UTC at the end.
#
# Seen with systemd 252 (Debian 12), in Europe/Paris.
#
# Needs: bash, dpkg-deb, apt-get with Debian 12's sources. A few seconds.
set -euo pipefail

version=252.39-1~deb12u2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
for package in "systemd=$version" "libsystemd-shared=$version"; do
  apt-get download "$package" >/dev/null 2>&1 || { echo "$package cannot be had from Debian" >&2; exit 2; }
done
for deb in *.deb; do dpkg-deb -x "$deb" root; done
LD_LIBRARY_PATH=$(dirname "$(find "$dir/root" -name 'libsystemd-shared-*.so' | head -n 1)")
export LD_LIBRARY_PATH
analyze=$dir/root/usr/bin/systemd-analyze
"$analyze" --version | head -n 1

next() { # from, expression, how many
  TZ=Europe/Paris LC_ALL=C "$analyze" calendar --base-time="$1" --iterations="$3" "$2" | sed -nE 's/.*(Next elapse|Iter\. #[0-9]+|Iteration #[0-9]+): [A-Za-z]+ [0-9]+-//p' | tr '\n' ';'
}
seen="spring, daily: $(next '2027-03-27 02:00:00' '*-*-* 02:30:00' 2)
autumn, hourly: $(next '2027-10-31 00:30:00' hourly 3)
autumn, UTC: $(next '2027-10-31 00:30:00' '*-*-* *:00:00 UTC' 4)"
echo "$seen"
want=${WANT:-'spring, daily: 03-27 02:30:00 CET;03-29 02:30:00 CEST;
autumn, hourly: 10-31 01:00:00 CEST;10-31 02:00:00 CEST;10-31 03:00:00 CET;
autumn, UTC: 10-31 01:00:00 CEST;10-31 02:00:00 CEST;10-31 02:00:00 CET;10-31 03:00:00 CET;'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" >&2
  echo "$want" >&2
  exit 1
fi
