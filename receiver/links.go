package receiver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"vigie/receiver/link"
	"vigie/rules"
	"vigie/rules/act"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// Opened is a link that was opened: what it is for, and for whom.
type Opened struct {
	link.Grant
	Incident Summary
	// Verb is the act that it leads to; empty when it only shows.
	Verb string
	// Actors are those who may act by it: whom it was sent to, or the whole staff
	// when it was sent to a shared mailbox.
	Actors []string
	// Used tells when and by whom it was used, if it was.
	Used *incident.ActRecord
	// Offers are the purposes of a link that is about all rows of a mail, and Rows
	// those rows; none of a link that is good for one thing.
	Offers []string
	Rows   []Opened
}

// OpenLink reads a link and changes nothing. With an error that the link is too
// old it tells all the same what it was for.
func (e *Engine) OpenLink(ctx context.Context, token string) (Opened, error) {
	var o Opened
	p := e.live()
	if p.Links == nil {
		return o, link.ErrForged
	}
	g, err := p.Links.Verify(token, e.now())
	if err != nil && !errors.Is(err, link.ErrExpired) {
		return o, err
	}
	if wanted, many := link.Offers(g.Purpose); many {
		return e.openRows(ctx, g, wanted, err)
	}
	return e.opened(ctx, g, err)
}

// opened is the link of a grant that is genuine; err is its age.
func (e *Engine) opened(ctx context.Context, g link.Grant, err error) (o Opened, _ error) {
	p := e.live()
	verb, _, known := link.Purpose(g.Purpose)
	if !known {
		return o, link.ErrForged
	}
	o.Grant, o.Verb = g, verb
	inc, readErr := e.Incident(ctx, g.Incident)
	if readErr != nil {
		return o, errors.Join(err, readErr)
	}
	o.Incident = inc
	if o.Verb == "answer" && !(g.Outside && callsCustomer(p.Book, inc)) {
		o.Verb = "note" // only a customer whom somebody would phone gives an answer to wait for
	}
	for i, done := range inc.Acts {
		if done.Link == g.ID() {
			o.Used = &inc.Acts[i]
		}
	}
	for _, id := range g.Persons {
		known := p.Book.Directory.Person(id)
		switch {
		case known != nil && known.Shared:
			o.Actors = append(o.Actors, p.Book.Staff()...)
		case known != nil:
			o.Actors = append(o.Actors, known.ID)
		case strings.Contains(id, "@"): // a reporter whom the inventory does not know
			o.Actors = append(o.Actors, id)
		}
	}
	slices.Sort(o.Actors)
	o.Actors = slices.Compact(o.Actors)
	if len(o.Actors) == 0 { // who left reads no more than he may do, however old the link
		o.Incident, o.Used = Summary{}, nil
		err = incident.Refuse(410, "nobody whom this link was sent to is in the inventory any more")
	}
	return o, err
}

// callsCustomer reports whether customers are phoned who do not answer.
func callsCustomer(b *rules.Book, inc Summary) bool {
	p := b.Policy(inc.Policy)
	if p == nil {
		return false
	}
	s := p.Scenario(inc.Scenario)
	return s != nil && s.Calls != nil
}

// FollowLink does what a link is for, in the name of one of those it was sent to.
// Of the fields, those that the link settles cannot be changed.
func (e *Engine) FollowLink(ctx context.Context, token, who string, fields model.Labels) (incident.Decision, error) {
	o, err := e.OpenLink(ctx, token)
	if err != nil {
		return incident.Decision{}, err
	}
	return e.follow(ctx, o, who, fields)
}

func (e *Engine) follow(ctx context.Context, o Opened, who string, fields model.Labels) (incident.Decision, error) {
	if o.Verb == "" {
		return incident.Decision{}, incident.Refuse(405, "this link only shows the incident")
	}
	if who == "" && len(o.Actors) == 1 {
		who = o.Actors[0]
	}
	if who == "" {
		return incident.Decision{}, incident.Refuse(422, "say who you are").About("who")
	}
	if !slices.Contains(o.Actors, who) {
		return incident.Decision{}, incident.Refuse(403, "this link was not sent to {who}", "who", who)
	}
	if row, _ := act.Of(o.Verb); o.Outside && !row.May(act.Customer) {
		return incident.Decision{}, incident.Refuse(403, "this link gives no other right than to answer")
	}
	fields = fields.Clone()
	_, settled, _ := link.Purpose(o.Purpose)
	maps.Copy(fields, settled)
	delete(fields, rules.VerbSilence) // told by Alertmanager alone
	return e.Act(ctx, o.Grant.Incident, incident.Act{Verb: o.Verb, By: who, Fields: fields, External: o.Outside,
		Link: o.ID(), Via: fmt.Sprintf("by the link of %s", o.Notice)})
}
