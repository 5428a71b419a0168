package web

import (
	"cmp"
	"net/http"

	"vigie/receiver/web/ask"
	"vigie/receiver/web/reportpages"
)

// restoreTest takes what somebody writes into the register of restore tests.
func (p *pageSite) restoreTest(w http.ResponseWriter, r *http.Request) {
	who := p.visitor(r)
	v := p.view(r, who)
	if !p.readForm(w, r, v) {
		return
	}
	form, err := p.reports.RecordForm(r, who.ID)
	if err == nil && len(form.Wrong) == 0 {
		p.say(r, "good", v.T("report.recorded"))
		http.Redirect(w, r, "/restore-tests", http.StatusSeeOther)
		return
	}
	found, readErr := p.reports.Register(r, who.ID)
	if readErr != nil {
		p.refusedPage(w, v, readErr)
		return
	}
	x := found.(*reportpages.Register)
	x.Form = form
	code := http.StatusUnprocessableEntity
	v.Flash, v.Tone = v.T("field.mend"), "bad"
	if err != nil { // it could not be kept: it may be tried again as it stands
		p.o.Logger.Error("a restore test could not be recorded", "err", err)
		code = http.StatusServiceUnavailable
		v.Flash = v.T("error.trouble_text")
	}
	p.show(w, code, "restore-tests", v, x)
}

// TestFields are the fields by which a restore test is recorded.
func (v *view) TestFields(d *reportpages.Register) []ask.Field {
	f, optional := d.Form, v.T("field.optional")
	machines, results := []ask.Option(nil), []ask.Option(nil)
	for _, m := range d.Due {
		machines = append(machines, ask.Option{Value: m.Customer + "/" + m.Machine})
	}
	for _, r := range d.Results {
		results = append(results, ask.Option{Value: r, Text: v.NameOf("site.report.result", r), Chosen: r == f.Result})
	}
	fields := []ask.Field{
		{Name: "machine", Kind: "text", Label: v.T("report.column.machine"), Soft: v.T("signals.machine_as"), Value: f.Machine, Options: machines, Required: true, Most: 300, Complete: "off"},
		{Name: "day", Kind: "date", Label: v.T("report.tested_on"), Value: cmp.Or(f.Day, d.Today), Latest: d.Today, Required: true},
		{Name: "result", Kind: "select", Label: v.T("report.result_of"), Options: results, Required: true},
		{Name: "took", Kind: "text", Label: v.T("report.took_minutes"), Soft: optional, Value: f.Took, Most: 6},
		{Name: "scope", Kind: "text", Label: v.T("report.what_restored"), Soft: optional, Value: f.Scope},
		{Name: "note", Kind: "area", Label: v.T("report.note"), Soft: optional, Value: f.Note, Most: 1500},
	}
	wrong := ask.Faults{}
	for name, err := range f.Wrong {
		wrong[name] = v.refusal(err)
	}
	if f.Machine == "" && wrong["machine"] != "" {
		wrong["machine"] = v.T("field.missing")
	}
	ask.Mark(fields, wrong)
	return fields
}
