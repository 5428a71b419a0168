package web

import (
	"testing"
	"time"

	"vigie/receiver/message/languages"
	"vigie/receiver/message/locale"
	"vigie/rules/act"
)

// Every act has words in every language: for the history, for its page and for
// what the page asks.
func TestActsHaveWords(t *testing.T) {
	all, err := locale.Load(languages.Folders())
	if err != nil {
		t.Fatal(err)
	}
	for _, language := range all.Codes() {
		t.Run(language, func(t *testing.T) {
			words := locale.Locale{Language: all.Find(language), Zone: time.UTC}
			need := func(key string) {
				if words.PageWord(key) == "" {
					t.Errorf("%q has no words", key)
				}
			}
			for _, a := range act.Table() {
				need("verb." + a.Verb)
				for _, form := range a.Forms {
					need("title." + form.Purpose)
					need("button." + form.Purpose)
					for _, name := range form.Asks {
						if words.PageWord("field."+form.Purpose+"."+name) == "" {
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
