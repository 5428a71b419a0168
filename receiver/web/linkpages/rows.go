package linkpages

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"vigie/receiver"
	"vigie/receiver/link"
	"vigie/receiver/message/locale"
	"vigie/receiver/web/about"
	"vigie/receiver/web/ask"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// rowChoice is one row of a mail that can be ticked.
type rowChoice struct {
	Value, Text, More string
	Chosen, Over      bool
}

// several are the parts of a page about all rows of a mail.
type several struct {
	All     string // words to tick every row
	AllOn   bool
	Rows    []rowChoice
	Wrong   string // no row is chosen
	Buttons []ask.Option
	// Confirm is the purpose whose fields are asked for, of rows that are chosen.
	Confirm string
}

// rows answers POST on a link that is about all rows of a mail. First rows are
// chosen and a button is pressed; where the act asks for more, a second page
// asks for it once for all of them.
func (l *Pages) rows(w http.ResponseWriter, r *http.Request, p *page, o receiver.Opened) {
	given, what := r.PostForm, r.PostForm.Get("do")
	chosen := picked(p, o, given)
	who := given.Get("who")
	if who == "" && len(o.Actors) == 1 {
		who = o.Actors[0]
	}
	if f := l.choose(p, o, given); !slices.Contains(o.Offers, what) || len(chosen) == 0 || !slices.Contains(o.Actors, who) {
		p.Tone, p.Form = "bad", f
		p.Said = ask.T(p.Locale, "field.mend")
		if !slices.Contains(o.Offers, what) {
			p.Said = p.PageWord("refused") + " " + p.PageWord("rows.nothing")
		}
		if len(chosen) == 0 {
			f.Several.Wrong = p.PageWord("rows.none")
		}
		ask.Incomplete(p.Locale, f.Fields)
		l.write(w, http.StatusUnprocessableEntity, p)
		return
	}
	first, err := l.o.Engine.Row(r.Context(), o, chosen[0], what)
	if err != nil {
		l.fail(w, p, o, err)
		return
	}
	if given.Get("confirmed") == "" && l.asksMore(p, first) {
		p.Title = p.PageWord("title." + what)
		p.Form = l.confirm(p, o, first, chosen, who, given)
		l.write(w, http.StatusOK, p)
		return
	}
	f := l.confirm(p, o, first, chosen, who, given)
	if l.incomplete(w, p, f) {
		return
	}
	fields := l.acts.Given(p.Locale, first, given)
	out := l.each(r, p, o, chosen, what, who, fields)
	p.Title, p.Facts = p.PageWord("title."+what), out.said
	if out.unmet && out.done == 0 { // a field is at fault, of all alike
		p.Said, p.Tone, p.Facts, p.Form = l.mend(p, f, out.err), "bad", nil, f
		l.write(w, http.StatusUnprocessableEntity, p)
		return
	}
	p.Said, p.Tone = p.PagePlural("rows.done", out.done), "good"
	code := http.StatusOK
	if out.err != nil {
		p.Said, p.Tone = p.Said+" "+p.PagePlural("rows.not_done", len(chosen)-out.done), "bad"
		if out.done == 0 {
			code = receiver.Status(out.err)
			if given.Get("confirmed") != "" { // what was typed stays
				p.Form = f
			}
		}
	}
	l.write(w, code, p)
}

// asksMore reports whether an act needs words before it can be done; to take
// something from somebody is done row by row.
func (l *Pages) asksMore(p *page, o receiver.Opened) bool {
	return slices.ContainsFunc(l.acts.Fields(p.Locale, o), func(f ask.Field) bool { return f.Name != "force" })
}

// outcome is what became of the chosen rows.
type outcome struct {
	said  []pair
	done  int
	err   error // the last one
	unmet bool  // something was not said
}

// each does the act to each chosen row, whatever becomes of the others.
func (l *Pages) each(r *http.Request, p *page, o receiver.Opened, chosen []string, what, who string, fields model.Labels) outcome {
	var out outcome
	for _, id := range chosen {
		d, err := l.o.Engine.FollowRow(r.Context(), o, id, what, who, fields)
		name := l.rowName(p, o, id)
		if err != nil {
			if code := receiver.Status(err); code >= http.StatusInternalServerError {
				l.o.Logger.Error("a row of a link could not be followed", "incident", id, "purpose", what, "err", err)
			}
			out.err, out.unmet = err, receiver.Status(err) == http.StatusUnprocessableEntity
			out.said = append(out.said, pair{name, p.PageWord("refused") + " " + ask.Refusal(p.Locale, err)})
			continue
		}
		row := o.Rows[slices.IndexFunc(o.Rows, func(x receiver.Opened) bool { return x.Grant.Incident == id })]
		row.Purpose = what
		row.Verb, _, _ = link.Purpose(what)
		out.done++
		out.said = append(out.said, pair{name, ask.Done(p.Locale, row, d)})
	}
	return out
}

