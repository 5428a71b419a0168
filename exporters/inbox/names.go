package inbox

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

// What patterns may hold for the words of the rule's results, and for an
// instant or a day in any usual form.
const (
	resultsMark = "{results}"
	instantMark = "{instant}"
)

// The forms of days and times of day, in any language that writes them in
// Latin letters.
const (
	clockForm   = `\d{1,2}[:.h]\d{2}(?:[:.]\d{2})?(?:\s*[AaPp]\.?\s?[Mm]\b\.?)?`
	numbersForm = `(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:\d{4}|\d{2}))`
	wordsForm   = `(?:\d{1,2}(?:er|st|nd|rd|th)?\.?\s+(?:de\s+)?\p{L}{3,}\.?,?\s+(?:de\s+)?\d{4}|\p{L}{3,}\.?\s+\d{1,2},?\s+\d{4})`
	weekdayForm = `(?i:(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?|(?:lun|mar|mercre|jeu|vendre|same)di|dimanche|lun|mar|mer|jeu|ven|sam|dim|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonnabend|sonntag|mo|di|mi|do|fr|sa|so` +
		`|lunes|martes|miércoles|jueves|viernes|sábado|domingo|mié|jue|vie|sáb|dom|lunedì|martedì|mercoledì|giovedì|venerdì|sabato|domenica|gio|(?:segunda|terça|quarta|quinta|sexta)(?:-feira)?|seg|ter|qua|qui|sex|maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag|ma|wo|vr|za|zo)`
	instantForm = `(?:(?:` + weekdayForm + `\.?,?\s+)?\b(?:` + numbersForm + `|` + wordsForm + `)(?:(?:,|\s|T|\s+(?:at|à|um|a las)\s)\s*` + clockForm + `)?)`
)

// expand puts expressions for the marks.
func (r *rule) expand(text string) string {
	if strings.Contains(text, resultsMark) {
		text = strings.ReplaceAll(text, resultsMark, alternation(r.Results))
	}
	return strings.ReplaceAll(text, instantMark, instantForm)
}

// alternation fits each of the words, the longer ones first, whatever their case.
func alternation(results map[string]string) string {
	words := slices.SortedFunc(maps.Keys(results), func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	for i, w := range words {
		words[i] = wordForm(w)
	}
	return "(?i:" + strings.Join(words, "|") + ")"
}

func wordForm(word string) string {
	w := regexp.QuoteMeta(wordKey(word))
	return strings.NewReplacer(" ", `\s+`, "'", "['\u2019]").Replace(w)
}

// resultWordsInNames are the words of a rule that no machine and no plan may
// hold: a name that holds one was torn out of a sentence, and changes with
// the result.
func resultWordsInNames(words map[string]string) []*regexp.Regexp {
	var out []*regexp.Regexp
	for w := range words {
		if strings.ContainsFunc(w, unicode.IsLetter) {
			out = append(out, regexp.MustCompile(`(?i)(?:^|[\s(\["'\x{ab}])`+wordForm(w)+`(?:$|[\s.,:;!)\]"'\x{bb}])`))
		}
	}
	return out
}

var (
	// tornSentence is how a name ends that took in the beginning of what was
	// said about it, or what else was done with it than to save it.
	tornSentence = regexp.MustCompile(`(?i)\s(?:has|have|was|were|be|been|being|could|cannot|not|now|(?:partially|partly|successfully)|n['\x{2019}](?:a|est)|pas|(?:a|pas) été|est (?:partiellement|maintenant)|partiellement|wurde|wurden|konnte|nicht|teilweise|erfolgreich|(?:integrity|consistency|health) check|verification|restoration)$`)
	dayInName    = regexp.MustCompile(numbersForm + `|` + wordsForm)
	clockInName  = regexp.MustCompile(`(?:^|[^\d])\d{1,2}:\d{2}:\d{2}(?:$|[^\d])`)
	digitsInName = regexp.MustCompile(`(?:^|[^\d])(20\d{2})[-_. ]?(0[1-9]|1[0-2])[-_. ]?(0[1-9]|[12]\d|3[01])(?:$|[^\d]|\d{4,6}(?:$|[^\d]))`)
)

// dayAround is how near to the mail's date a day in a name has to lie to be
// that of the run, and not a part of the name.
const dayAround = 62 * 24 * time.Hour

// cleanName is a name without what the rule drops.
func (r *rule) cleanName(s string) string {
	for _, re := range r.drop {
		s = re.ReplaceAllString(s, "")
	}
	s = line(s)
	if bare := quoted.FindStringSubmatch(s); bare != nil {
		s = strings.TrimSpace(bare[1])
	}
	return s
}

// quoted is a name in quotes; one that only ends in them holds them.
var quoted = regexp.MustCompile("^[\"'\u201c\u201d\u00ab\u00bb](.*)[\"'\u201c\u201d\u00ab\u00bb]$")

// badName says why a name cannot be that of the same thing in each mail;
// empty if it can.
func (r *rule) badName(name string, sent time.Time) string {
	for _, re := range r.inNames {
		if w := re.FindString(name); w != "" {
			return fmt.Sprintf("holds the result %q", strings.TrimSpace(w))
		}
	}
	switch {
	case tornSentence.MatchString(name):
		return "ends in the middle of a sentence"
	case clockInName.MatchString(name):
		return "holds an instant"
	}
	for _, text := range dayInName.FindAllString(name, 5) {
		if at, ok := anyDay(text, sent); ok && near(at, sent) {
			return fmt.Sprintf("holds the day %q", text)
		}
	}
	for _, m := range digitsInName.FindAllStringSubmatch(name, 5) {
		if at, err := time.Parse("20060102", m[1]+m[2]+m[3]); err == nil && near(at, sent) {
			return fmt.Sprintf("holds the day %q", m[1]+m[2]+m[3])
		}
	}
	return ""
}

func near(at, sent time.Time) bool { return at.Sub(sent).Abs() < dayAround }

// anyDay reads a day in any order; of two readings the one nearer to sent.
func anyDay(text string, sent time.Time) (time.Time, bool) {
	var best time.Time
	plain := strings.NewReplacer(".", "/", "-", "/").Replace(text)
	for _, layout := range []string{"2006/1/2", "2/1/2006", "1/2/2006", "2/1/06", "1/2/06"} {
		if at, err := time.Parse(layout, plain); err == nil && (best.IsZero() || at.Sub(sent).Abs() < best.Sub(sent).Abs()) {
			best = at
		}
	}
	for _, layout := range []string{"2 Jan 2006", "Jan 2 2006"} {
		if at, err := time.Parse(layout, dateWords(text)); err == nil {
			best = at
		}
	}
	return best, !best.IsZero()
}
