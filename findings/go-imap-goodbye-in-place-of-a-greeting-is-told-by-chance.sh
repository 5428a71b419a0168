#!/usr/bin/env bash
# A mailbox server that takes no more connections greets with BYE, says why, and closes
# (RFC 9051, 7.1.5). Client.WaitGreeting of emersion/go-imap tells that goodbye, with its
# code and words, or "connection closed before greeting": where both the greeting and the
# end of the connection are there when it is called, one of the two is drawn. The same
# call on the same bytes gives about half of each.
#
# One would expect the words: they came first and were read whole, and the client has
# them. A program that tells "too many connections, try later" from "unreachable" by the
# error does so by chance, mostly on a busy machine, where a test of it fails now and then.
# Keep what came over the wire (Options.DebugWriter) and look there for the goodbye.
#
# Seen with github.com/emersion/go-imap/v2 v2.0.0-beta.8, Go 1.26.
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
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"
)

func main() {
	told := map[string]bool{}
	for range 200 {
		client, server := net.Pipe()
		go func() {
			io.WriteString(server, "* BYE [UNAVAILABLE] Too many connections\r\n")
			server.Close()
		}()
		c := imapclient.New(client, nil)
		time.Sleep(5 * time.Millisecond) // both were read by now
		told[fmt.Sprint(c.WaitGreeting())] = true
		c.Close()
	}
	fmt.Println(strings.Join(slices.Sorted(maps.Keys(told)), "\n"))
}
GO
(go mod init finding && GOFLAGS=-mod=mod go get "github.com/emersion/go-imap/v2@$version") >log 2>&1 || { tail -n 5 log >&2; exit 2; }
echo "go-imap $version, $(go env GOVERSION)"
seen=$(GOFLAGS=-mod=mod go run .)
echo "$seen"
want=${WANT:-'connection closed before greeting
imap: BYE [UNAVAILABLE] Too many connections'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" >&2
  echo "$want" >&2
  exit 1
fi
