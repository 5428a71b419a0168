package web

import (
	"testing"

	"vigie/rules/act"
)

// Every act has words in every language: for the history, for its page and for
// what the page asks.
func TestActsHaveWords(t *testing.T) {
	for _, language := range []string{"en", "fr"} {
		t.Run(language, func(t *testing.T) {
			words := tongueOf(language)
			if words.code != language {
				t.Fatalf("there is no such language")
			}
			need := func(key string) {
				if words.word(key) == "" {
					t.Errorf("%q has no words", key)
				}
			}
			for _, a := range act.Table() {
				need("verb." + a.Verb)
				for _, form := range a.Forms {
					need("title." + form.Purpose)
					need("button." + form.Purpose)
					for _, name := range form.Asks {
						if words.word("field."+form.Purpose+"."+name) == "" {
							need("field." + name)
						}
						f, _ := a.Field(name)
						for _, v := range f.Choices {
							need(a.Verb + "." + v)
						}
					}
				}
			}
		})
	}
}
