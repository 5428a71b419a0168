package message

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"vigie/receiver/message/languages"
	"vigie/rules/incident"
)

// foreign are words that a sentence of one language has and no sentence of the
// other.
var foreign = map[string]*regexp.Regexp{
	"fr": regexp.MustCompile(`(?i)(^|[\s(«"'>])(the|is|are|of|and|with|was|not|has|been|this|by|until|nobody|backup|failed)([\s).,;:»"'<]|$)`),
	"en": regexp.MustCompile(`(?i)(^|[\s(«"'>])(le|la|les|des|du|est|une|pour|avec|pas|sont|jusqu'au|sauvegarde|échec)([\s).,;:»"'<]|$)`),
}

// What is said in one language holds no sentence of another. The words of people
// and of products are theirs, and are left out.
func TestNoSentenceOfAnotherLanguage(t *testing.T) {
	r := newTestRenderer(t)
	for lang, words := range foreign {
		other := map[string]string{"fr": "en", "en": "fr"}[lang]
		if text, err := fs.ReadFile(languages.Folders(), other+"/words.yml"); err != nil || len(words.FindAll(text, -1)) < 100 {
			t.Fatalf("the words hunted for in %s are hardly those of %s: %v", lang, other, err)
		}
		for _, id := range numbers(r) {
			ns := example(id, lang)
			for i := range ns {
				quiet(&ns[i].Data)
			}
			out, err := r.Render(ns)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(out.Subject + "\n" + out.Text) {
				if found := words.FindString(line); found != "" {
					t.Errorf("%s in %s says %q: %s", id, lang, strings.TrimSpace(found), line)
				}
			}
		}
		folder, err := fs.Sub(languages.Folders(), lang)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"words.yml", "pages.yml", "site.yml", "reasons.yml"} {
			text, err := fs.ReadFile(folder, name)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(text)) {
				_, said, ok := strings.Cut(line, "\": ") // a key in quotes may be a sentence itself
				if !ok {
					_, said, ok = strings.Cut(line, ": ")
				}
				said = strings.ReplaceAll(said, "Proxmox Backup Server", "") // a product is called the same everywhere
				if found := words.FindString(said); ok && !strings.HasPrefix(strings.TrimSpace(line), "#") && found != "" {
					t.Errorf("%s/%s says %q: %s", lang, name, strings.TrimSpace(found), line)
				}
			}
		}
	}
}

// quiet leaves out what people and products say in their own words.
func quiet(f *incident.MessageData) {
	f.Error, f.Report, f.Reason, f.Workaround, f.ScenarioText, f.Other.Error, f.Other.Note = "", "", "", "", "", "", ""
	f.Customer, f.CustomerName, f.Item, f.Summary = "x", "x", "", "x"
	f.Call, f.Answer, f.History = nil, nil, nil
	for _, rows := range [][]incident.PlanRow{f.Plans, f.OtherTexts} {
		for i := range rows {
			rows[i].Error, rows[i].Plan = "", ""
		}
	}
}
