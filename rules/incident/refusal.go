package incident

import (
	"errors"

	"vigie/internal/phrase"
	"vigie/internal/strict"
)

// Refusal is the error that says why something was not possible, with the status that
// HTTP gives it. Languages have its form in refusals.yml.
type Refusal struct {
	Status int
	phrase.Phrase
	// Field is what it is about, of what was given or should have been; empty when
	// the whole was not possible.
	Field string
}

// Refuse makes a refusal of a form and its parts, given as name, value, name, value.
func Refuse(status int, form string, parts ...string) *Refusal {
	return &Refusal{Status: status, Phrase: phrase.Of(form, parts...)}
}

// RefuseUnknown refuses a name that is none of those known.
func RefuseUnknown(noun, name string, known []string) *Refusal {
	return &Refusal{Status: 422, Phrase: strict.UnknownName(noun, name, known)}
}

// About says which field a refusal is about.
func (r *Refusal) About(field string) *Refusal {
	r.Field = field
	return r
}

// FieldOf is the field that an error is about; "" when it is about none.
func FieldOf(err error) string {
	refused, is := errors.AsType[*Refusal](err)
	if !is {
		return ""
	}
	return refused.Field
}

// Error is the refusal in English.
func (r *Refusal) Error() string { return r.String() }
