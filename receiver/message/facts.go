package message

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"vigie/receiver/message/locale"
	"vigie/rules/incident"
)

// fact is one row of the block of facts.
type fact struct {
	Name   string
	Value  string
	URL    string
	Strong bool
	Code   bool // a product's own words
}

// facts gathers rows and leaves out those without a value.
type facts struct {
	t    *locale.Language
	rows []fact
}

func (fs *facts) add(key, value string, marks ...func(*fact)) {
	if value == "" {
		return
	}
	row := fact{Name: fs.t.Word("fact_name." + key), Value: value}
	for _, m := range marks {
		m(&row)
	}
	fs.rows = append(fs.rows, row)
}

func strong(f *fact) { f.Strong = true }

func code(f *fact) { f.Code = true }

// Facts is the block of facts for staff (F1 to F11); a bundle has a table
// instead.
func (v *view) Facts() []fact {
	if v.many {
		return nil
	}
	if v.IsPlatform() {
		return v.platformFacts()
	}
	return v.backupFacts()
}

func linked(f *fact) { f.URL = f.Value }

// moment of a timeline.
type happening struct {
	When, What, Who, Text string
}

// History is what happened so far, oldest first.
func (v *view) History() []happening {
	if v.many {
		return nil
	}
	var all []happening
	for _, h := range v.f.History {
		what := v.NameOf("what", h.What)
		switch locale.KeyOf(h.What) {
		case "state":
			all = append(all, happening{v.Moment(h.At), what, h.Who, v.NameOf("state", h.Text)})
			continue
		case "mail", "told":
			if w := v.Word("mail." + v.templateName(h.Text)); w != "" {
				all = append(all, happening{v.Moment(h.At), w, h.Who, ""})
				continue
			}
		case "close":
			all = append(all, happening{v.Moment(h.At), what, h.Who, named(v.Language, h.Text)})
			continue
		}
		all = append(all, happening{v.Moment(h.At), what, h.Who, h.Text})
	}
	return all
}

// Attempts are the parts of the history that people did.
func (v *view) Attempts() []happening {
	var all []happening
	if v.many {
		return nil
	}
	for _, h := range v.f.History {
		switch locale.KeyOf(h.What) {
		case "attempt", "note", "taken", "take", "call", "assign", "assigned", "check_other", "silence", "silenced":
			all = append(all, happening{v.Moment(h.At), v.NameOf("what", h.What), h.Who, h.Text})
		}
	}
	return all
}

// Affected lists what a common failure hits.
func (v *view) Affected() []string {
	if len(v.f.Affected) > 0 {
		return v.f.Affected
	}
	if !v.many {
		return nil
	}
	var all []string
	for _, i := range v.Items {
		all = append(all, joinNonEmpty(" – ", i.Customer(), i.Thing()))
	}
	return all
}

// AffectedCount is "30 machines".
func (v *view) AffectedCount() string {
	n := len(v.Affected())
	if n == 0 {
		return ""
	}
	return v.Plural("machines", n)
}

// Footer says to staff why they get this message and which step it is.
func (v *view) Footer() []string {
	if v.Outside() {
		return nil
	}
	var lines []string
	if to := v.n.To; len(to) == 1 {
		if role := v.Word("role." + locale.KeyOf(to[0].Role)); role != "" {
			lines = append(lines, v.Say("you_are", "role", role))
		}
	} else if names := partyNames(to); names != "" {
		lines = append(lines, v.Say("one_of_you", "names", names))
	}
	if cc := partyNames(v.n.Cc); cc != "" {
		lines = append(lines, v.Say("in_copy", "names", cc))
	}
	step := v.f.PolicyStep
	if step == "" {
		step = v.n.Step
	}
	scenario := v.title()
	if step != "" && scenario != "" {
		lines = append(lines, v.Say("step", "step", v.n.Template+" ("+step+")",
			"scenario", v.Word("quote.open")+scenario+v.Word("quote.close")))
	}
	return lines
}

func partyNames(ps []incident.Party) string {
	var names []string
	for _, p := range ps {
		name := p.Name
		if name == "" {
			name = p.Address
		}
		if name != "" {
			names = append(names, name)
		}
		if len(names) == 10 {
			names = append(names, "…")
			break
		}
	}
	return strings.Join(names, ", ")
}

func joinNonEmpty(sep string, parts ...string) string {
	var some []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			some = append(some, p)
		}
	}
	return strings.Join(some, sep)
}

func lowerFirst(s string) string { return first(s, unicode.ToLower) }

func upperFirst(s string) string { return first(s, unicode.ToUpper) }

// first changes the first letter; of nothing it makes nothing, and no U+FFFD.
func first(s string, change func(rune) rune) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return ""
	}
	return string(change(r)) + s[n:]
}

// Heading is what the mail is about: "Dupont – SRV-AD".
func (v *view) Heading() string {
	if v.Outside() {
		return ""
	}
	if !v.many {
		return joinNonEmpty(" – ", v.Whose(), v.Thing())
	}
	for _, i := range v.Items {
		if i.Customer() != v.Customer() {
			return v.Names()
		}
	}
	return joinNonEmpty(" – ", v.Customer(), v.Names())
}
