package web

import (
	"strings"

	"errors"
	"strconv"
	"vigie/receiver"
	"vigie/rules"
	"vigie/rules/policy"
)

// When says in a sentence what makes a step due.
func (v *view) When(st *rules.Step) string {
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
		text += v.Fill("when.repeat", "delay", v.delay(*st.Repeat))
	}
	return text
}

// trigger says one reason for a step to become due.
func (v *view) trigger(t policy.Trigger) string {
	text := ""
	switch t.Kind {
	case policy.WhenMoment:
		if text = v.moment(t.Name); !t.Delay.IsZero() {
			text = v.Fill("when.after", "delay", v.delay(t.Delay), "moment", text)
		}
	case policy.WhenAct:
		text = v.moment("act:" + t.Name)
	case policy.WhenFlag:
		text = v.moment("flag:" + t.Name)
	case policy.WhenBefore:
		text = v.Fill("when.before", "delay", v.delay(t.Delay), "target", v.NameOf("target", t.Name))
	case policy.WhenBreach:
		text = v.Fill("when.breach", "target", v.NameOf("target", t.Name))
	case policy.WhenShare:
		text = v.Fill("when.share", "percent", strconv.Itoa(t.Percent), "target", v.NameOf("target", t.Name))
	case policy.WhenDayOf:
		text = v.Fill("when.day_of", "clock", t.Clock.String(), "target", v.NameOf("target", t.Name))
	case policy.WhenDays:
		parts := []string{"n", strconv.Itoa(t.Days), "clock", t.Clock.String(), "moment", v.moment(t.Name)}
		if text = v.Fill("when.days", parts...); t.Business {
			text = v.Fill("when.service_days", parts...)
		}
	case policy.WhenOpening:
		text = v.T("when.each_opening")
	}
	if len(t.Unless) > 0 {
		text += v.Fill("when.unless", "what", v.conditions(t.Unless, v.T("or")))
	}
	return text
}

// moment names what a policy counts from.
func (v *view) moment(name string) string {
	kind, of, ok := strings.Cut(name, ":")
	if !ok {
		return v.NameOf("site.moment", name)
	}
	switch kind {
	case "act":
		return v.Fill("moment_act", "what", v.NameOf("what", of))
	case "flag":
		return v.Fill("moment_flag", "what", v.NameOf("site.flag", of))
	}
	return v.Fill("moment_step", "step", strings.ReplaceAll(of, "_", " "))
}

// conditions names what must or must not hold.
func (v *view) conditions(all []string, joint string) string {
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

// delay says a length of time as a policy gives it.
func (v *view) delay(d rules.Delay) string {
	if d.Business == nil {
		return v.Span(d.Elapsed)
	}
	n := d.Business.Amount.String()
	text := v.Fill("delay."+string(d.Business.Unit), "n", n)
	if n == "0" && v.Has("site.delay."+string(d.Business.Unit)+".0") {
		text = v.T("delay." + string(d.Business.Unit) + ".0")
	}
	if d.Business.AtLeast != nil {
		text += v.Fill("delay.at_least", "delay", v.delay(rules.Delay{Business: d.Business.AtLeast}))
	}
	return text
}

// Roles names functions of a policy.
func (v *view) Roles(roles []string) string {
	var out []string
	for _, r := range roles {
		out = append(out, v.NameOf("role", r))
	}
	return strings.Join(out, ", ")
}

// Mail says what a mail does, by its template.
func (v *view) Mail(template string) string {
	if name := v.site.o.Engine.TemplateName(template); name != "" {
		if text := v.Word("mail." + name); text != "" {
			return text
		}
		return strings.ReplaceAll(name, "-", " ")
	}
	return template
}

// Happened says a line of the history in words.
func (v *view) Happened(h historyRow) string {
	speech := &speech{v.Locale}
	switch h.Kind {
	case "act":
		return strings.TrimSuffix(either(speech.word("verb."+h.What), h.What), ":")
	case "state":
		return v.Fill("history.state", "state", v.NameOf("state", h.What))
	case "signal":
		return v.Fill("history.signal", "what", either(v.Word("alert."+h.What), either(v.Word("site.signal."+h.What), v.NameOf("entry", h.What))))
	case "message":
		what, step, _ := strings.Cut(h.What, " ")
		return v.Fill("history.message", "what", v.NameOf("site.delivery", what), "step", strings.ReplaceAll(step, "_", " "))
	case "step":
		return v.Fill("history.step", "step", strings.ReplaceAll(h.What, "_", " "))
	case "evidence":
		what, state, _ := strings.Cut(h.What, " ")
		return v.Fill("history.evidence", "what", v.NameOf("site.evidence", what), "state", v.NameOf("evidence", state))
	case "silence":
		return v.NameOf("site.silence", h.What)
	case "renamed":
		return v.Fill("history.renamed", "name", h.What)
	case "breach":
		return v.Fill("history.breach", "target", v.NameOf("target", h.What))
	}
	return strings.ReplaceAll(h.What, "_", " ")
}

func asStale(err error) (*receiver.StaleError, bool) {
	var stale *receiver.StaleError
	return stale, errors.As(err, &stale)
}

// seenLines is what a form says that its page had seen.
func seenLines(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64) // a form without it asks for no check
	return n
}
