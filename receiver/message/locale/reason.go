package locale

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"vigie/internal/phrase"
)

// Reasons and Refusals are what the keys of reasons.yml and refusals.yml begin with.
const (
	Reasons  = "reason."
	Refusals = "refusal."
)

// reasonForm is one way in which the program says why it did something, or did not.
type reasonForm struct {
	key     string // "reason.in hand until {at}"
	shape   *regexp.Regexp
	holes   []string
	literal int // how much of it is not a hole
}

var hole = regexp.MustCompile(`\{[a-z]+\}`)

// reasonForms are the forms that a language has, those that say most first.
func reasonForms(l *Language) []reasonForm {
	var out []reasonForm
	for key := range l.words {
		form, ok := strings.CutPrefix(key, Reasons)
		if !ok {
			if form, ok = strings.CutPrefix(key, Refusals); !ok {
				continue
			}
		}
		f := reasonForm{key: key}
		shape, rest := `(?s)\A`, form
		for _, at := range hole.FindAllStringIndex(form, -1) {
			begin := at[0] - (len(form) - len(rest))
			shape += regexp.QuoteMeta(rest[:begin]) + `(.+?)`
			f.holes = append(f.holes, strings.Trim(form[at[0]:at[1]], "{}"))
			f.literal += begin
			rest = form[at[1]:]
		}
		f.literal += len(rest)
		f.shape = regexp.MustCompile(shape + regexp.QuoteMeta(rest) + `\z`)
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b reasonForm) int { return cmp.Or(b.literal-a.literal, strings.Compare(a.key, b.key)) })
	return out
}

// maxReason bounds what is looked at; a longer reason is somebody's words.
const maxReason = 2000

// Reason says in this language why the program did something. Journals and steps
// keep the program's own words, which the chain of hashes covers; here they are
// read back by their forms, so that what was written long ago is said, too. What
// has no form is the words of a person or of a product, and is said as it is.
func (f Locale) Reason(text string) string {
	if said, ok := f.reason(text, 0); ok {
		return said
	}
	return text
}

// Refusal says in this language why something was not done.
func (f Locale) Refusal(why phrase.Phrase) string {
	if !f.Has(Refusals + why.Form) {
		return why.String()
	}
	parts := slices.Clone(why.Parts)
	for i := 0; i+1 < len(parts); i += 2 {
		if said, ok := f.called(parts[i], parts[i+1], 0); ok {
			parts[i+1] = said
		}
	}
	return f.Say(Refusals+why.Form, parts...)
}

func (f Locale) reason(text string, depth int) (string, bool) {
	if text == "" || len(text) > maxReason || depth > 4 {
		return "", false
	}
	for _, form := range f.forms {
		found := form.shape.FindStringSubmatch(text)
		if found == nil {
			continue
		}
		parts, fits := make([]string, 0, 2*len(form.holes)), true
		for i, name := range form.holes {
			kind := name
			if name == "other" && slices.Contains(form.holes, "who") {
				kind = "who"
			}
			said, ok := f.called(kind, found[i+1], depth)
			fits = fits && ok
			parts = append(parts, name, said)
		}
		if fits {
			return strings.TrimSpace(f.Say(form.key, unrepeated(parts)...)), true
		}
	}
	return "", false
}

// unrepeated leaves a product's name out where the words after it, those of a plan, begin
// with it.
func unrepeated(parts []string) []string {
	for i := 0; i+3 < len(parts); i += 2 {
		if parts[i] == "engine" && parts[i+2] == "words" && bears(parts[i+3], parts[i+1]) {
			parts[i+1] = ""
		}
	}
	return parts
}

// Run is a plan with its product, whose name is not said twice.
func (f Locale) Run(engine, plan string) string {
	if engine == "" {
		return plan
	}
	if said := f.NameOf("engine", engine); !bears(plan, said) && !bears(plan, engine) {
		return strings.TrimSpace(said + " " + plan)
	}
	return plan
}

