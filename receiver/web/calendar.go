package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"vigie/internal/clip"
	"vigie/receiver/evidence"
	"vigie/receiver/nights"
	"vigie/receiver/store"
	"vigie/receiver/web/ask"
	"vigie/receiver/web/own"
	"vigie/receiver/web/query"
	"vigie/rules/act"
	"vigie/rules/incident"
	"vigie/rules/model"
)

const (
	calendarDays = 35
	// calendarRows is how many machines a page of the calendar has.
	calendarRows = 25
)

// calendarData is what the page Calendar shows: machines by days.
type calendarData struct {
	paging
	Query    string        `json:"q,omitempty"`
	Show     string        `json:"show"`
	Customer string        `json:"customer,omitempty"`
	Days     []nights.Day  `json:"days"`
	Machines []calendarRow `json:"machines"`
	// Fault is why what was recorded is not known: all of it is unknown then.
	Fault     string       `json:"fault,omitempty"`
	Customers []ask.Option `json:"-"`
}

type calendarRow struct {
	Customer string         `json:"customer"`
	Machine  string         `json:"machine"`
	Class    string         `json:"machine_class,omitempty"`
	Listed   bool           `json:"in_inventory"`
	Strips   []nights.Strip `json:"backups"`
}

// calendarShows are the parts of the calendar that can be asked for.
func calendarShows() []string { return []string{"all", "failing", "unlisted"} }

// calendar shows how each machine's backups went, day by day.
func (s *site) calendar(r *http.Request, who string) (any, error) {
	q := r.URL.Query()
	now := s.o.Now()
	d := &calendarData{Query: clip.Bytes(q.Get("q"), 100), Show: cmp.Or(q.Get("show"), "all"), Customer: q.Get("customer"), Days: nights.Days(now, s.zone(), calendarDays),
		Machines: []calendarRow{}}
	reported, err := s.o.Engine.Nights().Reported(r.Context(), now)
	if err != nil {
		d.Fault = err.Error()
	}
	all, err := s.calendarMachines(r, who, d, reported)
	if err != nil {
		return nil, err
	}
	var part []nights.Machine
	d.paging, part = query.Cut(q, all, calendarRows)
	strips, err := s.o.Engine.Nights().Strips(r.Context(), part, d.Days, now)
	if err != nil {
		d.Fault = err.Error()
	}
	if d.Fault != "" && s.o.Engine.Book().Role(who) == act.Customer {
		d.Fault = "not known at the moment"
	}
	for i, m := range part {
		x := calendarRow{Customer: m.Customer, Machine: m.Name, Strips: strips[i]}
		if known := s.o.Engine.Book().Directory.Machine(m.Customer, m.Name); known != nil {
			x.Class, x.Listed = known.Class, true
		}
		d.Machines = append(d.Machines, x)
	}
	return d, nil
}

