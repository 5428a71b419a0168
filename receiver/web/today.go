package web

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"vigie/internal/clip"
	"vigie/receiver"
	"vigie/receiver/board"
	"vigie/receiver/web/fleetpages"
	"vigie/receiver/web/own"
	"vigie/receiver/web/query"
	"vigie/rules/act"
	"vigie/rules/incident"
	"vigie/rules/inventory"
	"vigie/rules/model"
)

// todayData is what the page Today shows, and its twin answers.
type todayData struct {
	paging
	Show      string         `json:"show"`
	Query     string         `json:"q,omitempty"`
	Counts    map[string]int `json:"counts"`
	Incidents []incidentRow  `json:"incidents"`
	// Listed is what fires without being an incident; for the provider's own people.
	Listed []receiver.Listed `json:"listed,omitempty"`
	// Mails is how many that came back wait to be sorted; for the provider's own people.
	Mails int `json:"mails_waiting,omitempty"`
	// Maintenance is the work that is announced; for a customer's own people.
	Maintenance []fleetpages.MaintenanceRow `json:"maintenance,omitempty"`
	Now         time.Time                   `json:"now"`
	outside     bool                        // one of a customer's own people asks
}

// shows are the parts of the list that can be asked for, in the order of the page.
func shows() []string {
	return []string{"all", "mine", "customers", "nobody", "due", "double", "calls", "waiting", "silenced", "platforms", "local", "ended"}
}

// Counted tells that open incidents are listed, and how many there are of each part.
func (d *todayData) Counted() bool { return d.Show != "ended" }

// Shows are the parts of the list: a customer's own people are not told who has it,
// what is silenced or when a deadline of ours is over, nor how much of that there is.
func (d *todayData) Shows() []string {
	if d.outside {
		return []string{"all", "ended"}
	}
	return shows()
}

// manages reports whether somebody is the account manager of a customer.
func manages(dir *inventory.Directory, who, customer string) bool {
	c := dir.Customers[customer]
	return c != nil && c.AccountManager == who
}

// shown reports whether a row belongs to a part of the list.
func shownIn(show string, r *board.Row, dir *inventory.Directory, who string, endOfDay time.Time) bool {
	switch show {
	case "mine":
		return r.Assignee() == who
	case "customers":
		return manages(dir, who, r.Label(model.LabelCustomer))
	case "nobody":
		return r.Assignee() == ""
	case "due":
		return !r.Deadline().IsZero() && !r.Deadline().After(endOfDay)
	case "double":
		return r.Double
	case "calls":
		return r.State() == model.CallDue
	case "waiting":
		return r.State() == model.Waiting
	case "silenced":
		return r.Silenced
	case "platforms":
		return len(r.Platforms()) > 0
	case "local":
		return r.Label(model.LabelBackupRole) == "local"
	case "ended":
		return r.State().Ended()
	}
	return true
}

// today lists the open incidents, the nearest deadline first.
func (s *site) today(r *http.Request, who string) (any, error) {
	q := r.URL.Query()
	d := &todayData{Show: cmp.Or(q.Get("show"), "all"), Query: clip.Bytes(q.Get("q"), 100), Counts: map[string]int{}, Now: s.o.Now()}
	dir := s.o.Engine.Book().Directory
	if d.outside = s.o.Engine.Book().Role(who) == act.Customer; !slices.Contains(d.Shows(), d.Show) {
		return nil, incident.RefuseUnknown("show", d.Show, d.Shows()).About("show")
	}
	list := own.Rows
	if d.Show == "ended" {
		list = own.Ended
	}
	rows, err := list(r.Context(), s.o.Engine, who)
	if err != nil {
		return nil, err
	}
	y, m, day := d.Now.In(s.zone()).Date()
	end := time.Date(y, m, day+1, 0, 0, 0, 0, s.zone())
	var chosen []*board.Row
	for _, row := range rows {
		for _, show := range d.Shows() {
			if shownIn(show, row, dir, who, end) {
				d.Counts[show]++
			}
		}
		if shownIn(d.Show, row, dir, who, end) && (d.Query == "" || row.Has(d.Query, dir)) {
			chosen = append(chosen, row)
		}
	}
	if d.outside {
		d.Maintenance = fleetpages.Announced(dir, who, d.Now)
	} else if d.Show == "all" && d.Query == "" {
		if d.Mails, err = s.o.Engine.WaitingMails(r.Context()); err != nil {
			return nil, err
		}
		if d.Listed, err = s.o.Engine.Listed(r.Context()); err != nil {
			return nil, err
		}
	}
	return d, s.fill(r, who, &d.paging, &d.Incidents, chosen)
}

// ListedName is what a listed alert is about.
func (v *view) ListedName(x receiver.Listed) string {
	var parts []string
	if x.Customer != "" {
		parts = append(parts, v.Customer(x.Customer))
	}
	if thing := cmp.Or(x.Machine, x.Platform, x.Source); thing != "" {
		parts = append(parts, thing)
	}
	return strings.Join(parts, " – ")
}

// fill reads the incidents of the page that is asked for.
func (s *site) fill(r *http.Request, who string, p *paging, into *[]incidentRow, chosen []*board.Row) error {
	var part []*board.Row
	*p, part = query.Cut(r.URL.Query(), chosen, perPage)
	ids := make([]string, len(part))
	for i, row := range part {
		ids[i] = row.ID()
	}
	details, err := s.o.Engine.Details(r.Context(), ids)
	if err != nil {
		return err
	}
	*into = make([]incidentRow, 0, len(details))
	for _, x := range details {
		*into = append(*into, s.row(x, who))
	}
	return nil
}

// zone is that of the policy in force.
func (s *site) zone() *time.Location { return s.o.Engine.Book().InForce(s.o.Now()).Zone }

// queueData is what the page Queue shows: work that nobody has, local backups first.
type queueData struct {
	paging
	Query     string        `json:"q,omitempty"`
	Incidents []incidentRow `json:"incidents"`
	Now       time.Time     `json:"now"`
	Local     int           `json:"local"`
}

// queue lists what nobody has, local backups first, then the nearest deadline.
func (s *site) queue(r *http.Request, who string) (any, error) {
	q := r.URL.Query()
	rows, err := own.Rows(r.Context(), s.o.Engine, who)
	if err != nil {
		return nil, err
	}
	d := &queueData{Query: clip.Bytes(q.Get("q"), 100), Now: s.o.Now()}
	var local, rest []*board.Row
	for _, row := range rows {
		switch {
		case row.Assignee() != "" || d.Query != "" && !row.Has(d.Query, s.o.Engine.Book().Directory):
		case row.Label(model.LabelBackupRole) == "local":
			local = append(local, row)
		default:
			rest = append(rest, row)
		}
	}
	d.Local = len(local)
	return d, s.fill(r, who, &d.paging, &d.Incidents, slices.Concat(local, rest))
}
