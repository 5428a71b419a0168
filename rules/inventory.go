package rules

import (
	"fmt"
	"maps"
	"net/mail"
	"path"
	"slices"
	"sort"
	"strings"
	"time"

	"vigie/rules/calendar"
	"vigie/rules/strict"
)

// LoadDirectory reads the inventory from YAML files, from CSV files of machines
// and from iCalendar files of closed days, merges them and checks every cross
// reference. The error is of type [strict.Faults] and names all faults of all
// files at once, each with file, line and cure. Whether the calendars that are
// closed exist is for [Directory.CheckClosures] to say.
//
// A date without a time is that day in the inventory's `timezone`
// (Europe/Paris by default); as an end it includes the day.
func LoadDirectory(files []SourceFile) (*Directory, error) {
	l := loader{
		dir: &Directory{
			People:    map[string]*Person{},
			Customers: map[string]*Customer{},
			Platforms: map[string]*Platform{},
			Closures:  map[string]map[calendar.Date][]calendar.Window{},
		},
		at: map[string]Position{},
	}
	var docs []inventoryFile
	var calendars []SourceFile
	for _, f := range files {
		var doc inventoryFile
		if _, is := ICalCalendar(f.Name); is {
			calendars = append(calendars, f)
			continue
		}
		if strings.EqualFold(path.Ext(f.Name), ".csv") {
			doc.Machines = l.readMachines(f)
		} else {
			l.note(strict.Decode(f.Name, f.Text, &doc))
		}
		docs = append(docs, doc)
	}
	l.zone(docs)
	// What others refer to comes first, so that the order of files is free.
	for _, doc := range docs {
		l.people(doc.People)
		l.customers(doc.Customers)
	}
	for _, doc := range docs {
		l.machines(doc.Machines)
		l.platforms(doc.Platforms)
	}
	for _, doc := range docs {
		l.rota(doc.Rota)
		l.absences(doc.Absences)
		l.maintenance(doc.Maintenance)
		l.closures(doc.Closures)
	}
	for _, f := range calendars {
		l.imported(f)
	}
	l.references(docs)
	if err := l.sorted(files).Err(); err != nil {
		return nil, err
	}
	l.dir.Reindex()
	return l.dir, nil
}

// Clone returns a copy whose lists and entries may be changed without changing
// the original; call [Directory.Reindex] after changing its machines.
func (d *Directory) Clone() *Directory {
	c := &Directory{
		People:      make(map[string]*Person, len(d.People)),
		Customers:   make(map[string]*Customer, len(d.Customers)),
		Machines:    make([]*Machine, len(d.Machines)),
		Platforms:   make(map[string]*Platform, len(d.Platforms)),
		Rotas:       slices.Clone(d.Rotas),
		Absences:    slices.Clone(d.Absences),
		Maintenance: slices.Clone(d.Maintenance),
		Closures:    make(map[string]map[calendar.Date][]calendar.Window, len(d.Closures)),
	}
	for id, p := range d.People {
		person := *p
		c.People[id] = &person
	}
	for id, cu := range d.Customers {
		customer := *cu
		c.Customers[id] = &customer
	}
	for i, m := range d.Machines {
		machine := *m
		c.Machines[i] = &machine
	}
	for id, p := range d.Platforms {
		platform := *p
		c.Platforms[id] = &platform
	}
	for name, dates := range d.Closures {
		c.Closures[name] = maps.Clone(dates)
	}
	c.closedAt = maps.Clone(d.closedAt)
	c.spoken, c.reached = slices.Clone(d.spoken), slices.Clone(d.reached)
	c.Reindex()
	return c
}

// inventoryFile is what one YAML file of the inventory may hold.
type inventoryFile struct {
	Timezone    string                     `yaml:"timezone"`
	People      map[string]personEntry     `yaml:"people"`
	Customers   map[string]customerEntry   `yaml:"customers"`
	Machines    []machineEntry             `yaml:"machines"`
	Platforms   map[string]platformEntry   `yaml:"platforms"`
	Rota        []rotaEntry                `yaml:"rota"`
	Absences    []absenceEntry             `yaml:"absences"`
	Maintenance []maintenanceEntry         `yaml:"maintenance"`
	Closures    map[string][]*closureEntry `yaml:"closures"`
}

