package inventory

import (
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"sort"
	"strings"
	"time"

	"vigie/internal/fleet"
	"vigie/internal/strict"
	"vigie/rules/act"
	"vigie/rules/calendar"
)

// section is what one YAML file of the inventory may hold.
type section struct {
	fleet.Section
	People      map[string]personEntry     `yaml:"people"`
	Platforms   map[string]platformEntry   `yaml:"platforms"`
	Rota        []rotaEntry                `yaml:"rota"`
	Rotations   []rotationEntry            `yaml:"rotations"`
	Absences    []absenceEntry             `yaml:"absences"`
	Maintenance []maintenanceEntry         `yaml:"maintenance"`
	Closures    map[string][]*closureEntry `yaml:"closures"`
	Access      *accessEntry               `yaml:"access"`
}

// Keys are all keys that a YAML file of the inventory may hold.
func Keys() []string { return strict.Paths(reflect.TypeFor[section]()) }

// Load reads the inventory from YAML files, from CSV files of machines and from
// iCalendar files of closed days or of a rota, merges them and checks every cross reference.
// The error is of type [strict.Faults] and names all faults of all files at once, each with file,
// line and cure. Whether the calendars that are closed exist is for
// [Directory.CheckClosures] to say, whether languages and channels do for
// [Directory.CheckLanguages] and [Directory.CheckChannels].
//
// A date without a time is that day in the inventory's `timezone`
// ([fleet.DefaultTimezone] by default); as an end it includes the day.
func Load(files []strict.File) (*Directory, error) {
	l := loader{
		dir: &Directory{
			People:    map[string]*Person{},
			Customers: map[string]*Customer{},
			Platforms: map[string]*Platform{},
			Closures:  map[string]map[calendar.Date][]calendar.Window{},
			Access:    map[string]act.Role{},
			Sources:   map[string]string{},
		},
		at: map[string]strict.Position{},
	}
	docs, calendars := l.read(files)
	if len(l.faults) > 0 { // what refers to a file that cannot be read is not at fault
		return nil, l.sorted(files)
	}
	l.merge(docs)
	for _, f := range calendars {
		if _, rota := RotaOfFile(f.Name); rota {
			l.importedRota(f)
			continue
		}
		l.imported(f)
	}
	l.exceptions()
	for _, doc := range docs { // what refers to entries of any file
		l.customerReferences(doc.Customers)
		l.machineReferences(doc.Machines)
		l.platformReferences(doc.Platforms)
	}
	if err := l.sorted(files).Err(); err != nil {
		return nil, err
	}
	l.dir.Reindex()
	return l.dir, nil
}

// read reads every file by itself; calendars wait until the zone is known.
func (l *loader) read(files []strict.File) (docs []section, calendars []strict.File) {
	for _, f := range files {
		if _, is := ICalCalendar(f.Name); is {
			calendars = append(calendars, f)
			continue
		}
		var doc section
		if strings.EqualFold(path.Ext(f.Name), ".csv") {
			var faults strict.Faults
			doc.Machines, faults = fleet.ReadCSV(f)
			l.faults = append(l.faults, faults...)
		} else {
			l.note(strict.Decode(f.Name, f.Text, &doc))
			l.dir.Slips = append(l.dir.Slips, strict.Blank(f, reflect.TypeFor[section]())...)
		}
		docs = append(docs, doc)
	}
	return docs, calendars
}

// merge takes in the files' entries. What others refer to comes first, so that
// the order of files is free.
func (l *loader) merge(docs []section) {
	fleets := make([]fleet.Section, len(docs))
	for i, doc := range docs {
		fleets[i] = doc.Section
	}
	var faults strict.Faults
	l.location, faults = fleet.Location(fleets)
	l.faults = append(l.faults, faults...)
	for _, doc := range docs {
		l.people(doc.People)
		l.customers(doc.Customers)
	}
	for _, doc := range docs {
		l.machines(doc.Machines)
		l.platforms(doc.Platforms)
		for name, s := range doc.Sources {
			l.dir.Sources[name] = s.Exporter
		}
	}
	for _, doc := range docs {
		l.rota(doc.Rota)
		l.rotations(doc.Rotations)
		l.absences(doc.Absences)
		l.maintenance(doc.Maintenance)
		l.closures(doc.Closures)
		l.access(doc.Access)
	}
}

