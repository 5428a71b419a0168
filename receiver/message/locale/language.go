package locale

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"

	"vigie/internal/strict"
	"vigie/rules/model"
)

// Pages is what the keys of pages.yml begin with, beside those of words.yml.
const Pages = "page."

// Site is what the keys of site.yml begin with.
const Site = "site."

// Language is how people are written to in one language.
type Language struct {
	// Code is the tag, and the name of the folder.
	Code     string
	tag      language.Tag
	rules    rules
	words    map[string]string
	plurals  map[string]forms
	fallback *Language
	forms    []reasonForm // of the fallback: the program's own words
	ties     *strings.Replacer
	tied     *Language // as pages say it
}

// rules is language.yml.
type rules struct {
	strict.Position
	Name string `yaml:"name"`
	// Partial marks a language whose missing mails and words are said in English.
	Partial       bool        `yaml:"partial"`
	Weekdays      []string    `yaml:"weekdays"` // Sunday first
	ShortWeekdays []string    `yaml:"short_weekdays"`
	Months        []string    `yaml:"months"` // as written inside a date
	ShortMonths   []string    `yaml:"short_months"`
	FirstOfMonth  string      `yaml:"first_of_month"` // empty: a number as any other
	Dates         datePattern `yaml:"dates"`
	Ordinals      forms       `yaml:"ordinals"`
	Decimal       string      `yaml:"decimal"`
	NoBreak       []string    `yaml:"no_break"`
}

// datePattern says how dates are put together of {day}, {dd}, {mm}, {month},
// {short_month}, {year}, {weekday}, {date} and {clock}.
type datePattern struct {
	strict.Position
	Date       string `yaml:"date"`         // of this year
	DateOfYear string `yaml:"date_of_year"` // of another
	Weekday    string `yaml:"weekday"`      // with the day of the week
	Stamp      string `yaml:"stamp"`        // short, for a subject
	Page       string `yaml:"page"`         // with year and hour
}

func (r *rules) check(file string) error {
	var fs strict.Faults
	for _, x := range []struct {
		key  string
		list []string
		want int
	}{{"weekdays", r.Weekdays, 7}, {"short_weekdays", r.ShortWeekdays, 7}, {"months", r.Months, 12}, {"short_months", r.ShortMonths, 12}} {
		if n := len(x.list); n != 0 && n != x.want {
			fs = append(fs, strict.Fault{Position: strict.Position{File: file, Line: max(r.Line, 1)}, Path: x.key,
				What: fmt.Sprintf("%d names, not %d: name all of them, or none for the English ones", n, x.want)})
		}
	}
	return fs.Err()
}

// complete takes from another language how to write what this one does not say.
func (l *Language) complete(from *Language) {
	r, b := &l.rules, &from.rules
	for _, x := range []struct{ own, other *[]string }{{&r.Weekdays, &b.Weekdays}, {&r.ShortWeekdays, &b.ShortWeekdays},
		{&r.Months, &b.Months}, {&r.ShortMonths, &b.ShortMonths}} {
		if len(*x.own) == 0 {
			*x.own = *x.other
		}
	}
	for _, x := range []struct{ own, other *string }{{&r.Decimal, &b.Decimal}, {&r.Dates.Date, &b.Dates.Date},
		{&r.Dates.DateOfYear, &b.Dates.DateOfYear}, {&r.Dates.Weekday, &b.Dates.Weekday}, {&r.Dates.Stamp, &b.Dates.Stamp}, {&r.Dates.Page, &b.Dates.Page}} {
		if *x.own == "" {
			*x.own = *x.other
		}
	}
}

// Name is what the language calls itself.
func (l *Language) Name() string { return l.rules.Name }

// DecimalMark stands before the decimals of a number.
func (l *Language) DecimalMark() string { return l.rules.Decimal }

// Partial tells that what the language lacks is meant to be said in English.
func (l *Language) Partial() bool { return l.rules.Partial }

// Keys returns the keys of the words that the language itself has, sorted; those
// that are counted are among them.
func (l *Language) Keys() []string {
	return slices.Sorted(func(yield func(string) bool) {
		for _, seq := range []func(func(string) bool){maps.Keys(l.words), maps.Keys(l.plurals)} {
			for k := range seq {
				if !yield(k) {
					return
				}
			}
		}
	})
}

// Forms returns a word in every form that the language itself has of it.
func (l *Language) Forms(key string) []string {
	if w, ok := l.words[key]; ok {
		return []string{w}
	}
	return slices.Sorted(maps.Values(l.plurals[key]))
}

// Word returns the word for a key, or "" when there is none.
func (l *Language) Word(key string) string {
	w, _ := l.lookup(key)
	return w
}

// Has tells whether there is a word for the key.
func (l *Language) Has(key string) bool {
	_, ok := l.lookup(key)
	return ok
}

func (l *Language) lookup(key string) (string, bool) {
	if w, ok := l.words[key]; ok {
		return w, true
	}
	if l.fallback == nil {
		return "", false
	}
	return l.fallback.lookup(key)
}

