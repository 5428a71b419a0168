package message

import (
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"vigie/internal/clip"
	"vigie/rules/incident"
)

// The longest that words from outside are shown, in characters.
const (
	maxField = 200  // a name, a label
	maxError = 300  // an error text
	maxWords = 4000 // what a person wrote
	maxLines = 40   // lines of what a person wrote, rows of a history

	maxVisible = 64 * 1024 // bytes of any text that are looked at
)

// cleanNotification returns a copy of the notification whose texts are safe to show:
// valid UTF-8, no control character (which the text layout relies on), nothing
// that turns the direction of writing, no endless names. Only what people wrote
// keeps its line breaks.
func cleanNotification(n incident.Notification) incident.Notification {
	scrub(reflect.ValueOf(&n).Elem(), "")
	if h := n.Data.History; len(h) > maxLines {
		n.Data.History = h[len(h)-maxLines:]
	}
	return n
}

// scrub replaces slices and maps rather than writing into them: they belong to
// the caller.
func scrub(v reflect.Value, field string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(cleanField(field, v.String()))
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			scrub(v.Field(i), v.Type().Field(i).Name)
		}
	case reflect.Slice:
		if v.IsNil() {
			return
		}
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(c, v)
		for i := range c.Len() {
			scrub(c.Index(i), field)
		}
		v.Set(c)
	case reflect.Map:
		if m, ok := v.Interface().(map[string]string); ok && m != nil {
			c := make(map[string]string, len(m))
			for k, s := range m {
				c[cleanField("", k)] = cleanField("Text", s)
			}
			v.Set(reflect.ValueOf(c))
		}
	}
}

func cleanField(field, s string) string {
	switch field {
	case "Report", "Workaround", "Reason", "Text", "Note":
		return cleanWords(s)
	case "Error":
		return clip.Runes(cleanOneLine(s), maxError)
	}
	return clip.Runes(cleanOneLine(s), maxField)
}

// cleanOneLine makes any text one line without anything invisible.
func cleanOneLine(s string) string {
	if plain(s) && len(s) <= maxVisible {
		return s
	}
	return strings.Join(strings.FieldsFunc(visible(s), unicode.IsSpace), " ")
}

// cleanWords is cleanOneLine for a text of several lines.
func cleanWords(s string) string {
	if strings.ContainsAny(s, "\r\u2028\u2029") {
		s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u2028", "\n", "\u2029", "\n").Replace(s)
	}
	if len(s) > 8*maxWords {
		s = s[:8*maxWords]
	}
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = cleanOneLine(lines[i])
	}
	lines = slices.Compact(lines) // several empty lines become one
	if len(lines) > maxLines {
		lines = append(lines[:maxLines], "…")
	}
	return clip.Runes(strings.TrimSpace(strings.Join(lines, "\n")), maxWords)
}

// visible drops control and format characters: the latter turn the direction of
// writing or hide text. Line ends and tabs become spaces. More than three marks
// on one letter are dropped too; they would paint over the neighbouring lines.
func visible(s string) string {
	if len(s) > maxVisible {
		s = s[:maxVisible]
	}
	if plain(s) {
		return s
	}
	var b strings.Builder
	marks := 0
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		switch {
		case unicode.IsSpace(r) && r != '\u00a0' && r != '\u202f':
			r = ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r):
			continue
		}
		if unicode.Is(unicode.M, r) {
			if marks++; marks > 3 {
				continue
			}
		} else {
			marks = 0
		}
		b.WriteRune(r)
	}
	return b.String()
}

// plain reports whether a text is nothing but visible ASCII and single spaces
// between words: most labels are, and need no look at each character.
func plain(s string) bool {
	before := byte(' ')
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == ' ' && before == ' ' {
			return false
		}
		before = s[i]
	}
	return before != ' ' || s == ""
}
