// Package phrase keeps a sentence of the program with its parts named, so that whoever
// shows it can say it in another language.
package phrase

import (
	"strconv"
	"strings"
)

// Phrase is a sentence's form, such as "the incident is {state} already", and its
// parts. The form is what languages know it by.
type Phrase struct {
	Form  string
	Parts []string // name, value, name, value
}

// Of makes a phrase of a form and its parts, given as name, value, name, value. A part
// named quoted, which somebody typed, stands in quotes.
func Of(form string, parts ...string) Phrase {
	p := Phrase{Form: form, Parts: parts}
	for i := 0; i+1 < len(parts); i += 2 {
		if parts[i] == "quoted" {
			parts[i+1] = strconv.Quote(parts[i+1])
		}
	}
	return p
}

// String is the phrase in English.
func (p Phrase) String() string {
	var holes []string
	for i := 0; i+1 < len(p.Parts); i += 2 {
		holes = append(holes, "{"+p.Parts[i]+"}", p.Parts[i+1])
	}
	return strings.NewReplacer(holes...).Replace(p.Form)
}
