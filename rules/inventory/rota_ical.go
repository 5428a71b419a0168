package inventory

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"vigie/internal/sheet"
	"vigie/internal/strict"
	"vigie/rules/calendar/ical"
)

// rotaPrefix begins the name of an iCalendar file that says who is on duty.
const rotaPrefix = "rota-"

// RotaOfFile returns the rota role that a file of that name fills: supervisor for
// inventory/rota-supervisor.ics. It reports false for any other file.
func RotaOfFile(file string) (string, bool) {
	base := path.Base(file)
	ext := path.Ext(base)
	role, rota := strings.CutPrefix(strings.TrimSuffix(base, ext), rotaPrefix)
	return role, rota && role != "" && strings.EqualFold(ext, ".ics")
}

// ImportedRota is what the iCalendar file of a rota came to.
type ImportedRota struct {
	Role, File string
	Shifts     int // that name somebody
	// Unknown are the titles of events that name nobody of the inventory: gaps.
	Unknown []string
	// Strange are zones that no clock here knows; their times were read by Zone's.
	Strange []string
	Zone    string
}

// Lines say for people what was read.
func (r ImportedRota) Lines() []string {
	out := []string{fmt.Sprintf("%s: %d shifts of rota %s", r.File, r.Shifts, r.Role)}
	const most = 20
	for n, title := range r.Unknown {
		if n == most {
			out = append(out, fmt.Sprintf("  and %d more events name nobody", len(r.Unknown)-most))
			break
		}
		out = append(out, fmt.Sprintf("  %q names nobody of the inventory, so nobody is on duty then: write the id, the name or the address of a person", title))
	}
	for _, zone := range r.Strange {
		out = append(out, fmt.Sprintf("  the zone %q is not known: its times are read as those of %s", zone, r.Zone))
	}
	return out
}

// readRota reads the file of a rota.
func readRota(f strict.File, zone *time.Location) ([]ical.Shift, []string, error) {
	refuse := func(format string, args ...any) error {
		return strict.Faults{{Position: strict.Position{File: f.Name, Line: 1}, What: fmt.Sprintf(format, args...)}}
	}
	if len(bytes.TrimSpace(f.Text)) == 0 {
		return nil, nil, refuse("the file is empty: export the calendar again")
	}
	text, err := sheet.Decode(f.Text)
	if err != nil {
		return nil, nil, refuse("%v: export the calendar again, in UTF-8", err)
	}
	shifts, strange, err := ical.Shifts(bytes.NewReader(text), zone)
	switch {
	case err != nil:
		return nil, nil, refuse("%v", err)
	case len(shifts) == 0:
		return nil, nil, refuse("no event says who is on duty: export the calendar again, or take the file away")
	}
	return shifts, strange, nil
}

// importedRota takes in who is on duty by an iCalendar file. What is written under
// rota in any file wins over it, and it wins over a rotation.
func (l *loader) importedRota(f strict.File) {
	role, _ := RotaOfFile(f.Name)
	at := strict.Position{File: f.Name, Line: 1}
	if !l.once(at, "rota "+role, "rota file "+role) {
		return
	}
	shifts, strange, err := readRota(f, l.location)
	if err != nil {
		l.note(err)
		return
	}
	in := ImportedRota{Role: role, File: f.Name, Strange: strange, Zone: l.location.String()}
	entries := make([]RotaEntry, 0, len(shifts))
	for _, s := range shifts {
		person := l.onShift(s)
		if person == "" {
			if !slices.Contains(in.Unknown, s.Title) {
				in.Unknown = append(in.Unknown, s.Title)
			}
		} else {
			in.Shifts++
		}
		entries = append(entries, RotaEntry{Role: role, Person: person, From: s.From, Until: s.Until})
	}
	if in.Shifts == 0 {
		l.fault(at, "", "no event names a person of the inventory (the first says %q): write ids, names or addresses as titles, or invite the person to the event", shifts[0].Title)
		return
	}
	l.dir.Rotas = append(entries, l.dir.Rotas...)
	l.dir.ImportedRotas = append(l.dir.ImportedRotas, in)
}

// StrayRotas warns of who is on duty by a rota that no role is filled by: another
// is told instead.
func (d *Directory) StrayRotas(known []string) (out []string) {
	for _, m := range d.filled {
		if !slices.Contains(known, m.name) {
			out = append(out, fmt.Sprintf("%s: %s: no role of a policy is filled by it: %s", m.at, m.path, strict.Unknown("rota", m.name, known)))
		}
	}
	return out
}

// CheckRotas refuses calendar files of rotas that no policy asks for.
func (d *Directory) CheckRotas(known []string) error {
	var faults strict.Faults
	for _, r := range d.ImportedRotas {
		if !slices.Contains(known, r.Role) {
			cure := "give a role `rota: " + r.Role + "`, or take the file away"
			if len(known) > 0 {
				cure = "name it " + rotaPrefix + strings.Join(known, ".ics or "+rotaPrefix) + ".ics, or " + cure
			}
			faults = append(faults, strict.Fault{Position: strict.Position{File: r.File, Line: 1},
				What: fmt.Sprintf("no role of a policy is filled by a rota %q, after which this file is named: %s", r.Role, cure)})
		}
	}
	return faults.Err()
}

// onShift is whom an event names: by its title, by its one attendee that the
// inventory has, or by the one name, or address, that stands within its title; empty
// for nobody or for several.
func (l *loader) onShift(s ical.Shift) string {
	if p := l.dir.Author(s.Title); p != nil {
		return p.ID
	}
	var found []string
	take := func(id string) {
		if !slices.Contains(found, id) {
			found = append(found, id)
		}
	}
	for _, address := range s.Who {
		if p := l.dir.PersonByAddress(address); p != nil {
			take(p.ID)
		}
	}
	if len(found) == 0 {
		title := " " + strings.Join(strings.FieldsFunc(strings.ToLower(s.Title), func(r rune) bool { return strings.ContainsRune(" \t\u00a0:,;()[]<>/|–—", r) }), " ") + " "
		for id, p := range l.dir.People {
			for _, name := range []string{p.Name, p.Email} {
				if name != "" && strings.Contains(title, " "+strings.ToLower(strings.Join(strings.Fields(name), " "))+" ") {
					take(id)
				}
			}
		}
	}
	if len(found) != 1 {
		return ""
	}
	return found[0]
}
