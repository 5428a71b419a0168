package web

import "net/http"

// restoreTest takes what somebody writes into the register of restore tests.
func (p *pageSite) restoreTest(w http.ResponseWriter, r *http.Request) {
	who := p.visitor(r)
	v := p.view(r, who)
	if !p.readForm(w, r, v) {
		return
	}
	if err := p.reports.RecordForm(r, who.ID); err != nil {
		p.refusedPage(w, v, err)
		return
	}
	p.say(r, "good", v.T("report.recorded"))
	http.Redirect(w, r, "/restore-tests", http.StatusSeeOther)
}
