package inventory

import (
	"fmt"
	"slices"
	"time"

	"vigie/internal/fleet"
	"vigie/internal/strict"
)

// RotaEntry says who fills a role from when until when; a zero Until is open.
// An empty Person is a gap. A later entry wins over an earlier one.
type RotaEntry struct {
	Role   string
	Person string
	From   time.Time
	Until  time.Time
}

type rotaEntry struct {
	At     strict.Position
	Role   string       `yaml:"role"`
	Person string       `yaml:"person"`
	From   fleet.Moment `yaml:"from"`
	Until  fleet.Moment `yaml:"until"`
}

// nobody is the word for a gap in the rota.
const nobody = "nobody"

func (l *loader) rota(entries []rotaEntry) {
	for i, e := range entries {
		where := fmt.Sprintf("rota[%d]", i)
		if e.Role == "" {
			l.fault(e.At, where+".role", "missing: write the role of the policy that the person fills")
		}
		switch e.Person {
		case "":
			l.fault(e.At, where+".person", "missing: write the id of a person, or `nobody` for a gap")
		case nobody:
			e.Person = ""
		default:
			l.person(e.At, where+".person", e.Person)
		}
		from, until := l.span(e.At, where, e.From, e.Until)
		l.dir.Rotas = append(l.dir.Rotas, RotaEntry{Role: e.Role, Person: e.Person, From: from, Until: until})
	}
}

// OnDuty returns who fills a rota role at an instant: the latest entry that
// covers it. gap is true when an entry says that nobody does.
func (d *Directory) OnDuty(role string, at time.Time) (person string, gap bool) {
	for i := len(d.Rotas) - 1; i >= 0; i-- {
		r := d.Rotas[i]
		if r.Role != role || at.Before(r.From) || (!r.Until.IsZero() && !at.Before(r.Until)) {
			continue
		}
		return r.Person, r.Person == ""
	}
	return "", true
}

// HasRota reports whether any entry speaks of the role.
func (dir *Directory) HasRota(role string) bool {
	return slices.ContainsFunc(dir.Rotas, func(r RotaEntry) bool { return r.Role == role })
}
