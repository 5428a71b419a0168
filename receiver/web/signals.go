package web

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"vigie/internal/clip"
	"vigie/receiver"
	"vigie/receiver/web/own"
	"vigie/rules"
	"vigie/rules/act"
)

// signalsData is what the page Signals shows: what a person can report, or type in
// for somebody else, and about what.
type signalsData struct {
	Kinds     []reportKind `json:"kinds"`
	Platforms []string     `json:"platforms"`
	// Machines are the first of those that can be named; More is how many follow.
	Machines []reportable `json:"machines"`
	More     int          `json:"machines_left_out,omitempty"`
	form     *signalsForm
}

// reportKind is one kind of report, with how it came where that is told.
type reportKind struct {
	Kind  rules.SignalKind `json:"kind"`
	Means string           `json:"means,omitempty"`
}

type reportable struct {
	Customer string `json:"customer"`
	Machine  string `json:"machine"`
}

// signalsForm is the form as it is filled in.
type signalsForm struct {
	Kinds, Platforms                     []option
	Machines                             []string
	By, Text, Received, Machine, Subject string
	Report                               string // makes sending it twice one report
	Wrong                                map[string]string
	Said                                 string
}

// reportKinds are what can be reported on the page. What came by phone, mail or
// SMS is about platforms, as is a manager's own report of level 2.
func reportKinds() []reportKind {
	return []reportKind{{rules.EmergencyMeans, "phone"}, {rules.EmergencyMeans, "mail"}, {rules.EmergencyMeans, "sms"}, {rules.Level2Voluntary, ""}, {rules.UserAssistance, ""}}
}

// maxReportable bounds the machines that are offered; any other can be written.
const maxReportable = 500

// signals says what somebody may report.
func (s *site) signals(_ *http.Request, who string) (any, error) {
	book := s.o.Engine.Book()
	dir, now, outside := book.Directory, s.o.Now(), book.Role(who) == act.Customer
	d := &signalsData{Kinds: []reportKind{}, Platforms: []string{}, Machines: []reportable{}}
	for _, id := range sortedNames(dir.Platforms) {
		if !outside || dir.Answers(who, "", "", id) {
			d.Platforms = append(d.Platforms, id)
		}
	}
	for _, m := range dir.Machines {
		if own.Machine(book, m, who) && !dir.Decommissioned(rules.Labels{rules.LabelCustomer: m.Customer, rules.LabelMachine: m.Name}, now) {
			d.Machines = append(d.Machines, reportable{m.Customer, m.Name})
		}
	}
	slices.SortFunc(d.Machines, func(a, b reportable) int {
		return cmp.Or(strings.Compare(a.Customer, b.Customer), strings.Compare(a.Machine, b.Machine))
	})
	d.More = max(0, len(d.Machines)-maxReportable)
	d.Machines = d.Machines[:len(d.Machines)-d.More]
	for _, k := range reportKinds() {
		if outside && k.Kind == rules.EmergencyMeans || len(d.Platforms) == 0 && k.Kind != rules.UserAssistance {
			continue // he has no need to type in his own call, and without a platform there is nothing to call about
		}
		d.Kinds = append(d.Kinds, k)
	}
	return d, nil
}

// signalsForm fills in what can be chosen.
func (p *pageSite) signalsForm(v *view, d *signalsData, f *signalsForm, kind, platform string) *signalsData {
	for _, k := range d.Kinds {
		id := string(k.Kind) + "/" + k.Means
		f.Kinds = append(f.Kinds, option{id, v.T("signals." + strings.Trim(strings.ReplaceAll(id, "/", "."), ".")), id == kind || len(d.Kinds) == 1})
	}
	for _, id := range d.Platforms {
		f.Platforms = append(f.Platforms, option{id, v.Platform(id), id == platform || len(d.Platforms)+len(d.Machines) == 1})
	}
	for _, m := range d.Machines {
		f.Machines = append(f.Machines, m.Customer+"/"+m.Machine)
	}
	d.form = f
	return d
}

// Form is the form as it is filled in.
func (d *signalsData) Form() *signalsForm { return d.form }

// About says whether there is anything to report about.
func (d *signalsData) About() bool { return len(d.Platforms)+len(d.Machines) > 0 }

// typedSignal is the form as somebody filled it in.
func typedSignal(values url.Values) *signalsForm {
	f := func(name string) string { return strings.TrimSpace(values.Get(name)) }
	return &signalsForm{By: f("by"), Text: f("text"), Received: f("received"), Machine: f("machine"), Report: clip.Bytes(f("report"), 64), Wrong: map[string]string{}}
}

// signal takes a report.
func (p *pageSite) signal(w http.ResponseWriter, r *http.Request) {
	who := p.visitor(r)
	v := p.view(r, who)
	if !p.readForm(w, r, v) {
		return
	}
	found, err := p.signals(r, who.ID)
	if err != nil {
		p.refusedPage(w, v, err)
		return
	}
	x, kind, platform := typedSignal(r.PostForm), strings.TrimSpace(r.PostForm.Get("kind")), strings.TrimSpace(r.PostForm.Get("platform"))
	d := p.signalsForm(v, found.(*signalsData), x, kind, platform)
	b, at := p.signalBody(v, x, kind, platform)
	if len(x.Wrong) > 0 {
		x.Said = v.T("field.mend")
		p.show(w, http.StatusUnprocessableEntity, "signals", v, d)
		return
	}
	if err = p.mayReport(b, who.ID); err == nil {
		b.ReceivedAt, b.ID = at, x.Report
		var inc rules.Incident
		if inc, err = p.accept(r, b, who.ID); err == nil {
			p.say(r, "good", v.Fill("signals.taken", "number", v.Number(inc.Number)))
			http.Redirect(w, r, "/incidents/"+inc.ID, http.StatusSeeOther)
			return
		}
	}
	code := receiver.Status(err)
	x.Said = v.Fill("act.refused", "why", p.why(v, err))
	p.show(w, code, "signals", v, d)
}

// signalBody is what the form says; what is wrong with it is put at its fields.
func (p *pageSite) signalBody(v *view, x *signalsForm, kind, platform string) (b reportBody, at time.Time) {
	name, means, _ := strings.Cut(kind, "/")
	b = reportBody{Kind: rules.SignalKind(name), Means: means, Platform: platform, By: x.By, Text: x.Text}
	if v.Role == act.Customer {
		b.By = v.Who.ID
	}
	for field, value := range map[string]string{"kind": kind, "text": b.Text, "by": b.By} {
		if value == "" {
			x.Wrong[field] = v.T("field.missing")
		}
	}
	switch customer, machine, ok := strings.Cut(x.Machine, "/"); {
	case x.Machine == "" && platform == "":
		x.Wrong[map[bool]string{true: "machine", false: "platform"}[len(x.Platforms) == 0]] = v.T("field.missing")
	case x.Machine != "" && (!ok || p.o.Engine.Book().Directory.Canonical(customer, "", machine) == nil):
		x.Wrong["machine"] = v.T("signals.no_machine")
	case x.Machine != "":
		m := p.o.Engine.Book().Directory.Canonical(customer, "", machine)
		b.Customer, b.Machine = m.Customer, m.Name
	}
	if x.Received != "" {
		var err error
		if at, err = time.ParseInLocation("2006-01-02T15:04", x.Received, v.Zone); err != nil {
			x.Wrong["received"] = v.T("field.no_time")
		}
	}
	if x.Report == "" { // a form that was not ours
		x.Report = rand.Text()
	}
	return b, at
}
