package message

import (
	"os"
	"strings"
	"testing"

	"vigie/receiver/message/locale"
)

// A folder is all that a third language needs; what it lacks is said in English,
// a mail that it lacks as a whole.
func TestLanguageIsAFolder(t *testing.T) {
	r, err := NewRenderer(Options{Outside: outsideRole, Overrides: os.DirFS("testdata/languages")})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(r.Languages().Codes(), " "); got != "en fr it" {
		t.Errorf("languages %q", got)
	}
	for _, id := range []string{"B1", "server-failed"} {
		n := example("B1", "it")
		n[0].Template = id
		out, err := r.Render(n)
		if err != nil {
			t.Fatal(err)
		}
		checkMail(t, out, "it")
		if want := "[#123] [ENTRO 18:00] Dupont – SRV-AD – backup Acronis non riuscito (2ª notte) (#123)"; out.Subject != want {
			t.Errorf("subject %q, want %q", out.Subject, want)
		}
		if !strings.Contains(out.Text, "Il backup Acronis del server SRV-AD non è riuscito (2ª notte). Da trattare\noggi entro le 18:00.") {
			t.Error(out.Text)
		}
	}
	out, err := r.Render(example("B2", "it"))
	if err != nil {
		t.Fatal(err)
	}
	english, err := r.Render(example("B2", "en"))
	if err != nil {
		t.Fatal(err)
	}
	if out != english || out.Language != locale.Fallback {
		t.Errorf("a mail that Italian lacks is not the English one:\n%s", out.Text)
	}
	it := r.Languages().Find("it-CH").In("Europe/Rome", at("2025-03-10 07:10"))
	if got := it.Word(locale.Pages+"title.take") + ", " + it.Word(locale.Pages+"title.answer") + ", " + it.PageMoment(at("2025-03-11 14:32")); got !=
		"Prendi in carico, Your answer, 11/03/2025 14:32" {
		t.Errorf("a page says %q", got)
	}
	if got := r.Languages().Accepting("de, it-IT;q=0.8, fr;q=0.5").Code; got != "it" {
		t.Errorf("a browser that likes Italian better reads %s", got)
	}
}