type personEntry struct {
	At       Position
	Name     string `yaml:"name"`
	Email    string `yaml:"email"`
	Phone    string `yaml:"phone"`
	Language string `yaml:"language"`
	Shared   bool   `yaml:"shared"`
	// Channels are the addresses of other ways than e-mail, by channel.
	Channels map[string]string `yaml:"channels"`
}

type customerEntry struct {
	At             Position
	Name           string `yaml:"name"`
	AccountManager string `yaml:"account_manager"`
	ITContact      string `yaml:"it_contact"`
	Prefers        string `yaml:"prefers"`
	Language       string `yaml:"language"`
	Decommissioned moment `yaml:"decommissioned"`
}

type machineEntry struct {
	At             Position
	Customer       string      `yaml:"customer"`
	Name           string      `yaml:"name"`
	Class          string      `yaml:"class"`
	User           string      `yaml:"user"`
	Aliases        []string    `yaml:"aliases"`
	Plans          []planEntry `yaml:"plans"`
	Decommissioned moment      `yaml:"decommissioned"`
}

type planEntry struct {
	At     Position
	Plan   string `yaml:"plan"`
	Role   string `yaml:"role"`
	Engine string `yaml:"engine"`
}

type platformEntry struct {
	At          Position
	Name        string   `yaml:"name"`
	Customer    string   `yaml:"customer"`
	Host        string   `yaml:"host"`
	Managers    []string `yaml:"managers"`
	Operators   []string `yaml:"operators"`
	Level3      []string `yaml:"level3"`
	ServiceLead []string `yaml:"service_lead"`
	Runbook     string   `yaml:"runbook"`
}

type rotaEntry struct {
	At     Position
	Role   string `yaml:"role"`
	Person string `yaml:"person"`
	From   moment `yaml:"from"`
	Until  moment `yaml:"until"`
}

type absenceEntry struct {
	At       Position
	Customer string `yaml:"customer"`
	Machine  string `yaml:"machine"`
	From     moment `yaml:"from"`
	Until    moment `yaml:"until"`
	Reason   string `yaml:"reason"`
}

type maintenanceEntry struct {
	At         Position
	Platform   string `yaml:"platform"`
	Customer   string `yaml:"customer"`
	Machine    string `yaml:"machine"`
	From       moment `yaml:"from"`
	Until      moment `yaml:"until"`
	DeclaredAt moment `yaml:"declared_at"`
}

// closureEntry gives a date, or each of a span of dates, other opening hours;
// no windows means closed.
type closureEntry struct {
	At      Position
	Date    *calendar.Date `yaml:"date"`
	From    *calendar.Date `yaml:"from"`
	Until   *calendar.Date `yaml:"until"` // inclusive
	Windows [][2]string    `yaml:"windows"`
	Reason  string         `yaml:"reason"`
}

// moment is an instant, or a whole day until its zone is known.
type moment struct {
	at  time.Time
	day calendar.Date
}

// UnmarshalScalar reads an instant with its offset, or a date.
func (m *moment) UnmarshalScalar(text string) (err error) {
	if d, dateErr := calendar.ParseDate(text); dateErr == nil {
		m.day = d
		return nil
	}
	m.at, err = strict.ParseTime(text)
	return err
}

func (m moment) isZero() bool { return m.at.IsZero() && m.day == calendar.Date{} }

// start is the instant, or the beginning of the day.
func (m moment) start(zone *time.Location) time.Time {
	if (m.day == calendar.Date{}) {
		return m.at
	}
	return time.Date(m.day.Year, m.day.Month, m.day.Day, 0, 0, 0, 0, zone)
}

// end is the instant, or the end of the day.
func (m moment) end(zone *time.Location) time.Time {
	if (m.day == calendar.Date{}) {
		return m.at
	}
	m.day = m.day.AddDays(1)
	return m.start(zone)
}

// loader merges inventory files into one directory and collects the faults.
type loader struct {
	dir      *Directory
	location *time.Location
	faults   strict.Faults
	at       map[string]Position // where something was first written
}

func (l *loader) note(err error) {
	if fs, ok := err.(strict.Faults); ok {
		l.faults = append(l.faults, fs...)
	}
}

