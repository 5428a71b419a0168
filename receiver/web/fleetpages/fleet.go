// Package fleetpages shows what is looked after and by which rules: machines,
// customers, the policy. The same answers are the JSON of the API and the data of the
// pages.
package fleetpages

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"vigie/internal/clip"
	"vigie/internal/fleet"
	"vigie/receiver"
	"vigie/receiver/board"
	"vigie/receiver/message/locale"
	"vigie/receiver/reports"
	"vigie/receiver/web/ask"
	"vigie/receiver/web/own"
	"vigie/receiver/web/query"
	"vigie/rules"
	"vigie/rules/act"
	"vigie/rules/copies"
	"vigie/rules/incident"
	"vigie/rules/inventory"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// Pages is where they are asked for.
type Pages struct {
	Engine *receiver.Engine
	Now    func() time.Time
}

const perPage = 50

type paging = query.Page

// Machines is what the page Machines shows: what must be backed up, what is
// open about it, and what is not covered.
type Machines struct {
	paging
	Query    string       `json:"q,omitempty"`
	Show     string       `json:"show"`
	Machines []MachineRow `json:"machines"`
	// Fault is why it is not known which copies are good.
	Fault string `json:"fault,omitempty"`
}

type MachineRow struct {
	Customer       string         `json:"customer"`
	Machine        string         `json:"machine"`
	Class          string         `json:"machine_class,omitempty"`
	User           string         `json:"user,omitempty"`
	Plans          []ExpectedPlan `json:"plans"`
	Open           []OpenIncident `json:"open_incidents"`
	Unprotected    bool           `json:"unprotected,omitempty"` // the inventory expects no backup
	Copies         copies.Copies  `json:"copies"`
	SingleCopy     bool           `json:"single_copy,omitempty"`     // at most one copy of those expected is not known to be bad
	NoOffsite      bool           `json:"no_offsite_copy,omitempty"` // of no copy that is not known to be bad it is said that it lies off-site
	NoContact      bool           `json:"no_contact,omitempty"`      // nobody of the customer's can be told
	Decommissioned time.Time      `json:"decommissioned,omitzero"`
	owed           bool           // it is in service
}

type ExpectedPlan struct {
	Plan   string `json:"plan"`
	Role   string `json:"backup_role,omitempty"`
	Engine string `json:"engine,omitempty"`
	fleet.Place
}

// Where says where its copy lies, as far as the inventory does.
func (p ExpectedPlan) Where(l locale.Locale) string { return reports.Where(l, p.Place) }

type OpenIncident struct {
	ID       string      `json:"id"`
	Number   int         `json:"number"`
	Role     string      `json:"backup_role,omitempty"`
	State    model.State `json:"state"`
	Assignee string      `json:"assignee,omitempty"`
}

// MachineShows are the parts of the list of machines.
func MachineShows() []string {
	return []string{"all", "failing", "unprotected", "single", "no_offsite", "no_contact"}
}

// Shows are the parts of the list of machines.
func (d *Machines) Shows() []string { return MachineShows() }

// machines lists what must be backed up.
func (p *Pages) Machines(r *http.Request, who string) (any, error) {
	q := r.URL.Query()
	d := &Machines{Query: clip.Bytes(q.Get("q"), 100), Show: cmp.Or(q.Get("show"), "all")}
	rows, err := own.Rows(r.Context(), p.Engine, who)
	if err != nil {
		return nil, err
	}
	open := map[[2]string][]OpenIncident{}
	for _, row := range rows {
		k := [2]string{row.Label(model.LabelCustomer), row.Label(model.LabelMachine)}
		open[k] = append(open[k], openOf(row))
	}
	dir := p.Engine.Book().Directory
	var all []MachineRow
	for _, m := range dir.Machines {
		x := p.machine(m, open[[2]string{m.Customer, m.Name}])
		text := strings.ToLower(m.Customer + " " + m.Name + " " + m.User + " " + m.Class)
		if own.Machine(p.Engine.Book(), m, who) && strings.Contains(text, strings.ToLower(d.Query)) && (q.Get("customer") == "" || q.Get("customer") == m.Customer) {
			all = append(all, x)
		}
	}
	copiesCount := d.Show == "single" || d.Show == "no_offsite" // then all are asked about, else those that are shown
	if copiesCount {
		d.Fault = p.prove(r, dir, all, who)
	}
	all = slices.DeleteFunc(all, func(x MachineRow) bool { return !x.in(d.Show) })
	slices.SortStableFunc(all, func(a, b MachineRow) int {
		return cmp.Or(strings.Compare(a.Customer, b.Customer), strings.Compare(a.Machine, b.Machine))
	})
	if len(all) == 0 {
		if err := query.Named(q, p.Engine.Book(), who); err != nil {
			return nil, err
		}
	}
	d.paging, d.Machines = query.Cut(q, all, perPage)
	if d.Machines == nil {
		d.Machines = []MachineRow{}
	}
	if !copiesCount {
		d.Fault = p.prove(r, dir, d.Machines, who)
	}
	return d, nil
}

