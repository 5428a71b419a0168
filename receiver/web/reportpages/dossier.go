package reportpages

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/internal/sheet"
	"vigie/receiver/message/locale"
	"vigie/receiver/reports"
	"vigie/receiver/web/query"
	"vigie/rules/report"
)

// Dossier is a customer's dossier with what it is called.
type Dossier struct {
	*report.Dossier
	Name string `json:"name,omitempty"`
}

// AsOf is the instant that its words refer to: the end of its month.
func (d *Dossier) AsOf() time.Time { return d.To.Add(-time.Second) }

// Percent is the share of good days; in words where it is not known.
func (d *Dossier) Percent(l locale.Locale, n report.Nights) string {
	if rate, known := n.Rate(); known {
		return reports.Percent(l, rate)
	}
	return speech{l}.T("report.unknown")
}

// Hours is a length of time.
func (d *Dossier) Hours(l locale.Locale, seconds float64) string { return took(l, &seconds) }

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
	if err := a.whole(); err != nil {
		return nil, err
	}
	made, err := d.Engine.Reports().Dossier(r.Context(), a.month, a.scope.Customer, a.reads)
	if err != nil {
		return nil, err
	}
	x := &Dossier{made, d.Engine.Reports().Name(a.scope)}
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
		return &File{fileName("dossier", a), "text/csv; charset=utf-8", sheet.Write(x.rows(l), separator(l))}, nil
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
	out := [][]string{head}
	n := strconv.Itoa
	for _, m := range d.Backups.Machines {
		out = append(out, []string{l.T("report.row.backup"), "", m.Machine, "", l.NameOf("backup_role", m.Role), n(m.Success), n(m.Warning), n(m.Failure), n(m.Nothing), n(m.Unknown), n(m.Excused), "", "", "", "", "", "", ""})
	}
	for _, i := range d.Incidents {
		out = append(out, []string{l.T("report.row.incident"), "#" + n(i.Number), i.Machine, i.Platform, d.Title(l.Code, i.Scenario), "", "", "", "", "", "", stamp(i.Opened), stamp(i.Taken), stamp(i.Ended),
			n(len(i.Mails)), n(len(i.Calls)), n(i.Missed), i.Cause})
	}
	for _, t := range d.Tests {
		out = append(out, []string{l.T("report.row.test"), "", t.Machine, "", l.NameOf("site.report.result", t.Result), "", "", "", "", "", "", t.Day, "", "", "", "", "", t.Scope})
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
				rows = append(rows, []string{p.Person, day.Day, strconv.Itoa(day.Mails), strconv.Itoa(day.Calls)})
			}
		}
		return &File{fileName("noise", a), "text/csv; charset=utf-8", sheet.Write(rows, separator(l))}, nil
	}
	return x, nil
}

// Register is what the page of restore tests shows.
type Register struct {
	Due   []report.TestDue     `json:"machines"`
	Tests []report.RestoreTest `json:"tests"`
	// Overdue is how many of the machines are.
	Overdue int      `json:"overdue"`
	Results []string `json:"-"`
	Today   string   `json:"-"`
}

// maxTests bounds the tests that are listed, the newest first.
const maxTests = 500

// Register answers by when restores are tried, and what was tried.
func (d *Pages) Register(r *http.Request, who string) (any, error) {
	q := r.URL.Query()
	if err := query.Known(q, "customer"); err != nil {
		return nil, err
	}
	now := d.Now()
	due, err := d.Engine.Reports().Due(r.Context(), now)
	if err != nil {
		return nil, err
	}
	tests, err := d.Engine.Reports().Tests(r.Context())
	if err != nil {
		return nil, err
	}
	x := &Register{Due: []report.TestDue{}, Tests: []report.RestoreTest{}, Results: report.TestResults(), Today: now.In(d.Engine.Reports().Zone(now)).Format(time.DateOnly)}
	for _, t := range due {
		if c := q.Get("customer"); c == "" || c == t.Customer {
			x.Due = append(x.Due, t)
			if t.Overdue {
				x.Overdue++
			}
		}
	}
	slices.Reverse(tests)
	for _, t := range tests {
		if c := q.Get("customer"); (c == "" || c == t.Customer) && len(x.Tests) < maxTests {
			x.Tests = append(x.Tests, t)
		}
	}
	return x, nil
}

const (
	maxWords = 2000
	maxTook  = 60 * 24 * 30 // minutes
)

// Record writes a restore test into the register.
func (d *Pages) Record(r *http.Request, who string) (any, error) {
	var t report.RestoreTest
	dec := json.NewDecoder(io.LimitReader(r.Body, 1<<16))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&t); err != nil {
		return nil, refuse(http.StatusBadRequest, "not readable: %v", err)
	}
	return d.record(r, who, t)
}

// RecordForm is Record for the form of the page; its answer is what is wrong with it.
func (d *Pages) RecordForm(r *http.Request, who string) error {
	form := r.PostForm
	customer, machine, _ := strings.Cut(form.Get("machine"), "/")
	t := report.RestoreTest{Customer: customer, Machine: machine, Day: form.Get("day"), Result: form.Get("result"), Scope: form.Get("scope"), Note: form.Get("note")}
	var err error
	if took := strings.TrimSpace(form.Get("took")); took != "" {
		if t.Minutes, err = strconv.Atoi(took); err != nil {
			return refuse(http.StatusUnprocessableEntity, "took_minutes %q is no number", took)
		}
	}
	_, err = d.record(r, who, t)
	return err
}

func (d *Pages) record(r *http.Request, who string, t report.RestoreTest) (any, error) {
	now := d.Now()
	zone := d.Engine.Reports().Zone(now)
	m := d.Engine.Book().Directory.Canonical(t.Customer, "", t.Machine)
	day, err := time.ParseInLocation(time.DateOnly, t.Day, zone)
	switch {
	case m == nil || t.Machine == "":
		return nil, refuse(http.StatusUnprocessableEntity, "the inventory has no machine %q of customer %q", t.Machine, t.Customer)
	case err != nil || day.After(now) || now.Sub(day) > 10*365*24*time.Hour:
		return nil, refuse(http.StatusUnprocessableEntity, "tested_on %q is no day that has come: write 2026-03-09", t.Day)
	case !slices.Contains(report.TestResults(), t.Result):
		return nil, refuse(http.StatusUnprocessableEntity, "result %q is not known: known are %s", t.Result, strings.Join(report.TestResults(), ", "))
	case len(t.Scope) > maxWords || len(t.Note) > maxWords:
		return nil, refuse(http.StatusUnprocessableEntity, "scope and note have at most %d bytes each", maxWords)
	case t.Minutes < 0 || t.Minutes > maxTook:
		return nil, refuse(http.StatusUnprocessableEntity, "took_minutes %d is not between 0 and %d", t.Minutes, maxTook)
	}
	t.Machine, t.By, t.At = m.Name, who, now.In(zone)
	if err := d.Engine.Reports().Record(r.Context(), t, now); err != nil {
		return nil, errors.Join(errors.New("the test was not recorded"), err)
	}
	return t, nil
}