// bears tells whether a plan's name begins with that of its product.
func bears(plan, product string) bool {
	return len(plan) >= len(product) && strings.EqualFold(plan[:len(product)], product) &&
		(len(plan) == len(product) || !isLetter(plan[len(product)]))
}

func isLetter(b byte) bool { return b >= 0x80 || b|0x20 >= 'a' && b|0x20 <= 'z' }

// called is part, with the names that people know.
func (f Locale) called(name, value string, depth int) (string, bool) {
	said, ok := f.part(name, value, depth)
	if f.Called != nil && (name == "who" || name == "platform") {
		said = f.Called(name, value)
	}
	return said, ok
}

// part says what fills a hole, by the hole's name; false when it cannot be that.
func (f Locale) part(name, value string, depth int) (string, bool) {
	switch name {
	case "why", "because", "lapse":
		return f.reason(value, depth+1)
	case "at", "latest":
		return f.parsed(value, time.RFC3339)
	case "date": // or an instant
		if at, err := time.Parse(time.DateOnly, value); err == nil {
			return Locale{Language: f.Language, Zone: time.UTC, Ref: f.Ref}.Date(at), true
		}
		return f.parsed(value, time.RFC3339)
	case "when":
		at, err := time.Parse("2006-01-02 15:04", value) // in the zone of the policy already
		if err != nil {
			return "", false
		}
		return Locale{Language: f.Language, Zone: time.UTC}.PageMoment(at), true
	case "moment":
		return f.moment(value)
	case "point": // a moment, or a step of the policy
		if said, ok := f.name("site.moment", value); ok {
			return said, true
		}
		return f.Say(Site+"moment_step", "step", f.step(value)), !strings.Contains(value, " ")
	case "flag":
		return f.name("site.flag", value)
	case "state":
		return f.name("page.state", value)
	case "evidence":
		return f.name("evidence", value)
	case "severity":
		return f.name("severity", value)
	case "subkind":
		return f.name("subkind", value)
	case "verb":
		return f.name("what", value)
	case "condition":
		return f.condition(value)
	case "conditions":
		return f.each(value, " or ", f.condition)
	case "triggers":
		return f.each(value, " or ", f.awaited)
	case "roles":
		return f.each(value, ", ", func(r string) (string, bool) { return f.NameOf("role", r), true })
	case "delay":
		return f.Delay(value)
	case "field", "missing", "access":
		return f.name(Refusals+name, value)
	case "noun", "period":
		return f.name("noun", KeyOf(value))
	case "clock":
		_, err := time.Parse("15:04", value)
		return value, err == nil
	case "span":
		d, err := time.ParseDuration(value)
		return f.Span(d), err == nil
	case "signal":
		said, _ := f.signal(value)
		return said, true
	case "described":
		return f.signal(value)
	case "step":
		return f.step(value), !strings.ContainsAny(value, " ")
	case "incident": // i12, as it is stored, is #12 to people
		if number, ok := strings.CutPrefix(value, "i"); ok && number != "" && strings.Trim(number, "0123456789") == "" {
			return "#" + number, true
		}
		return value, true
	case "role": // of the policy, or of a backup
		if said, ok := f.name("backup_role", value); ok && !f.Has("role."+value) {
			return said, true
		}
		return f.NameOf(name, value), true
	case "target", "alert", "engine", "cause":
		return f.NameOf(name, value), true
	}
	return value, true
}

// moment says from when something runs, as a policy writes it.
func (f Locale) moment(value string) (string, bool) {
	kind, of, said := strings.Cut(value, ":")
	if !said {
		return f.name("site.moment", value)
	}
	switch kind {
	case "step", "due":
		return f.Say(Site+"moment_step", "step", f.step(of)), true
	case "flag":
		flag, ok := f.name("site.flag", of)
		return f.Say(Site+"moment_flag", "what", flag), ok
	case "act":
		act, ok := f.name("what", of)
		return f.Say(Site+"moment_act", "what", act), ok
	}
	return "", false
}

