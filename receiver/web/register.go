package web

import (
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

// TestFields are those by which a restore test is recorded.
func (v *view) TestFields(d *reportpages.Register) []ask.Field {
	return d.Fields(v.Locale, v.Refusal)
}
