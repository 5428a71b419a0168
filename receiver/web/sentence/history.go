package sentence

import (
	"cmp"
	"regexp"
	"strings"
	"time"

	"vigie/receiver/message/locale"
	"vigie/rules/incident"
)

// Asked is the question that a line of the history answers; "" for none.
func (v Speaker) Asked(reason string) string {
	_, question := Question(reason)
	return question
}

// fieldsOfActs finds the fields in the journal's line of an act: "reason=..., today=no".
var fieldsOfActs = regexp.MustCompile(`(?:^|, )(reason|today|expected_date|result|until|outcome|person|next_date|severity|cause|scope|data_loss|to|silence)=`)

// viaOfActs finds by which way an act came.
var viaOfActs = regexp.MustCompile(`, (on its page|on the list|from the list of mails|by the link of |by mail, in answer to )`)

// Because says why a line of the history came about, or what an act brought.
func (v Speaker) Because(kind, what, reason string) string {
	at := fieldsOfActs.FindAllStringSubmatchIndex(reason, -1)
	if kind != "act" || len(at) == 0 {
		reason, _ := Question(reason)
		reason, _, _ = incident.VerdictIn(reason) // how the clock stood is for the month's report
		said := cmp.Or(v.Word(locale.Pages+"close."+reason), v.Reason(reason))
		if rest, same := strings.CutPrefix(said, v.Word("alert."+what)); kind == "signal" && same {
			return strings.TrimPrefix(rest, ", ") // what the alert adds to its name
		}
		return said
	}
	var out []string
	way := viaOfActs.FindStringIndex(reason) // by which way it came stands last
	said := ""
	if way != nil {
		reason, said = reason[:way[0]], v.Reason(strings.TrimPrefix(reason[way[0]:], ", "))
	}
	for i, m := range at {
		end := len(reason)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		if field, value := reason[m[2]:m[3]], reason[m[1]:end]; field != "silence" { // its ids are Alertmanager's
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
func (v Speaker) value(field, value string) string {
	lists := map[string][]string{"reason": {"page.close."}, "result": {"page.answer.", "evidence."}, "outcome": {"page.outcome."},
		"severity": {"severity."}, "scope": {"page.qualify."}, "cause": {"page.cause.", "cause."}}
	if field == "today" {
		return cmp.Or(v.Word("site.yesno."+value), value)
	}
	if at, err := time.Parse(time.RFC3339, value); err == nil {
		return v.Short(at)
	}
	if day, err := time.ParseInLocation(time.DateOnly, value, v.Zone); err == nil {
		return v.Date(day)
	}
	for _, list := range lists[field] {
		if said := v.Word(list + value); said != "" {
			return said
		}
	}
	return value
}
