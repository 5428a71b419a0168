#!/usr/bin/env bash
# `redis-cli SAVE && cp dump.rdb /backup` copies yesterday's file and ends with 0 when the server
# refused to save: since somebody gave it a password, since another save is at work, since its disk
# is full. redis-cli prints what it was refused with and ends with 0, as for an answer. A server
# that does not answer at all is 1, and so is `redis-cli --rdb FILE` that is refused.
#
# psql, mysql and sqlite3 end with an error where their command fails, and so one guesses of
# this one. The file that is copied is whole, can be loaded, and is as old as the last save that was
# allowed; nothing but its time of change tells. The option -e (since 7.0) makes it 1.
#
# Seen with redis 7.0.15 (Debian 12): NOAUTH, exit 0; --rdb: 1.
#
# Needs: bash, dpkg-deb, apt-get with Debian 12's sources. A few seconds.
set -euo pipefail

version=5:7.0.15
dir=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
apt-get download redis-server redis-tools libjemalloc2 liblzf1 liblua5.1-0 lua-cjson lua-bitop libatomic1 libhiredis0.14 >/dev/null 2>&1 ||
  { echo "redis cannot be had from Debian" >&2; exit 2; }
[[ $(echo redis-tools_*.deb) == *"${version/:/%3a}"* ]] || { echo "another redis than $version: $(echo redis-tools_*.deb)" >&2; exit 2; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
LD_LIBRARY_PATH=$(dirname "$(find root -name 'libjemalloc.so.2' | head -n 1)")
export LD_LIBRARY_PATH=$dir/$LD_LIBRARY_PATH
cli() { "$dir/root/usr/bin/redis-cli" -s "$dir/redis.sock" "$@"; }
cli --version

mkdir data
root/usr/bin/redis-server --port 0 --unixsocket "$dir/redis.sock" --dir "$dir/data" --save '' >server.log 2>&1 &
server=$!
for _ in {1..100}; do
  if [[ -S redis.sock ]]; then break; fi
  sleep 0.1
done
cli SET customers 1 >/dev/null
first=0
said_first=$(cli SAVE) || first=$?
saved=$(cksum <data/dump.rdb)
cli SET customers 2 >/dev/null
cli CONFIG SET requirepass changed >/dev/null # somebody gives the server a password
refused=0
said=$(cli SAVE) || refused=$?
file='the same file'
[[ $(cksum <data/dump.rdb) == "$saved" ]] || file='another file'
transfer=0
cli --rdb out.rdb >transfer.log 2>&1 || transfer=$?
strict=0
cli -e SAVE >/dev/null 2>&1 || strict=$?
seen="$said_first $first; ${said%%.*} $refused, $file; --rdb $transfer; -e $strict"
echo "$seen"
want=${WANT:-'OK 0; NOAUTH Authentication required 0, the same file; --rdb 1; -e 1'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before: $want" >&2
  exit 1
fi
