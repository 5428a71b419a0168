package rules

import "time"

// Briefing is a digest that is due: for which date, since when, and for whom.
type Briefing struct {
	Date   string // 2026-03-10, in the zone of its calendar
	Due    time.Time
	To, Cc []Party
	Zone   *time.Location
}

// Briefing returns the digest of the current date, and false on a day without
// one, or before its hour.
func (b *Book) Briefing(now time.Time) (Briefing, bool) {
	p := b.InForce(now)
	if p.Digest == nil {
		return Briefing{}, false
	}
	d := &decider{book: b, p: p, s: &Scenario{}, inc: &Incident{}, now: now}
	cal := d.calendar(p.Digest.Calendar)
	date := cal.Date(now)
	due := cal.At(date, p.Digest.At)
	if !cal.IsBusinessDay(date) || now.Before(due) {
		return Briefing{}, false
	}
	out := Briefing{Date: date.String(), Due: due, Zone: p.Zone}
	for _, role := range p.Digest.To {
		out.To = append(out.To, d.contacts().resolve(role, "", now)...)
	}
	for _, role := range p.Digest.Cc {
		out.Cc = append(out.Cc, d.contacts().resolve(role, "", now)...)
	}
	out.To, out.Cc = withAddress(unique(out.To)), withAddress(unique(out.Cc))
	for i := range out.Cc {
		out.Cc[i].Cc = true
	}
	return out, true
}

func withAddress(ps []Party) []Party {
	var out []Party
	for _, p := range ps {
		if p.Address != "" {
			out = append(out, p)
		}
	}
	return out
}

// Brief is what the digest says of one incident.
func (b *Book) Brief(inc Incident, facts Facts, to []Party, now time.Time) (Notification, bool) {
	d := b.decider(&inc, facts, now)
	if d == nil || len(to) == 0 {
		return Notification{}, false
	}
	st := &Step{Name: "digest", Template: "D1"}
	return Notification{ID: "digest/" + inc.ID, IncidentID: inc.ID, Key: inc.Key, Episode: inc.Episode, Step: st.Name, Template: st.Template,
		DecidedAt: now, To: to, Language: to[0].Language, Facts: d.telling().sheet(st, "", to)}, true
}

// TooLong is how long a silence may be before it is listed in the digest.
const TooLong = 24 * time.Hour

// Broad reports whether a silence also covers what may fail later: it does not
// name exactly one machine, one plan or one platform.
func (s Silence) Broad() bool {
	ms, err := ParseMatchers(s.Matchers)
	if err != nil {
		return true
	}
	named := ms.Equalities()
	return named[LabelMachine] == "" && named[LabelJobID] == "" && named[LabelPlatform] == "" && named[LabelSource] == ""
}

// Long reports whether a silence lasts longer than [TooLong].
func (s Silence) Long() bool { return s.EndsAt.Sub(s.StartsAt) > TooLong }
