#!/usr/bin/env bash
# `chronic PROGRAM`, which cron jobs use to be quiet unless something fails, ends with 1 when
# the program was killed: by the kernel for want of memory (SIGKILL) as by a shutdown
# (SIGTERM). A shell, timeout, flock, nice and GNU time all end with 137 and 143, or are
# killed by the same signal. An exit code of the program is handed on as it is.
#
# The manual promises no code of its own. 1 is what borg and tar end with when a file
# changed while it was read, and everything else was saved. So whatever takes 1 for that
# takes a backup that was killed in its middle for a good one, and only there, behind
# chronic, where nobody sees the output of the good nights. Its other words, if any, are
# those of the half that was read.
#
# Keep chronic away from programs whose 1 is not a failure, or look for the line that they
# write when they are done.
#
# Seen with moreutils 0.67 (Debian 12).
#
# Needs: bash, perl, dpkg-deb, apt-get with Debian 12's sources. A few seconds.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download moreutils libipc-run-perl libio-pty-perl >/dev/null 2>&1 || { echo "moreutils cannot be had from Debian" >&2; exit 2; }
[[ $(echo moreutils_*.deb) == *_0.67-* ]] || { echo "another moreutils than 0.67: $(echo moreutils_*.deb)" >&2; exit 2; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
export PERL5LIB=$dir/root/usr/share/perl5:$dir/root/usr/lib/x86_64-linux-gnu/perl5/5.36
dpkg-deb -f moreutils_*.deb Package Version

ends() { # wrapper, script: the exit code
  local code=0
  $1 bash -c "$2" >>log 2>&1 || code=$?
  echo "$code"
}
chronic="perl root/usr/bin/chronic"
seen=
for script in 'exit 0' 'exit 1' 'exit 3' 'kill -KILL $$' 'kill -TERM $$'; do
  line="$script: chronic $(ends "$chronic" "$script"), timeout $(ends 'timeout 60' "$script"), flock $(ends "flock $dir/lock" "$script")"
  echo "$line"
  seen+="${line#*: }; "
done
want=${WANT:-'chronic 0, timeout 0, flock 0; chronic 1, timeout 1, flock 1; chronic 3, timeout 3, flock 3; chronic 1, timeout 137, flock 137; chronic 1, timeout 143, flock 143'}
if [[ ${seen%; } != "$want" ]]; then
  echo "this is not what was seen before: $want" >&2
  cat log >&2
  exit 1
fi
