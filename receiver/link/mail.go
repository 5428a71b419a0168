package link

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"vigie/rules/act"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// ValidFor is how long a link works unless somebody says otherwise.
const ValidFor = 14 * 24 * time.Hour

// Links signs the links of mails and reads them again.
type Links struct {
	file  string
	valid time.Duration
	keys  *Keys // nil before Open
}

// New returns links that are signed with the keys of a file and work for
// that long, 14 days when 0. The file is a secret: it is read when an engine
// takes the links into use.
func New(file string, valid time.Duration) *Links {
	return &Links{file: file, valid: cmp.Or(valid, ValidFor)}
}

// Open reads the keys; nil links need none.
func (l *Links) Open() (err error) {
	if l == nil {
		return nil
	}
	if l.keys, err = ReadKeys(l.file); err != nil {
		return fmt.Errorf("links.key_file: %w", err)
	}
	return nil
}

// OnlyShows is the purpose of a link that leads to no act.
const OnlyShows = "incident"

// Purpose returns the act of a link and what of it is settled already.
func Purpose(name string) (verb string, settled model.Labels, known bool) {
	row, form, known := act.For(name)
	settled = model.Labels{}
	for i := 0; i+1 < len(form.Settled); i += 2 {
		settled[form.Settled[i]] = form.Settled[i+1]
	}
	return row.Verb, settled, known || name == OnlyShows
}

// severalRows begins the purpose of a link that is about every row of a mail;
// the purposes that its page offers follow, with commas between them.
const severalRows = "several:"

// Offers are the purposes of a link that is about all rows of a mail.
func Offers(name string) (purposes []string, many bool) {
	list, many := strings.CutPrefix(name, severalRows)
	if !many {
		return nil, false
	}
	purposes = strings.Split(list, ",")
	for _, p := range purposes {
		if verb, _, known := Purpose(p); !known || verb == "" {
			return nil, false
		}
	}
	return purposes, true
}

// Token makes the link of a message for one purpose; none for a page that is
// not ours.
func (l *Links) Token(n incident.Notification, _ incident.Party, what string) string {
	_, _, known := Purpose(what)
	_, many := Offers(what)
	if !known && !many || n.IncidentID == "" || l.keys == nil {
		return ""
	}
	return l.keys.Sign(l.Grant(n, what))
}

// Grant is what a link of a message for one purpose permits.
func (l *Links) Grant(n incident.Notification, what string) Grant {
	g := Grant{Incident: n.IncidentID, Purpose: what, Notice: n.ID, Expires: n.DecidedAt.Add(l.valid).Unix()}
	for _, p := range n.To {
		g.Outside = g.Outside || p.Outside
		who := p.Person
		if who == "" {
			who = p.Address
		}
		if !slices.Contains(g.Persons, who) {
			g.Persons = append(g.Persons, who)
		}
	}
	return g
}

// Verify reads a link. With an error that it is too old it tells all the same what
// it was for.
func (l *Links) Verify(token string, now time.Time) (Grant, error) { return l.keys.Verify(token, now) }
