package web

import (
	"net/http"
	"strconv"

	"github.com/gorilla/mux"

	"vigie/receiver/store"
)

const maxMailsAtOnce = 1000

// mailList is a page of the mails that came back.
type mailList struct {
	Mails []store.Mail `json:"mails"`
	// Next is what after is to be for the page that follows; empty on the last.
	Next string `json:"next,omitempty"`
}

// mails lists the mails that came back: those that wait for a person, or all.
func (s *site) mails(r *http.Request, _ string) (any, error) {
	q := r.URL.Query()
	open, limit := true, 100
	for k := range q {
		var err error
		switch k {
		case "after":
		case "open":
			if open, err = strconv.ParseBool(q.Get(k)); err != nil {
				return nil, refuse(http.StatusUnprocessableEntity, "open %q is neither true nor false", q.Get(k))
			}
		case "limit":
			if limit, err = strconv.Atoi(q.Get(k)); err != nil || limit < 1 || limit > maxMailsAtOnce {
				return nil, refuse(http.StatusUnprocessableEntity, "limit %q is not a number from 1 to %d", q.Get(k), maxMailsAtOnce)
			}
		default:
			return nil, refuse(http.StatusUnprocessableEntity, "unknown parameter %q: known are open, after, limit", k)
		}
	}
	all, err := s.o.Engine.ReceivedMails(r.Context(), open, q.Get("after"), limit+1)
	if err != nil {
		return nil, err
	}
	out := mailList{Mails: all[:min(len(all), limit)]}
	if out.Mails == nil {
		out.Mails = []store.Mail{}
	}
	if len(all) > limit {
		out.Next = all[limit-1].ID
	}
	return out, nil
}

// settleMail says that somebody is done with a mail.
func (s *site) settleMail(r *http.Request, who string) (any, error) {
	var b struct {
		Reason string `json:"reason"`
	}
	if err := body(r, &b); err != nil {
		return nil, err
	}
	return s.o.Engine.SettleMail(r.Context(), mux.Vars(r)["id"], b.Reason, who)
}
