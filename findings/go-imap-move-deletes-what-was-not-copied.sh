#!/usr/bin/env bash
# Client.Move of emersion/go-imap deletes a mail that it could not copy. On a server
# without MOVE it sends COPY, STORE +FLAGS \Deleted and EXPUNGE at once, without waiting
# for what the first of them comes to: the folder is missing, COPY is answered NO
# [TRYCREATE], and the mail is gone from where it was. The error that is returned says
# that nothing was copied; by then nothing can be copied any more.
#
# With MOVE (RFC 6851) the same call with the same folder leaves the mail where it is. The
# documentation names the three commands, and one would read them as one after the other.
# Where UIDPLUS is missing as well, the EXPUNGE takes with it what anybody else had flagged,
# and the error is nil.
#
# Courier has no MOVE, and a folder that is full or misspelt answers NO: report mails that
# shall be put aside are destroyed one by one as they come. Send COPY, wait for it, and
# only then flag and expunge what was copied.
#
# Seen with github.com/emersion/go-imap/v2 v2.0.0-beta.8, its own server in memory, Go 1.26.
#
# Needs: bash, Go 1.26 with its module proxy. Some seconds.
set -euo pipefail

version=v2.0.0-beta.8
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > main.go <<'GO'
package main

import (
	"fmt"
	"log"
	"net"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// login returns a client of a new server that can do what caps say and has three
// mails in INBOX and an empty folder Done.
func login(caps ...imap.Cap) *imapclient.Client {
	user := imapmemserver.NewUser("user", "secret")
	must(user.Create("INBOX", nil))
	must(user.Create("Done", nil))
	mails := imapmemserver.New()
	mails.AddUser(user)
	can := imap.CapSet{imap.CapIMAP4rev1: {}}
	for _, c := range caps {
		can[c] = struct{}{}
	}
	s := imapserver.New(&imapserver.Options{Caps: can, InsecureAuth: true,
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return mails.NewSession(), nil, nil
		}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	go s.Serve(l)
	c, err := imapclient.DialInsecure(l.Addr().String(), nil)
	must(err)
	must(c.Login("user", "secret").Wait())
	for n := range 3 {
		text := fmt.Sprintf("Subject: report %d\r\n\r\nBackup of SRV-%d: success\r\n", n, n)
		a := c.Append("INBOX", int64(len(text)), nil)
		_, err = a.Write([]byte(text))
		must(err)
		must(a.Close())
		_, err = a.Wait()
		must(err)
	}
	_, err = c.Select("INBOX", nil).Wait()
	must(err)
	return c
}

func move(what string, c *imapclient.Client, folder string) {
	_, err := c.Move(imap.UIDSetNum(1), folder).Wait()
	fmt.Printf("%s: %v", what, err)
	for _, name := range []string{"INBOX", "Done"} {
		d, err := c.Status(name, &imap.StatusOptions{NumMessages: true}).Wait()
		must(err)
		fmt.Printf("; %s %d", name, *d.NumMessages)
	}
	fmt.Println()
}

func main() {
	move("MOVE, folder there", login(imap.CapUIDPlus, imap.CapMove), "Done")
	move("MOVE, folder missing", login(imap.CapUIDPlus, imap.CapMove), "Doen")
	move("no MOVE, folder there", login(imap.CapUIDPlus), "Done")
	move("no MOVE, folder missing", login(imap.CapUIDPlus), "Doen")
	c := login()
	must(c.Store(imap.UIDSetNum(3), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close())
	move("neither MOVE nor UIDPLUS, another mail flagged", c, "Done")
}
GO
(go mod init finding && GOFLAGS=-mod=mod go get "github.com/emersion/go-imap/v2@$version") >log 2>&1 || { tail -n 5 log >&2; exit 2; }
echo "go-imap $version, $(go env GOVERSION)"
seen=$(GOFLAGS=-mod=mod go run .)
echo "$seen"
want=${WANT:-'MOVE, folder there: <nil>; INBOX 2; Done 1
MOVE, folder missing: imap: NO [TRYCREATE] No such mailbox; INBOX 3; Done 0
no MOVE, folder there: <nil>; INBOX 2; Done 1
no MOVE, folder missing: imap: NO [TRYCREATE] No such mailbox; INBOX 2; Done 0
neither MOVE nor UIDPLUS, another mail flagged: <nil>; INBOX 1; Done 1'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" >&2
  echo "$want" >&2
  exit 1
fi