// loader merges inventory files into one directory and collects the faults.
type loader struct {
	dir      *Directory
	location *time.Location
	faults   strict.Faults
	at       map[string]strict.Position // where something was first written
	endless  []mention                  // entries of the rota without an end, by role
}

func (l *loader) note(err error) {
	if fs, ok := err.(strict.Faults); ok {
		l.faults = append(l.faults, fs...)
	}
}

func (l *loader) fault(at strict.Position, where, format string, args ...any) {
	l.faults = append(l.faults, strict.Fault{Position: at, Path: where, What: fmt.Sprintf(format, args...)})
}

// once refuses a second entry under the same name.
func (l *loader) once(at strict.Position, where, key string) bool {
	if first, twice := l.at[key]; twice {
		l.fault(at, where, "already given at %s: keep one", first)
		return false
	}
	l.at[key] = at
	return true
}

func (l *loader) sorted(files []strict.File) strict.Faults {
	order := map[string]int{}
	for i, f := range files {
		order[f.Name] = i
		l.faults.Locate(f)
	}
	sort.SliceStable(l.faults, func(i, j int) bool {
		a, b := l.faults[i], l.faults[j]
		if a.File != b.File {
			return order[a.File] < order[b.File]
		}
		return a.Line < b.Line
	})
	return l.faults
}

// known refuses an id that nothing in the inventory has.
func known[T any](l *loader, at strict.Position, where, what, id string, all map[string]T) {
	if _, ok := all[id]; !ok {
		l.fault(at, where, "unknown %s %q%s", what, id, nearest(id, slices.Sorted(maps.Keys(all))))
	}
}

func nearest(wrong string, known []string) string {
	if best := strict.Nearest(wrong, known); best != "" {
		return fmt.Sprintf(": did you mean %q?", best)
	}
	return ": add it to the inventory or mend the name"
}

func (l *loader) oneOf(at strict.Position, where, got string, allowed ...string) {
	if slices.Contains(allowed, got) {
		return
	}
	if got == "" {
		l.fault(at, where, "missing: write one of %s", strings.Join(allowed, ", "))
		return
	}
	named := slices.DeleteFunc(slices.Clone(allowed), func(s string) bool { return s == "" })
	l.fault(at, where, "%q is not known: write one of %s", got, strings.Join(named, ", "))
}

// seemly keeps a warning of an instant with an offset that its zone has not then.
func (l *loader) seemly(at strict.Position, where string, moments ...fleet.Moment) {
	for _, m := range moments {
		if slip := m.Slip(l.location); slip != "" {
			l.dir.Slips = append(l.dir.Slips, fmt.Sprintf("%s: %s: %s", at, where, slip))
		}
	}
}

// service is from when anything is owed to an entry and from when nothing is any
// more: both days that are written are days of service.
func (l *loader) service(at strict.Position, where string, commissioned, decommissioned fleet.Moment) (from, until time.Time) {
	l.seemly(at, where+".commissioned", commissioned)
	l.seemly(at, where+".decommissioned", decommissioned)
	from, until = commissioned.Start(l.location), decommissioned.End(l.location)
	if !from.IsZero() && !until.IsZero() && !from.Before(until) {
		l.fault(at, where+".decommissioned", "not after commissioned: mend the dates")
	}
	return from, until
}

func (l *loader) bounded(at strict.Position, where string, from, until fleet.Moment) {
	if from.IsZero() || until.IsZero() {
		l.fault(at, where, "needs `from:` and `until:`; an end given as a date includes that day")
	}
}

func (l *loader) span(at strict.Position, where string, from, until fleet.Moment) (time.Time, time.Time) {
	l.seemly(at, where, from, until)
	f, u := from.Start(l.location), until.End(l.location)
	if !f.IsZero() && !u.IsZero() && !f.Before(u) {
		l.fault(at, where+".until", "not after from: mend the dates")
	}
	return f, u
}
