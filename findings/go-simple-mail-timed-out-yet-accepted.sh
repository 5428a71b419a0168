#!/usr/bin/env bash
# With a SendTimeout of one second xhit/go-simple-mail returns "SMTP Send timed out" after
# three, when a mail server takes these three to answer the end of a message; and the server
# has accepted it. Whoever believes the error sends the mail again, and has waited for the
# answer all the same.
#
# One would expect that the call is over after the timeout, or that the answer counts which
# was waited for. The library sends in the background, and when the time is up it first takes
# leave of the server (QUIT, or RSET with KeepAlive), for which it waits until the background
# has its answer; that the answer was 250 is no longer looked at.
#
# Servers that look through mails for viruses while the sender waits take so long. A deadline
# on the connection itself ends when it should; what became of the mail is then unknown, and a
# second try should bear the same Message-ID.
#
# Seen with github.com/xhit/go-simple-mail/v2 v2.16.0 and Go 1.26.
#
# Needs: bash, Go 1.26 with its module proxy. Some ten seconds.
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
	"sync/atomic"
	"time"

	mail "github.com/xhit/go-simple-mail/v2"
)

// serve answers like a mail server that takes its time at the end of a message.
func serve(l net.Listener, pause time.Duration, accepted *atomic.Int32) {
	c, err := l.Accept()
	if err != nil {
		log.Fatal(err)
	}
	in, data := bufio.NewScanner(c), false
	fmt.Fprint(c, "220 mail.example\r\n")
	for in.Scan() {
		switch line := in.Text(); {
		case data && line == ".":
			data = false
			time.Sleep(pause)
			accepted.Add(1)
			fmt.Fprint(c, "250 accepted\r\n")
		case data:
		case strings.HasPrefix(line, "DATA"):
			data = true
			fmt.Fprint(c, "354 go on\r\n")
		default:
			fmt.Fprint(c, "250 ok\r\n")
		}
	}
}

func main() {
	for _, pause := range []time.Duration{0, 3 * time.Second} {
		for _, keep := range []bool{false, true} {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				log.Fatal(err)
			}
			var accepted atomic.Int32
			go serve(l, pause, &accepted)
			s := mail.NewSMTPClient()
			s.Host, s.Port = "127.0.0.1", l.Addr().(*net.TCPAddr).Port
			s.KeepAlive, s.SendTimeout = keep, time.Second
			c, err := s.Connect()
			if err != nil {
				log.Fatal(err)
			}
			begun := time.Now()
			err = mail.NewMSG().SetFrom("vigie@msp.example").AddTo("sup@msp.example").SetSubject("s").SetBody(mail.TextPlain, "b").Send(c)
			fmt.Printf("the server takes %v, KeepAlive %v: %v after %v, accepted %d\n", pause, keep, err, time.Since(begun).Round(time.Second), accepted.Load())
		}
	}
}
GO
(go mod init finding && GOFLAGS=-mod=mod go get "github.com/xhit/go-simple-mail/v2@$version") >log 2>&1 || { tail -n 5 log >&2; exit 2; }
echo "go-simple-mail $version, $(go env GOVERSION), SendTimeout 1s"
seen=$(GOFLAGS=-mod=mod go run .)
echo "$seen"
want=${WANT:-'the server takes 0s, KeepAlive false: <nil> after 0s, accepted 1
the server takes 0s, KeepAlive true: <nil> after 0s, accepted 1
the server takes 3s, KeepAlive false: Mail Error: SMTP Send timed out after 3s, accepted 1
the server takes 3s, KeepAlive true: Mail Error: SMTP Send timed out after 3s, accepted 1'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" >&2
  echo "$want" >&2
  exit 1
fi
