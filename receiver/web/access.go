package web

import (
	"errors"
	"net/http"
	"slices"

	"github.com/gorilla/mux"

	"vigie/receiver"
	"vigie/receiver/store"
	"vigie/rules/act"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// known tells whose token it is. A token counts only while its person is in the
// inventory.
func (o Options) known(token string) (string, bool) {
	who, ok := o.Person(token)
	if !ok || o.Engine.Book().Directory.People[who] == nil {
		return "", false
	}
	return who, true
}

// may refuses a request that a person's role does not give.
func (s *site) may(x route, who string) error {
	role := s.o.Engine.Book().Role(who)
	if slices.Contains(x.who, role) {
		return nil
	}
	return incident.Refuse(http.StatusForbidden, "{who} may not ask for this: role {access}", "who", who, "access", string(role))
}

// own returns the incident of a request; a customer's own person has no business
// with another one's, and does not learn whether there is one.
func (s *site) own(r *http.Request, who string) (receiver.Summary, error) {
	inc, err := s.o.Engine.Incident(r.Context(), mux.Vars(r)["id"])
	book := s.o.Engine.Book()
	if book.Role(who) == act.Customer && (errors.Is(err, store.ErrNotFound) || err == nil && !book.Concerns(&inc.Incident, who)) {
		return receiver.Summary{}, incident.Refuse(http.StatusForbidden, "this incident is none of {who}", "who", who)
	}
	return inc, err
}

// mayRead returns the incident of a request to whoever may read what was written about
// it: a confidential one is refused to who is not named for it.
func (s *site) mayRead(r *http.Request, who string) (receiver.Summary, error) {
	inc, err := s.own(r, who)
	if err == nil && !s.o.Engine.Book().MayRead(&inc.Incident, who) {
		return inc, incident.Refuse(http.StatusForbidden, "incident {incident} is confidential: its journal is for those named under access.confidential in the inventory", "incident", inc.ID)
	}
	return inc, err
}

// seen leaves out of a list what is not a person's, and of the rest what he may
// not know.
func (s *site) seen(all []receiver.Summary, who string) []receiver.Summary {
	book := s.o.Engine.Book()
	out := []receiver.Summary{}
	for _, inc := range all {
		if book.Role(who) != act.Customer || book.Concerns(&inc.Incident, who) {
			out = append(out, s.shown(inc, who))
		}
	}
	return out
}

func (s *site) shown(inc receiver.Summary, who string) receiver.Summary {
	book := s.o.Engine.Book()
	inc.Incident = book.Seen(inc.Incident, who)
	if book.Role(who) == act.Customer {
		inc.Thread = ""
	}
	return inc
}

// mayReport refuses a customer's own person who reports in another's name or
// about what is another's. Whether he may report at that level at all, and who
// hears of a report that was refused, is for the rules.
func (s *site) mayReport(b reportBody, who string) error {
	book := s.o.Engine.Book()
	if book.Role(who) != act.Customer {
		return nil
	}
	if p := book.Directory.Person(b.By); p == nil || p.ID != who {
		return incident.Refuse(http.StatusForbidden, "{who} may not report in the name of somebody else", "who", who)
	}
	if b.Kind == model.Level2Voluntary && b.Customer == "" && b.Machine == "" {
		return nil // refused by the rules, which tell of it
	}
	dir := book.Directory // a platform alone would speak for whatever machine is named with it
	if !dir.Answers(who, b.Customer, b.Machine, b.Platform) || b.Platform != "" && b.Customer+b.Machine != "" && !dir.Answers(who, b.Customer, b.Machine, "") {
		return incident.Refuse(http.StatusForbidden, "{who} may report only what is his own: his platform, his company or his machine", "who", who)
	}
	return nil
}
