package web

import (
	"net/http"

	"github.com/gorilla/mux"

	"vigie/receiver/store"
	"vigie/receiver/web/query"
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
	open, err := query.Yes(q, "open", true)
	if err != nil {
		return nil, err
	}
	limit, err := query.Number(q, "limit", 100, maxMailsAtOnce)
	if err != nil {
		return nil, err
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

// settled is what became of a mail.
type settled struct {
	Reason string `json:"reason"`
}

// settleMail says that somebody is done with a mail.
func (s *site) settleMail(r *http.Request, who string) (any, error) {
	var b settled
	if err := body(r, &b); err != nil {
		return nil, err
	}
	return s.o.Engine.SettleMail(r.Context(), mux.Vars(r)["id"], b.Reason, who)
}
