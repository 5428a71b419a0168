package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"vigie/internal/clip"
	"vigie/receiver/board"
	"vigie/receiver/web/query"
	"vigie/rules"
	"vigie/rules/act"
)

// machinesData is what the page Machines shows: what must be backed up, what is
// open about it, and what is not covered.
type machinesData struct {
	paging
	Query    string       `json:"q,omitempty"`
	Show     string       `json:"show"`
	Machines []machineRow `json:"machines"`
}

type machineRow struct {
	Customer       string         `json:"customer"`
	Machine        string         `json:"machine"`
	Class          string         `json:"machine_class,omitempty"`
	User           string         `json:"user,omitempty"`
	Plans          []expectedPlan `json:"plans"`
	Open           []openIncident `json:"open_incidents"`
	Unprotected    bool           `json:"unprotected,omitempty"` // the inventory expects no backup
	SingleCopy     bool           `json:"single_copy,omitempty"` // it expects one kind of backup alone
	NoContact      bool           `json:"no_contact,omitempty"`  // nobody of the customer's can be told
	Decommissioned time.Time      `json:"decommissioned,omitzero"`
}

type expectedPlan struct {
	Plan   string `json:"plan"`
	Role   string `json:"backup_role,omitempty"`
	Engine string `json:"engine,omitempty"`
}

type openIncident struct {
	ID       string      `json:"id"`
	Number   int         `json:"number"`
	Role     string      `json:"backup_role,omitempty"`
	State    rules.State `json:"state"`
	Assignee string      `json:"assignee,omitempty"`
}

// machineShows are the parts of the list of machines.
func machineShows() []string {
	return []string{"all", "failing", "unprotected", "single", "no_contact"}
}

// Shows are the parts of the list of machines.
func (d *machinesData) Shows() []string { return machineShows() }

// machines lists what must be backed up.
func (s *site) machines(r *http.Request, who string) (any, error) {
	q := r.URL.Query()
	d := &machinesData{Query: clip.Bytes(q.Get("q"), 100), Show: either(q.Get("show"), "all")}
	if !slices.Contains(machineShows(), d.Show) {
		return nil, refuse(http.StatusUnprocessableEntity, "show %q is not known: known are %s", d.Show, strings.Join(machineShows(), ", "))
	}
	rows, err := s.rows(r, who)
	if err != nil {
		return nil, err
	}
	open := map[[2]string][]openIncident{}
	for _, row := range rows {
		k := [2]string{row.Identity[rules.LabelCustomer], row.Identity[rules.LabelMachine]}
		open[k] = append(open[k], openOf(row))
	}
	var all []machineRow
	for _, m := range s.o.Engine.Book().Directory.Machines {
		x := s.machineRow(m, open[[2]string{m.Customer, m.Name}])
		text := strings.ToLower(m.Customer + " " + m.Name + " " + m.User + " " + m.Class)
		if s.mine(m, who) && x.in(d.Show) && strings.Contains(text, strings.ToLower(d.Query)) && (q.Get("customer") == "" || q.Get("customer") == m.Customer) {
			all = append(all, x)
		}
	}
	slices.SortStableFunc(all, func(a, b machineRow) int {
		if n := strings.Compare(a.Customer, b.Customer); n != 0 {
			return n
		}
		return strings.Compare(a.Machine, b.Machine)
	})
	d.paging, d.Machines, err = query.Cut(q, all, perPage)
	if d.Machines == nil {
		d.Machines = []machineRow{}
	}
	return d, err
}

// mine reports whether somebody may see a machine: a customer's own person only
// his own.
func (s *site) mine(m *rules.Machine, who string) bool {
	book := s.o.Engine.Book()
	return book.Role(who) != act.Customer || book.Directory.Answers(who, m.Customer, m.Name, "")
}

func openOf(row *board.Row) openIncident {
	return openIncident{ID: row.ID, Number: row.Number, Role: row.Identity[rules.LabelBackupRole], State: row.State, Assignee: row.Assignee}
}

func (s *site) machineRow(m *rules.Machine, open []openIncident) machineRow {
	dir := s.o.Engine.Book().Directory
	x := machineRow{Customer: m.Customer, Machine: m.Name, Class: m.Class, User: m.User, Plans: []expectedPlan{}, Open: open,
		Unprotected: len(m.Plans) == 0, Decommissioned: m.Decommissioned}
	if x.Open == nil {
		x.Open = []openIncident{}
	}
	roles := map[string]bool{}
	for _, p := range m.Plans {
		x.Plans = append(x.Plans, expectedPlan{p.Plan, p.Role, p.Engine})
		roles[p.Role] = true
	}
	x.SingleCopy = len(roles) == 1
	c := dir.Customers[m.Customer]
	x.NoContact = dir.People[m.User] == nil && (c == nil || dir.People[c.ITContact] == nil)
	return x
}

func (x machineRow) in(show string) bool {
	switch show {
	case "failing":
		return len(x.Open) > 0
	case "unprotected":
		return x.Unprotected
	case "single":
		return x.SingleCopy
	case "no_contact":
		return x.NoContact
	}
	return true
}

// customersData is what the page Customers shows.
type customersData struct {
	paging
	Query     string        `json:"q,omitempty"`
	Customers []customerRow `json:"customers"`
}