// NameOf returns the word for one value of an open list (engine, kind, role...).
// A value that nobody foresaw is shown as it is, with spaces for underscores.
func (l *Language) NameOf(list, value string) string {
	if value == "" {
		return ""
	}
	for _, key := range []string{value, KeyOf(value)} {
		if w, ok := l.lookup(list + "." + key); ok {
			return w
		}
	}
	if KeyOf(value) == "unknown" {
		if w, ok := l.lookup("unknown"); ok {
			return w
		}
	}
	return strings.ReplaceAll(value, "_", " ")
}

// Trouble is what an alert says is wrong, with the parts that it names: "page down
// (login, course)".
func (l *Language) Trouble(alert string, parts []string) string {
	named := make([]string, len(parts))
	for n, p := range parts {
		named[n] = p
		for _, key := range []string{"probe." + KeyOf(p), "item." + KeyOf(p)} {
			if w, ok := l.lookup(key); ok {
				named[n] = w
			}
		}
	}
	if len(named) == 0 {
		return l.NameOf("alert", alert)
	}
	return l.NameOf("alert", alert) + " (" + strings.Join(named, ", ") + ")"
}

// PlatformName is how a platform is called that has this name in the inventory, or
// this id in none.
func (l *Language) PlatformName(name string) string {
	if name == model.UnknownPlatform {
		return l.Word("unknown_platform")
	}
	return name
}

// KeyOf makes "wrong number" and "Wrong-Number" the key wrong_number.
func KeyOf(value string) string {
	return strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(strings.TrimSpace(value)))
}

// Say fills the placeholders of a word: Say("x", "n", "3") puts 3 for {n}.
// Several spaces left by an empty value become one.
func (l *Language) Say(key string, pairs ...string) string { return fill(l.Word(key), pairs...) }

func fill(text string, pairs ...string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return strings.TrimSpace(oneSpace(b.String()))
		}
		if name, after, closed := strings.Cut(rest, "}"); closed {
			if value, known := of(pairs, name); known {
				b.WriteString(value)
				text = after
				continue
			}
		}
		b.WriteByte('{')
		text = rest
	}
}

// of returns the value that stands behind a name.
func of(pairs []string, name string) (string, bool) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] == name {
			return pairs[i+1], true
		}
	}
	return "", false
}

// Plural says how many, in the form that the language has for that number.
func (l *Language) Plural(key string, n int) string { return l.Counted(key, strconv.Itoa(n)) }

// Counted is Plural of a decimal, as policies write amounts: "1.5 h", "1,5 h".
func (l *Language) Counted(key, decimal string) string {
	fs, ok := l.plurals[key]
	if !ok && l.fallback != nil {
		return l.fallback.Counted(key, decimal)
	}
	whole, part, _ := strings.Cut(decimal, ".")
	n, _ := strconv.Atoi(whole) // what is too long for a number counts as many
	behind, _ := strconv.Atoi(part)
	text, ok := fs[plural.Cardinal.MatchPlural(l.tag, max(n, -n), len(part), len(part), behind, behind)]
	if !ok {
		text = fs[plural.Other]
	}
	return fill(text, "n", strings.Replace(decimal, ".", l.rules.Decimal, 1))
}

// Counts tells whether a word has forms for numbers.
func (l *Language) Counts(key string) bool {
	_, ok := l.plurals[key]
	return ok || l.fallback != nil && l.fallback.Counts(key)
}

// Ordinal is the how-manieth: "2ᵉ", "2nd".
func (l *Language) Ordinal(n int) string {
	if l.rules.Ordinals == nil && l.fallback != nil {
		return l.fallback.Ordinal(n)
	}
	text, ok := l.rules.Ordinals[plural.Ordinal.MatchPlural(l.tag, max(n, -n), 0, 0, 0, 0)]
	if !ok {
		text = l.rules.Ordinals[plural.Other]
	}
	return fill(text, "n", strconv.Itoa(n))
}

// TieSpaces puts no-break spaces where the language wants no line to end, such
// as before the question marks of French.
func (l *Language) TieSpaces(text string) string {
	if l.ties == nil {
		return text
	}
	return l.ties.Replace(text)
}

// Tied is the language with the no-break spaces of [Language.TieSpaces] in its own words
// and none in what these are filled with: for pages, whose forms send texts back.
func (l *Language) Tied() *Language { return l.tied }

// tie makes the replacer of [Language.TieSpaces], which is dear to build, and the words
// of [Language.Tied].
func (l *Language) tie() {
	l.tied = l
	if len(l.rules.NoBreak) == 0 {
		return
	}
	var pairs []string
	for _, s := range l.rules.NoBreak {
		pairs = append(pairs, s, strings.ReplaceAll(s, " ", "\u00a0"))
	}
	l.ties = strings.NewReplacer(pairs...)
	tied := *l
	tied.words, tied.plurals = make(map[string]string, len(l.words)), make(map[string]forms, len(l.plurals))
	for key, word := range l.words {
		tied.words[key] = l.TieSpaces(word)
	}
	for key, counted := range l.plurals {
		tied.plurals[key] = forms{}
		for form, word := range counted {
			tied.plurals[key][form] = l.TieSpaces(word)
		}
	}
	tied.tied = &tied
	l.tied = &tied
}

// oneSpace makes runs of ordinary spaces one; no-break spaces stay.
func oneSpace(s string) string {
	for strings.Contains(s, "  ") {
		s = strings.ReplaceAll(s, "  ", " ")
	}
	return s
}
