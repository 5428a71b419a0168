package web

import (
	"net/http"
	"strconv"

	"vigie/receiver"
)

// messages lists what was written to people, or waits to be.
func (s *site) messages(r *http.Request, who string) (any, error) {
	q := r.URL.Query()
	f := receiver.MessageFilter{Incident: q.Get("incident")}
	for k := range q {
		switch k {
		case "incident":
		case "waiting":
			on, err := strconv.ParseBool(q.Get(k))
			if err != nil {
				return nil, refuse(http.StatusUnprocessableEntity, "waiting %q is neither true nor false", q.Get(k))
			}
			f.Waiting = on
		case "limit":
			n, err := strconv.Atoi(q.Get(k))
			if err != nil || n < 1 || n > receiver.MaxMessages {
				return nil, refuse(http.StatusUnprocessableEntity, "limit %q is not a number from 1 to %d", q.Get(k), receiver.MaxMessages)
			}
			f.Limit = n
		default:
			return nil, refuse(http.StatusUnprocessableEntity, "unknown parameter %q: known are incident, waiting, limit", k)
		}
	}
	return s.o.Engine.Messages(r.Context(), f, who)
}

// retry sends at once what waits to be tried again.
func (s *site) retry(r *http.Request, who string) (any, error) {
	var what receiver.Retry
	if err := body(r, &what); err != nil {
		return nil, err
	}
	n, err := s.o.Engine.RetryMessages(r.Context(), what, who)
	if err != nil {
		return nil, err
	}
	s.o.Logger.Info("messages are tried again at once", "by", who, "transmissions", n)
	return map[string]int{"retried": n}, nil
}
