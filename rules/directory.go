package rules

import (
	"sort"
	"strings"
	"time"

	"vigie/rules/calendar"
)

// Directory is the live inventory: who owns what, whom to tell, who is away.
// An incident never pins it: a changed address or rota counts at once.
type Directory struct {
	People      map[string]*Person
	Customers   map[string]*Customer
	Machines    []*Machine
	Platforms   map[string]*Platform
	Rotas       []RotaEntry
	Absences    []Absence
	Maintenance []Maintenance
	// Closures are dated exceptions by calendar name ("*" for all): live, they
	// also apply to incidents with a pinned policy.
	Closures map[string]map[calendar.Date][]calendar.Window
	closedAt map[string][]Position // where closures stand, by calendar
	spoken   []mention             // the languages that are named
	reached  []mention             // the channels that are named

	index machineIndex
}

// Person is somebody who can be told something.
type Person struct {
	ID       string
	Name     string
	Email    string
	Phone    string
	Language string // a language that there is a folder for
	Shared   bool   // a mailbox that several people read
	// Channels are the addresses of other ways than e-mail, by channel.
	Channels map[string]string
}

// Customer is a client of the service provider.
type Customer struct {
	ID             string
	Name           string
	AccountManager string // person id
	ITContact      string // person id
	Prefers        string // user, it or both: whom to write about a workstation
	Language       string
	Decommissioned time.Time
}

// Machine is a protected object.
type Machine struct {
	Customer string
	Name     string
	Class    string // server, nas, workstation, other
	User     string // person id
	// Aliases are the machine's names or ids in the products, each optionally
	// prefixed by the source: "veeam-dupont:srv-ad.dupont.local".
	Aliases        []string
	Plans          []ExpectedPlan
	Decommissioned time.Time
}

// ExpectedPlan is a backup that must exist.
type ExpectedPlan struct {
	Plan   string
	Role   string // primary or local
	Engine string
}

// Platform is a hosted service.
type Platform struct {
	ID          string
	Name        string
	Customer    string
	Host        string
	Managers    []string // exploitation managers, person ids: told, and may report
	Operators   []string // who intervenes, in order
	Level3      []string
	ServiceLead []string
	Runbook     string
}

// RotaEntry says who fills a role from when until when; a zero Until is open.
// An empty Person is a gap. A later entry wins over an earlier one.
type RotaEntry struct {
	Role   string
	Person string
	From   time.Time
	Until  time.Time
}

// Absence pauses what is owed to the users of a machine or a customer.
type Absence struct {
	Customer string
	Machine  string // empty: all machines of the customer
	From     time.Time
	Until    time.Time // exclusive
	Reason   string
}

// Maintenance is work that was announced before it began (S2.2).
type Maintenance struct {
	Platform, Customer, Machine string
	From, Until                 time.Time
	DeclaredAt                  time.Time
}

type machineKey struct{ customer, name string }

type machineIndex struct {
	byName map[machineKey]*Machine
	alias  map[machineKey]*Machine // customer + lower-cased alias, with or without source
}

// Reindex must be called after Machines changed.
func (d *Directory) Reindex() {
	ix := machineIndex{byName: map[machineKey]*Machine{}, alias: map[machineKey]*Machine{}}
	for _, m := range d.Machines {
		ix.byName[machineKey{m.Customer, m.Name}] = m
		ix.alias[machineKey{m.Customer, strings.ToLower(m.Name)}] = m
	}
	for _, m := range d.Machines {
		for _, a := range m.Aliases {
			k := machineKey{m.Customer, strings.ToLower(a)}
			if _, taken := ix.alias[k]; !taken {
				ix.alias[k] = m
			}
		}
	}
	d.index = ix
}

// Machine finds a machine by its canonical name; nil when unknown.
func (d *Directory) Machine(customer, name string) *Machine {
	return d.index.byName[machineKey{customer, name}]
}

// Canonical maps a product's name of a machine to the inventory's machine, or
// nil when nothing matches. A job id may be given as a further name.
func (d *Directory) Canonical(customer, source string, names ...string) *Machine {
	for _, n := range names {
		if n == "" {
			continue
		}
		if m := d.index.byName[machineKey{customer, n}]; m != nil {
			return m
		}
		low := strings.ToLower(n)
		if m := d.index.alias[machineKey{customer, strings.ToLower(source) + ":" + low}]; m != nil {
			return m
		}
		if m := d.index.alias[machineKey{customer, low}]; m != nil {
			return m
		}
	}
	return nil
}

// ExpectsOther reports whether the inventory expects a backup of the machine
// in another role than the given one.
func (d *Directory) ExpectsOther(customer, machine, role string) bool {
	m := d.Machine(customer, machine)
	if m == nil {
		return false
	}
	for _, p := range m.Plans {
		if p.Role != role {
			return true
		}
	}
	return false
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

// AbsentUntil reports whether the machine's user, or its whole customer, is
// away at an instant, and until when; overlapping absences are joined.
func (d *Directory) AbsentUntil(customer, machine string, at time.Time) (time.Time, bool) {
	var until time.Time
	for again := true; again; {
		again = false
		for _, a := range d.Absences {
			if a.Customer != customer || (a.Machine != "" && a.Machine != machine) {
				continue
			}
			if !at.Before(a.From) && at.Before(a.Until) && a.Until.After(until) {
				until, at, again = a.Until, a.Until, true
			}
		}
	}
	return until, !until.IsZero()
}

// InMaintenance returns the end of an announced maintenance that covers the
// instant. One declared less than notice before its start does not count.
func (d *Directory) InMaintenance(l Labels, at time.Time, notice time.Duration) (time.Time, bool) {
	var until time.Time
	for _, m := range d.Maintenance {
		if m.Platform != "" && m.Platform != l[LabelPlatform] ||
			m.Customer != "" && m.Customer != l[LabelCustomer] ||
			m.Machine != "" && m.Machine != l[LabelMachine] {
			continue
		}
		if !m.DeclaredAt.IsZero() && m.From.Sub(m.DeclaredAt) < notice {
			continue
		}
		if !at.Before(m.From) && at.Before(m.Until) && m.Until.After(until) {
			until = m.Until
		}
	}
	return until, !until.IsZero()
}

// PersonByAddress finds a person by e-mail address, without regard to case.
func (d *Directory) PersonByAddress(address string) *Person {
	ids := make([]string, 0, len(d.People))
	for id := range d.People {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	for _, id := range ids {
		if strings.EqualFold(d.People[id].Email, address) {
			return d.People[id]
		}
	}
	return nil
}

// Staff are the ids of the provider's own people who can act in their own name.
func (b *Book) Staff() []string {
	var out []string
	for id, p := range b.Directory.People {
		if !p.Shared && !b.outsider(id) {
			out = append(out, id)
		}
	}
	sort.Strings(out)
	return out
}

// Person finds somebody by id or by address; nil when unknown.
func (d *Directory) Person(idOrAddress string) *Person {
	if p, ok := d.People[idOrAddress]; ok {
		return p
	}
	if strings.Contains(idOrAddress, "@") {
		return d.PersonByAddress(idOrAddress)
	}
	return nil
}
