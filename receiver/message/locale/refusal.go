package locale

import (
	"cmp"
	"strconv"
	"strings"
)

// Refusal says why something was not done: a form with its parts in their order,
// states and fields by their words and people by their names. It is empty where the
// language has no words for the form.
func (f Locale) Refusal(form string, parts []string, name func(id string) string) string {
	word := func(key string) string { return f.Word(Pages + key) }
	rest, said := word("refusal."+form), ""
	if form == "" || rest == "" {
		return ""
	}
	for _, part := range parts {
		before, after, more := strings.Cut(rest, "%")
		if !more || after == "" {
			break
		}
		part = cmp.Or(word("refusal."+part), word("state."+part), word("refusal.field."+part), name(part))
		if after[0] == 'q' {
			part = strconv.Quote(part)
		}
		said, rest = said+before+part, after[1:]
	}
	return said + rest
}
