package message

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vigie/receiver/message/locale"
	"vigie/rules/act"
)

// Every whole language has every word, each with the same holes to fill.
func TestWords(t *testing.T) {
	c := newTestRenderer(t).Languages()
	base := c.Find(locale.Fallback)
	holes := regexp.MustCompile(`\{[a-z]+\}`)
	// Words that are rightly the same in French and English.
	same := strings.Fields("class.nas of.nas the.nas engine.acronis engine.veeam engine.msbackup engine.arcserve engine.proxmox_backup_server engine.restic engine.synology evidence.ok fact_name.machine " +
		"fact_name.plan fact_name.plans fact_name.cause class.other machines what.note digest.part_ok incidents " +
		"severity.major fact_name.incident item.licence item.license sentence.nth hour minute second page.title. page.fact.machine " +
		"page.fact.silence page.role.primary page.field.note page.field.cause digest.health.prometheus digest.health.alertmanager " +
		"site.today.listed_plan digest.listed_plan noun.cause made_by.windows_server_backup " +
		"site.menu.all site.signed_in site.fact.machine site.fact.cause site.fact.silence site.history.evidence site.legend.message site.fact.contact site.copies.medium.cloud site.copies.medium.nas site.report.row.copies")
	for _, code := range c.Codes() {
		l := c.Find(code)
		if l == base || l.Partial() {
			continue
		}
		if diff := cmp.Diff(base.Keys(), l.Keys()); diff != "" {
			t.Errorf("%s has other keys than %s:\n%s", code, base.Code, diff)
		}
		for _, key := range base.Keys() {
			ours, theirs := l.Forms(key), base.Forms(key)
			want := holes.FindAllString(theirs[0], -1)
			slices.Sort(want)
			for _, w := range ours {
				got := holes.FindAllString(w, -1)
				slices.Sort(got)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: %s has other holes to fill than in %s:\n%s", code, key, base.Code, diff)
				}
				if w == "" {
					t.Errorf("%s: %s is empty", code, key)
				}
			}
			onlyHoles := strings.HasPrefix(key, locale.Reasons) && strings.Trim(holes.ReplaceAllString(strings.TrimPrefix(key, locale.Reasons), ""), " ()") == ""
			if slices.Equal(ours, theirs) && !slices.Contains(same, key) && !onlyHoles {
				t.Errorf("%s: %s is %q as in %s", code, key, ours, base.Code)
			}
		}
	}
}

// Uses of a word: its key as a whole, or the beginning of the keys of a list.
var (
	wholeKey = regexp.MustCompile(`\.(?:Word|Say|Plural|Has|PageWord|PageSay|PagePlural) ?\(?"([a-z0-9_.]+)"`)
	listKey  = regexp.MustCompile(`\.(?:NameOf|name)\("([a-z_]+)"|\.(?:Word|Say|Has|PageWord|PageSay)\("([a-z_.]+\.)" ?\+`)
	factKey  = regexp.MustCompile(`\.add\("([a-z_]+)"|\bkey :?= "([a-z_.]+)"`)
	headKeys = regexp.MustCompile(`\.head\(([^)]*)\)`)
	quoted   = regexp.MustCompile(`"([a-z_]+)"`)
)

// wordsInUse finds the words that code and templates ask for.
func wordsInUse(t *testing.T) (whole, lists map[string]bool) {
	t.Helper()
	whole, lists = map[string]bool{}, map[string]bool{}
	files := []string{"../web/*.go", "../web/ask/*.go", "../web/linkpages/*.go", "*.go", "locale/*.go", "languages/*/*.tmpl", "layout/*.tmpl"}
	for _, pattern := range files {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v, %d files", pattern, err, len(names))
		}
		prefix := ""
		if strings.HasPrefix(pattern, "../web") {
			prefix = locale.Pages
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			text := string(src)
			for _, m := range wholeKey.FindAllStringSubmatch(text, -1) {
				whole[prefix+m[1]] = true
			}
			for _, m := range listKey.FindAllStringSubmatch(text, -1) {
				if m[1] != "" {
					lists[prefix+m[1]+"."] = true
				} else {
					lists[prefix+m[2]] = true
				}
			}
			if prefix != "" {
				for _, m := range regexp.MustCompile(`\bchoose\("([a-z_]+\.)"`).FindAllStringSubmatch(text, -1) {
					lists[prefix+m[1]] = true
				}
				for _, m := range regexp.MustCompile(`\badd\("([a-z_]+)"`).FindAllStringSubmatch(text, -1) {
					whole[prefix+"fact."+m[1]] = true
				}
				continue
			}
			for _, m := range factKey.FindAllStringSubmatch(text, -1) {
				if m[1] != "" {
					whole["fact_name."+m[1]] = true
				} else {
					whole[m[2]], whole["fact_name."+m[2]] = true, true
				}
			}
			for _, m := range headKeys.FindAllStringSubmatch(text, -1) {
				for _, q := range quoted.FindAllStringSubmatch(m[1], -1) {
					whole["fact_name."+q[1]] = true
				}
			}
		}
	}
	// The values that an act offers are asked for by name.
	for _, a := range act.Table() {
		for _, f := range a.Fields {
			for _, v := range f.Choices {
				lists[locale.Pages+a.Verb+"."+v] = true
			}
		}
	}
	siteWords(t, whole, lists)
	whole[locale.Pages+"close.out of service"] = true // with which the rules close
	lists["probe."] = true                            // asked for by a trouble's parts
	lists["evidence_says."] = true                    // asked for by what receiver/evidence says
	lists[locale.Reasons] = true                      // read back by their forms
	lists[locale.Refusals] = true                     // a test of receiver/web holds them
	delete(lists, "fact_name.")                       // its keys are all written out
	delete(lists, locale.Pages+"fact.")
	return whole, lists
}

