package message

import (
	"flag"
	"fmt"
	"html"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"vigie/internal/clip"
	"vigie/rules/incident"
	"vigie/rules/model"
)

var (
	update  = flag.Bool("update", false, "write the golden mails anew")
	preview = flag.String("preview", "", "folder to write HTML previews of all mails into")
)

// A renderer never changes, so that all tests share one.
var oneRenderer = sync.OnceValues(func() (*Renderer, error) {
	return NewRenderer(Options{Outside: outsideRole, Organisation: "SYNOMEGA", Phone: "05 61 00 00 00",
		Links: Links{Base: "https://vigie.msp.example", Token: tokens}})
})

func newTestRenderer(t testing.TB) *Renderer {
	t.Helper()
	r, err := oneRenderer()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// numbers are the names that the golden mails have kept, and those of mails that never
// had a number: each mail has one.
func numbers(r *Renderer) []string {
	numbered := slices.Collect(maps.Values(r.aliases))
	return append(slices.Sorted(maps.Keys(r.aliases)), slices.DeleteFunc(slices.Clone(r.names), func(name string) bool { return slices.Contains(numbered, name) })...)
}

// givenBack marks an example whose incidents somebody gave back.
const givenBack = "-given-back"

func renderExample(t *testing.T, r *Renderer, id, lang string) Rendered {
	t.Helper()
	var (
		out Rendered
		err error
	)
	if id == "D1" {
		out, err = r.RenderDigest(exampleDigest(lang))
	} else {
		name, back := strings.CutSuffix(id, givenBack)
		ns := example(name, lang)
		for i := range ns {
			if back {
				ns[i].Data.LeftBy = "Alain Durand"
			}
		}
		out, err = r.Render(ns)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A call about a platform that nobody knows is told in the reader's language.
func TestUnknownPlatform(t *testing.T) {
	r := newTestRenderer(t)
	for lang, words := range map[string]string{"fr": "plate-forme inconnue", "en": "platform not known"} {
		ns := example("M3", lang)
		for n := range ns {
			ns[n].Data.Platform, ns[n].Data.PlatformNames = model.UnknownPlatform, nil
		}
		out, err := r.Render(ns)
		if err != nil || !strings.Contains(out.Subject, words) || strings.Contains(out.Subject, "unknown") {
			t.Errorf("%s: %q %v", lang, out.Subject, err)
		}
	}
}

func TestGoldenMails(t *testing.T) {
	r := newTestRenderer(t)
	for _, id := range append(numbers(r), "D8"+givenBack) {
		for _, lang := range []string{"fr", "en"} {
			t.Run(id+"/"+lang, func(t *testing.T) {
				out := renderExample(t, r, id, lang)
				checkMail(t, out, lang)
				for ext, got := range map[string]string{"subject": out.Subject + "\n", "txt": out.Text, "html": out.HTML} {
					file := filepath.Join("testdata", "mails", id+"."+lang+"."+ext)
					if *update {
						if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
							t.Fatal(err)
						}
						continue
					}
					want, err := os.ReadFile(file)
					if err != nil {
						t.Fatalf("%v; go test -update writes it", err)
					}
					if diff := cmp.Diff(string(want), got); diff != "" {
						t.Errorf("%s differs (-want +got):\n%s", file, diff)
					}
				}
			})
		}
	}
}

var (
	leftovers = regexp.MustCompile(`<no value>|ZgotmplZ|\{\{|%!|0001|01/01|\{[a-z]+\}`)
	badSpaces = regexp.MustCompile(`(?m)[^ \n]  +[^ \n:]| [,.]( |$)|\( |\.\.|,\.|: *\.|« »|\(\)`)
	// A preposition that has lost its object.
	dangling = regexp.MustCompile(`(?i)[\s(](depuis le|avant|since|by|au|du|de|of|par|dans les|at|for|à) *[.,;)]`)

	headPart  = regexp.MustCompile(`(?s)<head>.*</head>`)
	lineEnds  = regexp.MustCompile(`</(p|li|tr|td|th|div)>|<br>`)
	anyTag    = regexp.MustCompile(`<[^>]*>`)
	factLines = regexp.MustCompile(`(?m)^.{0,26} : .*$`)
	openTag   = regexp.MustCompile(`<([a-z]+)[ >]`)
	closeTag  = regexp.MustCompile(`</([a-z]+)>`)
)

// checkMail checks what holds for every mail whatever its facts.
func checkMail(t testing.TB, out Rendered, lang string) {
	t.Helper()
	if out.Subject == "" || strings.TrimSpace(out.Text) == "" || out.HTML == "" {
		t.Errorf("an empty part: subject %q, %d bytes text, %d bytes html", out.Subject, len(out.Text), len(out.HTML))
	}
	if n := utf8.RuneCountInString(out.Subject); n > 100 {
		t.Errorf("subject of %d characters: %s", n, out.Subject)
	}
	if strings.ContainsFunc(out.Subject, func(r rune) bool { return r < ' ' }) {
		t.Errorf("control character in subject %q", out.Subject)
	}
	for part, s := range map[string]string{"subject": out.Subject, "text": out.Text, "html": out.HTML} {
		if !utf8.ValidString(s) {
			t.Errorf("%s is not UTF-8", part)
		}
		if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\n' }) {
			t.Errorf("control character in %s", part)
		}
	}
	if !strings.Contains(out.HTML, `<html lang="`+lang+`">`) {
		t.Errorf("html is not marked as %s", lang)
	}
	open := map[string]int{}
	for _, m := range openTag.FindAllStringSubmatch(out.HTML, -1) {
		open[m[1]]++
	}
	for _, m := range closeTag.FindAllStringSubmatch(out.HTML, -1) {
		open[m[1]]--
	}
	for tag, n := range open {
		if n != 0 && tag != "meta" && tag != "br" {
			t.Errorf("html opens <%s> %d times more than it closes it", tag, n)
		}
	}
}

// elided finds French that lacks its contraction.
var elided = regexp.MustCompile(`(?i)[\s(](de|à) (le|les) (gestionnaire|responsable|serveur|poste|nas|file|personne|utilisateur|machines?) `)

// checkProse checks mails whose facts are harmless: nothing left open.
func checkProse(t testing.TB, name string, out Rendered) {
	t.Helper()
	text := htmlText(out.HTML)
	for part, s := range map[string]string{"subject": out.Subject, "text": out.Text, "html": text} {
		if m := leftovers.FindString(s); m != "" {
			t.Errorf("%s: %q in %s:\n%s", name, m, part, around(s, m))
		}
		if part == "text" {
			s = factLines.ReplaceAllString(s, "")
		}
		if m := dangling.FindString(s); m != "" {
			t.Errorf("%s: %q in %s:\n%s", name, m, part, around(s, m))
		}
		if m := elided.FindString(s); m != "" {
			t.Errorf("%s: %q in %s:\n%s", name, m, part, around(s, m))
		}
		if m := badSpaces.FindString(s); m != "" && part != "text" {
			t.Errorf("%s: %q in %s:\n%s", name, m, part, around(s, m))
		}
	}
	if strings.Contains(out.Text, "&#") || strings.Contains(out.Text, "&amp;") {
		t.Errorf("%s: HTML entity in text:\n%s", name, out.Text)
	}
}

// around is the line of a finding with its neighbours.
func around(s, m string) string {
	at := strings.Index(s, m)
	from, to := max(at-80, 0), min(at+len(m)+80, len(s))
	return strings.ToValidUTF8(s[from:to], "")
}

// htmlText is roughly what a reader sees of HTML.
func htmlText(s string) string {
	s = lineEnds.ReplaceAllString(headPart.ReplaceAllString(s, ""), "\n")
	return html.UnescapeString(anyTag.ReplaceAllString(s, ""))
}

// The built-in templates pass the trial that an admin's have to pass.
func TestTrial(t *testing.T) {
	r := newTestRenderer(t)
	for _, id := range numbers(r) {
		for _, lang := range []string{"fr", "en"} {
			if err := r.try(id, lang); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestProse(t *testing.T) {
	r := newTestRenderer(t)
	thin, err := NewRenderer(Options{Outside: outsideRole})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range numbers(r) {
		for _, lang := range []string{"fr", "en"} {
			for _, role := range []string{"", "supervisor", "contact"} {
				for _, count := range []int{1, 3} {
					for name, r := range map[string]*Renderer{"linked": r, "thin": thin} {
						if name == "thin" && (count > 1 || role == "") {
							continue // the same words as with links
						}
						name = fmt.Sprintf("%s/%s/%s/%d/%s", id, lang, role, count, name)
						full := example(id, lang)
						zero := incident.Notification{Template: id, Language: lang}
						if role != "" {
							zero.To = []incident.Party{{Role: role}}
							full[0].To = zero.To
						}
						late := full[0]
						late.Data.Automatic, late.Data.Actor, late.Data.Reason = true, "", ""
						late.Data.Deadline = at("2025-03-12 18:00")
						late.Data.Offline = !late.Data.Offline
						late.Data.Assignee = ""
						for sub, n := range map[string]incident.Notification{"zero": zero, "full": full[0], "late": late} {
							out, err := r.Render(bundle(n, count))
							if err != nil {
								t.Fatal(name, err)
							}
							checkMail(t, out, lang)
							checkProse(t, name+"/"+sub, out)
						}
					}
				}
			}
		}
	}
}

const hostileWord = "a\r\nBcc: x@y.example\r\n<script>alert(1)</script>\u202Eevil\u2066\x00\x07[#999] {{.}} %s \xff\xfe ' \" ; & "

func hostileSheet() incident.MessageData {
	f := workstation()
	long := strings.Repeat("A", 10_000)
	f.CustomerName, f.Machine = hostileWord+long, hostileWord+long
	f.Error, f.Reason, f.Report, f.Workaround = hostileWord+long, hostileWord, hostileWord+strings.Repeat("\n", 5000)+"x", hostileWord
	f.Engine, f.Kind, f.BackupRole, f.MachineClass = hostileWord, hostileWord, hostileWord, hostileWord
	f.Contact = incident.Party{Name: hostileWord, Phone: hostileWord, Address: hostileWord}
	f.AccountManager, f.BackupLead, f.TraceQueue, f.Assignee, f.Actor = hostileWord, hostileWord, hostileWord, hostileWord, hostileWord
	f.Zone, f.ExpectedDate, f.WarnDays, f.Target = "../../etc/passwd", hostileWord, hostileWord, hostileWord
	f.RunbookURL, f.GeneratorURL = "javascript:alert(1)", "https://x.example/\r\nBcc: y"
	f.Other = incident.Evidence{State: hostileWord, Engine: hostileWord, Plan: hostileWord, Error: hostileWord, By: hostileWord, Note: hostileWord}
	f.Plans = []incident.PlanRow{{Plan: hostileWord, Error: hostileWord}}
	f.Call = map[string]string{"note": hostileWord, "outcome": hostileWord, "at": hostileWord, "person": hostileWord, "next_date": hostileWord}
	f.History = []incident.HistoryLine{{What: hostileWord, Who: hostileWord, Text: hostileWord}}
	f.Affected, f.Refused = []string{hostileWord}, []string{hostileWord}
	f.Clocks = []incident.ClockRow{{Target: hostileWord}}
	f.Cause, f.Scope, f.DataLoss, f.Guarantee, f.Entry, f.Severity = hostileWord, hostileWord, hostileWord, hostileWord, hostileWord, hostileWord
	f.Reporter, f.Item, f.Alertname, f.ScenarioText, f.SilenceBy = hostileWord, hostileWord, hostileWord, hostileWord, hostileWord
	f.LastSuccess = time.Unix(1<<40, 0)
	return f
}

func TestHostileFacts(t *testing.T) {
	r := newTestRenderer(t)
	for _, id := range numbers(r) {
		for _, lang := range []string{"fr", "en"} {
			for _, platform := range []string{"", hostileWord} {
				n := incident.Notification{Template: id, Language: lang, IncidentID: hostileWord, Step: hostileWord, To: to(sup), Data: hostileSheet()}
				n.Data.Platform = platform
				out, err := r.Render([]incident.Notification{n})
				if err != nil {
					t.Fatal(id, err)
				}
				checkMail(t, out, lang)
				if strings.Contains(out.HTML, "<script") || strings.Contains(out.HTML, "javascript:") {
					t.Errorf("%s/%s: a script in the HTML", id, lang)
				}
				if strings.ContainsAny(out.HTML+out.Text+out.Subject, "\u202e\u2066\x00") {
					t.Errorf("%s/%s: an invisible character came through", id, lang)
				}
				if strings.Contains(out.Subject, "[#999]") && id != "D4" {
					t.Errorf("%s/%s: a label poses as a number: %s", id, lang, out.Subject)
				}
				if len(out.HTML) > 200_000 {
					t.Errorf("%s/%s: %d bytes", id, lang, len(out.HTML))
				}
			}
		}
	}
}

func TestBundle(t *testing.T) {
	r := newTestRenderer(t)
	for _, lang := range []string{"fr", "en"} {
		n := example("B4", lang)[0]
		n.To = to(it)
		out, err := r.Render(bundle(n, 400))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 400 {
			name := "PC-LEA"
			if i > 0 {
				name = fmt.Sprintf("PC-LEA-%02d", i+1)
			}
			if !strings.Contains(out.Text, name+"\n") || !strings.Contains(out.HTML, ">"+name+"<") {
				t.Fatalf("%s is missing in the table", name)
			}
			if !strings.Contains(out.HTML, fmt.Sprintf("answer.i%d.it", 130+i)) {
				t.Fatalf("%s has no link of its own", name)
			}
		}
		if !strings.HasPrefix(out.Subject, "[#130] ") || !strings.Contains(out.Subject, "400") {
			t.Errorf("subject %q", out.Subject)
		}
		for _, word := range []string{"Acronis", "acronis", "Postes"} {
			if strings.Contains(out.Text+out.HTML, word) {
				t.Errorf("a customer reads %q", word)
			}
		}
		staff, err := r.Render(bundle(example("B1", lang)[0], 12))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(staff.Subject, "[#123] [") || !strings.Contains(staff.Subject, "[12 machines]") {
			t.Errorf("subject %q", staff.Subject)
		}
		checkMail(t, staff, lang)
	}
}

func TestBundleMustBeOne(t *testing.T) {
	r := newTestRenderer(t)
	a, b := example("B4", "fr")[0], example("B4", "fr")[0]
	b.Data.Customer = "martin"
	if _, err := r.Render([]incident.Notification{a, b}); err == nil {
		t.Error("a customer would read about another one")
	}
	b = example("B4", "en")[0]
	if _, err := r.Render([]incident.Notification{a, b}); err == nil {
		t.Error("two languages in one mail")
	}
	if _, err := r.Render([]incident.Notification{a, example("B1", "fr")[0]}); err == nil {
		t.Error("two templates in one mail")
	}
	if _, err := r.Render(nil); err == nil {
		t.Error("a mail about nothing")
	}
	_, err := r.Render([]incident.Notification{{Template: "X9", Language: "fr"}})
	if err == nil || !strings.Contains(err.Error(), `"X9"`) {
		t.Errorf("unknown template: %v", err)
	}
}

// Customers read plain words: no products, error texts, roles or steps.
func TestCustomersReadPlainWords(t *testing.T) {
	r := newTestRenderer(t)
	for _, lang := range []string{"fr", "en"} {
		for _, id := range []string{"B4", "B6", "B12"} {
			for _, offline := range []bool{true, false} {
				n := example("B4", lang)[0]
				n.Template = id
				n.Data.Offline, n.Data.Error, n.Data.Failures = offline, "0x1350016 VSS writer", 4
				n.Data.Call = map[string]string{"outcome": "voicemail"}
				n.Data.ResolvedAt = at("2025-03-11 09:00")
				out, err := r.Render([]incident.Notification{n})
				if err != nil {
					t.Fatal(err)
				}
				all := out.Subject + out.Text + out.HTML
				for _, word := range []string{"0x1350016", "VSS", "Acronis", "Postes", "primary", "principale", "client_told", "vigie act", "Alertmanager"} {
					if strings.Contains(all, word) {
						t.Errorf("%s/%s: a customer reads %q:\n%s", id, lang, word, out.Text)
					}
				}
				for _, word := range []string{"PC-LEA", "SYNOMEGA", "05 61 00 00 00", "#130"} {
					if !strings.Contains(out.Text, word) || !strings.Contains(out.HTML, word) {
						t.Errorf("%s/%s lacks %q:\n%s", id, lang, word, out.Text)
					}
				}
			}
		}
	}
}

func TestSubjects(t *testing.T) {
	r := newTestRenderer(t)
	for id, want := range map[string][2]string{
		"B1":  {"[#123] [À TRAITER AVANT 18:00] Dupont – SRV-AD – sauvegarde Acronis en échec (2ᵉ nuit) (#123)", "[#123] [DUE 18:00] Dupont – SRV-AD – Acronis backup failed (2nd night) (#123)"},
		"B2":  {"[#123] [ACTION AUJOURD'HUI] Dupont – SRV-AD – sauvegarde non rétablie (#123)", "[#123] [ACTION TODAY] Dupont – SRV-AD – backup not restored to service (#123)"},
		"B4":  {"[#130] Sauvegarde de votre ordinateur PC-LEA : aucune depuis le 7 mars (#130)", "[#130] Your computer PC-LEA has not been backed up since 7 March (#130)"},
		"B6":  {"[#130] Suite à notre appel du 18 mars – sauvegarde de PC-LEA (#130)", "[#130] Following our call of 18 March – backup of PC-LEA (#130)"},
		"B8":  {"[#141] Affecté à vous : Dupont – SRV-AD – VEEAM (avant 18:00) (#141)", "[#141] Assigned to you: Dupont – SRV-AD – VEEAM (by 18:00) (#141)"},
		"B9":  {"[#141] [PAS RÉGLÉ CE JOUR] Dupont – SRV-AD – VEEAM, prévu le 12/03 (#141)", "[#141] [NOT TODAY] Dupont – SRV-AD – VEEAM, expected 12 March (#141)"},
		"B11": {"[#123] [JOURNÉE DÉPASSÉE] Dupont – SRV-AD – non traité au 10/03 18:00 (#123)", "[#123] [DAY MISSED] Dupont – SRV-AD – not handled by 10 March 18:00 (#123)"},
		"B12": {"[#123] [RÉTABLI] Dupont – SRV-AD – sauvegarde réussie le 10/03 14:32 (#123)", "[#123] [OK AGAIN] Dupont – SRV-AD – backup succeeded 10 March 14:32 (#123)"},
		"M2":  {"[INC-77] Résolu – lms-A – service rétabli à 10:07 (INC-77)", "[INC-77] Resolved – lms-A – service back at 10:07 (INC-77)"},
		"M3":  {"[INC-78] Avis de réception – lms-A – votre signalement du 10/03 14:00 (INC-78)", "[INC-78] Received – lms-A – your report of 10 March 14:00 (INC-78)"},
		"M6":  {"[INC-78] Contournement proposé – lms-A (INC-78)", "[INC-78] Workaround proposed – lms-A (INC-78)"},
	} {
		for n, lang := range []string{"fr", "en"} {
			got, err := r.Subject(example(id, lang))
			if err != nil {
				t.Fatal(err)
			}
			if got != want[n] {
				t.Errorf("%s/%s\n got %s\nwant %s", id, lang, got, want[n])
			}
			if full := renderExample(t, r, id, lang); full.Subject != got {
				t.Errorf("%s/%s: Render says %q, Subject %q", id, lang, full.Subject, got)
			}
		}
	}
}

// What somebody left at several customers is one mail, that names whoever left it while it
// is one person.
func TestLeftAtSeveralCustomers(t *testing.T) {
	r := newTestRenderer(t)
	for lang, want := range map[string][2]string{
		"fr": {"[#123] [À REPRENDRE] 4 incidents ouverts (#123)", "Alain Durand n'a plus ces 4 incidents en charge"},
		"en": {"[#123] [TO TAKE OVER] 4 open incidents (#123)", "Alain Durand does not have these 4 incidents any more"},
	} {
		ns := example("D8", lang)
		for i := range ns {
			ns[i].Data.LeftBy = "Alain Durand"
		}
		out, err := r.Render(ns)
		if err != nil || out.Subject != want[0] || !strings.Contains(strings.Join(strings.Fields(out.Text), " "), want[1]) {
			t.Errorf("%s: %v %q\n%s", lang, err, out.Subject, out.Text)
		}
		ns[2].Data.LeftBy = "Sophie Perrin"
		if out, err = r.Render(ns); err != nil || strings.Contains(out.Text, "Durand") || out.Subject != want[0] {
			t.Errorf("%s: of two persons one is named: %v\n%s", lang, err, out.Text)
		}
	}
}

// An opening mail must hold what a beginner needs (S1.8, S1.12).
func TestOpeningMailFacts(t *testing.T) {
	r := newTestRenderer(t)
	for lang, words := range map[string][]string{
		"fr": {"Dupont", "SRV-AD", "Quotidien serveurs", "0x1350016", "Sauvegarde locale : OK", "VEEAM", "Job Nuit", "18:00", "16:00", "Anne Martin", "Expert", "Vijay", "sam. 8 mars 02:10", "take.i123.sup", "escalate.i123.sup"},
		"en": {"Dupont", "SRV-AD", "Quotidien serveurs", "0x1350016", "Local backup: OK", "VEEAM", "Job Nuit", "18:00", "16:00", "Anne Martin", "Expert", "Vijay", "Sat 8 March 02:10", "take.i123.sup", "escalate.i123.sup"},
	} {
		out, err := r.Render(example("B1", lang))
		if err != nil {
			t.Fatal(err)
		}
		flat := strings.Join(strings.Fields(out.Text), " ")
		for _, w := range words {
			if !strings.Contains(flat, w) {
				t.Errorf("%s: %q is missing in the text:\n%s", lang, w, out.Text)
			}
			if seen := strings.ReplaceAll(htmlText(out.HTML), "\u00a0", " "); !strings.Contains(seen, w) && !strings.Contains(out.HTML, w) {
				t.Errorf("%s: %q is missing in the HTML", lang, w)
			}
		}
	}
}

// The state of the other backup is never said better than it is known.
func TestOtherBackupStates(t *testing.T) {
	r := newTestRenderer(t)
	for state, want := range map[model.EvidenceState]string{
		model.EvidenceOK: "Local backup: OK", model.EvidenceDegraded: "Local backup: OK, with warnings", model.EvidenceKO: "Local backup: FAILED",
		model.EvidenceNone: "Local backup: NONE", model.EvidenceUnknown: "Local backup: UNKNOWN – please check by 18:00", "": "Local backup: UNKNOWN",
	} {
		n := example("B1", "en")[0]
		n.Data.Other.State = state
		out, err := r.Render([]incident.Notification{n})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.Text, want) {
			t.Errorf("state %q: %q is missing in\n%s", state, want, out.Text)
		}
	}
}

func TestLinks(t *testing.T) {
	var parties []string
	r, err := NewRenderer(Options{Outside: outsideRole, Links: Links{Base: "https://vigie.example/", Token: func(n incident.Notification, p incident.Party, purpose string) string {
		parties = append(parties, p.Person)
		switch purpose {
		case "console":
			return "javascript:alert(1)"
		case "dashboard":
			return "ftp://x.example/"
		}
		return "to/ken?" + purpose
	}}})
	if err != nil {
		t.Fatal(err)
	}
	parties = nil
	out, err := r.Render(example("B1", "en"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.Text, "https://vigie.example/a/to%2Fken%3Ftake") {
		t.Errorf("the token is not escaped:\n%s", out.Text)
	}
	if strings.Contains(out.Text+out.HTML, "javascript:alert") && !strings.Contains(out.Text+out.HTML, "/a/javascript") || strings.Contains(out.Text, "ftp://") {
		t.Errorf("a dangerous link:\n%s", out.Text)
	}
	if strings.Contains(out.Text, "vigie act") {
		t.Errorf("commands beside links:\n%s", out.Text)
	}
	if slices.ContainsFunc(parties, func(p string) bool { return p != "sup" }) {
		t.Errorf("links for %v", parties)
	}
	parties = nil
	if _, err := r.Render(example("B3", "en")); err != nil { // two in To
		t.Fatal(err)
	}
	if slices.ContainsFunc(parties, func(p string) bool { return p != "" }) {
		t.Errorf("a link that two persons read acts for one of them: %v", parties)
	}
	thin, err := NewRenderer(Options{Outside: outsideRole})
	if err != nil {
		t.Fatal(err)
	}
	out, err = thin.Render(example("B1", "en"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.Text, "vigie act take 123") || strings.Contains(out.HTML, "href=") {
		t.Errorf("without links staff read commands:\n%s", out.Text)
	}
	if out, err = thin.Render(example("B4", "en")); err != nil || strings.Contains(out.Text, "vigie act") {
		t.Errorf("a customer reads commands (%v):\n%s", err, out.Text)
	}
}

// A customer in copy reads other words than level 3, and neither of both mails, which
// are quoted in each other's answers, has a link that acts.
func TestCustomerInCopy(t *testing.T) {
	r := newTestRenderer(t)
	ns := example("M5", "en") // the reporter is in Cc
	out, err := r.Render(ns)
	if err != nil || !strings.Contains(out.Text, "take it over") || !strings.Contains(out.Text, "Why it was cascaded") {
		t.Errorf("level 3 reads, %v:\n%s", err, out.Text)
	}
	copied, err := r.Render(incident.InCopy(ns, ns[0].Cc[0]))
	if err != nil || !strings.Contains(copied.Text, "/a/answer.") {
		t.Errorf("the reporter reads, %v:\n%s", err, copied.Text)
	}
	for _, purpose := range []string{"take.", "incident.", "escalate.", "vigie act", "vigie explain"} {
		if strings.Contains(out.Text+out.HTML+copied.Text+copied.HTML, purpose) {
			t.Errorf("a customer in copy gets %q:\n%s", purpose, out.Text)
		}
	}
	for _, inside := range []string{"take it over", "cascaded", "module", "What has happened", "Olga Pons"} {
		if strings.Contains(copied.Subject+copied.Text, inside) {
			t.Errorf("a customer in copy reads %q:\n%s", inside, copied.Text)
		}
	}
	own, err := NewRenderer(Options{Links: Links{Base: "https://x.example", Token: tokens},
		Outside: func(p incident.Party) bool { return !strings.HasSuffix(p.Address, "@msp.example") }})
	if err != nil {
		t.Fatal(err)
	}
	n := example("B1", "en")[0]
	n.To[0].Role = "watch"
	if out, err = own.Render([]incident.Notification{n}); err != nil || !strings.Contains(out.Text, "/a/take.") {
		t.Errorf("an own name of a role (%v):\n%s", err, out.Text)
	}
}

// What a person closed without proof is never called repaired.
func TestClosedIsNotRepaired(t *testing.T) {
	r := newTestRenderer(t)
	for _, id := range []string{"B12", "M2"} {
		for _, lang := range []string{"fr", "en"} {
			for _, count := range []int{1, 2} {
				for _, outside := range []bool{false, true} {
					n := example(id, lang)[0]
					n.Data.State, n.Data.Reason = model.Closed, "duplicate"
					if outside {
						n.To = to(lea)
					}
					out, err := r.Render(bundle(n, count))
					if err != nil {
						t.Fatal(err)
					}
					for _, word := range []string{"rétabli", "RÉTABLI", "réussies", "réussie le", "OK AGAIN", "works again", "back", "dans l'ordre", "well again", "succeeded"} {
						if strings.Contains(out.Subject, word) {
							t.Errorf("%s/%s: %q of a closed incident: %s", id, lang, word, out.Subject)
						}
					}
					if outside && strings.Contains(out.Text+out.HTML, "duplicate") {
						t.Errorf("%s/%s: a customer reads the reason for closing", id, lang)
					}
				}
			}
		}
	}
}

// The end of a blindness or an outage speaks of no machine.
func TestEndWithoutMachine(t *testing.T) {
	r := newTestRenderer(t)
	n := example("D5", "fr")[0]
	n.Template, n.Data.ScenarioText, n.Data.State = "B12", "Supervision aveugle", model.Resolved
	n.Data.ResolvedAt = at("2025-03-10 04:00")
	out, err := r.Render([]incident.Notification{n})
	if err != nil {
		t.Fatal(err)
	}
	if out.Subject != "[#140] [RÉTABLI] Supervision aveugle – Acronis : terminé (#140)" || strings.Contains(out.Text, "machine") {
		t.Errorf("%s\n%s", out.Subject, out.Text)
	}
}

// Without a customer's contact the supervisor is not told to phone himself.
func TestCallWithoutContact(t *testing.T) {
	r := newTestRenderer(t)
	n := example("B5", "en")[0]
	n.Data.Contact = sup
	out, err := r.Render([]incident.Notification{n})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.Subject+out.Text, "Sophie") || !strings.Contains(out.Text, "No phone number is known") {
		t.Errorf("%s\n%s", out.Subject, out.Text)
	}
}

func TestOverrides(t *testing.T) {
	body := `{{define "tag"}}OURS{{end}}{{define "fact"}}{{.Fact}}{{end}}{{define "lead"}}Our own words, {{.Machine}}.{{end}}{{define "body"}}<i>{{.Error}}</i>{{end}}`
	r, err := NewRenderer(Options{Outside: outsideRole, Overrides: fstest.MapFS{
		"en/B1.tmpl":      {Data: []byte(body)},
		"en/X1.tmpl":      {Data: []byte(body)},
		"fr/X1.tmpl":      {Data: []byte(body)},
		"en/B2.html.tmpl": {Data: []byte(body)},
		"README.md":       {Data: []byte("notes")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(r.Templates(), "X1") {
		t.Error("a new template is not known")
	}
	out, err := r.Render(example("B1", "en"))
	if err != nil {
		t.Fatal(err)
	}
	if out.Subject != "[#123] [OURS] Dupont – SRV-AD – Acronis backup failed (2nd night) (#123)" || !strings.Contains(out.Text, "Our own words, SRV-AD.") ||
		!strings.Contains(out.HTML, "n&#39;a plus") {
		t.Errorf("%s\n%s\n%s", out.Subject, out.Text, out.HTML)
	}
	out, err = r.Render(example("B2", "en"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.Text, "Our own") || !strings.Contains(out.HTML, "Our own") {
		t.Error("B2.html.tmpl replaces the HTML form only")
	}
}

func TestOverrideErrors(t *testing.T) {
	for name, c := range map[string]struct{ file, text, want string }{
		"function":     {"fr/B1.tmpl", "{{define \"lead\"}}x{{end}}\n{{define \"body\"}}\n{{shout .}}{{end}}", "overrides/fr/B1.tmpl:3"},
		"syntax":       {"en/B1.tmpl", "{{define \"lead\"}}x{{end}}\n{{if}}", "overrides/en/B1.tmpl:2"},
		"field":        {"en/B1.tmpl", "{{define \"lead\"}}x{{end}}\n{{define \"body\"}}{{if .Many}}{{.Nonsense}}{{end}}{{end}}", "overrides/en/B1.tmpl:2"},
		"sheet":        {"en/B1.tmpl", "{{define \"lead\"}}x{{end}}\n{{define \"body\"}}{{if .Outside}}{{.F.Nonsense}}{{end}}{{end}}", "overrides/en/B1.tmpl:2"},
		"no body":      {"en/B1.tmpl", "{{define \"lead\"}}x{{end}}", `define the block "body"`},
		"one language": {"en/X1.tmpl", "x", "missing in language fr"},
		// whichever of the two bounds a machine comes to first
		"recursion": {"en/B1.tmpl", "{{define \"lead\"}}x{{end}}{{define \"body\"}}{{template \"body\" .}}{{end}}", "maximum template depth|runs too long"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewRenderer(Options{Outside: outsideRole, Overrides: fstest.MapFS{c.file: {Data: []byte(c.text)}}})
			if err == nil || !regexp.MustCompile(c.want).MatchString(err.Error()) {
				t.Errorf("error %v, want one that says %q", err, c.want)
			}
		})
	}
}

func TestOutputIsBounded(t *testing.T) {
	hundred := func(s string) string { return strings.Repeat(s, 100) }
	text := `{{define "lead"}}x{{end}}{{define "body"}}` + hundred(`{{template "some" .}}`) + `{{end}}
{{define "some"}}` + hundred(`{{template "more" .}}`) + `{{end}}{{define "more"}}` + hundred("0123456789") + `{{end}}`
	_, err := NewRenderer(Options{Outside: outsideRole, Overrides: fstest.MapFS{"en/B1.tmpl": {Data: []byte(text)}}})
	if err == nil || !strings.Contains(err.Error(), "writes more than") {
		t.Errorf("a template that writes without end: %v", err)
	}
}

func TestTimeIsBounded(t *testing.T) {
	b := newBudget()
	defer b.stop()
	b.timer.Reset(0)
	release := make(chan struct{})
	defer close(release)
	_, err := b.run(func(*bounded) error { <-release; return nil })
	if err != errTooLong {
		t.Errorf("error %v", err)
	}
	w := &bounded{budget: b}
	if _, err := w.Write([]byte("x")); err != errTooLong {
		t.Errorf("writing after the end: %v", err)
	}
}

func TestPanickingTemplate(t *testing.T) {
	b := newBudget()
	defer b.stop()
	if _, err := b.run(func(*bounded) error { panic("no") }); err == nil {
		t.Error("a panic is an error")
	}
}

// Every value that the rules know has a word.
func TestWordsForRules(t *testing.T) {
	r := newTestRenderer(t)
	for _, code := range r.Languages().Codes() {
		lang := r.Languages().Find(code)
		var keys []string
		for _, s := range []model.State{model.Open, model.Taken, model.Waiting, model.CallDue, model.WorkedAround, model.Unverified, model.Resolved, model.Closed} {
			keys = append(keys, "state."+string(s))
		}
		for _, e := range []model.EvidenceState{model.EvidenceOK, model.EvidenceDegraded, model.EvidenceKO, model.EvidenceNone, model.EvidenceUnknown} {
			keys = append(keys, "evidence."+string(e))
		}
		for _, k := range []model.SignalKind{model.BackupAlert, model.InfraProbe, model.FunctionalProbe, model.Level2Voluntary, model.Level3Emergency,
			model.EmergencyMeans, model.UserAssistance, model.CorrelatedSignal} {
			keys = append(keys, "entry."+string(k))
		}
		for _, k := range []string{"failed", "missed", "never_ran", "stuck", "vanished", "warning", "cancelled", "corrupted", "offline", "other"} {
			keys = append(keys, "kind."+k, "fact."+k, "sentence."+k)
		}
		for _, p := range []string{"take", "assign", "escalate", "forecast_yes", "forecast_no", "answer", "call", "check_ok", "check_ko", "silence", "incident", "console", "dashboard"} {
			keys = append(keys, "act."+p)
		}
		for _, k := range keys {
			if len(lang.Forms(k)) == 0 {
				t.Errorf("%s: no word for %s", code, k)
			}
		}
	}
}

func TestDates(t *testing.T) {
	r, ref := newTestRenderer(t), at("2025-03-10 07:10")
	fr, en := r.Languages().Find("fr").In("Europe/Paris", ref), r.Languages().Find("en").In("Europe/Paris", ref)
	for _, c := range []struct{ got, want string }{
		{fr.Moment(at("2025-03-11 14:32")), "mar. 11 mars 14:32"},
		{en.Moment(at("2025-03-11 14:32")), "Tue 11 March 14:32"},
		{fr.Moment(at("2024-08-01 09:00")), "jeu. 1er août 2024 09:00"},
		{en.Moment(at("2024-08-01 09:00")), "Thu 1 August 2024 09:00"},
		{fr.Moment(time.Date(2025, 3, 30, 1, 30, 0, 0, time.UTC)), "dim. 30 mars 03:30"},
		{fr.DueAt(at("2025-03-10 18:00")), "18:00"},
		{fr.DueAt(at("2025-03-11 18:00")), "mardi 11 mars à 18:00"},
		{en.DueAt(at("2025-03-11 18:00")), "Tuesday 11 March at 18:00"},
		{fr.DueShort(at("2025-03-11 18:00")), "mar. 11 mars 18:00"},
		{fr.Brief(at("2025-03-11 18:00")), "11/03 18:00"},
		{en.Brief(at("2025-03-11 18:00")), "11 March 18:00"},
		{fr.Brief(at("2026-01-05 18:00")), "5 janvier 2026 18:00"},
		{fr.MomentAgo(at("2025-03-10 01:05")), "lun. 10 mars 01:05 (il y a 6 h 5 min)"},
		{en.MomentAgo(at("2025-03-08 02:10")), "Sat 8 March 02:10 (2 days 5 h ago)"},
		{en.MomentAgo(at("2025-03-10 18:00")), "Mon 10 March 18:00"},
		{fr.Moment(time.Time{}) + fr.DueAt(time.Time{}) + fr.Brief(time.Time{}) + fr.Date(time.Time{}) + fr.Ago(time.Time{}), ""},
		{fr.Span(24 * time.Hour), "1 jour"},
		{en.Span(45 * time.Minute), "45 min"},
		{en.Span(-90 * time.Second), "1 min"},
		{fr.Night(2, 2, at("2025-03-09 02:10")), "2ᵉ nuit"},
		{en.Night(3, 3, at("2025-03-09 02:10")), "3rd night"},
		{en.Night(12, 0, at("2025-03-09 02:10")), "12th time"},
		{fr.Night(3, 3, at("2025-03-08 12:30")), "3ᵉ jour"},
		{fr.Night(1, 1, at("2025-03-09 02:10")), ""},
		{en.Ordinal(11) + en.Ordinal(21) + en.Ordinal(22) + en.Ordinal(113) + fr.Ordinal(1), "11th21st22nd113th1ʳᵉ"},
		{fr.Bytes(48.2e9), "48,2 Go"},
		{en.Bytes(1.5e12), "1.5 TB"},
		{en.Bytes(512), "512 B"},
		{en.Bytes(0) + en.Bytes(-1), ""},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
	stray := r.Languages().Find("en").In("Mars/Olympus", ref)
	if got := stray.Clock(at("2025-03-10 18:00")); got != "17:00 UTC" {
		t.Errorf("in an unknown zone: %q", got)
	}
}

func TestLanguages(t *testing.T) {
	r := newTestRenderer(t)
	for tag, want := range map[string]string{"fr": "fr", "FR": "fr", "fr-CA": "fr", "fr_FR": "fr", "en": "en", "en-GB": "en", "": "en", "de": "en", "french": "en", "fry": "en"} {
		if got := r.Languages().Find(tag).Code; got != want {
			t.Errorf("%q is %s, want %s", tag, got, want)
		}
	}
	n := incident.Notification{To: []incident.Party{{Language: "fr"}}}
	if r.languageOf(n).Code != "fr" {
		t.Error("without a language, the recipient's counts")
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"a\r\nb":                          "a b",
		"\u202Eabc\u202C":                 "abc",
		"a\u0000\u0007b":                  "ab",
		"  a \t b ":                       "a b",
		"\xffa":                           "\uFFFDa",
		"e\u0301e\u0301":                  "e\u0301e\u0301",
		"Z\u0300\u0301\u0302\u0303\u0304": "Z\u0300\u0301\u0302",
	} {
		if got := cleanOneLine(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
	if got := clip.Runes("abcdef", 4); got != "abc…" {
		t.Errorf("cut: %q", got)
	}
	n := incident.Notification{Data: incident.MessageData{Affected: []string{"a\r"}, Call: map[string]string{"x": "y\x01"}}}
	c := cleanNotification(n)
	if n.Data.Affected[0] != "a\r" || n.Data.Call["x"] != "y\x01" {
		t.Error("cleaning changed the caller's notification")
	}
	if c.Data.Affected[0] != "a" || c.Data.Call["x"] != "y" {
		t.Errorf("not cleaned: %+v", c.Data)
	}
}

func TestDigestWhenAllIsWell(t *testing.T) {
	r := newTestRenderer(t)
	out, err := r.RenderDigest(Digest{At: at("2025-03-11 09:00"), Zone: "Europe/Paris", Language: "fr", Good: 412, All: 412,
		Health: &DigestHealth{Watchdog: at("2025-03-11 08:59"), Sources: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.Text, "1 source lue") {
		t.Errorf("one source is read in the plural:\n%s", out.Text)
	}
	if out.Subject != "Sauvegardes du mar. 11 mars : 412/412 OK – rien à traiter" {
		t.Errorf("subject %q", out.Subject)
	}
	checkMail(t, out, "fr")
	checkProse(t, "D1", out)
}

func FuzzRender(f *testing.F) {
	r := newTestRenderer(f)
	ids := r.Known()
	f.Add("B1", "fr", hostileWord, hostileWord, 2, int64(1741586400), true)
	f.Add("M3", "en", "lms-A", "text\ntext", -1, int64(0), false)
	f.Fuzz(func(t *testing.T, id, lang, word, text string, number int, sec int64, on bool) {
		if !slices.Contains(ids, id) {
			id = ids[len(id)%len(ids)]
		}
		n := example(id, lang)[0]
		fs := &n.Data
		fs.Machine, fs.CustomerName, fs.Kind, fs.Engine, fs.MachineClass = word, text, word, text, word
		fs.Error, fs.Reason, fs.Report, fs.Workaround = text, text, text, text
		fs.Number, fs.Failures, fs.Days, fs.Percent = number, number, number, number
		fs.StartedAt, fs.Deadline, fs.LastSuccess = time.Unix(sec%(1<<40), 0), time.Unix(-(sec%(1<<40)), 0), time.Unix(sec%(1<<33), 0)
		fs.Offline, fs.Automatic, fs.Zone, fs.ExpectedDate, fs.WarnDays = on, !on, word, text, word
		fs.RunbookURL, fs.GeneratorURL, fs.Contact.Name = word, text, text
		n.IncidentID, n.To = word, []incident.Party{{Role: word, Name: text}}
		count := 1
		if on {
			count = 2
		}
		out, err := r.Render(slices.Repeat([]incident.Notification{n}, count))
		if err != nil {
			t.Fatal(err)
		}
		checkMail(t, out, r.Languages().Find(lang).Code)
		if strings.Contains(out.HTML, "<script") {
			t.Errorf("a script: %s", out.HTML)
		}
	})
}

// TestPreview writes every mail as a file to be looked at in a browser:
// go test -run TestPreview -preview=/tmp/mails
func TestPreview(t *testing.T) {
	if *preview == "" {
		t.Skip("no -preview folder given")
	}
	r := newTestRenderer(t)
	write := func(name string, out Rendered) {
		for ext, s := range map[string]string{"html": out.HTML, "txt": out.Subject + "\n\n" + out.Text} {
			if err := os.WriteFile(filepath.Join(*preview, name+"."+ext), []byte(s), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, lang := range []string{"fr", "en"} {
		for _, id := range numbers(r) {
			write(id+"."+lang, renderExample(t, r, id, lang))
			n := example(id, lang)[0]
			if out, err := r.Render(bundle(n, 6)); err == nil {
				write(id+".many."+lang, out)
			}
		}
		n := example("B4", lang)[0]
		n.Data.Offline = false
		out, err := r.Render([]incident.Notification{n})
		if err != nil {
			t.Fatal(err)
		}
		write("B4.error."+lang, out)
		n = example("B12", lang)[0]
		n.To, n.Data = to(lea), workstation()
		n.Data.ResolvedAt = at("2025-03-10 14:32")
		if out, err = r.Render([]incident.Notification{n}); err != nil {
			t.Fatal(err)
		}
		write("B12.client."+lang, out)
	}
}

// A caller of the emergency entry whom nobody knows is called so in the reader's words.
func TestCallerWhomNobodyKnows(t *testing.T) {
	r := newTestRenderer(t)
	for lang, want := range map[string]string{"fr": "personne inconnue", "en": "somebody we do not know"} {
		f := reported()
		f.Entry, f.Reporter = string(model.Level3Emergency), model.UnknownReporter
		out, err := r.Render([]incident.Notification{{Template: "M1", Language: lang, To: to(sup), Data: f}})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(out.Text, want) != 2 || strings.Contains(out.Text, "unknown") {
			t.Errorf("%s:\n%s", lang, out.Text)
		}
	}
}
