package message

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// inviting are the words that ask for a reply by mail, or promise that it is read.
var inviting = regexp.MustCompile(`(?i)reply|répondez à|répondre à ce|réponse nous parvient`)

// covers: where nobody reads replies no mail asks for one, in neither language, for
// one failure and for several; and no link's page ever promises that one is read.
func TestNoReplyIsAskedForThatNobodyReads(t *testing.T) {
	open, err := NewRenderer(Options{Outside: outsideRole, Links: Links{Base: "https://vigie.msp.example", Token: tokens}})
	if err != nil {
		t.Fatal(err)
	}
	closed, err := NewRenderer(Options{Outside: outsideRole, NoReplies: true, Links: Links{Base: "https://vigie.msp.example", Token: tokens}})
	if err != nil {
		t.Fatal(err)
	}
	bare, err := NewRenderer(Options{Outside: outsideRole, NoReplies: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range []string{"fr", "en"} {
		invites := 0
		for _, id := range numbers(open) {
			if inviting.MatchString(renderExample(t, open, id, lang).Text) {
				invites++
			}
			for _, r := range []*Renderer{closed, bare} {
				mails := []Rendered{renderExample(t, r, id, lang)}
				if id != "D1" {
					for _, n := range example(id, lang)[:1] {
						if out, err := r.Render(bundle(n, 3)); err == nil {
							mails = append(mails, out)
						}
					}
				}
				for _, out := range mails {
					checkMail(t, out, lang)
					text := strings.Join(strings.Fields(out.Subject+" "+out.Text), " ")
					if at := inviting.FindStringIndex(text); at != nil {
						t.Errorf("%s/%s: …%s…", id, lang, text[max(0, at[0]-80):min(len(text), at[1]+60)])
					}
				}
			}
		}
		if invites < 10 {
			t.Errorf("%s: only %d mails ask for a reply where one is read", lang, invites)
		}
		pages, err := os.ReadFile("languages/" + lang + "/pages.yml")
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(pages), "\n")
		at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, `"otherwise.outside"`) })
		if at < 0 || regexp.MustCompile(`(?i)reply|répon`).MatchString(lines[at]) {
			t.Errorf("%s: the page promises that a reply is read", lang)
		}
	}
}