// name says one value of a closed list.
func (f Locale) name(list, value string) (string, bool) { return f.lookup(list + "." + value) }

// step is what a step of the policy does, where somebody knows, else its name.
func (f Locale) step(name string) string {
	if f.Called != nil {
		return f.Called("step", name)
	}
	return words(name)
}

func words(name string) string { return strings.ReplaceAll(name, "_", " ") }

func (f Locale) parsed(value, layout string) (string, bool) {
	at, err := time.Parse(layout, value)
	if err != nil {
		return "", false
	}
	return f.PageMoment(at.In(f.Zone)), true
}

// each says the members of a list, all or none.
func (f Locale) each(value, joint string, say func(string) (string, bool)) (string, bool) {
	var out []string
	for member := range strings.SplitSeq(value, joint) {
		said, ok := say(member)
		if !ok {
			return "", false
		}
		out = append(out, said)
	}
	if joint == ", " {
		return strings.Join(out, joint), true
	}
	return strings.Join(out, f.Word(Site+"or")), true
}

// condition says what must, or must not, hold.
func (f Locale) condition(value string) (string, bool) {
	bare, not := strings.CutPrefix(value, "not ")
	list := "site.condition."
	if not {
		list = "site.condition_not."
	}
	if severity, ok := strings.CutPrefix(bare, "severity "); ok {
		return f.Say(strings.TrimSuffix(list, ".")+"_severity", "severity", f.NameOf("severity", severity)), true
	}
	if said, ok := f.lookup(list + bare); ok {
		return said, true
	}
	return words(value), !strings.ContainsAny(bare, " ") // a flag of the policy's own
}

// awaited says what a step waits for: its kind of trigger and what that names.
func (f Locale) awaited(value string) (string, bool) {
	kind, name, _ := strings.Cut(value, " ")
	switch kind {
	case "at", "days_after":
		return f.part("moment", name, 0)
	case "act":
		return f.Say(Site+"moment_act", "what", f.NameOf("what", name)), true
	case "flag":
		return f.Say(Site+"moment_flag", "what", f.NameOf("site.flag", name)), true
	case "before", "share_of", "on_day_of":
		return f.Say("site.when.clock", "target", f.NameOf("target", name)), true
	case "breach_of":
		return f.Say(Site+"when.breach", "target", f.NameOf("target", name)), true
	case "each_opening":
		return f.Word(Site + "when.each_opening"), true
	}
	return "", false
}

// Delay says a length of time as policies give it: "10m0s", "4 business_hours".
func (f Locale) Delay(value string) (string, bool) {
	if d, err := time.ParseDuration(value); err == nil {
		return f.Span(d), true
	}
	value, least, has := strings.Cut(strings.TrimSuffix(value, ")"), " (at least ")
	n, unit, _ := strings.Cut(value, " ")
	text, ok := f.Working(unit, n)
	if ok && has {
		if least, ok = f.Delay(least); ok {
			text += " " + f.Say(Site+"delay.at_least", "delay", least)
		}
	}
	return text, ok
}

// Working says an amount of working time in its unit; false for a unit that is none.
func (f Locale) Working(unit, amount string) (string, bool) {
	key := Site + "delay." + unit
	if f.Has("site.delay." + unit + "." + amount) {
		return f.Word(key + "." + amount), true
	}
	return f.Counted(key, amount), f.Counts(key)
}

// signal says an alert as the journal describes it: "BackupFailed (failed), plan daily".
func (f Locale) signal(value string) (said string, known bool) {
	name, rest, _ := strings.Cut(value, " (")
	name, plan, _ := strings.Cut(name, ", plan ")
	if _, after, ok := strings.Cut(rest, "), plan "); ok {
		plan = after
	}
	said, known = f.NameOf("alert", name), f.Has("alert."+name)
	if !known {
		said, known = f.NameOf("entry", name), f.Has("entry."+name)
	}
	if plan != "" {
		said += ", " + f.Say("digest.listed_plan", "plan", plan)
	}
	return said, known
}