func (l *loader) fault(at Position, where, format string, args ...any) {
	l.faults = append(l.faults, strict.Fault{Position: at, Path: where, What: fmt.Sprintf(format, args...)})
}

// once refuses a second entry under the same name.
func (l *loader) once(at Position, where, key string) bool {
	if first, twice := l.at[key]; twice {
		l.fault(at, where, "already given at %s: keep one", first)
		return false
	}
	l.at[key] = at
	return true
}

func (l *loader) sorted(files []SourceFile) strict.Faults {
	order := map[string]int{}
	for i, f := range files {
		order[f.Name] = i
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

func (l *loader) zone(docs []inventoryFile) {
	name := calendar.DefaultTimezone
	for _, doc := range docs {
		if doc.Timezone != "" {
			name = doc.Timezone
		}
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		l.fault(Position{}, "timezone", "unknown zone %q: write an IANA name such as %s", name, calendar.DefaultTimezone)
		zone = time.UTC
	}
	l.location = zone
}

func (l *loader) people(entries map[string]personEntry) {
	for _, id := range slices.Sorted(maps.Keys(entries)) {
		e := entries[id]
		where := "people." + id
		if !l.once(e.At, where, "person "+id) {
			continue
		}
		if strings.ContainsAny(id, "@ ") || id == "" || id == nobody {
			l.fault(e.At, where, "not fit for an id: use a short word without spaces and @, such as %q", suggestID(id))
		}
		if e.Name == "" {
			l.fault(e.At, where+".name", "missing: write the name that mails show")
		}
		if what := wrongAddress(e.Email); what != "" {
			l.fault(e.At, where+".email", "%s", what)
		} else if e.Email != "" {
			l.once(e.At, where+".email: "+e.Email, "address "+strings.ToLower(e.Email))
		}
		if strings.Trim(e.Phone, "+0123456789 .-()/") != "" {
			l.fault(e.At, where+".phone", "%q is not a telephone number: write digits, spaces and +", e.Phone)
		}
		l.dir.speaks(e.At, where+".language", e.Language)
		l.dir.People[id] = &Person{ID: id, Name: e.Name, Email: e.Email, Phone: e.Phone, Language: e.Language, Shared: e.Shared, Channels: l.channels(e, where)}
	}
}

func (l *loader) customers(entries map[string]customerEntry) {
	for _, id := range slices.Sorted(maps.Keys(entries)) {
		e := entries[id]
		where := "customers." + id
		if !l.once(e.At, where, "customer "+id) {
			continue
		}
		if e.Name == "" {
			e.Name = id
		}
		l.oneOf(e.At, where+".prefers", e.Prefers, "", "user", "it", "both")
		l.dir.speaks(e.At, where+".language", e.Language)
		l.dir.Customers[id] = &Customer{
			ID: id, Name: e.Name, AccountManager: e.AccountManager, ITContact: e.ITContact,
			Prefers: e.Prefers, Language: e.Language, Decommissioned: e.Decommissioned.start(l.location),
		}
	}
}

func (l *loader) machines(entries []machineEntry) {
	for _, e := range entries {
		where := "machines." + e.Name
		switch {
		case e.Name == "":
			l.fault(e.At, "machines", "a machine without name: write the name that its mails shall show")
			continue
		case e.Customer == "":
			l.fault(e.At, where+".customer", "missing: write the id of the customer who owns it")
			continue
		}
		if !l.once(e.At, where, l.machineName(e.Customer, e.Name)) {
			continue
		}
		l.oneOf(e.At, where+".class", e.Class, "server", "nas", "workstation", "other")
		m := &Machine{
			Customer: e.Customer, Name: e.Name, Class: e.Class, User: e.User, Aliases: e.Aliases,
			Plans: l.plans(e, where), Decommissioned: e.Decommissioned.start(l.location),
		}
		l.dir.Machines = append(l.dir.Machines, m)
	}
}

func (l *loader) machineName(customer, name string) string {
	return "machine " + customer + "/" + strings.ToLower(name)
}

func (l *loader) plans(e machineEntry, where string) []ExpectedPlan {
	var plans []ExpectedPlan
	for _, p := range e.Plans {
		at := p.At
		if at.Line == 0 {
			at = e.At
		}
		inside := where + ".plans"
		if p.Plan == "" {
			l.fault(at, inside, "a plan without name: write `plan:` as the backup product calls it")
			continue
		}
		l.oneOf(at, inside+".role", p.Role, "primary", "local")
		plan := ExpectedPlan{Plan: p.Plan, Role: p.Role, Engine: p.Engine}
		if slices.Contains(plans, plan) {
			l.fault(at, inside, "%s plan %q stands twice: keep one", p.Role, p.Plan)
			continue
		}
		plans = append(plans, plan)
	}
	return plans
}

func (l *loader) platforms(entries map[string]platformEntry) {
	for _, id := range slices.Sorted(maps.Keys(entries)) {
		e := entries[id]
		if !l.once(e.At, "platforms."+id, "platform "+id) {
			continue
		}
		if e.Name == "" {
			e.Name = id
		}
		l.dir.Platforms[id] = &Platform{
			ID: id, Name: e.Name, Customer: e.Customer, Host: e.Host, Managers: e.Managers,
			Operators: e.Operators, Level3: e.Level3, ServiceLead: e.ServiceLead, Runbook: e.Runbook,
		}
	}
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

func (l *loader) absences(entries []absenceEntry) {
	for i, e := range entries {
		where := fmt.Sprintf("absences[%d]", i)
		l.customer(e.At, where+".customer", e.Customer)
		l.machine(e.At, where+".machine", e.Customer, e.Machine)
		l.bounded(e.At, where, e.From, e.Until)
		from, until := l.span(e.At, where, e.From, e.Until)
		l.dir.Absences = append(l.dir.Absences, Absence{Customer: e.Customer, Machine: e.Machine, From: from, Until: until, Reason: e.Reason})
	}
}

func (l *loader) maintenance(entries []maintenanceEntry) {
	for i, e := range entries {
		where := fmt.Sprintf("maintenance[%d]", i)
		if e.Platform == "" && e.Customer == "" && e.Machine == "" {
			l.fault(e.At, where, "covers everything: name a platform, a customer or a machine")
		}
		if e.Platform != "" {
			known(l, e.At, where+".platform", "platform", e.Platform, l.dir.Platforms)
		}
		if e.Customer != "" {
			l.customer(e.At, where+".customer", e.Customer)
			l.machine(e.At, where+".machine", e.Customer, e.Machine)
		} else if e.Machine != "" {
			l.fault(e.At, where+".customer", "missing: names of machines repeat, write the customer too")
		}
		l.bounded(e.At, where, e.From, e.Until)
		from, until := l.span(e.At, where, e.From, e.Until)
		l.dir.Maintenance = append(l.dir.Maintenance, Maintenance{
			Platform: e.Platform, Customer: e.Customer, Machine: e.Machine,
			From: from, Until: until, DeclaredAt: e.DeclaredAt.start(l.location),
		})
	}
}

// maxClosure bounds a span of closed dates; a longer one is a slip of the pen.
const maxClosure = 366

func (l *loader) closures(entries map[string][]*closureEntry) {
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		for i, e := range entries[name] {
			if e == nil {
				continue
			}
			where := fmt.Sprintf("closures.%s[%d]", name, i)
			from, until := e.From, e.Until
			if e.Date != nil && from == nil && until == nil {
				from, until = e.Date, e.Date
			} else if e.Date != nil || from == nil || until == nil {
				l.fault(e.At, where, "write either `date:`, or `from:` and `until:` (both days included)")
				continue
			}
			windows, err := closureWindows(*from, e.Windows)
			if err != nil {
				l.fault(e.At, where+".windows", "%s", err)
				continue
			}
			if until.Before(*from) || from.AddDays(maxClosure).Before(*until) {
				l.fault(e.At, where+".until", "%s is not within a year after %s: mend the dates", until, from)
				continue
			}
			l.close(e.At, where, name, *from, *until, windows)
		}
	}
}

func (l *loader) close(at Position, where, name string, from, until calendar.Date, windows []calendar.Window) {
	l.dir.noteClosure(name, at)
	if l.dir.Closures[name] == nil {
		l.dir.Closures[name] = map[calendar.Date][]calendar.Window{}
	}
	for d := from; !until.Before(d); d = d.AddDays(1) {
		if l.once(at, where+": "+d.String(), "closure "+name+" "+d.String()) {
			l.dir.Closures[name][d] = windows
		}
	}
}

// closureWindows lets the calendar itself check the windows of a date.
func closureWindows(d calendar.Date, pairs [][2]string) ([]calendar.Window, error) {
	c, err := calendar.New(calendar.Definition{
		WeeklyWindows:  map[string][][2]string{"monday": {{"00:00", "24:00"}}},
		DateExceptions: map[string][][2]string{d.String(): pairs},
	})
	if err != nil {
		return nil, err
	}
	return c.Windows(d), nil
}

// references checks what may refer to entries of any file.
func (l *loader) references(docs []inventoryFile) {
	for _, doc := range docs {
		for id, e := range doc.Customers {
			l.optionalPerson(e.At, "customers."+id+".account_manager", e.AccountManager)
			l.optionalPerson(e.At, "customers."+id+".it_contact", e.ITContact)
		}
		for _, e := range doc.Machines {
			if e.Name == "" || e.Customer == "" {
				continue
			}
			l.customer(e.At, "machines."+e.Name+".customer", e.Customer)
			l.optionalPerson(e.At, "machines."+e.Name+".user", e.User)
			for _, a := range e.Aliases {
				l.alias(e, a)
			}
		}
		for id, e := range doc.Platforms {
			where := "platforms." + id
			if e.Customer != "" {
				l.customer(e.At, where+".customer", e.Customer)
			}
			for key, people := range map[string][]string{
				"managers": e.Managers, "operators": e.Operators, "level3": e.Level3, "service_lead": e.ServiceLead,
			} {
				for _, p := range people {
					l.person(e.At, where+"."+key, p)
				}
			}
		}
	}
}

// alias makes sure that a product's name leads to one machine only.
func (l *loader) alias(e machineEntry, alias string) {
	where := "machines." + e.Name + ".aliases"
	if alias == "" {
		l.fault(e.At, where, "an empty alias: leave it out")
		return
	}
	key := l.machineName(e.Customer, alias)
	if strings.EqualFold(alias, e.Name) {
		return
	}
	l.once(e.At, where+": "+alias, key)
}

func (l *loader) optionalPerson(at Position, where, id string) {
	if id != "" {
		l.person(at, where, id)
	}
}

func (l *loader) person(at Position, where, id string) {
	known(l, at, where, "person", id, l.dir.People)
}

func (l *loader) customer(at Position, where, id string) {
	if id == "" {
		l.fault(at, where, "missing: write the id of a customer")
		return
	}
	known(l, at, where, "customer", id, l.dir.Customers)
}

func (l *loader) machine(at Position, where, customer, name string) {
	if name == "" {
		return
	}
	var names []string
	for _, m := range l.dir.Machines {
		if m.Customer == customer {
			if m.Name == name {
				return
			}
			names = append(names, m.Name)
		}
	}
	l.fault(at, where, "unknown machine %q of customer %q%s", name, customer, nearest(name, names))
}

// known refuses an id that nothing in the inventory has.
func known[T any](l *loader, at Position, where, what, id string, all map[string]T) {
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

func (l *loader) oneOf(at Position, where, got string, allowed ...string) {
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

func (l *loader) bounded(at Position, where string, from, until moment) {
	if from.isZero() || until.isZero() {
		l.fault(at, where, "needs `from:` and `until:`; an end given as a date includes that day")
	}
}

func (l *loader) span(at Position, where string, from, until moment) (time.Time, time.Time) {
	f, u := from.start(l.location), until.end(l.location)
	if !f.IsZero() && !u.IsZero() && !f.Before(u) {
		l.fault(at, where+".until", "not after from: mend the dates")
	}
	return f, u
}

// wrongAddress says what is wrong with a bare e-mail address; a person without
// one is allowed, as some are only telephoned.
func wrongAddress(address string) string {
	if address == "" {
		return ""
	}
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Address != address || len(address) > 254 || strings.ContainsAny(address, " \t\r\n\"<>") {
		return fmt.Sprintf("%q is not an e-mail address: write it bare, like lea@dupont.example", address)
	}
	return ""
}

func suggestID(id string) string {
	id, _, _ = strings.Cut(id, "@")
	if id = strings.ReplaceAll(strings.ToLower(id), " ", "."); id == "" || id == nobody {
		return "j.martin"
	}
	return id
}
