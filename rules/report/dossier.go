package report

import (
	"cmp"
	"slices"
	"time"

	"vigie/rules/copies"
)

// Nights counts how days went. What nobody recorded is unknown and counts as neither
// good nor bad.
type Nights struct {
	Success int `json:"success"`
	Warning int `json:"warning"`
	Failure int `json:"failure"`
	Nothing int `json:"nothing"`
	Unknown int `json:"unknown"`
	Excused int `json:"excused"`
}

// Add adds another count.
func (n *Nights) Add(o Nights) {
	n.Success += o.Success
	n.Warning += o.Warning
	n.Failure += o.Failure
	n.Nothing += o.Nothing
	n.Unknown += o.Unknown
	n.Excused += o.Excused
}

// Rate is the share of good days among those that are known and were owed, and
// whether any is.
func (n Nights) Rate() (rate float64, known bool) {
	good, all := n.Success+n.Warning, n.Success+n.Warning+n.Failure+n.Nothing
	if all == 0 {
		return 0, false
	}
	return float64(good) / float64(all), true
}

// MachineNights is how one machine's backups of one role went.
type MachineNights struct {
	Machine string `json:"machine"`
	Class   string `json:"machine_class,omitempty"`
	Role    string `json:"backup_role,omitempty"`
	Nights
}

// Backups is how a customer's backups went.
type Backups struct {
	All      Nights          `json:"all"`
	Rate     *float64        `json:"success_rate,omitempty"` // absent: not known
	Machines []MachineNights `json:"machines"`
	// Fault tells that what was recorded could not be read: all of it is unknown.
	Fault bool `json:"not_read,omitempty"`
}

// Mail is a message that a recipient's server accepted.
type Mail struct {
	ID, Address, Person string
	At                  time.Time
	Incidents           []string
}

// PersonDay is what reached, or kept busy, one person on one day.
type PersonDay struct {
	Day   string `json:"day"`
	Mails int    `json:"mails"`
	Calls int    `json:"calls_made"`
}

// PersonNoise is what one person got in the month.
type PersonNoise struct {
	Person  string      `json:"person"`
	Mails   int         `json:"mails"`
	Calls   int         `json:"calls_made"`
	Busiest PersonDay   `json:"busiest_day"`
	Days    []PersonDay `json:"days"`
}

// IncidentRow is one incident in a dossier.
type IncidentRow struct {
	Incident string    `json:"incident"`
	Number   int       `json:"number"`
	Scenario string    `json:"scenario"`
	Machine  string    `json:"machine,omitempty"`
	Role     string    `json:"backup_role,omitempty"`
	Platform string    `json:"platform,omitempty"`
	Policy   string    `json:"policy"`
	Opened   time.Time `json:"opened_at"`
	Taken    time.Time `json:"taken_at,omitzero"`
	Ended    time.Time `json:"ended_at,omitzero"` // absent: open at the end of the month
	Episodes int       `json:"episodes"`
	Cause    string    `json:"cause,omitempty"`
	People   []string  `json:"people"`
	Mails    []string  `json:"mails"` // Message-IDs
	Calls    []Call    `json:"calls"`
	// Silenced and Double are how long it was silenced, and no backup worked, within
	// the month.
	Silenced float64 `json:"silenced_seconds,omitempty"`
	Double   float64 `json:"no_backup_seconds,omitempty"`
	Missed   int     `json:"targets_missed"`
}

// Dossier is what a customer, an insurer or an auditor is handed of a month.
type Dossier struct {
	Month       string        `json:"month"`
	Customer    string        `json:"customer"`
	From        time.Time     `json:"from"`
	To          time.Time     `json:"to"` // not part of it
	Zone        string        `json:"zone"`
	Policies    []string      `json:"policies"`
	Backups     Backups       `json:"backups"`
	Incidents   []IncidentRow `json:"incidents"`
	Tests       []RestoreTest `json:"restore_tests"`
	Overdue     []TestDue     `json:"restore_tests_overdue"`
	Unprotected []string      `json:"unprotected_machines"`
	// Copies are those of each machine at the end of the month, or now.
	Copies []copies.Machine `json:"copies"`
	titles func(language, scenario string) string
}

// Title is what a scenario is called, in a language.
func (d *Dossier) Title(language, scenario string) string { return d.titles(language, scenario) }

// Exposed are the machines with one copy, or none that is said to lie off-site.
func (d *Dossier) Exposed() (out []copies.Machine) {
	for _, m := range d.Copies {
		if m.Exposed() {
			out = append(out, m)
		}
	}
	return out
}

