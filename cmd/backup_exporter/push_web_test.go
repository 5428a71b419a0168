package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// The password that senders share opens nothing but the door for results.
func TestPushUserReadsNothing(t *testing.T) {
	h := pushersOnlyPush(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	for _, c := range []struct {
		user, method, path string
		want               int
	}{
		{"push", http.MethodPost, "/api/v1/results", 200},
		{"push", http.MethodGet, "/api/v1/results", 403},
		{"push", http.MethodGet, "/metrics", 403},
		{"push", http.MethodPost, "/-/reload", 403},
		{"push", http.MethodGet, "/", 403},
		{"prometheus", http.MethodGet, "/metrics", 200},
		{"", http.MethodGet, "/metrics", 200},
	} {
		r := httptest.NewRequest(c.method, c.path, nil)
		if c.user != "" {
			r.SetBasicAuth(c.user, "x")
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s %s as %q: %d, want %d", c.method, c.path, c.user, w.Code, c.want)
		}
	}
}
