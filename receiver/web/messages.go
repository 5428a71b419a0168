package web

import (
	"net/http"

	"vigie/receiver"
	"vigie/receiver/web/query"
)

// messages lists what was written to people, or waits to be.
func (s *site) messages(r *http.Request, who string) (any, error) {
	q := r.URL.Query()
	f := receiver.MessageFilter{Incident: q.Get("incident"), Waiting: query.Yes(q, "waiting", false), Limit: query.Number(q, "limit", 0)}
	return s.o.Engine.Messages(r.Context(), f, who)
}

// retry sends at once what waits to be tried again.
func (s *site) retry(r *http.Request, who string) (any, error) {
	var what receiver.Retry
	if err := query.Body(r, &what); err != nil {
		return nil, err
	}
	n, err := s.o.Engine.RetryMessages(r.Context(), what, who)
	if err != nil {
		return nil, err
	}
	s.o.Logger.Info("messages are tried again at once", "by", who, "transmissions", n)
	return retried{n}, nil
}

// retried is how many transmissions are tried at once.
type retried struct {
	Retried int `json:"retried"`
}