// siteWords finds the words that the pages for people who log in ask for.
func siteWords(t *testing.T, whole, lists map[string]bool) {
	t.Helper()
	one := regexp.MustCompile(`\b(?:(?:T|Fill|Count)[ (]|ask\.T\(l, |T\(l, |locale\.Site ?\+ ?)"([a-z0-9_.]+[a-z0-9_])"`)
	list := regexp.MustCompile(`\b(?:T|Fill|NameOf|Word)\("(?:site\.)?([a-z_.]+)"(?: ?\+|, [a-z])|printf "([a-z_.]+)%s"`)
	for _, pattern := range []string{"../web/*.go", "../web/ask/*.go", "../web/linkpages/*.go", "../web/fleetpages/*.go", "../web/mailpages/*.go", "../web/reportpages/*.go", "../web/sentence/*.go", "../reports/*.go", "../reports/mail*", "../reports/remind*", "../web/site/*.html"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v, %d files", pattern, err, len(names))
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range one.FindAllStringSubmatch(string(src), -1) {
				whole[locale.Site+m[1]] = true
			}
			for _, m := range list.FindAllStringSubmatch(string(src), -1) {
				lists[locale.Site+strings.TrimSuffix(m[1]+m[2], ".")+"."] = true
			}
		}
	}
}

// No language says what nobody asks for, and everything asked for is said.
func TestWordsInUse(t *testing.T) {
	l := newTestRenderer(t).Languages().Find(locale.Fallback)
	whole, lists := wordsInUse(t)
	for key := range whole {
		if len(l.Forms(key)) == 0 && len(l.Forms("fact_name."+key)) == 0 {
			if strings.HasPrefix(key, "fact_name.") || strings.HasSuffix(key, ".") {
				continue // a local variable may have any name
			}
			t.Errorf("no word for %s", key)
		}
	}
	for _, key := range l.Keys() {
		used := whole[key]
		for list := range lists {
			used = used || strings.HasPrefix(key, list)
		}
		if !used {
			t.Errorf("nothing uses the word %s", key)
		}
	}
}

// Each language has the same mails, and each alias stands for one of them.
func TestTemplatesAndAliases(t *testing.T) {
	r := newTestRenderer(t)
	loader, err := newLoader(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for alias, name := range loader.aliases {
		if !slices.Contains(r.Templates(), name) {
			t.Errorf("%s stands for %s, which is no template", alias, name)
		}
	}
	for _, name := range r.Templates() {
		for _, lang := range []string{"fr", "en"} {
			if len(r.Languages().Find(lang).Forms("mail."+name)) == 0 && name != "monitoring-blind" {
				t.Logf("%s: no word for mail.%s in a history", lang, name)
			}
		}
	}
	for _, lang := range []string{"fr", "en"} {
		byNumber, byName := example("B8q", lang), example("B8q", lang)
		byName[0].Template = "fixed-today"
		a, err := r.Render(byNumber)
		if err != nil {
			t.Fatal(err)
		}
		b, err := r.Render(byName)
		if err != nil {
			t.Fatal(err)
		}
		if a.Subject != b.Subject || strings.ReplaceAll(a.Text, "B8q (", "fixed-today (") != b.Text {
			t.Errorf("%s: %s\n%s", lang, cmp.Diff(a.Subject, b.Subject), cmp.Diff(a.Text, b.Text))
		}
	}
}

// What the receiver says of evidence is said in the reader's language.
func TestEvidenceSpeaksTheLanguage(t *testing.T) {
	r := newTestRenderer(t)
	for _, key := range r.Languages().Find(locale.Fallback).Keys() {
		text, ok := strings.CutPrefix(key, "evidence_says.")
		if !ok {
			continue
		}
		src, err := os.ReadFile("../evidence/evidence.go")
		if err != nil {
			t.Fatal(err)
		}
		text = strings.ReplaceAll(text, "_", " ")
		if !strings.Contains(string(src), `"`+text+`"`) {
			t.Errorf("nothing says %q any more", text)
		}
		n := example("B7", "fr")
		n[0].Data.Other.State, n[0].Data.Other.Error, n[0].Data.Other.By = "unknown", text, ""
		out, err := r.Render(n)
		if err != nil {
			t.Fatal(err)
		}
		if flat := strings.Join(strings.Fields(out.Text), " "); strings.Contains(flat, text) || !strings.Contains(flat, "lecture impossible") {
			t.Errorf("French mail with English inside:\n%s", out.Text)
		}
	}
}

// What sentences of pages are put together of needs no elision in French: "sauf si il".
func TestFrenchIsPutTogetherWell(t *testing.T) {
	fr := newTestRenderer(t).Languages().Find("fr")
	wrong := regexp.MustCompile(`\b(si ils?|(que|de|le|la|se|ne|jusque|lorsque) [aeéiouy])`)
	for _, key := range fr.Keys() {
		what := fr.Word(key)
		if !strings.HasPrefix(key, "site.condition") || strings.Contains(what, "{") {
			continue
		}
		for _, text := range []string{fr.Say("site.when.unless", "what", what), fr.Say("site.when.only_if", "what", what),
			fr.Say("reason.runs from {moment}, met by {conditions}", "moment", "x", "conditions", what)} {
			if found := wrong.FindString(text); found != "" {
				t.Errorf("%s: %q in %q", key, found, text)
			}
		}
	}
}
