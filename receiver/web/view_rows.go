package web

import (
	"html/template"
	"slices"
	"strings"
	"time"

	"vigie/receiver/web/about"
	"vigie/receiver/web/ask"
	"vigie/receiver/web/timeline"
	"vigie/rules/act"
	"vigie/rules/explain"
	"vigie/rules/inventory"
	"vigie/rules/model"
)

// rowView is what the template of a row is given.
type rowView struct {
	V    *view
	X    incidentRow
	Pick bool
}

// Row gives a row to its template; pick lets it be chosen.
func (v *view) Row(x incidentRow, pick bool) rowView { return rowView{v, x, pick} }

// About is what a row names that is about no machine and no platform: a product by the
// name that people know.
func (v *view) About(x incidentRow) string {
	known := x.identity.Clone()
	if engine := known[model.LabelEngine]; engine != "" {
		known[model.LabelEngine] = v.NameOf("engine", engine)
	}
	return about.What(known)
}

// AsRow is the row of the overview itself.
func (o *overview) AsRow() incidentRow { return o.incidentRow }

// actView is what the template of an act is given.
type actView struct {
	V *view
	F actForm
	X incidentRow
}

// Act gives an act to its template.
func (v *view) Act(f actForm, x incidentRow) actView { return actView{v, f, x} }

// pagesView is what the template of the links to other pages is given.
type pagesView struct {
	V *view
	P paging
}

// Trouble says what is wrong with something that is no machine's backup.
func (v *view) Trouble(t about.Trouble) string {
	said := v.Locale.Trouble(t.Alert, t.Of)
	if t.Ends.IsZero() {
		return said
	}
	return v.Fill("trouble.ends", "what", said, "when", v.LongDay(t.Ends))
}

// Paged gives the links to other pages to their template.
func (v *view) Paged(page, pages int) pagesView {
	return pagesView{v, paging{Page: page, Pages: pages}}
}

// Before and After are the addresses of the neighbouring pages of the list.
func (p pagesView) Before() string { return p.V.With("page", p.V.Number(p.P.Page-1)) }
func (p pagesView) After() string  { return p.V.With("page", p.V.Number(p.P.Page+1)) }

// IsCustomer reports whether one of a customer's own people looks.
func (v *view) IsCustomer() bool { return v.Role == act.Customer }

// Works reports whether the person may act on several incidents at once.
func (v *view) Works() bool { return v.Role == act.Operator || v.Role == act.Manager }

// Past reports whether an instant is over.
func (v *view) Past(t time.Time) bool { return t.Before(v.now) }

// Since is how long ago an instant was.
func (v *view) Since(t time.Time) string { return v.Span(v.now.Sub(t)) }

// Join lists names.
func (v *view) Join(list []string) string { return strings.Join(list, ", ") }

// Initials stand for the person who is logged in.
func (v *view) Initials() string {
	out := ""
	for w := range strings.FieldsSeq(v.Who.Name) {
		if r := []rune(w); len(out) < 4 {
			out += string(r[0])
		}
	}
	if r := []rune(out); len(r) > 2 {
		return string(r[0]) + string(r[len(r)-1])
	}
	return out
}

// Urgency is how near a row's deadline is, for its colour.
func (v *view) Urgency(x incidentRow) string {
	switch {
	case x.State.Ended():
		return "ended"
	case slices.Contains(x.Flags, "double_failure"):
		return "double"
	case x.Deadline.IsZero():
		return "calm"
	case x.Deadline.Before(v.now):
		return "late"
	case x.Left < 2*time.Hour:
		return "soon"
	}
	return "calm"
}

// Group is the heading under which a row stands.
func (v *view) Group(x incidentRow) string {
	switch {
	case x.State.Ended():
		return "ended"
	case x.Deadline.IsZero():
		return "none"
	case x.Deadline.Before(v.now):
		return "late"
	case v.Today(x.Deadline.Add(-time.Nanosecond)): // by midnight is today
		return "today"
	}
	return "later"
}

// QueueGroup is the heading under which a row of the queue stands.
func (v *view) QueueGroup(x incidentRow) string {
	if x.Role == "local" {
		return "local"
	}
	return "rest"
}

// flagText is a flag as people read it.
type flagText struct{ Kind, Text string }

// Flag is how a flag is shown; nil for one that is of no use to people.
func (v *view) Flag(name string) *flagText {
	text := v.T("tag." + name)
	if text == "" {
		return nil
	}
	kind := "plain"
	switch name {
	case "double_failure":
		kind = "alarm"
	case "silenced", "offline", "outage":
		kind = "quiet"
	}
	return &flagText{kind, text}
}

// ManyActs are the acts that can be done to several incidents at once.
func (v *view) ManyActs() []ask.Option {
	var out []ask.Option
	for _, p := range []string{"take", "assign", "note", "silence", "release"} {
		out = append(out, ask.Option{Value: p, Text: v.PageWord("button." + p)})
	}
	return out
}

// Staff are those to whom something can be assigned.
func (v *view) Staff() []ask.Option {
	var out []ask.Option
	for _, id := range v.book.Staff() {
		out = append(out, ask.Option{Value: id, Text: v.Person(id)})
	}
	return out
}

// Tel is a number to tap on a phone.
func (v *view) Tel(number string) template.URL {
	return template.URL("tel:" + strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '+' {
			return r
		}
		return -1
	}, number))
}

// MarkText says what a mark of the time line stands for.
func (v *view) MarkText(m timeline.Mark) string {
	if m.Kind == "step" {
		return v.Mail(m.What)
	}
	text := v.Happened(historyRow{Kind: m.Kind, What: m.What})
	if m.Actor != "" {
		text = v.Person(m.Actor) + " " + text
	}
	return text
}

// ClockText is what a clock says: the working time that remains, or how it ended.
func (v *view) ClockText(c clockRow) string {
	switch c.Status {
	case "met":
		return v.Fill("clock.met", "when", v.Short(c.MetAt))
	case "met_late":
		return v.Fill("clock.met_late", "when", v.Short(c.MetAt))
	case "breached":
		return v.Fill("clock.missed", "span", v.Since(c.Due))
	case "paused":
		return v.T("clock.paused")
	}
	return v.Fill("due.left", "span", v.Span(c.Remaining()))
}

// stepView is what the template of a step is given.
type stepView struct {
	V *view
	S stepRow
}

// Step gives a step to its template.
func (v *view) Step(s stepRow) stepView { return stepView{v, s} }

// reachView is what the template of how to reach somebody is given.
type reachView struct {
	V *view
	P *inventory.Person
}

// Reach gives how to reach a person to its template.
func (v *view) Reach(id string) reachView { return reachView{v, v.book.Directory.People[id]} }

// Trialled are the steps of a trial that would come, with names for addresses.
func (v *view) Trialled(steps []explain.Explained) []stepRow {
	var out []stepRow
	names := v.site.names()
	for _, e := range steps {
		if !e.Due.IsZero() {
			out = append(out, stepRow{Step: e.Name, Template: e.Template, Status: e.Status, Due: e.Due, To: names.All(e.To), Cc: names.All(e.Cc)})
		}
	}
	slices.SortStableFunc(out, func(a, b stepRow) int { return a.Due.Compare(b.Due) })
	return out
}
