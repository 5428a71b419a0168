package ask

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"vigie/receiver"
	"vigie/receiver/message/locale"
	"vigie/rules"
	"vigie/rules/act"
	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// Acts asks for what the table of acts says that an act is told.
type Acts struct {
	Engine *receiver.Engine
	Now    func() time.Time
}

// Fields are those of an act's form: those that the table of acts says it
// asks for, as far as they concern this incident.
func (a Acts) Fields(l locale.Locale, o receiver.Opened) []Field {
	row, form, known := act.For(o.Purpose)
	if !known {
		return nil
	}
	if o.Verb != row.Verb { // a link that grants less than its button says
		if row, known = act.Of(o.Verb); !known {
			return nil
		}
		form = row.Forms[0]
	}
	pol := a.Engine.Book().Policy(o.Incident.Policy)
	var scenario *policy.Scenario
	if pol != nil {
		scenario = pol.Scenario(o.Incident.Scenario)
	}
	if scenario == nil {
		pol, scenario = &policy.Policy{}, &policy.Scenario{}
	}
	var out []Field
	for _, name := range form.Asks {
		f, _ := row.Field(name)
		in := a.field(l, o, row.Verb, f, pol, scenario)
		in.Required = slices.Contains(form.Must, name)
		if a.concerns(o, f, scenario) {
			out = append(out, in)
		}
	}
	return out
}

// concerns reports whether a field has a meaning for this incident.
func (a Acts) concerns(o receiver.Opened, f act.Field, s *policy.Scenario) bool {
	if o.Verb == rules.VerbUnsilence { // what somebody else silenced
		return slices.ContainsFunc(slices.Collect(maps.Values(o.Incident.Silences)), func(s incident.Silence) bool {
			return !s.Broad() && !slices.Equal(o.Actors, []string{a.Engine.Book().AuthorOf(s)})
		})
	}
	switch f.Name {
	case "force": // somebody else has it
		return o.Incident.Assignee != "" && !slices.Equal(o.Actors, []string{o.Incident.Assignee})
	case "data_loss":
		return s.Resolve.Cause
	case "cause":
		return s.Resolve.Cause || o.Verb != "resolve"
	}
	return true
}

// field is the control for one field.
func (a Acts) field(p locale.Locale, o receiver.Opened, verb string, f act.Field, pol *policy.Policy, s *policy.Scenario) Field {
	in := Field{Name: f.Name, Kind: "text", Hint: p.PageWord("hint." + verb + "." + f.Name)}
	choose := func(prefix string, values []string) {
		in.Kind, in.Options = "select", []Option{{Text: p.PageWord("choose")}}
		for _, v := range values {
			in.Options = append(in.Options, Option{Value: v, Text: cmp.Or(p.PageWord(prefix+v), v)})
		}
	}
	switch f.Kind {
	case act.Text:
		in.Kind = "area"
	case act.YesNo:
		in.Kind = "check"
	case act.Date:
		in.Kind = "date"
	case act.Instant:
		end := a.Engine.Book().SilenceEnd(o.Incident.Incident, a.Now()).In(o.Incident.OpenedAt.Location())
		in.Kind, in.Value, in.Hint = "datetime-local", end.Format("2006-01-02T15:04"), p.PageSay("hint."+verb+"."+f.Name, "when", p.PageMoment(end))
	case act.Person:
		choose("", a.Engine.Book().Staff())
		for i := range in.Options[1:] {
			in.Options[i+1].Text = a.Engine.Book().Directory.PersonName(in.Options[i+1].Value)
		}
	case act.Outcome:
		choose("outcome.", nil)
		if s.Calls != nil {
			choose("outcome.", s.Calls.Outcomes)
		}
	case act.Cause:
		choose("cause.", sortedCauses(pol))
		for i, x := range in.Options {
			in.Options[i].Text = cmp.Or(pol.Causes[x.Value].Text.In(p.Code), x.Text)
		}
	case act.Severity:
		choose("severity.", s.Severity.Order)
	case act.Choice:
		choose(verb+".", f.Choices)
	}
	return in
}

func sortedCauses(p *policy.Policy) []string {
	return append([]string{"unknown"}, slices.Sorted(maps.Keys(p.Causes))...)
}

// Given are the act's fields of what a form brought: only those that its page asks for.
func (a Acts) Given(l locale.Locale, o receiver.Opened, given url.Values) model.Labels {
	out := model.Labels{}
	for _, f := range a.Fields(l, o) {
		if v := strings.TrimSpace(given.Get(f.Name)); v != "" {
			out[f.Name] = v
		}
	}
	if o.Verb != "answer" {
		return out
	}
	switch out["result"] {
	case "away":
	case "call_me": // somebody phones on the next service day
		out["until"] = a.Now().In(o.Incident.OpenedAt.Location()).AddDate(0, 0, 1).Format(time.DateOnly)
	default:
		delete(out, "until")
	}
	return out
}
