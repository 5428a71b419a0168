package exporters

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Slug makes an id of lower-case letters, digits and dashes from a name.
func Slug(name string) string {
	var b strings.Builder
	dash := false
	for _, r := range norm.NFKD.String(name) {
		switch {
		case unicode.Is(unicode.Mn, r):
			// the accent of the letter before
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if dash && b.Len() > 0 {
				b.WriteByte('-')
			}
			dash = false
			b.WriteRune(unicode.ToLower(r))
		default:
			dash = true
		}
	}
	return b.String()
}

// customerBook gives each customer that the configuration does not name an id
// that stays the same when the customer is renamed in the product, and that
// no other customer has.
type customerBook map[string]string // product's key of the customer -> id

func (b customerBook) id(key, name string) string {
	if id, ok := b[key]; ok {
		return id
	}
	id := Slug(name)
	for _, taken := range b {
		if id == taken || id == "" {
			id = strings.Trim(id+"-"+Slug(key), "-")
			break
		}
	}
	if id == "" {
		id = Slug(key)
	}
	b[key] = id
	return id
}