type customerRow struct {
	ID             string       `json:"id"`
	Name           string       `json:"name"`
	AccountManager string       `json:"account_manager,omitempty"`
	ITContact      string       `json:"it_contact,omitempty"`
	Prefers        string       `json:"prefers,omitempty"`
	Machines       int          `json:"machines"`
	Unprotected    int          `json:"unprotected"`
	Open           int          `json:"open_incidents"`
	Absences       []absenceRow `json:"absences"`
	// Maintenance is the announced work that runs or comes next, of each entry.
	Maintenance []maintenanceRow `json:"maintenance"`
}

type maintenanceRow struct {
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
func maintenanceOf(dir *rules.Directory, customer string, now time.Time) []maintenanceRow {
	out := []maintenanceRow{}
	for _, m := range dir.Maintenance {
		p := dir.Platforms[m.Platform]
		if m.Customer != customer && (p == nil || p.Customer != customer) {
			continue
		}
		if next := m.Occurrences(now, now.Add(maintenanceAhead)); len(next) > 0 {
			out = append(out, maintenanceRow{m.Machine, m.Platform, next[0].From, next[0].Until, m.Every != nil})
		}
	}
	return out
}

type absenceRow struct {
	Machine string    `json:"machine,omitempty"`
	From    time.Time `json:"from"`
	Until   time.Time `json:"until,omitzero"`
	Reason  string    `json:"reason,omitempty"`
}

// customers lists who is looked after, and what they lack.
func (s *site) customers(r *http.Request, who string) (any, error) {
	q := r.URL.Query()
	rows, err := s.rows(r, who)
	if err != nil {
		return nil, err
	}
	open := map[string]int{}
	for _, row := range rows {
		open[row.Identity[rules.LabelCustomer]]++
	}
	dir := s.o.Engine.Book().Directory
	machines, unprotected := map[string]int{}, map[string]int{}
	for _, m := range dir.Machines {
		machines[m.Customer]++
		if len(m.Plans) == 0 {
			unprotected[m.Customer]++
		}
	}
	d := &customersData{Query: clip.Bytes(q.Get("q"), 100)}
	var all []customerRow
	for _, id := range sortedNames(dir.Customers) {
		c := dir.Customers[id]
		if !strings.Contains(strings.ToLower(id+" "+c.Name+" "+c.AccountManager), strings.ToLower(d.Query)) {
			continue
		}
		x := customerRow{ID: id, Name: c.Name, AccountManager: c.AccountManager, ITContact: c.ITContact, Prefers: c.Prefers,
			Machines: machines[id], Unprotected: unprotected[id], Open: open[id], Absences: []absenceRow{},
			Maintenance: maintenanceOf(dir, id, s.o.Now())}
		for _, a := range dir.Absences {
			if a.Customer == id && a.Until.After(s.o.Now()) {
				x.Absences = append(x.Absences, absenceRow{a.Machine, a.From, a.Until, a.Reason})
			}
		}
		all = append(all, x)
	}
	d.paging, d.Customers, err = query.Cut(q, all, perPage)
	if d.Customers == nil {
		d.Customers = []customerRow{}
	}
	return d, err
}

// policyData is what the page Policy shows.
type policyData struct {
	Policy    string        `json:"policy"`
	Name      string        `json:"name,omitempty"`
	Effective time.Time     `json:"effective_from,omitzero"`
	Scenarios []scenarioRow `json:"scenarios"`
	Labels    string        `json:"labels,omitempty"`
	Trial     *rules.Trial  `json:"trial,omitempty"`
	Fault     string        `json:"fault,omitempty"`
}

type scenarioRow struct {
	Name     string            `json:"name"`
	Title    map[string]string `json:"title,omitempty"`
	Match    []string          `json:"match"`
	Ignores  string            `json:"ignores,omitempty"`
	Targets  []string          `json:"targets"`
	Steps    []string          `json:"steps"`
	scenario *rules.Scenario
}

// Rule is the scenario itself.
func (x scenarioRow) Rule() *rules.Scenario { return x.scenario }

// maxLabels bounds what is tried.
const maxLabels = 2000

// policy shows the rules in force, and what would follow from a failure with
// given labels: decided like a real one.
func (s *site) policy(r *http.Request, _ string) (any, error) {
	q := r.URL.Query()
	now := s.o.Now()
	book := s.o.Engine.Book()
	p := book.InForce(now)
	d := &policyData{Policy: p.Hash, Name: p.Name, Effective: p.EffectiveFrom, Scenarios: []scenarioRow{}, Labels: clip.Bytes(q.Get("labels"), maxLabels)}
	for _, sc := range p.Scenarios {
		x := scenarioRow{Name: sc.Name, Title: sc.Title, Match: []string{}, Ignores: sc.Ignores, Targets: []string{}, Steps: []string{}, scenario: sc}
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
	labels, fault := readLabels(d.Labels)
	if d.Fault = fault; fault == "" {
		t := book.Try(labels, now)
		d.Trial = &t
	}
	return d, nil
}

// readLabels reads name=value, separated by commas or lines, as Alertmanager
// writes them or bare.
func readLabels(text string) (rules.Labels, string) {
	out := rules.Labels{}
	for _, part := range strings.FieldsFunc(strings.Trim(strings.TrimSpace(text), "{}"), func(r rune) bool { return r == ',' || r == '\n' }) {
		name, value, ok := strings.Cut(part, "=")
		name, value = strings.TrimSpace(name), strings.Trim(strings.TrimSpace(value), `"'`)
		if !ok || name == "" {
			return nil, strings.TrimSpace(part)
		}
		out[name] = value
	}
	return out, ""
}
