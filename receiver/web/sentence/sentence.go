// Package sentence says in sentences what a policy has as keys (when a step is due,
// after what delay, for whom) and the history as words.
package sentence

import (
	"strconv"
	"strings"
	"time"

	"vigie/receiver/message/locale"
	"vigie/rules/policy"
)

// Speaker says it in one language.
type Speaker struct{ locale.Locale }

// T is a word of the pages.
func (v Speaker) T(key string) string { return v.Word(locale.Site + key) }

// Fill is a text of the pages with its parts filled in, given as name and value.
func (v Speaker) Fill(key string, pairs ...string) string { return v.Say(locale.Site+key, pairs...) }

// Count is a word of the pages in the form for a number.
func (v Speaker) Count(key string, n int) string { return v.Plural(locale.Site+key, n) }

// Short is an instant in a table: the hour alone when it is today, and 24:00 for the
// midnight that ends today.
func (v Speaker) Short(t time.Time) string { return v.Narrow(t) }

// ISO is an instant for a machine.
func (v Speaker) ISO(t time.Time) string { return t.In(v.Zone).Format(time.RFC3339) }

// When says in a sentence what makes a step due.
func (v Speaker) When(st *policy.Step) string {
	if st == nil {
		return ""
	}
	var parts []string
	for _, t := range st.When {
		parts = append(parts, v.trigger(t))
	}
	text := strings.Join(parts, v.T("or"))
	if len(st.OnlyIf) > 0 {
		text += v.Fill("when.only_if", "what", v.conditions(st.OnlyIf, v.T("and")))
	}
	if len(st.Unless) > 0 {
		text += v.Fill("when.unless", "what", v.conditions(st.Unless, v.T("or")))
	}
	if st.Repeat != nil {
		text += v.Fill("when.repeat", "delay", v.Delay(*st.Repeat))
	}
	return text
}

// trigger says one reason for a step to become due.
func (v Speaker) trigger(t policy.Trigger) string {
	text := ""
	switch t.Kind {
	case policy.WhenMoment:
		if text = v.moment(t.Name); !t.Delay.IsZero() {
			text = v.Fill("when.after", "delay", v.Delay(t.Delay), "moment", text)
		}
	case policy.WhenAct:
		text = v.moment("act:" + t.Name)
	case policy.WhenFlag:
		text = v.moment("flag:" + t.Name)
	case policy.WhenBefore:
		text = v.Fill("when.before", "delay", v.Delay(t.Delay), "target", v.NameOf("target", t.Name))
	case policy.WhenBreach:
		text = v.Fill("when.breach", "target", v.NameOf("target", t.Name))
	case policy.WhenShare:
		text = v.Fill("when.share", "percent", strconv.Itoa(t.Percent), "target", v.NameOf("target", t.Name))
	case policy.WhenDayOf:
		text = v.Fill("when.day_of", "clock", t.Clock.String(), "target", v.NameOf("target", t.Name))
	case policy.WhenDays:
		days := v.Plural("day", t.Days)
		if t.Business {
			days, _ = v.Working("business_days", strconv.Itoa(t.Days))
		}
		text = v.Fill("when.days", "days", days, "clock", t.Clock.String(), "moment", v.moment(t.Name))
	case policy.WhenOpening:
		text = v.T("when.each_opening")
	case policy.WhenShift:
		text = v.Fill("when.each_shift", "role", v.NameOf("role", t.Name))
	}
	if len(t.Unless) > 0 {
		text += v.Fill("when.unless", "what", v.conditions(t.Unless, v.T("or")))
	}
	return text
}

// moment names what a policy counts from.
func (v Speaker) moment(name string) string {
	kind, of, ok := strings.Cut(name, ":")
	if !ok && v.Has("site.moment."+name) {
		return v.T("moment." + name)
	}
	if !ok {
		of = name // a step
	}
	switch kind {
	case "act":
		return v.Fill("moment_act", "what", v.NameOf("what", of))
	case "flag":
		return v.Fill("moment_flag", "what", v.NameOf("site.flag", of))
	}
	if v.Called != nil {
		return v.Fill("moment_step", "step", v.Called("step", of))
	}
	return v.Fill("moment_step", "step", strings.ReplaceAll(of, "_", " "))
}

// conditions names what must or must not hold.
func (v Speaker) conditions(all []string, joint string) string {
	var out []string
	for _, c := range all {
		bare, not := strings.CutPrefix(c, "not ")
		s, graded := strings.CutPrefix(bare, "severity ")
		text := ""
		switch {
		case graded && not:
			text = v.Fill("condition_not_severity", "severity", v.NameOf("severity", s))
		case graded:
			text = v.Fill("condition_severity", "severity", v.NameOf("severity", s))
		case not:
			text = v.NameOf("site.condition_not", bare)
		default:
			text = v.NameOf("site.condition", bare)
		}
		out = append(out, text)
	}
	return strings.Join(out, joint)
}

// Delay says a length of time as a policy gives it.
func (v Speaker) Delay(d policy.Delay) string {
	if d.Business == nil {
		return v.Span(d.Elapsed)
	}
	text, _ := v.Working(string(d.Business.Unit), d.Business.Amount.String())
	if d.Business.AtLeast != nil {
		text += " " + v.Fill("delay.at_least", "delay", v.Delay(policy.Delay{Business: d.Business.AtLeast}))
	}
	return text
}

// Roles names functions of a policy.
func (v Speaker) Roles(roles []string) string {
	var out []string
	for _, r := range roles {
		out = append(out, v.NameOf("role", r))
	}
	return strings.Join(out, ", ")
}