// prove says of machines which of their copies are good: one that is not is not counted.
// It returns why that is not known.
func (p *Pages) prove(r *http.Request, dir *inventory.Directory, rows []MachineRow, who string) string {
	machines := make([]*inventory.Machine, len(rows))
	for i, x := range rows {
		machines[i] = dir.Machine(x.Customer, x.Machine)
	}
	each, err := p.Engine.Nights().Copies(r.Context(), dir, machines, p.Now(), p.Now())
	for i := range rows {
		rows[i].count(each[i])
	}
	switch {
	case err == nil:
		return ""
	case p.Engine.Book().Role(who) == act.Customer:
		return "not known at the moment"
	}
	return err.Error()
}

// count takes in which copies there are. Of what is out of service none is owed.
func (x *MachineRow) count(c copies.Copies) {
	x.Copies, x.SingleCopy, x.NoOffsite = c, x.owed && c.Single(), x.owed && c.NoOffsite()
}

func openOf(row *board.Row) OpenIncident {
	return OpenIncident{ID: row.ID(), Number: row.Number(), Role: row.Label(model.LabelBackupRole), State: row.State(), Assignee: row.Assignee()}
}

func (p *Pages) machine(m *inventory.Machine, open []OpenIncident) MachineRow {
	dir := p.Engine.Book().Directory
	x := MachineRow{Customer: m.Customer, Machine: m.Name, Class: m.Class, User: m.User, Plans: []ExpectedPlan{}, Open: open,
		Decommissioned: m.Decommissioned, owed: dir.Owes(m, p.Now())}
	x.Unprotected = x.owed && len(m.Plans) == 0
	if x.Open == nil {
		x.Open = []OpenIncident{}
	}
	for i, plan := range m.Plans {
		x.Plans = append(x.Plans, ExpectedPlan{plan.Plan, plan.Role, plan.Engine, m.Sold[i].Place})
	}
	x.count(copies.Of(m, nil))
	c := dir.Customers[m.Customer]
	x.NoContact = dir.People[m.User] == nil && (c == nil || dir.People[c.ITContact] == nil)
	return x
}

// Said says how many copies there are, and how good.
func (x MachineRow) Said(l locale.Locale) string { return reports.Copies(l, x.Copies) }

func (x MachineRow) in(show string) bool {
	switch show {
	case "failing":
		return len(x.Open) > 0
	case "unprotected":
		return x.Unprotected
	case "single":
		return x.SingleCopy
	case "no_offsite":
		return x.NoOffsite
	case "no_contact":
		return x.NoContact
	}
	return true
}

// Customers is what the page Customers shows.
type Customers struct {
	paging
	Query     string        `json:"q,omitempty"`
	Customers []CustomerRow `json:"customers"`
	// Fault is why it is not known which copies are good.
	Fault string `json:"fault,omitempty"`
}

type CustomerRow struct {
	ID             string       `json:"id"`
	Name           string       `json:"name"`
	AccountManager string       `json:"account_manager,omitempty"`
	ITContact      string       `json:"it_contact,omitempty"`
	Prefers        string       `json:"prefers,omitempty"`
	Machines       int          `json:"machines"`
	Unprotected    int          `json:"unprotected"`
	SingleCopy     int          `json:"single_copy"`     // machines of which at most one copy of those expected is not known to be bad
	NoOffsite      int          `json:"no_offsite_copy"` // machines of which no copy that is not known to be bad is said to lie off-site
	Open           int          `json:"open_incidents"`
	Absences       []AbsenceRow `json:"absences"`
	// Maintenance is the announced work that runs or comes next, of each entry.
	Maintenance []MaintenanceRow `json:"maintenance"`
	// Platforms are those that are run for it.
	Platforms []PlatformRow `json:"platforms"`
}

// PlatformRow is a platform with whom to reach about it.
type PlatformRow struct {
	ID        string   `json:"id"`
	Name      string   `json:"name,omitempty"`
	Managers  []string `json:"managers"`
	Operators []string `json:"operators"`
	Level3    []string `json:"level3"`
	Runbook   string   `json:"runbook,omitempty"`
	Open      int      `json:"open_incidents"`
}

// platformsOf are a customer's platforms.
func platformsOf(dir *inventory.Directory, customer string, open map[string]int) []PlatformRow {
	out := []PlatformRow{}
	for _, id := range slices.Sorted(maps.Keys(dir.Platforms)) {
		if p := dir.Platforms[id]; p.Customer == customer {
			out = append(out, PlatformRow{id, p.Name, p.Managers, p.Operators, p.Level3, p.Runbook, open[id]})
		}
	}
	return out
}

