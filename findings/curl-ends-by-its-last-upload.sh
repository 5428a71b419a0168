#!/usr/bin/env bash
# `curl --fail -T '{app.sql,mail.sql}' https://store/` ends with 0 when the store refused app.sql
# and took mail.sql. When it refused mail.sql it ends with 22: the code is that of the
# last file alone. With --parallel it is 22 both times.
#
# A program that is given several files and fails at one of them ends with an error, as cp, tar,
# rsync and scp do, and as curl does where it runs them side by side. So which backups are
# missed depends on the order in which they are named: a store that takes no more than so much of
# one file, and a big dump in front of a small one, is a success each night. --fail-early ends it at
# the first failure. The message stands on the standard error, unless -s took it away.
#
# Seen with curl 7.88.1 (Debian 12).
#
# Needs: bash, python3, dpkg-deb, apt-get with Debian 12's sources. A few seconds.
set -euo pipefail

version=7.88.1-10+deb12u
dir=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
apt-get download curl libcurl4 >/dev/null 2>&1 || { echo "curl cannot be had from Debian" >&2; exit 2; }
[[ $(echo curl_*.deb) == *"$version"* ]] || { echo "another curl than $version*: $(echo curl_*.deb)" >&2; exit 2; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
LD_LIBRARY_PATH=$(dirname "$(find "$dir/root" -name 'libcurl.so.4' | head -n 1)")
export LD_LIBRARY_PATH
curl() { "$dir/root/usr/bin/curl" -sS "$@"; }
curl --version >version 2>/dev/null || { echo "curl does not run here: its libraries are missing" >&2; exit 2; }
head -n 1 version | cut -d' ' -f1-4

# A store that takes small files only.
cat > store.py <<'PY'
import http.server, os

class Store(http.server.BaseHTTPRequestHandler):
    def do_PUT(self):
        length = int(self.headers["Content-Length"])
        self.rfile.read(length)
        self.send_response(413 if length > 1000 else 201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Store)
with open("port.new", "w") as f:
    f.write(str(server.server_port))
os.rename("port.new", "port")
server.serve_forever()
PY
python3 store.py >store.log 2>&1 &
server=$!
for _ in {1..100}; do
  if [[ -s port ]]; then break; fi
  sleep 0.1
done
store=http://127.0.0.1:$(cat port)/
head -c 5000 /dev/zero >app.sql
head -c 500 /dev/zero >mail.sql
ends() { curl --fail "$@" "$store" >/dev/null 2>&1 && echo 0 || echo $?; }
seen="refused first $(ends -T '{app.sql,mail.sql}'); refused last $(ends -T '{mail.sql,app.sql}'); side by side $(ends --parallel -T '{app.sql,mail.sql}'); --fail-early $(ends --fail-early -T '{app.sql,mail.sql}')"
echo "$seen"
want=${WANT:-'refused first 0; refused last 22; side by side 22; --fail-early 22'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before: $want" >&2
  exit 1
fi
