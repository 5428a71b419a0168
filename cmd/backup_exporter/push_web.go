package main

import (
	"net/http"

	"vigie/exporters/push"
)

// pushUser is the user of the web configuration whose password may be given
// to senders: it opens nothing but the door for results, behind which the
// customer's token is asked for.
const pushUser = "push"

// pushSources gives the running sources that receive results.
func (h *manager) pushSources() []*push.Source {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []*push.Source
	for _, r := range h.running {
		if s, ok := r.source.(*push.Source); ok {
			out = append(out, s)
		}
	}
	return out
}

// pushersOnlyPush keeps pushUser from reading what belongs to all customers.
func pushersOnlyPush(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, _, ok := r.BasicAuth()
		if ok && user == pushUser && (r.Method != http.MethodPost || r.URL.Path != push.Path) {
			http.Error(w, "the user "+pushUser+" may only send results", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
