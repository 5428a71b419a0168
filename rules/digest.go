package rules

import (
	"time"

	"vigie/rules/incident"
	"vigie/rules/policy"
	"vigie/rules/situation"
)

// Briefing is a digest that is due: for which date, since when, and for whom.
type Briefing struct {
	Date   string // 2026-03-10, in the zone of its calendar
	Due    time.Time
	To, Cc []incident.Party
	Zone   *time.Location
}

// Briefing returns the digest of the current date, and false on a day without
// one, or before its hour.
func (b *Book) Briefing(now time.Time) (Briefing, bool) {
	p := b.InForce(now)
	if p.Digest == nil {
		return Briefing{}, false
	}
	d := &situation.Situation{Book: b.Book, Policy: p, Scenario: &policy.Scenario{}, Incident: &incident.Incident{}, Now: now}
	cal := d.Calendar(p.Digest.Calendar)
	date := cal.Date(now)
	due := cal.At(date, p.Digest.At)
	if !cal.IsBusinessDay(date) || now.Before(due) {
		return Briefing{}, false
	}
	out := Briefing{Date: date.String(), Due: due, Zone: p.Zone}
	for _, role := range p.Digest.To {
		out.To = append(out.To, d.Contacts().Resolve(role, "", now)...)
	}
	for _, role := range p.Digest.Cc {
		out.Cc = append(out.Cc, d.Contacts().Resolve(role, "", now)...)
	}
	out.To, out.Cc = withAddress(situation.Unique(out.To)), withAddress(situation.Unique(out.Cc))
	for i := range out.Cc {
		out.Cc[i].Cc = true
	}
	return out, true
}

func withAddress(ps []incident.Party) []incident.Party {
	var out []incident.Party
	for _, p := range ps {
		if p.Address != "" {
			out = append(out, p)
		}
	}
	return out
}

// Brief is what the digest says of one incident.
func (b *Book) Brief(inc incident.Incident, around incident.Circumstances, to []incident.Party, now time.Time) (incident.Notification, bool) {
	d := b.decider(&inc, around, now)
	if d == nil || len(to) == 0 {
		return incident.Notification{}, false
	}
	st := &policy.Step{Name: "digest", Template: "D1"}
	return incident.Notification{ID: "digest/" + inc.ID, IncidentID: inc.ID, Key: inc.Key, Episode: inc.Episode, Step: st.Name, Template: st.Template,
		DecidedAt: now, To: to, Language: to[0].Language, Data: d.Messages().Sheet(st, "", to)}, true
}

// Answers are the words of those who were asked, the customer's own people and
// the account manager, that came after an instant, oldest first.
func (b *Book) Answers(inc incident.Incident, since time.Time) []incident.ActRecord {
	own := inc.Clone()
	d := situation.Of(b.Book, &own, incident.Circumstances{}, since)
	if d == nil {
		return nil
	}
	return d.Answers(since)
}
