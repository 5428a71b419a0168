package incident

import (
	"vigie/internal/phrase"
	"vigie/internal/strict"
)

// Refusal is the error that says why something was not possible, with the status that
// HTTP gives it. Languages have its form in refusals.yml.
type Refusal struct {
	Status int
	phrase.Phrase
}

// Refuse makes a refusal of a form and its parts, given as name, value, name, value.
func Refuse(status int, form string, parts ...string) *Refusal {
	return &Refusal{status, phrase.Of(form, parts...)}
}

// RefuseUnknown refuses a name that is none of those known.
func RefuseUnknown(noun, name string, known []string) *Refusal {
	return &Refusal{422, strict.UnknownName(noun, name, known)}
}

// Error is the refusal in English.
func (r *Refusal) Error() string { return r.String() }
