package alertmanager

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/api/v2/models"
)

// listing asks a server for a list of alerts and returns how many were shown.
func listing(t *testing.T, serve http.HandlerFunc, show func(n int)) (n int, unread []string, err error) {
	t.Helper()
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := New(Options{Name: "a", URL: at, HTTP: server.Client()})
	unread, err = list(t.Context(), c, "alerts", nil, func(*models.GettableAlert) {
		n++
		show(n)
	})
	return n, unread, err
}

const oneAlert = `{"labels":{"alertname":"BackupFailed"},"fingerprint":"1"}`

// An element is shown before the next one has come: however long a list is, its text is
// never held.
func TestListsAreReadAsTheyCome(t *testing.T) {
	const elements = 50
	shown := make(chan int, elements)
	n, unread, err := listing(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "[")
		for n := range elements {
			if n > 0 {
				_, _ = io.WriteString(w, ",")
			}
			_, _ = io.WriteString(w, oneAlert+strings.Repeat(" ", 64<<10)) // what is read ahead
			_ = http.NewResponseController(w).Flush()
			select {
			case <-shown:
			case <-time.After(time.Minute):
				t.Errorf("element %d is not shown before the next one comes", n)
				return
			}
		}
		_, _ = io.WriteString(w, "]\n")
	}, func(n int) { shown <- n })
	if n != elements || len(unread) > 0 || err != nil {
		t.Errorf("%d are shown, %v, %v", n, unread, err)
	}
}

// Of a list that is not whole nobody may believe that nothing else fires.
func TestListsAreWhole(t *testing.T) {
	for text, want := range map[string]string{
		"[]": "0 [] <nil>", "null\n": "0 [] <nil>", "[" + oneAlert + "]\n": "1 [] <nil>",
		"[" + oneAlert + ",null," + oneAlert + "]": "2 [alerts, element 1: it is null] <nil>",
		"":                                    "0 [] alerts of alertmanager a: its answer cannot be read: unexpected EOF",
		"[" + oneAlert:                        "1 [] alerts of alertmanager a: its answer cannot be read: unexpected EOF",
		"[" + oneAlert + ",":                  "1 [] alerts of alertmanager a: its answer cannot be read: unexpected EOF",
		"[" + oneAlert[:20]:                   "0 [] alerts of alertmanager a: its answer cannot be read: unexpected EOF",
		"[" + oneAlert + "] []":               "1 [] alerts of alertmanager a: its answer cannot be read: something follows the list",
		"[" + oneAlert + " " + oneAlert + "]": "1 [] alerts of alertmanager a: its answer cannot be read: expected comma after array element",
		oneAlert:                              "0 [] alerts of alertmanager a: its answer cannot be read: it begins with { and is no list",
		"<html>":                              "0 [] alerts of alertmanager a: its answer cannot be read: invalid character '<' looking for beginning of value",
	} {
		n, unread, err := listing(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }, func(int) {})
		if got := fmt.Sprint(n, " ", unread, " ", err); got != want {
			t.Errorf("%q: %s\nwant %s", text, got, want)
		}
	}
}