// calendarMachines are the rows that somebody may see and asks for, by customer
// and name: those of the inventory, and those that are backed up without it.
func (s *site) calendarMachines(r *http.Request, who string, d *calendarData, reported map[string][]string) ([]nights.Machine, error) {
	dir := s.o.Engine.Book().Directory
	failing := map[[2]string]bool{}
	if d.Show == "failing" {
		rows, err := own.Rows(r.Context(), s.o.Engine, who)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			failing[[2]string{row.Label(model.LabelCustomer), row.Label(model.LabelMachine)}] = true
		}
	}
	var out []nights.Machine
	customers := map[string]bool{}
	take := func(m nights.Machine, class string, listed bool) {
		customers[m.Customer] = true
		text := strings.ToLower(m.Customer + " " + m.Name + " " + class)
		if (d.Customer == "" || d.Customer == m.Customer) && strings.Contains(text, strings.ToLower(d.Query)) &&
			(d.Show == "all" || d.Show == "unlisted" && !listed || d.Show == "failing" && failing[[2]string{m.Customer, m.Name}]) {
			out = append(out, m)
		}
	}
	for _, m := range dir.Machines {
		if own.Machine(s.o.Engine.Book(), m, who) {
			take(nights.MachineOf(dir, m), m.Class, true)
		}
	}
	book := s.o.Engine.Book()
	for customer, names := range reported {
		for _, name := range names {
			ours := book.Role(who) != act.Customer || dir.Answers(who, customer, name, "")
			if dir.Canonical(customer, "", name) == nil && ours {
				take(nights.Machine{Customer: customer, Name: name, Names: []string{name}, Excused: func(time.Time) bool { return false }}, "", false)
			}
		}
	}
	if d.Customer != "" && !customers[d.Customer] && d.Fault == "" {
		if err := query.Named(r.URL.Query(), book, who); err != nil {
			return nil, err
		}
	}
	for _, id := range sortedNames(customers) {
		d.Customers = append(d.Customers, ask.Option{Value: id, Text: dir.CustomerName(id), Chosen: id == d.Customer})
	}
	slices.SortFunc(out, func(a, b nights.Machine) int {
		if n := strings.Compare(a.Customer, b.Customer); n != 0 {
			return n
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out, nil
}

// nightData is what the page of one machine's day shows.
type nightData struct {
	Customer  string        `json:"customer"`
	Machine   string        `json:"machine"`
	Day       string        `json:"day"`
	Runs      []nights.Run  `json:"runs"`
	Incidents []incidentRow `json:"incidents"`
	Fault     string        `json:"fault,omitempty"`
	Before    string        `json:"-"`
	After     string        `json:"-"`
	From      time.Time     `json:"from"`
	To        time.Time     `json:"to"`
}

// night tells the runs of a machine on one day, and the incidents that were open.
func (s *site) night(r *http.Request, who string) (any, error) {
	q := r.URL.Query()
	d := &nightData{Customer: clip.Bytes(q.Get("customer"), 200), Machine: clip.Bytes(q.Get("machine"), 300), Day: q.Get("day"), Runs: []nights.Run{}, Incidents: []incidentRow{}}
	at, err := time.ParseInLocation(time.DateOnly, d.Day, s.zone())
	now := s.o.Now()
	if err != nil || at.After(now) || now.Sub(at) > 400*24*time.Hour {
		return nil, incident.Refuse(http.StatusUnprocessableEntity, "day {quoted} is not a date of the last 400 days: write 2026-03-09", "quoted", d.Day).About("day")
	}
	book := s.o.Engine.Book()
	outside := book.Role(who) == act.Customer
	if outside && !book.Directory.Answers(who, d.Customer, d.Machine, "") {
		return nil, incident.Refuse(http.StatusForbidden, "this machine is none of {who}", "who", who)
	}
	d.From, d.To = at, at.AddDate(0, 0, 1)
	d.Before, d.After = at.AddDate(0, 0, -1).Format(time.DateOnly), ""
	if !d.To.After(now) {
		d.After = d.To.Format(time.DateOnly)
	}
	said, err := s.nightIncidents(r, d, who)
	if err != nil {
		return nil, err
	}
	names := nights.Machine{Names: []string{d.Machine}}
	if m := book.Directory.Machine(d.Customer, d.Machine); m != nil {
		names = nights.MachineOf(book.Directory, m)
	}
	runs, err := s.o.Engine.Nights().Runs(r.Context(), evidence.Names{Customer: d.Customer, Machine: names.Names}, d.From, earlier(d.To, now), said)
	switch {
	case err != nil && outside:
		d.Fault = "not known at the moment"
	case err != nil:
		d.Fault = err.Error()
	default:
		d.Runs = runs
	}
	if outside { // the product's words are for us
		for i := range d.Runs {
			d.Runs[i].Error = ""
		}
	}
	return d, nil
}

// strange refuses a machine that neither the inventory knows nor what is recorded.
func (s *site) strange(r *http.Request, d *nightData, who string) error {
	book := s.o.Engine.Book()
	reported, err := s.o.Engine.Nights().Reported(r.Context(), s.o.Now())
	if err != nil || slices.Contains(reported[d.Customer], d.Machine) || book.Directory.Canonical(d.Customer, "", d.Machine) != nil {
		return nil
	}
	if err := query.Named(r.URL.Query(), book, who); err != nil && len(reported[d.Customer]) == 0 {
		return err
	}
	known := slices.Clone(reported[d.Customer])
	for _, m := range book.Directory.Machines {
		if m.Customer == d.Customer {
			known = append(known, m.Name)
		}
	}
	slices.Sort(known)
	return incident.RefuseUnknown("machine", d.Machine, slices.Compact(known)).About("machine")
}

// maxNight bounds the incidents of a machine that are looked through.
const maxNight = 500

// nightIncidents fills in the incidents of the day, and returns what they say of
// a run.
func (s *site) nightIncidents(r *http.Request, d *nightData, who string) (nights.Say, error) {
	found, err := s.o.Engine.Incidents(r.Context(), store.Filter{Customer: d.Customer, Machine: d.Machine, Ended: true, Limit: maxNight})
	if err != nil {
		return nil, err
	}
	found = s.seen(found, who)
	if len(found) == 0 {
		if err := s.strange(r, d, who); err != nil {
			return nil, err
		}
	}
	words := map[string]string{}
	var ids []string
	for _, inc := range found {
		for _, a := range inc.Alerts {
			if run := a.Annotations["last_run"]; run != "" && a.Says("error") != "" {
				words[a.Labels[model.LabelJobID]+"\x00"+run] = a.Says("error")
			}
		}
		if inc.OpenedAt.Before(d.To) && (!inc.State.Ended() || inc.ResolvedAt.After(d.From)) {
			ids = append(ids, inc.ID)
		}
	}
	details, err := s.o.Engine.Details(r.Context(), ids)
	for _, x := range details {
		d.Incidents = append(d.Incidents, s.row(x, who))
	}
	return func(run evidence.Run) string {
		return words[run.JobID+"\x00"+unixText(run.At.Round(time.Second))]
	}, err
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// NightLink is the address of a machine's day.
func (v *view) NightLink(customer, machine, day string) string {
	return "/calendar/night?" + url.Values{"customer": {customer}, "machine": {machine}, "day": {day}}.Encode()
}

// Shows are the parts of the calendar.
func (d *calendarData) Shows() []string { return calendarShows() }

// Outcomes are what a cell may say, the best first.
func (d *calendarData) Outcomes() []nights.Outcome {
	return []nights.Outcome{nights.Success, nights.Warning, nights.Failure, nights.Nothing, nights.Excused, nights.Unknown}
}

// Weekend reports whether a day is a Saturday or a Sunday.
func (d *calendarData) Weekend(t time.Time) bool {
	return t.Weekday() == time.Saturday || t.Weekday() == time.Sunday
}

// DayNumber is the day of the month.
func (d *calendarData) DayNumber(t time.Time) int { return t.Day() }

// DayOf is a date of the calendar as an instant of that day.
func (v *view) DayOf(date string) time.Time {
	at, _ := time.ParseInLocation(time.DateOnly, date, v.Zone) // our own dates
	return at.Add(12 * time.Hour)
}
