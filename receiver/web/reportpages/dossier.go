package reportpages

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"vigie/internal/sheet"
	"vigie/receiver/message/locale"
	"vigie/receiver/reports"
	"vigie/rules/report"
)

// Dossier is a customer's dossier with what it is called.
type Dossier struct {
	*report.Dossier
	Name string `json:"name,omitempty"`
	// Running says that the month is not over: figures still change.
	Running bool `json:"month_running,omitempty"`
	// Since is since when a receiver has watched, unless it watched all of the month.
	Since time.Time `json:"watched_since,omitzero"`
}

// AsOf is the instant that its words refer to: the end of its month.
func (d *Dossier) AsOf() time.Time { return d.To.Add(-time.Second) }

// Percent is the share of good days; in words where it is not known.
func (d *Dossier) Percent(l locale.Locale, n report.Nights) string {
	if rate, known := n.Rate(); known {
		return reports.Percent(l, rate)
	}
	return l.Word(locale.Site + "report.unknown")
}

// Part is how many good copies have a property, out of those that are expected to; in
// words where the inventory says it of none, or does not say it.
func (d *Dossier) Part(l locale.Locale, good, expected, untold int) string {
	switch {
	case expected > 0:
		return strconv.Itoa(good) + " / " + strconv.Itoa(expected)
	case untold > 0:
		return l.Word(locale.Site + "report.copies.untold")
	}
	return l.Word(locale.Site + "report.copies.none")
}

// Lasted is a length of time.
func (d *Dossier) Lasted(l locale.Locale, seconds float64) string { return l.Lasted(lasting(seconds)) }

// Lead is where the dossier is as a file.
func (d *Dossier) Lead(format, language string) string {
	return "/reports/dossier?" + url.Values{"month": {d.Month}, "customer": {d.Customer}, "format": {format}, "language": {language}}.Encode()
}

// Dossier answers a customer's dossier of a month.
func (d *Pages) Dossier(r *http.Request, who string) (any, error) {
	a, err := d.ask(r, who)
	if err != nil {
		return nil, err
	}
	made, err := d.Engine.Reports().Dossier(r.Context(), a.month, a.scope.Customer, a.reads)
	if err != nil {
		return nil, err
	}
	x := &Dossier{made, d.Engine.Reports().Name(a.scope), a.running, a.since}
	if a.outside { // who of ours did what is for us
		for i := range x.Incidents {
			x.Incidents[i].People = []string{}
			for n := range x.Incidents[i].Calls {
				x.Incidents[i].Calls[n].By = ""
			}
		}
		for i := range x.Tests {
			x.Tests[i].By, x.Tests[i].Note = "", ""
		}
	}
	if a.csv {
		l := d.speech(a)
		return &File{fileName("dossier", a), "text/csv; charset=utf-8", sheet.Write(l.headed(x.rows(l), a), separator(l))}, nil
	}
	return x, nil
}

// rows are the dossier as a table: the machines' days, then the incidents, then the
// restore tests.
func (d *Dossier) rows(l speech) [][]string {
	head := []string{l.T("report.column.row"), l.T("report.column.incident"), l.T("report.column.machine"), l.T("report.column.platform"), l.T("report.column.scenario")}
	for _, column := range []string{"success", "warning", "failure", "nothing", "unknown", "excused"} {
		head = append(head, l.T("outcome."+column))
	}
	head = append(head, l.T("report.opened_at"), l.T("report.taken_at"), l.T("report.ended_at"), l.T("report.mails"), l.T("report.calls"), l.T("report.missed"), l.T("report.column.cause"))
	width := len(head)
	for _, column := range []string{"expected", "good", "unknown", "media", "offsite_expected", "offsite", "immutable_expected", "immutable"} {
		head = append(head, l.T("report.copies."+column))
	}
	out := [][]string{head}
	n := strconv.Itoa
	for _, m := range d.Backups.Machines {
		out = append(out, []string{l.T("report.row.backup"), "", m.Machine, "", l.NameOf("backup_role", m.Role), n(m.Success), n(m.Warning), n(m.Failure), n(m.Nothing), n(m.Unknown), n(m.Excused), "", "", "", "", "", "", ""})
	}
	for _, i := range d.Incidents {
		out = append(out, []string{l.T("report.row.incident"), "#" + n(i.Number), i.Machine, l.dir.PlatformName(i.Platform), d.Title(l.Code, i.Scenario), "", "", "", "", "", "", stamp(i.Opened), stamp(i.Taken), stamp(i.Ended),
			n(len(i.Mails)), n(len(i.Calls)), n(i.Missed), l.cause(i.Cause)})
	}
	for _, t := range d.Tests {
		out = append(out, []string{l.T("report.row.test"), "", t.Machine, "", l.NameOf("site.report.result", t.Result), "", "", "", "", "", "", t.Day, "", "", "", "", "", t.Scope})
	}
	for _, c := range d.Copies {
		told := func(expected, untold int) string {
			if expected == 0 && untold > 0 {
				return l.T("report.copies.untold")
			}
			return n(expected)
		}
		row := make([]string, width, len(head))
		row[0], row[2] = l.T("report.row.copies"), c.Machine
		out = append(out, append(row, n(c.Expected.Copies), n(c.Good.Copies), n(c.Unknown), n(c.Good.Media),
			told(c.Expected.Offsite, c.Expected.OffsiteUntold), n(c.Good.Offsite), told(c.Expected.Immutable, c.Expected.ImmutableUntold), n(c.Good.Immutable)))
	}
	for i := range out { // every row has every cell
		out[i] = append(out[i], make([]string, len(head)-len(out[i]))...)
	}
	return out
}

// Noise is what each person got in a month.
type Noise struct {
	Month string `json:"month"`
	report.Scope
	People []report.PersonNoise `json:"people"`
	Begins time.Time            `json:"from"`
	ends   time.Time
}

// AsOf is the instant that its words refer to.
func (n *Noise) AsOf() time.Time { return n.ends.Add(-time.Second) }

// Noise answers how many mails and calls each person had, day by day.
func (d *Pages) Noise(r *http.Request, who string) (any, error) {
	a, err := d.ask(r, who)
	if err != nil {
		return nil, err
	}
	people, err := d.Engine.Reports().Noise(r.Context(), a.month, a.scope)
	if err != nil {
		return nil, err
	}
	x := &Noise{Month: a.month.Name, Scope: a.scope, People: people, Begins: a.month.From, ends: a.month.To}
	if a.csv {
		l := d.speech(a)
		rows := [][]string{{l.T("report.person"), l.T("report.day"), l.T("report.mails"), l.T("report.calls")}}
		for _, p := range people {
			for _, day := range p.Days {
				rows = append(rows, []string{l.dir.PersonName(p.Person), day.Day, strconv.Itoa(day.Mails), strconv.Itoa(day.Calls)})
			}
		}
		return &File{fileName("noise", a), "text/csv; charset=utf-8", sheet.Write(l.headed(rows, a), separator(l))}, nil
	}
	return x, nil
}
