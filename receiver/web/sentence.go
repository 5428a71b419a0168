package web

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
	"time"

	"vigie/receiver/message/locale"
	"vigie/receiver/web/sentence"
	"vigie/rules/incident"
)

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
		return strings.TrimSuffix(cmp.Or(speech.word("verb."+h.What), h.What), ":")
	case "state":
		return v.Fill("history.state", "state", v.NameOf("state", h.What))
	case "signal":
		return v.Fill("history.signal", "what", cmp.Or(v.Word("alert."+h.What), v.Word("site.signal."+h.What), v.NameOf("entry", h.What)))
	case "message":
		what, step, _ := strings.Cut(h.What, " ")
		return v.Fill("history.message", "what", v.NameOf("site.delivery", what), "step", v.stepName(h, step))
	case "step":
		return v.Fill("history.step", "step", v.stepName(h, h.What))
	case "evidence":
		what, state, _ := strings.Cut(h.What, " ")
		return v.Fill("history.evidence", "what", v.NameOf("site.evidence", what), "state", v.NameOf("evidence", state))
	case "silence":
		return v.NameOf("site.silence", h.What)
	case "renamed":
		return v.Fill("history.renamed", "name", h.What)
	case "breach":
		return v.Fill("history.breach", "target", v.NameOf("target", h.What))
	case "target":
		return v.Fill("history.target", "target", v.NameOf("target", h.What))
	case "flag":
		if flag, over := strings.CutPrefix(h.What, "not "); over {
			return v.Fill("history.flag_over", "what", v.NameOf("site.flag", flag))
		}
		return v.Fill("history.flag", "what", v.NameOf("site.flag", h.What))
	case "note":
		return cmp.Or(v.Word("site.noted."+h.What), v.NameOf("target", h.What))
	}
	return strings.ReplaceAll(h.What, "_", " ")
}

// stepName says what a step writes; of one without a mail, or of an older policy, its
// name there.
func (v *view) stepName(h historyRow, name string) string {
	if h.mail != "" {
		return v.Mail(h.mail)
	}
	return strings.ReplaceAll(name, "_", " ")
}

// called names a person or a platform by the id, or a step of the incident by its mail.
func (v *view) called(kind, name string) string {
	switch kind {
	case "platform":
		return v.Platform(name)
	case "who":
		return v.Person(name)
	}
	if o, ok := v.Data.(interface{ steps() []stepRow }); ok {
		for _, s := range o.steps() {
			if s.Step == name && s.Template != "" {
				return v.Mail(s.Template)
			}
		}
	}
	for _, sc := range v.book.InForce(v.now).Scenarios {
		for _, st := range sc.Steps {
			if st.Name == name {
				return v.Mail(st.Template)
			}
		}
	}
	return strings.ReplaceAll(name, "_", " ")
}

// Asked is the question that a line of the history answers; "" for none.
func (v *view) Asked(h historyRow) string {
	_, question := sentence.Question(h.Reason)
	return question
}

// fieldsOfActs finds the fields in the journal's line of an act: "reason=..., today=no".
var fieldsOfActs = regexp.MustCompile(`(?:^|, )(reason|today|expected_date|result|until|outcome|person|next_date|severity|cause|scope|data_loss|to|silence)=`)

// viaOfActs finds by which way an act came.
var viaOfActs = regexp.MustCompile(`, (on its page|on the list|from the list of mails|by the link of |by mail, in answer to )`)

// Because says why a line of the history came about, or what an act brought.
func (v *view) Because(h historyRow) string {
	at := fieldsOfActs.FindAllStringSubmatchIndex(h.Reason, -1)
	if h.Kind != "act" || len(at) == 0 {
		reason, _ := sentence.Question(h.Reason)
		reason, _, _ = incident.VerdictIn(reason) // how the clock stood is for the month's report
		said := cmp.Or(v.Word(locale.Pages+"close."+reason), v.Reason(reason))
		if rest, same := strings.CutPrefix(said, v.Word("alert."+h.What)); h.Kind == "signal" && same {
			return strings.TrimPrefix(rest, ", ") // what the alert adds to its name
		}
		return said
	}
	var out []string
	way := viaOfActs.FindStringIndex(h.Reason) // by which way it came stands last
	said := ""
	if way != nil {
		h.Reason, said = h.Reason[:way[0]], v.Reason(strings.TrimPrefix(h.Reason[way[0]:], ", "))
	}
	for i, m := range at {
		end := len(h.Reason)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		if field, value := h.Reason[m[2]:m[3]], h.Reason[m[1]:end]; field != "silence" { // its ids are Alertmanager's
			out = append(out, v.Fill("acted."+field, "value", v.value(field, value)))
		}
	}
	if way != nil {
		out = append(out, said)
	}
	return strings.Join(out, ", ")
}

// value says what stands in a field of an act: a choice by its name, anything else
// as it was written.
func (v *view) value(field, value string) string {
	lists := map[string][]string{"reason": {"page.close."}, "result": {"page.answer.", "evidence."}, "outcome": {"page.outcome."},
		"severity": {"severity."}, "scope": {"page.qualify."}, "cause": {"page.cause.", "cause."}}
	if field == "today" {
		return cmp.Or(v.Word("site.yesno."+value), value)
	}
	if at, err := time.Parse(time.RFC3339, value); err == nil {
		return v.Short(at)
	}
	for _, list := range lists[field] {
		if said := v.Word(list + value); said != "" {
			return said
		}
	}
	return value
}

// seenLines is what a form says that its page had seen.
func seenLines(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64) // a form without it asks for no check
	return n
}
