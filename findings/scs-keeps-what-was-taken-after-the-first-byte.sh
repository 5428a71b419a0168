#!/usr/bin/env bash
# What a handler changes in an scs session after it has written the first byte of its
# answer is never stored, and nobody is told: a message that a page's template takes out
# with PopString while it is rendered is shown again on each later page.
#
# LoadAndSave commits the session at the first Write, since the cookie has to go into the
# header. The data lies in a store on the server, though, and nothing keeps it from being
# written at the handler's end; Put, PopString and Remove have no error that could say
# that they come too late. Whoever tries it with a page that asks for the message first,
# or that buffers its template, sees it work.
#
# "Acknowledged", shown on a page about an incident that nobody has acknowledged since,
# is worse than no message. Take messages out before the first byte.
#
# Seen with github.com/alexedwards/scs/v2 v2.9.0 and Go 1.26.
#
# Needs: bash, Go 1.26 with its module proxy. Some seconds.
set -euo pipefail

version=v2.9.0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > main.go <<'GO'
package main

import (
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"

	"github.com/alexedwards/scs/v2"
)

func main() {
	sessions := scs.New()
	page := template.Must(template.New("").Parse(`page [{{call .}}]`))
	mux := http.NewServeMux()
	mux.HandleFunc("/acknowledge", func(w http.ResponseWriter, r *http.Request) {
		sessions.Put(r.Context(), "message", "Acknowledged")
		fmt.Fprint(w, "done")
	})
	mux.HandleFunc("/rendering", func(w http.ResponseWriter, r *http.Request) {
		_ = page.Execute(w, func() string { return sessions.PopString(r.Context(), "message") })
	})
	mux.HandleFunc("/before", func(w http.ResponseWriter, r *http.Request) {
		message := sessions.PopString(r.Context(), "message")
		_ = page.Execute(w, func() string { return message })
	})
	server := httptest.NewServer(sessions.LoadAndSave(mux))
	defer server.Close()
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err)
	}
	client := &http.Client{Jar: jar}
	for _, path := range []string{"/acknowledge", "/rendering", "/rendering", "/rendering", "/before", "/rendering"} {
		answer, err := client.Get(server.URL + path)
		if err != nil {
			panic(err)
		}
		text, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		fmt.Printf("%s: %s\n", path, text)
	}
}
GO
(go mod init finding && GOFLAGS=-mod=mod go get "github.com/alexedwards/scs/v2@$version") >log 2>&1 || { tail -n 5 log >&2; exit 2; }
echo "scs $version, $(go env GOVERSION)"
seen=$(GOFLAGS=-mod=mod go run .)
echo "$seen"
want=${WANT:-'/acknowledge: done
/rendering: page [Acknowledged]
/rendering: page [Acknowledged]
/rendering: page [Acknowledged]
/before: page [Acknowledged]
/rendering: page []'}
if [[ $seen != "$want" ]]; then
  echo "this is not what was seen before:" >&2
  echo "$want" >&2
  exit 1
fi
