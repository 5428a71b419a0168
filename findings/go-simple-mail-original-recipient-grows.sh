#!/usr/bin/env bash
# When a mail for three people is sent with xhit/go-simple-mail, and delivery notifications
# shall name the original recipient, the server is told of the second recipient that it was
# first that of the first and its own in one word, and of the third that it was all three:
# ORCPT=rfc822;ada@a.examplebob@b.examplecleo@c.example.
#
# ORCPT (RFC 3461, 4.2) is the one address that a notification reports back, so that a
# program can tell who has not got the mail; the library promises no more with
# SetDSN(..., preserveOriginalRecipient). With a single recipient, as in its examples, it is
# right. Of several, a bounce of any but the first names an address that nobody has.
#
# Send one message for each recipient, or find out from the envelope sender whose it was.
#
# Seen with github.com/xhit/go-simple-mail/v2 v2.16.0 and Go 1.26.
#
# Needs: bash, Go 1.26 with its module proxy. Some seconds.
set -euo pipefail

version=v2.16.0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > main.go <<'GO'
package main

import (
	"bufio"
	"fmt"
	"log"
	"net"
	"strings"

	mail "github.com/xhit/go-simple-mail/v2"
)

// serve answers like a mail server that knows DSN, and prints the recipients.
func serve(l net.Listener) {
	c, err := l.Accept()
	if err != nil {
		log.Fatal(err)
	}
	in, data := bufio.NewScanner(c), false
	fmt.Fprint(c, "220 mail.example\r\n")
	for in.Scan() {
		line := in.Text()
		if strings.HasPrefix(line, "RCPT") {
			fmt.Println(line)
		}
		switch {
		case data && line != ".":
			continue
		case strings.HasPrefix(line, "EHLO"):
			fmt.Fprint(c, "250-mail.example\r\n250 DSN\r\n")
			continue
		case line == "DATA":
			fmt.Fprint(c, "354 go on\r\n")
		default:
			fmt.Fprint(c, "250 ok\r\n")
		}
		data = line == "DATA"
	}
}

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go serve(l)
	s := mail.NewSMTPClient()
	s.Host, s.Port = "127.0.0.1", l.Addr().(*net.TCPAddr).Port
	c, err := s.Connect()
	if err != nil {
		log.Fatal(err)
	}
	m := mail.NewMSG().SetFrom("vigie@msp.example").AddTo("ada@a.example", "bob@b.example", "cleo@c.example").
		SetSubject("s").SetBody(mail.TextPlain, "b").SetDSN([]mail.DSN{mail.FAILURE}, true)
	if err := m.Send(c); err != nil {
		log.Fatal(err)
	}
}
GO
(go mod init finding && GOFLAGS=-mod=mod go get "github.com/xhit/go-simple-mail/v2@$version") >log 2>&1 || { tail -n 5 log >&2; exit 2; }
echo "go-simple-mail $version, $(go env GOVERSION)"
seen=$(GOFLAGS=-mod=mod go run .)
echo "$seen"
want=${WANT:-'RCPT TO:<ada@a.example> NOTIFY=FAILURE ORCPT=rfc822;ada@a.example
RCPT TO:<bob@b.example> NOTIFY=FAILURE ORCPT=rfc822;ada@a.examplebob@b.example
RCPT TO:<cleo@c.example> NOTIFY=FAILURE ORCPT=rfc822;ada@a.examplebob@b.examplecleo@c.example'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" >&2
  echo "$want" >&2
  exit 1
fi
