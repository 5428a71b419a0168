#!/usr/bin/env bash
# A slapd that serves several directories is saved by slapcat as if it had one: without -b or
# -n it writes the database that stands first in the configuration, and ends with 0. It says
# nothing of the others. The file is whole LDIF, and slapadd loads it without an error.
#
# Which one is first is a question of order: where the log of changes (cn=accesslog) stands
# before the directory that it is written for, as in the manual's example, slapcat saves the
# log and not one person. The other dumpers have a word for all (pg_dumpall,
# mariadb-dump --all-databases) or ask for a name; slapcat has neither. A suffix that is not
# there is an error, so: one slapcat -b for each suffix of the configuration.
#
# Seen with OpenLDAP 2.5.13 (Debian 12).
#
# Needs: bash, dpkg-deb, apt-get with Debian 12's sources. A few seconds.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download slapd libldap-2.5-0 libltdl7 libsasl2-2 libodbc2 libwrap0 libargon2-1 >/dev/null 2>&1 || { echo "slapd cannot be had from Debian" >&2; exit 2; }
for deb in *.deb; do dpkg-deb -x "$deb" root; done
export LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu
slap() { root/usr/sbin/slapd -T"$1" -f slapd.conf "${@:2}" 2>>log; }
[[ $(dpkg-deb -f slapd_*.deb Version) == 2.5.13+* ]] || { echo "another slapd than 2.5.13" >&2; exit 2; }
dpkg-deb -f slapd_*.deb Package Version

mkdir changes people
cat >slapd.conf <<CONF
include $dir/root/etc/ldap/schema/core.schema
include $dir/root/etc/ldap/schema/cosine.schema
modulepath $dir/root/usr/lib/ldap
moduleload back_mdb
database mdb
suffix "cn=accesslog"
directory $dir/changes
database mdb
suffix "dc=example,dc=org"
directory $dir/people
CONF
printf 'dn: cn=accesslog\nobjectClass: applicationProcess\ncn: accesslog\n' | slap add -b cn=accesslog
{
  printf 'dn: dc=example,dc=org\nobjectClass: domain\ndc: example\n\n'
  for name in ada ben cem; do printf 'dn: cn=%s,dc=example,dc=org\nobjectClass: person\ncn: %s\nsn: %s\n\n' $name $name $name; done
} | slap add -b dc=example,dc=org
saved() { # options: the exit code and what is in the dump
  local code=0
  slap cat "$@" >dump.ldif || code=$?
  echo "$code, $(grep -c '^objectClass: person' dump.ldif || true) people, entries: $(sed -n 's/^dn: //p' dump.ldif | tr '\n' ' ')"
}
: >log
alone=$(saved)
seen="slapcat: $alone
it says: '$(cat log)'
slapcat -b dc=example,dc=org: $(saved -b dc=example,dc=org)
slapcat -b dc=gone: $(saved -b dc=gone)"
echo "$seen"
want=${WANT:-"slapcat: 0, 0 people, entries: cn=accesslog 
it says: ''
slapcat -b dc=example,dc=org: 0, 3 people, entries: dc=example,dc=org cn=ada,dc=example,dc=org cn=ben,dc=example,dc=org cn=cem,dc=example,dc=org 
slapcat -b dc=gone: 1, 0 people, entries: "}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" "$want" >&2
  cat log >&2
  exit 1
fi
