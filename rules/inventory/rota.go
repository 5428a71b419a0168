package inventory

import (
	"fmt"
	"slices"
	"time"

	"vigie/internal/fleet"
	"vigie/internal/strict"
)

// RotaEntry says who fills a role from when until when; a zero Until is open.
// An empty Person is a gap. A later entry wins over an earlier one, and every
// entry over a rotation. Those of calendar files come first.
type RotaEntry struct {
	Role   string
	Person string
	From   time.Time
	Until  time.Time
}

// covers reports whether the entry speaks of the role at an instant.
func (r RotaEntry) covers(role string, at time.Time) bool {
	return r.Role == role && !at.Before(r.From) && (r.Until.IsZero() || at.Before(r.Until))
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
		l.dir.filled = append(l.dir.filled, mention{e.At, where + ".role", e.Role})
		if e.Until.IsZero() {
			l.endless = append(l.endless, mention{e.At, where, e.Role})
		}
		from, until := l.span(e.At, where, e.From, e.Until)
		l.dir.Rotas = append(l.dir.Rotas, RotaEntry{Role: e.Role, Person: e.Person, From: from, Until: until})
	}
}

// Gap is why nobody can be counted on who is on duty.
type Gap string

// The gaps.
const (
	GapNobody    Gap = "nobody"    // no entry and no rotation names anybody
	GapAway      Gap = "away"      // the person is absent
	GapUnreached Gap = "unreached" // nothing can be sent to the person
)

// Duty is who fills a rota role. With a gap the person, if any is named, is not
// there: others should be told.
type Duty struct {
	Person string
	Gap    Gap // empty for none
}

// Duty returns who fills a rota role at an instant: by the last entry of the rota
// that covers it, else by the rotation.
func (d *Directory) Duty(role string, at time.Time) Duty {
	out := Duty{Person: d.named(role, at)}
	if out.Person == "" {
		out.Gap = GapNobody
	} else if _, away := d.Away(out.Person, at); away {
		out.Gap = GapAway
	} else if !d.Reaches(out.Person) {
		out.Gap = GapUnreached
	}
	return out
}

// named is whom entries and rotations name for a role at an instant.
func (d *Directory) named(role string, at time.Time) string {
	for _, r := range slices.Backward(d.Rotas) {
		if r.covers(role, at) {
			return r.Person
		}
	}
	if r := d.rotation(role, at); r != nil {
		return r.Person(at)
	}
	return ""
}

// OnDuty returns whom the rota names for a role at an instant, present or not. gap
// is true when it names nobody.
func (d *Directory) OnDuty(role string, at time.Time) (person string, gap bool) {
	person = d.named(role, at)
	return person, person == ""
}

// HasRota reports whether any entry or rotation speaks of the role.
func (d *Directory) HasRota(role string) bool {
	return slices.ContainsFunc(d.Rotas, func(r RotaEntry) bool { return r.Role == role }) ||
		slices.ContainsFunc(d.Rotations, func(r Rotation) bool { return r.Role == role })
}

// RotaPeople are all whom entries and rotations name for a role; for every role
// when it is empty. Some may stand in it twice.
func (d *Directory) RotaPeople(role string) []string {
	var out []string
	for _, r := range d.Rotas {
		if (role == "" || r.Role == role) && r.Person != "" {
			out = append(out, r.Person)
		}
	}
	for _, r := range d.Rotations {
		if role == "" || r.Role == role {
			out = append(out, r.People...)
		}
	}
	return out
}

// Shift is a time during which the same person is on duty, or the same gap lasts.
type Shift struct {
	Duty
	From, Until time.Time
}

// Shifts part a span of time by who fills a rota role, without a hole.
func (d *Directory) Shifts(role string, from, until time.Time) []Shift {
	var out []Shift
	for at := from; at.Before(until); {
		next := d.boundaryAfter(role, at)
		if next.IsZero() || next.After(until) {
			next = until
		}
		duty := d.Duty(role, at)
		if n := len(out); n > 0 && out[n-1].Duty == duty {
			out[n-1].Until = next
		} else {
			out = append(out, Shift{duty, at, next})
		}
		at = next
	}
	return out
}

// LastChange is the latest instant up to at, and after since, at which a rota role
// passed to somebody else; filled tells who fills it.
func (d *Directory) LastChange(role string, since, at time.Time, filled func(time.Time) string) (time.Time, bool) {
	for b := d.boundaryUpTo(role, at); b.After(since); b = d.boundaryUpTo(role, b.Add(-1)) {
		if filled(b) != filled(b.Add(-1)) {
			return b, true
		}
	}
	return time.Time{}, false
}

// NextChange is the first instant after at, and not after until, at which a rota
// role passes to somebody else; filled tells who fills it.
func (d *Directory) NextChange(role string, at, until time.Time, filled func(time.Time) string) (time.Time, bool) {
	for b := d.boundaryAfter(role, at); !b.IsZero() && !b.After(until); b = d.boundaryAfter(role, b) {
		if filled(b) != filled(b.Add(-1)) {
			return b, true
		}
	}
	return time.Time{}, false
}

// boundaryAfter is the first instant after at when who fills the role may change;
// zero for never.
func (d *Directory) boundaryAfter(role string, at time.Time) (first time.Time) {
	d.boundaries(role, at, func(t time.Time) {
		if t.After(at) && (first.IsZero() || t.Before(first)) {
			first = t
		}
	})
	return first
}

// boundaryUpTo is the last instant up to at when who fills the role may have
// changed; zero for never.
func (d *Directory) boundaryUpTo(role string, at time.Time) (last time.Time) {
	d.boundaries(role, at, func(t time.Time) {
		if !t.After(at) && t.After(last) {
			last = t
		}
	})
	return last
}

// boundaries yields the instants around at when who fills the role may change: of
// each entry, of each rotation and of each absence those next to it.
func (d *Directory) boundaries(role string, at time.Time, yield func(time.Time)) {
	for _, r := range d.Rotas {
		if r.Role == role {
			yield(r.From)
			yield(r.Until)
		}
	}
	for _, r := range d.Rotations {
		if r.Role == role {
			begun, next := r.turn(at)
			yield(begun)
			yield(next)
			yield(r.Until)
		}
	}
	for _, a := range d.Absences {
		if a.Person != "" {
			yield(a.From)
			yield(a.Until)
		}
	}
}