// picked are the incidents that were ticked; all are those that something can be done to.
func picked(p *page, o receiver.Opened, given url.Values) []string {
	var out []string
	for _, row := range o.Rows {
		id := row.Grant.Incident
		if given.Get("all") != "" && p.over[id] == "" || slices.Contains(given["row"], id) {
			out = append(out, id)
		}
	}
	return out
}

// rowsOver tells of each row by which nothing can be done any more why that is: all that it
// offered was done by it, or has no meaning since the incident ended.
func (l *Pages) rowsOver(r *http.Request, p *locale.Locale, o receiver.Opened) map[string]string {
	out := map[string]string{}
	for _, row := range o.Rows {
		id, why := row.Grant.Incident, ""
		for _, what := range o.Offers {
			x, err := l.o.Engine.Row(r.Context(), o, id, what)
			switch {
			case err != nil:
				why = "" // to try it says what is the matter
			case x.Used != nil:
				why = l.usedText(*p, x)
				continue
			case over(x):
				why = overText(*p, x)
				continue
			}
			why = ""
			break
		}
		if why != "" {
			out[id] = why
		}
	}
	return out
}

// allOver answers where nothing can be done to any row.
func (l *Pages) allOver(w http.ResponseWriter, p *page, o receiver.Opened) {
	p.Said, p.Tone = p.PageWord("rows.over"), "bad"
	for _, row := range o.Rows {
		id := row.Grant.Incident
		p.Facts = append(p.Facts, pair{l.rowName(p, o, id), p.over[id]})
	}
	l.write(w, http.StatusConflict, p)
}

// choose is the first page's form: the rows, and a button for each act.
func (l *Pages) choose(p *page, o receiver.Opened, given url.Values) *Form {
	f := &Form{}
	l.actors(p.Locale, f, o, given.Get("who"))
	s := &several{All: p.PageWord("rows.all"), AllOn: given.Get("all") != ""}
	for _, row := range o.Rows {
		id := row.Grant.Incident
		more, over := p.over[id]
		if !over {
			more = l.rowMore(p, row)
		}
		s.Rows = append(s.Rows, rowChoice{Value: id, Text: l.rowName(p, o, id), More: more, Over: over, Chosen: slices.Contains(given["row"], id)})
	}
	for _, what := range o.Offers {
		s.Buttons = append(s.Buttons, ask.Option{Value: what, Text: p.PageWord("button." + what)})
	}
	f.Several = s
	return f
}

// confirm is the second page's form: what the act asks for, once for all rows.
func (l *Pages) confirm(p *page, o, first receiver.Opened, chosen []string, who string, given url.Values) *Form {
	f := l.Form(p.Locale, first, given)
	f.As = p.PageSay("as", "who", l.name(who))
	f.Fields = slices.DeleteFunc(f.Fields, func(x ask.Field) bool { return x.Name == "force" || x.Name == "who" })
	s := &several{Confirm: first.Purpose}
	for _, id := range chosen {
		s.Rows = append(s.Rows, rowChoice{Value: id, Text: l.rowName(p, o, id)})
	}
	f.Several, f.Who = s, who
	return f
}

// rowName is what a row is about, in few words.
func (l *Pages) rowName(p *page, o receiver.Opened, id string) string {
	i := slices.IndexFunc(o.Rows, func(r receiver.Opened) bool { return r.Grant.Incident == id })
	if i < 0 {
		return id
	}
	inc := o.Rows[i].Incident
	thing := inc.Identity[model.LabelMachine]
	if thing == "" {
		thing = strings.Join(inc.Platforms(), ", ")
	}
	if o.Outside {
		return thing
	}
	parts := []string{fmt.Sprintf("#%d", inc.Number), l.customer(inc.Identity[model.LabelCustomer]), thing, p.NameOf("backup_role", inc.Identity[model.LabelBackupRole]), l.alerts(p.Locale, &inc.Incident)}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " – ")
}

// alerts are the names of what fails and is no machine's backup.
func (l *Pages) alerts(t locale.Locale, inc *incident.Incident) string {
	names := about.Alerts(inc)
	for n := range names {
		names[n] = t.NameOf("alert", names[n])
	}
	return strings.Join(names, ", ")
}

// rowMore is where a row stands; a customer reads none of it.
func (l *Pages) rowMore(p *page, row receiver.Opened) string {
	if row.Outside {
		return ""
	}
	inc := row.Incident
	if !l.named(row) {
		inc.Incident = l.o.Engine.Book().Seen(inc.Incident, "")
	}
	parts := []string{p.PageWord("state." + string(inc.State)), l.name(inc.Assignee)}
	if !inc.Deadline.IsZero() {
		parts = append(parts, p.PageWord("fact.deadline")+" "+p.PageMoment(inc.Deadline))
	}
	parts = append(parts, inc.LastErr)
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " · ")
}

func (l *Pages) customer(id string) string {
	return l.o.Engine.Book().Directory.CustomerName(id)
}