type MaintenanceRow struct {
	Machine  string    `json:"machine,omitempty"`
	Platform string    `json:"platform,omitempty"`
	From     time.Time `json:"from"`
	Until    time.Time `json:"until"`
	Recurs   bool      `json:"recurs,omitempty"`
}

// maintenanceAhead is how far ahead announced work is shown.
const maintenanceAhead = 35 * 24 * time.Hour

// maintenanceOf is the announced work of a customer and its platforms that runs or
// comes next.
func maintenanceOf(dir *inventory.Directory, customer string, now time.Time) []MaintenanceRow {
	return announced(dir, now, func(m inventory.Maintenance) bool {
		p := dir.Platforms[m.Platform]
		return m.Customer == customer || p != nil && p.Customer == customer
	})
}

// Announced is the announced work that runs or comes next on what somebody answers for.
func Announced(dir *inventory.Directory, who string, now time.Time) []MaintenanceRow {
	return announced(dir, now, func(m inventory.Maintenance) bool { return dir.Answers(who, m.Customer, m.Machine, m.Platform) })
}

// announced is the work of which it is asked, the nearest first.
func announced(dir *inventory.Directory, now time.Time, asked func(inventory.Maintenance) bool) []MaintenanceRow {
	out := []MaintenanceRow{}
	for _, m := range dir.Maintenance {
		if !asked(m) {
			continue
		}
		if next := m.Occurrences(now, now.Add(maintenanceAhead)); len(next) > 0 {
			out = append(out, MaintenanceRow{m.Machine, m.Platform, next[0].From, next[0].Until, m.Every != nil})
		}
	}
	slices.SortStableFunc(out, func(a, b MaintenanceRow) int { return a.From.Compare(b.From) })
	return out
}

type AbsenceRow struct {
	Machine string    `json:"machine,omitempty"`
	From    time.Time `json:"from"`
	Until   time.Time `json:"until,omitzero"`
	Reason  string    `json:"reason,omitempty"`
}

// customers lists who is looked after, and what they lack.
func (p *Pages) Customers(r *http.Request, who string) (any, error) {
	q := r.URL.Query()
	rows, err := own.Rows(r.Context(), p.Engine, who)
	if err != nil {
		return nil, err
	}
	open, hit := map[string]int{}, map[string]int{}
	for _, row := range rows {
		open[row.Label(model.LabelCustomer)]++
		for _, platform := range row.Platforms() {
			hit[platform]++
		}
	}
	dir := p.Engine.Book().Directory
	d := &Customers{Query: clip.Bytes(q.Get("q"), 100)}
	var all []CustomerRow
	for _, id := range slices.Sorted(maps.Keys(dir.Customers)) {
		c := dir.Customers[id]
		names := []string{id, c.Name, c.AccountManager}
		for _, x := range platformsOf(dir, id, hit) {
			names = append(names, x.ID, x.Name)
		}
		if !strings.Contains(strings.ToLower(strings.Join(names, " ")), strings.ToLower(d.Query)) {
			continue
		}
		x := CustomerRow{ID: id, Name: c.Name, AccountManager: c.AccountManager, ITContact: c.ITContact, Prefers: c.Prefers,
			Open: open[id], Absences: []AbsenceRow{},
			Maintenance: maintenanceOf(dir, id, p.Now()), Platforms: platformsOf(dir, id, hit)}
		for _, a := range dir.Absences {
			if a.Customer == id && a.Until.After(p.Now()) {
				x.Absences = append(x.Absences, AbsenceRow{a.Machine, a.From, a.Until, a.Reason})
			}
		}
		all = append(all, x)
	}
	d.paging, d.Customers = query.Cut(q, all, perPage)
	if d.Customers == nil {
		d.Customers = []CustomerRow{}
	}
	d.Fault = p.countMachines(r, dir, d.Customers, who)
	return d, nil
}

// countMachines counts each customer's machines, as the list of machines shows them. It
// returns why it is not known which of their copies are good.
func (p *Pages) countMachines(r *http.Request, dir *inventory.Directory, customers []CustomerRow, who string) string {
	of := map[string]*CustomerRow{}
	for i := range customers {
		of[customers[i].ID] = &customers[i]
	}
	var rows []MachineRow
	for _, m := range dir.Machines {
		if of[m.Customer] != nil {
			rows = append(rows, p.machine(m, nil))
		}
	}
	fault := p.prove(r, dir, rows, who)
	one := map[bool]int{true: 1}
	for _, x := range rows {
		c := of[x.Customer]
		c.Machines++
		c.Unprotected += one[x.Unprotected]
		c.SingleCopy += one[x.SingleCopy]
		c.NoOffsite += one[x.NoOffsite]
	}
	return fault
}

