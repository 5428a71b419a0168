#!/usr/bin/env bash
# A site that has addresses of both kinds and answers by IPv4 alone is down for a probe of
# blackbox_exporter with `preferred_ip_protocol: ip6` and `ip_protocol_fallback: true`,
# which is what a module without a word about it has. curl and browsers open it.
#
# To fall back sounds like what those do: to try the other address when the first does not
# answer. It is about the name: only one that has no IPv6 address at all is probed by IPv4. Of
# the addresses that are there one is taken, and its failure is the probe's. So a name that
# gets its first AAAA record, or a probing host that loses its way to IPv6, makes an outage of
# each site of both kinds at once, for an HTTP module as for a TCP one. And the other way
# round: while IPv6 answers, nobody hears that IPv4, by which most visitors come, is gone.
#
# Probe each kind by a module of its own, with `ip_protocol_fallback: false`, or at least that
# by which people come.
#
# Seen with blackbox_exporter 0.23.0 (Debian 12); set BLACKBOX to try another.
#
# Needs: bash, curl, python3, unshare with namespaces for users and mounts, dpkg-deb, apt-get
# with Debian 12's sources. A few seconds.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
blackbox=${BLACKBOX:-$dir/root/usr/bin/prometheus-blackbox-exporter}
if [[ -z ${BLACKBOX:-} ]]; then
  apt-get download prometheus-blackbox-exporter=0.23.0-4+b4 >/dev/null 2>&1 || { echo "blackbox_exporter 0.23.0 cannot be had from Debian" >&2; exit 2; }
  dpkg-deb -x prometheus-blackbox-exporter_*.deb root
fi
"$blackbox" --version 2>&1 | head -n 1

port=$((20000 + RANDOM % 20000))
printf '127.0.0.1 site.example\n::1 site.example\n' >hosts
cat > blackbox.yml <<'YML'
modules:
  plain: {prober: http}
  fallback: {prober: http, http: {preferred_ip_protocol: ip6, ip_protocol_fallback: true}}
  tcp: {prober: tcp}
  ip4: {prober: http, http: {preferred_ip_protocol: ip4}}
YML
# The site answers by IPv4 alone; its name has both kinds where it is asked for.
cat > try.sh <<'SH2'
mount --bind hosts /etc/hosts || exit 2
python3 -m http.server --bind 127.0.0.1 "$2" >site.log 2>&1 &
site=$!
"$1" --config.file=blackbox.yml --web.listen-address="127.0.0.1:$(($2 + 1))" >log 2>&1 &
probe=$!
trap 'kill $site $probe' EXIT
for _ in {1..100}; do
  if curl -sf "http://127.0.0.1:$(($2 + 1))/" >/dev/null && curl -sf "http://127.0.0.1:$2/" >/dev/null; then break; fi
  sleep 0.1
done
echo "curl $(curl -s -o /dev/null -w '%{http_code}' "http://site.example:$2/")"
for module in plain fallback tcp ip4; do
  target=http://site.example:$2/
  if [ $module = tcp ]; then target=site.example:$2; fi
  metrics=$(curl -s "http://127.0.0.1:$(($2 + 1))/probe?module=$module&target=$target")
  echo "$module: ip$(echo "$metrics" | sed -n 's/^probe_ip_protocol //p') success $(echo "$metrics" | sed -n 's/^probe_success //p')"
done
SH2
spaces=(--user --map-root-user --mount)
if ((EUID == 0)); then spaces=(--mount); fi
unshare "${spaces[@]}" bash try.sh "$blackbox" "$port" >seen 2>unshared || { cat unshared log >&2; exit 2; }
cat seen
want=${WANT:-'curl 200
plain: ip6 success 0
fallback: ip6 success 0
tcp: ip6 success 0
ip4: ip4 success 1'}
if [[ $(cat seen) != "$want" ]]; then
  echo "this is not what was seen before:" >&2
  echo "$want" >&2
  exit 1
fi
