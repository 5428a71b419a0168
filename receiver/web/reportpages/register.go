package reportpages

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/receiver/message/locale"
	"vigie/receiver/web/ask"
	"vigie/receiver/web/query"
	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/report"
)

// Register is what the page of restore tests shows.
type Register struct {
	Due   []report.TestDue     `json:"machines"`
	Tests []report.RestoreTest `json:"tests"`
	// Overdue is how many of the machines are.
	Overdue int      `json:"overdue"`
	Results []string `json:"-"`
	Today   string   `json:"-"`
	Form    *Form    `json:"-"`
	// offered are the machines that can be named, as customer/machine.
	offered []string
}

// maxTests bounds the tests that are listed, the newest first, and maxOffered the
// machines that are offered; any other can be written.
const (
	maxTests   = 500
	maxOffered = 500
)

// Register answers by when restores are tried, and what was tried.
func (d *Pages) Register(r *http.Request, who string) (any, error) {
	q := r.URL.Query()
	now := d.Now()
	due, err := d.Engine.Reports().Due(r.Context(), now)
	if err != nil {
		return nil, err
	}
	tests, err := d.Engine.Reports().Tests(r.Context())
	if err != nil {
		return nil, err
	}
	x := &Register{Form: &Form{}, Due: []report.TestDue{}, Tests: []report.RestoreTest{}, Results: report.TestResults(), Today: now.In(d.Engine.Reports().Zone(now)).Format(time.DateOnly)}
	for _, t := range due {
		if c := q.Get("customer"); c == "" || c == t.Customer {
			x.Due = append(x.Due, t)
			if t.Overdue {
				x.Overdue++
			}
		}
	}
	for _, m := range d.Engine.Book().Directory.Machines {
		if !d.Engine.Book().Directory.Decommissioned(model.Labels{model.LabelCustomer: m.Customer, model.LabelMachine: m.Name}, now) {
			x.offered = append(x.offered, m.Customer+"/"+m.Name)
		}
	}
	slices.Sort(x.offered)
	slices.Reverse(tests)
	for _, t := range tests {
		if c := q.Get("customer"); (c == "" || c == t.Customer) && len(x.Tests) < maxTests {
			x.Tests = append(x.Tests, t)
		}
	}
	if len(x.Due)+len(x.Tests) == 0 {
		return x, query.Named(q, d.Engine.Book(), who)
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
	if err := query.Body(r, &t); err != nil {
		return nil, err
	}
	return d.record(r, who, t)
}

// Form is what somebody wrote into the page's form, and what is wrong with it.
type Form struct {
	Machine, Day, Result, Took, Scope, Note string
	// Wrong is why, by the field's name.
	Wrong map[string]error
}

// Typed is what somebody wrote.
func Typed(values url.Values) *Form {
	get := func(name string) string { return strings.TrimSpace(values.Get(name)) }
	return &Form{Machine: get("machine"), Day: get("day"), Result: get("result"), Took: get("took"), Scope: get("scope"), Note: get("note"), Wrong: map[string]error{}}
}

// RecordForm is Record for the form of the page. What is wrong with the form stands
// in it; the error is that of the register.
func (d *Pages) RecordForm(r *http.Request, who string) (*Form, error) {
	f := Typed(r.PostForm)
	customer, machine, whose := strings.Cut(f.Machine, "/")
	if !whose {
		customer, machine = "", f.Machine
	}
	t := report.RestoreTest{Customer: customer, Machine: machine, Day: f.Day, Result: f.Result, Scope: f.Scope, Note: f.Note}
	if f.Took != "" {
		var err error
		if t.Minutes, err = strconv.Atoi(f.Took); err != nil {
			f.Wrong["took"] = incident.Refuse(http.StatusUnprocessableEntity, "took_minutes {quoted} is no number", "quoted", f.Took)
		}
	}
	for _, x := range d.faults(t) {
		f.Wrong[x.field] = x.err
	}
	if len(f.Wrong) > 0 {
		return f, nil
	}
	_, err := d.record(r, who, t)
	return f, err
}

// fault is what is wrong with a field of a form.
type fault struct {
	field string
	err   error
}

// faults are what keeps a test from being recorded.
func (d *Pages) faults(t report.RestoreTest) (out []fault) {
	now := d.Now()
	refuse := func(form, field string, parts ...string) {
		out = append(out, fault{field, incident.Refuse(http.StatusUnprocessableEntity, form, parts...).About(cmp.Or(map[string]string{"day": "tested_on", "took": "took_minutes"}[field], field))})
	}
	must := []string{"customer", "machine", "tested_on", "result"}
	for i, value := range []string{t.Customer, t.Machine, t.Day, t.Result} {
		if value == "" { // the form names a machine as customer/machine
			out = append(out, fault{[]string{"machine", "machine", "day", "result"}[i], query.Missing(must[i], must)})
		}
	}
	dir := d.Engine.Book().Directory
	switch {
	case t.Customer == "" || t.Machine == "":
	case dir.Customers[t.Customer] == nil:
		out = append(out, fault{"machine", incident.RefuseUnknown("customer", t.Customer, slices.Sorted(maps.Keys(dir.Customers))).About("customer")})
	case dir.Canonical(t.Customer, "", t.Machine) == nil:
		refuse("the inventory has no machine {quoted} of customer {customer}", "machine", "quoted", t.Machine, "customer", strconv.Quote(t.Customer))
	}
	day, err := time.ParseInLocation(time.DateOnly, t.Day, d.Engine.Reports().Zone(now))
	if t.Day != "" && (err != nil || day.After(now) || now.Sub(day) > 10*365*24*time.Hour) {
		refuse("tested_on {quoted} is no day that has come: write 2026-03-09", "day", "quoted", t.Day)
	}
	if t.Result != "" && !slices.Contains(report.TestResults(), t.Result) {
		out = append(out, fault{"result", incident.RefuseUnknown("test result", t.Result, report.TestResults()).About("result")})
	}
	for _, x := range [][2]string{{"scope", t.Scope}, {"note", t.Note}} {
		if len(x[1]) > maxWords {
			refuse("scope and note have at most {n} bytes each", x[0], "n", strconv.Itoa(maxWords))
		}
	}
	if t.Minutes < 0 || t.Minutes > maxTook {
		refuse("took_minutes {n} is not between 0 and {most}", "took", "n", strconv.Itoa(t.Minutes), "most", strconv.Itoa(maxTook))
	}
	return out
}

func (d *Pages) record(r *http.Request, who string, t report.RestoreTest) (any, error) {
	if wrong := d.faults(t); len(wrong) > 0 {
		return nil, wrong[0].err
	}
	now := d.Now()
	m := d.Engine.Book().Directory.Canonical(t.Customer, "", t.Machine)
	t.Machine, t.By, t.At = m.Name, who, now.In(d.Engine.Reports().Zone(now))
	if err := d.Engine.Reports().Record(r.Context(), t, now); err != nil {
		return nil, errors.Join(errors.New("the test was not recorded"), err)
	}
	return t, nil
}

// Fields are those by which a restore test is recorded; refusal says why in the
// reader's words.
func (d *Register) Fields(l locale.Locale, refusal func(error) string) []ask.Field {
	f, optional := d.Form, ask.T(l, "field.optional")
	machines, results := []ask.Option(nil), []ask.Option{{Text: ask.T(l, "choose")}} // nothing is good before somebody says so
	for _, m := range d.offered[:min(len(d.offered), maxOffered)] {
		machines = append(machines, ask.Option{Value: m})
	}
	for _, r := range d.Results {
		results = append(results, ask.Option{Value: r, Text: l.NameOf("site.report.result", r), Chosen: r == f.Result})
	}
	fields := []ask.Field{
		{Name: "machine", Kind: "text", Label: ask.T(l, "report.column.machine"), Soft: ask.T(l, "signals.machine_as"), Value: f.Machine, Options: machines, Required: true, Most: 300, Complete: "off"},
		{Name: "day", Kind: "date", Label: ask.T(l, "report.tested_on"), Value: cmp.Or(f.Day, d.Today), Latest: d.Today, Required: true},
		{Name: "result", Kind: "select", Label: ask.T(l, "report.result_of"), Options: results, Required: true},
		{Name: "took", Kind: "text", Label: ask.T(l, "report.took_minutes"), Soft: optional, Value: f.Took, Most: 6},
		{Name: "scope", Kind: "text", Label: ask.T(l, "report.what_restored"), Soft: optional, Value: f.Scope},
		{Name: "note", Kind: "area", Label: ask.T(l, "report.note"), Soft: optional, Value: f.Note, Most: 1500},
	}
	wrong := ask.Faults{}
	for name, err := range f.Wrong {
		wrong[name] = refusal(err)
	}
	for name, value := range map[string]string{"machine": f.Machine, "day": f.Day, "result": f.Result} {
		if value == "" && wrong[name] != "" {
			wrong[name] = ask.T(l, "field.missing")
		}
	}
	ask.Mark(fields, wrong)
	return fields
}
