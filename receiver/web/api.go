package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/gorilla/mux"

	"vigie/receiver/web/openapi"
)

// usualIncidents is how many are answered when nobody says how many.
const usualIncidents = 1000

// listPage is one page of a list that is answered as a bare array: a header says where
// the next one is (RFC 8288).
type listPage struct {
	list any
	page int
	more bool
}

func (p listPage) link(h http.Header, at *url.URL) {
	if !p.more {
		return
	}
	q := at.Query()
	q.Set("page", strconv.Itoa(p.page+1))
	h.Set("Link", fmt.Sprintf(`<%s?%s>; rel="next"`, at.Path, q.Encode()))
}

// described answers what the API is. It tells of no customer, so whoever comes may
// read it.
func (s *site) described() http.HandlerFunc {
	document, _ := s.document()
	text, err := json.MarshalIndent(document, "", " ")
	if err != nil {
		panic(err) // it is made of what is compiled in
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(text) // the client went away
	}
}

// document is the description, and the types that it tells.
func (s *site) document() (document any, types []string) {
	words, enums := openapi.Words()
	return openapi.Document(append(s.operations(), machineOperations()...), openapi.Options{Title: "Vigie",
		About: "Incidents of backups and services: who must be told what, by when, and the proof of it. Instants are RFC 3339, each with its offset; what has no time or " +
			"is not known is left out. No list is null. What was answered with 200 is committed.",
		Version: "1", Problem: problem{}, Words: words, Enums: enums})
}

// amiss answers what is not there: as JSON to whoever asks the API, else as a page.
func (s *site) amiss(code int, why string, page http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if page == nil || len(r.URL.Path) >= 5 && r.URL.Path[:5] == "/api/" {
			s.answer(w, code, problem{fmt.Sprintf(why, r.Method, r.URL.Path), code, ""})
			return
		}
		page.ServeHTTP(w, r)
	})
}

// astray handles what the router does not know.
func (s *site) astray(r *mux.Router, missing http.Handler) {
	r.NotFoundHandler = s.amiss(http.StatusNotFound, "there is no %s %s; what there is: "+openapi.Path, missing)
	r.MethodNotAllowedHandler = s.amiss(http.StatusMethodNotAllowed, "%s is not what %s takes; what there is: "+openapi.Path, nil)
}