// Policy is what the page Policy shows.
type Policy struct {
	Policy    string        `json:"policy"`
	Name      string        `json:"name,omitempty"`
	Title     model.Text    `json:"title,omitempty"`
	Effective time.Time     `json:"effective_from,omitzero"`
	Scenarios []ScenarioRow `json:"scenarios"`
	Labels    string        `json:"labels,omitempty"`
	Trial     *rules.Trial  `json:"trial,omitempty"`
	// Fault is why the labels are not tried.
	Fault   error `json:"-"`
	example string
}

// Refused is why the trial that was asked for was not made.
func (d *Policy) Refused() error { return d.Fault }

// Field asks for the labels of a failure that is tried.
func (d *Policy) Field(l locale.Locale) ask.Field {
	f := ask.Field{Name: "labels", Kind: "area", Label: ask.T(l, "policy.labels"), Value: cmp.Or(d.Labels, d.example), Required: true, Complete: "off"}
	if d.Fault != nil {
		f.Wrong, f.Focus = ask.Refusal(l, d.Fault), true
	}
	return f
}

type ScenarioRow struct {
	Name     string            `json:"name"`
	Title    map[string]string `json:"title,omitempty"`
	Match    []string          `json:"match"`
	Ignores  string            `json:"ignores,omitempty"`
	Targets  []string          `json:"targets"`
	Steps    []string          `json:"steps"`
	scenario *policy.Scenario
}

// Rule is the scenario itself.
func (x ScenarioRow) Rule() *policy.Scenario { return x.scenario }

// maxLabels bounds what is tried.
const maxLabels = 2000

// policy shows the rules in force, and what would follow from a failure with
// given labels: decided like a real one.
func (p *Pages) Policy(r *http.Request, _ string) (any, error) {
	q := r.URL.Query()
	now := p.Now()
	book := p.Engine.Book()
	inForce := book.InForce(now)
	d := &Policy{Policy: inForce.Hash, Name: inForce.Name, Title: inForce.Title, Effective: inForce.EffectiveFrom, Scenarios: []ScenarioRow{}, Labels: clip.Bytes(q.Get("labels"), maxLabels), example: example(book)}
	for _, sc := range inForce.Scenarios {
		x := ScenarioRow{Name: sc.Name, Title: sc.Title, Match: []string{}, Ignores: sc.Ignores, Targets: []string{}, Steps: []string{}, scenario: sc}
		for _, m := range sc.Match {
			x.Match = append(x.Match, m.String())
		}
		for _, t := range sc.Targets {
			x.Targets = append(x.Targets, t.Name)
		}
		for _, st := range sc.Steps {
			x.Steps = append(x.Steps, st.Name)
		}
		d.Scenarios = append(d.Scenarios, x)
	}
	if d.Labels == "" {
		return d, nil
	}
	labels, err := readLabels(d.Labels)
	if d.Fault = err; err == nil {
		t := book.Try(labels, now)
		d.Trial = &t
	}
	return d, nil
}

// readLabels reads name=value, separated by commas or lines, as Alertmanager
// writes them or bare.
func readLabels(text string) (model.Labels, error) {
	out := model.Labels{}
	for _, part := range strings.FieldsFunc(strings.Trim(strings.TrimSpace(text), "{}"), func(r rune) bool { return r == ',' || r == '\n' }) {
		name, value, ok := strings.Cut(part, "=")
		name, value = strings.TrimSpace(name), strings.Trim(strings.TrimSpace(value), `"'`)
		if !ok || name == "" {
			return nil, incident.Refuse(http.StatusUnprocessableEntity, "{quoted} is no label: write name=value, with commas between", "quoted", strings.TrimSpace(part)).About("labels")
		}
		if _, has := out[name]; has {
			return nil, query.Twice(name, 2).About("labels")
		}
		out[name] = value
	}
	return out, nil
}

// example are labels of a failure that could be: of a server of the inventory, if it
// has one.
func example(book *rules.Book) string {
	server := func(m *inventory.Machine) int { return map[bool]int{true: 0, false: 1}[m.Class == "server"] }
	m := &inventory.Machine{Customer: "example", Name: "SRV-01", Class: "server"}
	if all := book.Directory.Machines; len(all) > 0 {
		m = slices.MinFunc(all, func(a, b *inventory.Machine) int {
			return cmp.Or(server(a)-server(b), strings.Compare(a.Customer, b.Customer), strings.Compare(a.Name, b.Name))
		})
	}
	return fmt.Sprintf("customer=%s, machine=%s, machine_class=%s, backup_role=primary, kind=failed", m.Customer, m.Name, m.Class)
}
