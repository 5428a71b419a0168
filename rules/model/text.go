package model

// Text is a word or sentence for people, by language.
type Text map[string]string

// In returns the text in a language, or in English, or in any.
func (t Text) In(language string) string {
	if s, ok := t[language]; ok {
		return s
	}
	if s, ok := t["en"]; ok {
		return s
	}
	for _, s := range t {
		return s
	}
	return ""
}
