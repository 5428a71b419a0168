package web

import (
	"net/http"
	"path"
	"slices"

	"github.com/gorilla/mux"

	"vigie/receiver"
	"vigie/receiver/web/ask"
	"vigie/receiver/web/mailpages"
)

// mailForm takes what somebody does with a mail of the list.
func (p *pageSite) mailForm(w http.ResponseWriter, r *http.Request) {
	who := p.visitor(r)
	v := p.view(r, who)
	if !p.readForm(w, r, v) {
		return
	}
	v.Path, v.Here = "/mails", "/mails"
	f := mailpages.Typed(mux.Vars(r)["id"], path.Base(r.URL.Path), r.PostForm)
	if f.Err = p.mails.Act(r, who.ID, f); f.Err == nil {
		p.say(r, "good", v.T("mails.done."+f.Do))
		http.Redirect(w, r, "/mails", http.StatusSeeOther)
		return
	}
	code := receiver.Status(f.Err)
	found, err := p.mails.List(r, who.ID)
	if err != nil {
		p.refusedPage(w, v, err)
		return
	}
	list := found.(*mailpages.MailList)
	list.Form = f
	v.Flash, v.Tone = v.T("field.mend"), "bad"
	marked := slices.ContainsFunc(list.Mails, func(m mailpages.SortedMail) bool { return m.ID == f.Mail && m.Open })
	if f.Do != "assign" || !marked || code != http.StatusNotFound && code != http.StatusUnprocessableEntity {
		v.Flash = v.Fill("act.refused", "why", p.why(v, f.Err))
	}
	p.show(w, code, "mails", v, list)
}

// AssignFields say with which incident a mail is kept, and as what.
func (v *view) AssignFields(m mailpages.SortedMail, f mailpages.Form) []ask.Field {
	wrong := ""
	if f.Err != nil {
		wrong = v.site.why(v, f.Err)
	}
	return m.Fields(v.Locale, f, wrong, func(a mailpages.About) string {
		return v.Customer(a.Customer) + " " + a.Machine + v.Platform(a.Platform)
	})
}

// why says why something was not done, in the reader's words.
func (p *pageSite) why(v *view, err error) string {
	switch code := receiver.Status(err); {
	case code == http.StatusNotFound:
		return v.T("error.missing_text")
	case code >= http.StatusInternalServerError:
		p.o.Logger.Error("a form failed", "path", v.Path, "err", err)
		return v.T("error.trouble_text")
	}
	return v.Refusal(err)
}