// DossierOf makes a dossier of a customer's cases and the mails about them; what the
// journal does not know of the backups, the tests and the machines is put in after it.
func DossierOf(m Month, customer string, cases []Case, mails []Mail, from Sources) *Dossier {
	s := StatementOf(m, Scope{Customer: customer}, cases, from)
	d := &Dossier{Month: m.Name, Customer: customer, From: m.From, To: m.To, Zone: s.Zone, Policies: s.Policies, Incidents: []IncidentRow{}, Tests: []RestoreTest{}, Overdue: []TestDue{},
		Unprotected: []string{}, Copies: []copies.Machine{}, Backups: Backups{Machines: []MachineNights{}}, titles: s.Title}
	by := map[string][]string{}
	for _, mail := range mails {
		for _, id := range mail.Incidents {
			if !slices.Contains(by[id], mail.ID) {
				by[id] = append(by[id], mail.ID)
			}
		}
	}
	for _, c := range cases {
		h := historyOf(c, m.To)
		if c.Customer != customer || !h.touched(m.From, m.To) {
			continue
		}
		row := IncidentRow{Incident: c.ID, Number: c.Number, Scenario: c.Scenario, Machine: c.Machine, Role: c.Role, Platform: c.Platform, Policy: c.Policy, Opened: c.Opened.In(from.Zone),
			Episodes: len(h.open), People: append([]string{}, h.people...), Mails: append([]string{}, by[c.ID]...), Calls: []Call{}, Silenced: total(h.silenced, m), Double: total(h.double, m)}
		if !h.taken.IsZero() {
			row.Taken = h.taken.In(from.Zone)
		}
		if last := h.open[len(h.open)-1]; !last.to.IsZero() {
			row.Ended = last.to.In(from.Zone)
		}
		if !c.Kept {
			row.Cause = h.cause
		}
		for _, call := range h.calls {
			if within(call.At, m.From, m.To) {
				call.At = call.At.In(from.Zone)
				row.Calls = append(row.Calls, call)
			}
		}
		for _, v := range h.verdicts {
			if v.outcome == Missed && within(v.at, m.From, m.To) {
				row.Missed++
			}
		}
		d.Incidents = append(d.Incidents, row)
	}
	slices.SortFunc(d.Incidents, func(a, b IncidentRow) int { return cmp.Compare(a.Number, b.Number) })
	return d
}

// total is how long spans lasted within a month.
func total(spans []span, m Month) float64 {
	var all time.Duration
	for _, s := range spans {
		from, to := s.from, s.to
		if from.Before(m.From) {
			from = m.From
		}
		if to.IsZero() || to.After(m.To) {
			to = m.To
		}
		if to.After(from) {
			all += to.Sub(from)
		}
	}
	return all.Seconds()
}

// NoiseOf counts what each person got on each day of a month: the mails that were
// accepted, and the calls that he made.
func NoiseOf(m Month, cases []Case, mails []Mail) []PersonNoise {
	days := map[string]map[string]*PersonDay{}
	at := func(person string, t time.Time) *PersonDay {
		day := t.In(m.From.Location()).Format(time.DateOnly)
		if days[person] == nil {
			days[person] = map[string]*PersonDay{}
		}
		if days[person][day] == nil {
			days[person][day] = &PersonDay{Day: day}
		}
		return days[person][day]
	}
	for _, mail := range mails {
		if within(mail.At, m.From, m.To) {
			at(cmp.Or(mail.Person, "other"), mail.At).Mails++
		}
	}
	for _, c := range cases {
		for _, call := range historyOf(c, m.To).calls {
			if within(call.At, m.From, m.To) && call.By != "" {
				at(call.By, call.At).Calls++
			}
		}
	}
	out := []PersonNoise{}
	for person, by := range days {
		n := PersonNoise{Person: person, Days: []PersonDay{}}
		for _, d := range by {
			n.Days = append(n.Days, *d)
			n.Mails += d.Mails
			n.Calls += d.Calls
		}
		slices.SortFunc(n.Days, func(a, b PersonDay) int { return cmp.Compare(a.Day, b.Day) })
		for _, d := range n.Days {
			if d.Mails+d.Calls > n.Busiest.Mails+n.Busiest.Calls {
				n.Busiest = d
			}
		}
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b PersonNoise) int {
		return cmp.Or(cmp.Compare(b.Mails+b.Calls, a.Mails+a.Calls), cmp.Compare(a.Person, b.Person))
	})
	return out
}
