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
	"vigie/receiver/web/ask"
	"vigie/receiver/web/own"
	"vigie/rules/act"
	"vigie/rules/incident"
	"vigie/rules/model"
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
	Kind  model.SignalKind `json:"kind"`
	Means string           `json:"means,omitempty"`
}

type reportable struct {
	Customer string `json:"customer"`
	Machine  string `json:"machine"`
}

// signalsForm is the form as it is filled in.
type signalsForm struct {
	Kind, Platform, By, Text, Received, Machine string
	Report                                      string // makes sending it twice one report
	Fields                                      []ask.Field
	Said                                        string
}

// reportKinds are what can be reported on the page. What came by phone, mail or
// SMS is about platforms, as is a manager's own report of level 2.
func reportKinds() []reportKind {
	return []reportKind{{model.EmergencyMeans, "phone"}, {model.EmergencyMeans, "mail"}, {model.EmergencyMeans, "sms"}, {model.Level2Voluntary, ""}, {model.UserAssistance, ""}}
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
		if own.Machine(book, m, who) && !dir.Decommissioned(model.Labels{model.LabelCustomer: m.Customer, model.LabelMachine: m.Name}, now) {
			d.Machines = append(d.Machines, reportable{m.Customer, m.Name})
		}
	}
	slices.SortFunc(d.Machines, func(a, b reportable) int {
		return cmp.Or(strings.Compare(a.Customer, b.Customer), strings.Compare(a.Machine, b.Machine))
	})
	d.More = max(0, len(d.Machines)-maxReportable)
	d.Machines = d.Machines[:len(d.Machines)-d.More]
	for _, k := range reportKinds() {
		if outside && k.Kind == model.EmergencyMeans || len(d.Platforms) == 0 && k.Kind != model.UserAssistance {
			continue // he has no need to type in his own call, and without a platform there is nothing to call about
		}
		d.Kinds = append(d.Kinds, k)
	}
	return d, nil
}

// signalsForm makes the fields of the form as far as the person has something to say
// in them.
func (p *pageSite) signalsForm(v *view, d *signalsData, f *signalsForm) *signalsData {
	outside := v.IsCustomer()
	own := func(word string) string { // his own words for a customer
		if outside {
			word += "_own"
		}
		return v.T(word)
	}
	choose := []ask.Option{{Text: v.T("choose")}}
	kind := ask.Field{Name: "kind", Kind: "select", Label: own("signals.kind"), Value: f.Kind, Required: true, Options: choose}
	for _, k := range d.Kinds {
		id := string(k.Kind) + "/" + k.Means
		kind.Options = append(kind.Options, ask.Option{Value: id, Text: v.T("signals." + strings.Trim(strings.ReplaceAll(id, "/", "."), ".")), Chosen: id == f.Kind})
	}
	if len(d.Kinds) == 1 {
		kind = ask.Field{Name: "kind", Kind: "hidden", Value: kind.Options[1].Value}
	}
	f.Fields = append(f.Fields, kind)
	if len(d.Platforms) > 0 {
		platform := ask.Field{Name: "platform", Kind: "select", Label: v.T("fact.platform"), Value: f.Platform, Required: len(d.Machines) == 0, Options: choose}
		if len(d.Machines) > 0 {
			platform.Soft = v.T("signals.or_machine")
		}
		for _, id := range d.Platforms {
			platform.Options = append(platform.Options, ask.Option{Value: id, Text: v.Platform(id), Chosen: id == f.Platform || len(d.Platforms)+len(d.Machines) == 1})
		}
		f.Fields = append(f.Fields, platform)
	}
	if len(d.Machines) > 0 {
		machine := ask.Field{Name: "machine", Kind: "text", Label: v.T("fact.machine"), Soft: v.T("signals.machine_as"), Value: f.Machine, Complete: "off", Required: len(d.Platforms) == 0}
		for _, m := range d.Machines {
			machine.Options = append(machine.Options, ask.Option{Value: m.Customer + "/" + m.Machine})
		}
		f.Fields = append(f.Fields, machine)
	}
	if !outside {
		f.Fields = append(f.Fields, ask.Field{Name: "by", Kind: "text", Label: v.T("signals.by"), Value: f.By, Required: true, Complete: "off", Most: 254},
			ask.Field{Name: "received", Kind: "datetime-local", Label: v.T("signals.received"), Soft: v.T("field.optional"), Value: f.Received})
	}
	f.Fields = append(f.Fields, ask.Field{Name: "text", Kind: "area", Label: own("signals.text"), Value: f.Text, Required: true, Rows: 5, Most: 4000})
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
	return &signalsForm{Kind: f("kind"), Platform: f("platform"), By: f("by"), Text: f("text"), Received: f("received"), Machine: f("machine"), Report: clip.Bytes(f("report"), 64)}
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
	x := typedSignal(r.PostForm)
	d := p.signalsForm(v, found.(*signalsData), x)
	b, at, wrong := p.signalBody(v, x)
	if ask.Mark(x.Fields, wrong); len(wrong) > 0 {
		x.Said = v.T("field.mend")
		p.show(w, http.StatusUnprocessableEntity, "signals", v, d)
		return
	}
	if err = p.mayReport(b, who.ID); err == nil {
		b.ReceivedAt, b.ID = at, x.Report
		var inc incident.Incident
		if inc, err = p.accept(r, b, who.ID); err == nil {
			p.say(r, "good", v.Fill("signals.taken", "number", v.Number(inc.Number)))
			http.Redirect(w, r, "/incidents/"+inc.ID, http.StatusSeeOther)
			return
		}
	}
	code := receiver.Status(err)
	x.Said = ask.Mend(v.Locale, x.Fields, err, v.Refusal(err), v.Fill("act.refused", "why", p.why(v, err)))
	p.show(w, code, "signals", v, d)
}

// signalBody is what the form says, and what is wrong with its fields.
func (p *pageSite) signalBody(v *view, x *signalsForm) (b reportBody, at time.Time, wrong ask.Faults) {
	name, means, _ := strings.Cut(x.Kind, "/")
	b = reportBody{Kind: model.SignalKind(name), Means: means, Platform: x.Platform, By: x.By, Text: x.Text}
	if v.Role == act.Customer {
		b.By = v.Who.ID
	}
	wrong = ask.Faults{}
	wrong.Missing(x.Fields, v.T("field.missing"))
	switch customer, machine, ok := strings.Cut(x.Machine, "/"); {
	case x.Machine == "" && x.Platform == "":
		if i := slices.IndexFunc(x.Fields, func(f ask.Field) bool { return f.Name == "platform" || f.Name == "machine" }); i >= 0 {
			wrong[x.Fields[i].Name] = v.T("field.missing")
		}
	case x.Machine != "":
		m := v.book.Directory.Canonical(customer, "", machine)
		if !ok || m == nil || !own.Machine(v.book, m, v.Who.ID) {
			wrong["machine"] = v.T("signals.no_machine")
			break
		}
		b.Customer, b.Machine = m.Customer, m.Name
	}
	if x.Received != "" {
		var err error
		if at, err = time.ParseInLocation("2006-01-02T15:04", x.Received, v.Zone); err != nil {
			wrong["received"] = v.T("field.no_time")
		}
	}
	if x.Report == "" { // a form that was not ours
		x.Report = rand.Text()
	}
	return b, at, wrong
}
