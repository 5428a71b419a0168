#!/usr/bin/env bash
# `pg_dump app | curl --fail --retry 2 -T - https://store/app.sql` against a store that
# is busy once: curl ends with 0, and what lies in the store is empty. The first request
# carries the dump and is answered 503. The second, the retry, is a PUT without a byte,
# for the pipe has been read already; the store takes it, and takes it for the backup.
#
# One would expect an error: curl knows that it cannot read a pipe twice, and says so
# where a redirect makes it repeat a request (error 65). The manual of --retry has no word
# about standard input. So the option that shall save a backup from a short disturbance
# makes an empty one of it, and neither the exit status nor the store's answer tells.
# Upload a file instead, or ask the store afterwards how long what it has is.
#
# Seen with curl 7.88.1 (Debian 12): 200000 bytes and 503, then 0 bytes and 201; exit 0.
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
curl=$dir/root/usr/bin/curl
LD_LIBRARY_PATH=$(dirname "$(find "$dir/root" -name 'libcurl.so.4' | head -n 1)")
export LD_LIBRARY_PATH
"$curl" --version >version 2>/dev/null || { echo "curl does not run here: its libraries are missing" >&2; exit 2; }
head -n 1 version | cut -d' ' -f1-4

# A store that is busy at the first request and takes whatever comes afterwards.
cat > store.py <<'PY'
import http.server, sys

class Store(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    requests = 0

    def do_PUT(self):
        length = 0
        while True:  # a body of unknown length comes in chunks
            chunk = int(self.rfile.readline(), 16)
            length += len(self.rfile.read(chunk))
            self.rfile.readline()
            if chunk == 0:
                break
        Store.requests += 1
        code = 503 if Store.requests == 1 else 201
        with open("requests", "a") as f:
            f.write("%d bytes: %d\n" % (length, code))
        self.send_response(code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Store)
with open("port.new", "w") as f:
    f.write(str(server.server_port))
import os
os.rename("port.new", "port")
server.serve_forever()
PY
python3 store.py >store.log 2>&1 &
server=$!
for _ in {1..100}; do
  if [[ -s port ]]; then break; fi
  sleep 0.1
done
[[ -s port ]] || { cat store.log >&2; exit 2; }

status=0
head -c 200000 /dev/zero | "$curl" --silent --fail --retry 2 --retry-delay 1 -T - "http://127.0.0.1:$(cat port)/app.sql" || status=$?
seen="$(tr '\n' ',' <requests) exit $status"
echo "$seen"
want=${WANT:-'200000 bytes: 503,0 bytes: 201, exit 0'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before: $want" >&2
  exit 1
fi
