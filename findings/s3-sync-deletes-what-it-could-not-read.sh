#!/usr/bin/env bash
# `aws s3 sync --delete` and `s3cmd sync --delete-removed` delete from the bucket what they
# could not read at its source. A folder whose rights somebody changed, or a disk that gives
# errors there, is enough: the night's run takes away the copies of just those files that may
# soon be needed.
#
# aws says "warning: Skipping file", ends with 2, and deletes what it says that it skips.
# s3cmd says nothing of the folder and ends with 0. One would expect what rsync and rclone do,
# which delete nothing once something could not be read; --delete is for what was removed at
# the source, and this was not. Both take what their walk through the folders did not find
# for what is no longer there. s3cmd refuses only where it found no file at all, aws not even
# then.
#
# Copy without deleting, keep old versions in the bucket, or look first whether everything
# can be read. With --only-show-errors or -q nothing tells what was deleted.
#
# Seen with aws-cli 2.9.19 and s3cmd 2.3.0 (Debian 12), and gofakes3 1.2.0 as the store.
#
# Needs: bash, curl, setpriv (when root), dpkg-deb, apt-get with Debian 12's sources, Go 1.26
# with its module proxy. Half a minute for the first build.
set -euo pipefail

dir=$(mktemp -d)
store=
trap '[[ -z $store ]] || kill "$store" 2>/dev/null || true; chmod -R u+rwx "$dir"; rm -rf "$dir"' EXIT
cd "$dir"
apt-get download awscli s3cmd python3.11-minimal libpython3.11-minimal libpython3.11-stdlib python3-awscrt python3-cffi-backend python3-colorama python3-cryptography \
  python3-dateutil python3-distro python3-docutils python3-jmespath python3-magic python3-prompt-toolkit python3-roman python3-ruamel.yaml python3-ruamel.yaml.clib \
  python3-six python3-urllib3 python3-wcwidth >/dev/null 2>&1 || { echo "aws and s3cmd cannot be had from Debian" >&2; exit 2; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
mkdir build
(cd build && go mod init build && go get -tool github.com/johannesboyne/gofakes3/cmd/gofakes3@v1.2.0 && go build -o ../gofakes3 github.com/johannesboyne/gofakes3/cmd/gofakes3) >build.log 2>&1 ||
  { tail -n 5 build.log >&2; exit 2; }

port=$((20000 + RANDOM % 20000))
./gofakes3 -backend memory -host "127.0.0.1:$port" -initialbucket bucket >store.log 2>&1 &
store=$!
for _ in {1..100}; do
  if curl -sf "http://127.0.0.1:$port/bucket" >/dev/null; then break; fi
  sleep 0.1
done
curl -sf "http://127.0.0.1:$port/bucket" >/dev/null || { cat store.log >&2; exit 2; }

# Root may read everything.
user=()
if ((EUID == 0)); then
  user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
  chmod 755 "$dir"
fi
mkdir home
run() { # program, its arguments
  local program=$1
  shift
  "${user[@]}" env HOME="$dir/home" PYTHONHOME="$dir/root/usr" PYTHONPATH="$dir/root/usr/lib/python3/dist-packages" PYTHONDONTWRITEBYTECODE=1 AWS_EC2_METADATA_DISABLED=true \
    AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b AWS_DEFAULT_REGION=us-east-1 "$dir/root/usr/bin/python3.11" "$dir/root/usr/bin/$program" "$@"
}
aws() { run aws --endpoint-url "http://127.0.0.1:$port" s3 sync --delete --no-progress data s3://bucket/aws/; }
s3cmd() { run s3cmd --config="$dir/s3cfg" sync --delete-removed data/ s3://bucket/s3cmd/; }
printf '[default]\naccess_key=a\nsecret_key=b\nhost_base=127.0.0.1:%s\nhost_bucket=127.0.0.1:%s\nuse_https=False\n' "$port" "$port" >s3cfg
mkdir -p data/accounts data/photos
echo 1 >data/accounts/ledger
echo 2 >data/photos/cat
if ((EUID == 0)); then chown -R 65534:65534 data home; fi
run aws --version
run s3cmd --version
kept() { curl -sf "http://127.0.0.1:$port/bucket?prefix=$1/" | grep -o '<Key>[^<]*' | cut -d/ -f2- | paste -sd ' '; }
aws >log 2>&1 && s3cmd >>log 2>&1 && [[ "$(kept aws) $(kept s3cmd)" == 'accounts/ledger photos/cat accounts/ledger photos/cat' ]] || { cat log >&2; exit 2; }
chmod 0 data/accounts
seen=
for program in aws s3cmd; do
  status=0
  "$program" >log 2>&1 || status=$?
  sed "s/^/$program: /" log
  seen+="$program ends with $status and keeps $(kept "$program"), "
done
echo "${seen%, }"
want=${WANT:-aws ends with 2 and keeps photos/cat, s3cmd ends with 0 and keeps photos/cat}
if [[ ${seen%, } != "$want" ]]; then
  echo "this is not what was seen before: $want" >&2
  exit 1
fi
