package web

import (
	"crypto/rand"
	"net/http"
	"strings"
	"time"

	"vigie/receiver"
	"vigie/rules"
	"vigie/rules/act"
)

// signalsData is what the page Signals shows: a report that a person makes, or
// that somebody types in for him.
type signalsData struct {
	Kinds, Platforms   []option
	By, Text, Received string
	Report             string // makes sending it twice one report
	Wrong              map[string]string
	Said               string
}

// reportKinds are what can be reported on the page: how it came, as kind/means.
func reportKinds() []string {
	return []string{"emergency_means/phone", "emergency_means/mail", "emergency_means/sms", "l2_voluntary/", "user_assistance/"}
}

// signals is the empty form.
func (s *site) signals(_ *http.Request, _ string) (any, error) {
	return &signalsData{Report: rand.Text()}, nil
}

// signalsForm fills in what can be chosen.
func (p *pageSite) signalsForm(v *view, d *signalsData, kind, platform string) *signalsData {
	for _, k := range reportKinds() {
		if v.IsCustomer() && strings.HasPrefix(k, "emergency_means/") {
			continue // he has no need to type in his own call
		}
		d.Kinds = append(d.Kinds, option{k, v.T("signals." + strings.Trim(strings.ReplaceAll(k, "/", "."), ".")), k == kind})
	}
	dir := v.book.Directory
	for _, id := range sortedNames(dir.Platforms) {
		if !v.IsCustomer() || dir.Answers(v.Who.ID, "", "", id) {
			d.Platforms = append(d.Platforms, option{id, v.Platform(id), id == platform})
		}
	}
	return d
}

// signal takes a report.
func (p *pageSite) signal(w http.ResponseWriter, r *http.Request) {
	who := p.visitor(r)
	v := p.view(r, who)
	if !p.readForm(w, r, v) {
		return
	}
	f := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	d := &signalsData{By: f("by"), Text: f("text"), Received: f("received"), Report: cutText(f("report"), 64), Wrong: map[string]string{}}
	p.signalsForm(v, d, f("kind"), f("platform"))
	by := d.By
	if v.Role == act.Customer {
		by = who.ID
	}
	for name, value := range map[string]string{"kind": f("kind"), "platform": f("platform"), "text": d.Text, "by": by} {
		if value == "" {
			d.Wrong[name] = v.T("field.missing")
		}
	}
	at, err := time.ParseInLocation("2006-01-02T15:04", d.Received, v.Zone)
	if d.Received == "" {
		at, err = time.Time{}, nil
	}
	if len(d.Wrong) > 0 || err != nil || d.Report == "" {
		d.Said = v.T("field.mend")
		p.show(w, http.StatusUnprocessableEntity, "signals", v, d)
		return
	}
	kind, means, _ := strings.Cut(f("kind"), "/")
	b := reportBody{Kind: rules.SignalKind(kind), Platform: f("platform"), By: by}
	if err = p.mayReport(b, who.ID); err == nil {
		var inc rules.Incident
		inc, err = p.o.Engine.Report(r.Context(), receiver.Report{Kind: b.Kind, Labels: rules.Labels{rules.LabelPlatform: b.Platform}, By: by, TypedBy: who.ID,
			Means: means, Text: d.Text, Received: at, ID: d.Report})
		if err == nil {
			p.say(r, "good", v.Fill("signals.taken", "number", v.Number(inc.Number)))
			http.Redirect(w, r, "/incidents/"+inc.ID, http.StatusSeeOther)
			return
		}
	}
	code := receiver.Status(err)
	if code >= http.StatusInternalServerError {
		p.trouble(w, v, err)
		return
	}
	d.Said = v.Fill("act.refused", "why", v.refusal(err))
	p.show(w, code, "signals", v, d)
}
