package message

import "strings"

// tongue is one language that people are written to: its words for everything
// that is not a sentence of a template, and how it writes dates and numbers.
type tongue struct {
	code   string
	words  map[string]string
	days   [7]string  // short, Sunday first
	long   [7]string  // in full
	months [12]string // as written inside a date
	// first is how the first day of a month is written; empty: as a number.
	first string
}

// tongues returns every language there is, by code.
func tongues() map[string]*tongue {
	return map[string]*tongue{"fr": french(), "en": english()}
}

// tongueOf finds the code for a language tag ("fr-CA" is fr). Everything else
// that is not French is written in English.
func tongueOf(tag string) string {
	tag = strings.ToLower(strings.TrimSpace(tag))
	if tag == "fr" || strings.HasPrefix(tag, "fr-") || strings.HasPrefix(tag, "fr_") {
		return "fr"
	}
	return "en"
}

// word returns the word for a key, or "" when there is none.
func (t *tongue) word(key string) string { return t.words[key] }

// name returns the word for one value of an open list (engine, kind, role...).
// A value that nobody foresaw is shown as it is, with spaces for underscores.
func (t *tongue) name(list, value string) string {
	if value == "" {
		return ""
	}
	for _, key := range []string{value, keyOf(value)} {
		if w, ok := t.words[list+"."+key]; ok {
			return w
		}
	}
	return strings.ReplaceAll(value, "_", " ")
}

// keyOf makes "wrong number" and "Wrong-Number" the key wrong_number.
func keyOf(value string) string {
	return strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(strings.TrimSpace(value)))
}

// say fills the placeholders of a word: say("x", "n", "3") puts 3 for {n}.
// Several spaces left by an empty value become one.
func (t *tongue) say(key string, pairs ...string) string {
	for i := 0; i+1 < len(pairs); i += 2 {
		pairs[i] = "{" + pairs[i] + "}"
	}
	s := strings.NewReplacer(pairs...).Replace(t.words[key])
	return strings.TrimSpace(spaces(s))
}

// count chooses between the words key.one and key.many.
func (t *tongue) count(key string, n int) string {
	if n == 1 || n == 0 && t.code == "fr" {
		return t.say(key+".one", "n", itoa(n))
	}
	return t.say(key+".many", "n", itoa(n))
}

// spaces makes runs of ordinary spaces one; no-break spaces stay.
func spaces(s string) string {
	for strings.Contains(s, "  ") {
		s = strings.ReplaceAll(s, "  ", " ")
	}
	return s
}
