package web

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vigie/receiver"
	"vigie/receiver/message"
	"vigie/receiver/message/locale"
	"vigie/receiver/web/ask"
	"vigie/receiver/web/sentence"
	"vigie/rules/incident"
	"vigie/rules/story"
)

// spoken finds in the source the reasons that the program gives: what calls and
// fields that hold one are given, and what is put into a variable of that name.
type spoken struct {
	args   map[string]int // name of a call: which of its arguments is a reason
	fields []string
	names  []string
	funcs  []string // whose results that are texts are reasons
	found  map[string]string
}

func (s *spoken) read(t *testing.T, globs ...string) {
	t.Helper()
	for _, glob := range globs {
		files, err := filepath.Glob(glob)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", glob, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(tree, func(n ast.Node) bool { s.node(n, file); return true })
		}
	}
}

func (s *spoken) node(n ast.Node, file string) {
	switch n := n.(type) {
	case *ast.CallExpr:
		name := ""
		switch f := n.Fun.(type) {
		case *ast.SelectorExpr:
			name = f.Sel.Name
		case *ast.Ident:
			name = f.Name
		}
		if i, ok := s.args[name]; ok && i < len(n.Args) {
			s.keep(n.Args[i], file)
		}
	case *ast.KeyValueExpr:
		if k, ok := n.Key.(*ast.Ident); ok && slices.Contains(s.fields, k.Name) {
			s.keep(n.Value, file)
		}
	case *ast.AssignStmt:
		for i, to := range n.Lhs {
			if id, ok := to.(*ast.Ident); ok && slices.Contains(s.names, id.Name) && i < len(n.Rhs) {
				s.keep(n.Rhs[i], file)
			}
		}
	case *ast.FuncDecl:
		if slices.Contains(s.funcs, n.Name.Name) {
			ast.Inspect(n.Body, func(x ast.Node) bool {
				if r, ok := x.(*ast.ReturnStmt); ok {
					for _, e := range r.Results {
						s.keep(e, file)
					}
				}
				return true
			})
		}
	}
}

// keep keeps a text as its shape: what is fixed, with % for each part. A part alone
// is somebody else's text.
func (s *spoken) keep(e ast.Expr, file string) {
	shape := regexp.MustCompile(`%[a-z]?`).ReplaceAllString(text(e), "%")
	shape = regexp.MustCompile(`%+`).ReplaceAllString(strings.ReplaceAll(shape, "\x00", "%"), "%")
	if strings.Contains(strings.Trim(shape, "%: "), " ") {
		s.found[shape] = file
	}
}

func text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if said, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return strings.ReplaceAll(said, "%%", "\x01")
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return text(e.X) + text(e.Y)
		}
	case *ast.ParenExpr:
		return text(e.X)
	case *ast.CallExpr:
		if f, ok := e.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Sprintf" && len(e.Args) > 0 {
			return text(e.Args[0])
		}
	}
	return "\x00"
}

// Every reason that a program's journal or explanation gives has a form, so that it
// is said in the language of whoever reads it.
func TestEveryReasonHasAForm(t *testing.T) {
	s := spoken{args: map[string]int{"note": 3, "state": 1, "flag": 2, "end": 1, "unverified": 0, "back": 0, "reopen": 2, "beginImmediate": 0, "withdraw": 0, "drop": 3, "line": 1},
		fields: []string{"Reason", "Why"}, names: []string{"why", "reason"}, found: map[string]string{},
		funcs: []string{"OtherBackup", "away", "trigger", "momentTrigger", "immediateOver", "actTrigger", "clockTrigger", "share", "shareWhy", "daysTrigger", "appointment", "openingTrigger", "waitsFor"}}
	s.read(t, "../../rules/*.go", "../../rules/situation/*.go", "../../rules/explain/*.go", "../../rules/classify/*.go", "../../rules/act/*.go")
	if len(s.found) < 80 {
		t.Fatalf("only %d reasons are found: the test looks in the wrong place", len(s.found))
	}
	words, err := message.NewRenderer(message.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var forms []string
	for _, key := range words.Languages().Find("fr").Keys() {
		if form, ok := strings.CutPrefix(key, locale.Reasons); ok {
			forms = append(forms, regexp.MustCompile(`(\{[a-z]+\})+`).ReplaceAllString(form, "%"))
		}
	}
	for shape, file := range s.found {
		if bare := strings.ReplaceAll(shape, "\x01", "%"); !slices.ContainsFunc(forms, func(f string) bool { return fits(f, bare) }) {
			t.Errorf("%s: no form says %q: give it one in reasons.yml of each language", file, bare)
		}
	}
}

// fits tells whether a form says a shape: what is fixed is the same, and a hole may
// hold fixed words of the shape.
func fits(form, shape string) bool {
	like := func(one, other string) bool {
		return len(one) > 8 && regexp.MustCompile(`\A`+strings.ReplaceAll(regexp.QuoteMeta(one), "%", ".+")+`\z`).MatchString(other)
	}
	shape = strings.ReplaceAll(shape, "<%>", "%")
	return form == shape || like(form, shape) || like(shape, form)
}

// english are words that a French sentence does not have.
var english = regexp.MustCompile(`(?i)(^|[\s(«"'>])(the|is|are|of|and|with|was|not|has|been|this|by|until|nobody|failed|again)([\s).,;:»"'<]|$)`)

// The journals of the shipped stories are said in the reader's language, and the
// explanations of what becomes of them, too.
func TestJournalsAreSaidInTheReadersLanguage(t *testing.T) {
	words, err := message.NewRenderer(message.Options{})
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	fr := locale.Locale{Language: words.Languages().Find("fr"), Zone: zone}
	v := &view{Speaker: sentence.Speaker{Locale: fr}}
	lines := 0
	for _, example := range []string{"synomega", "activeprolearn"} {
		dir := filepath.Join("../../deploy/examples", example)
		setup, err := receiver.Load(filepath.Join(dir, "vigie.yml"))
		if err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(dir, "stories", "*.yml"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no stories: %v", err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range played(t, setup, file, text) {
				row := historyRow{Kind: h.Kind, What: h.Entry, Actor: h.Actor, Reason: h.Reason}
				lines++
				said := v.Happened(row)
				for name := range strings.FieldsSeq(h.Entry) { // names that the policy gives are its own
					said = strings.ReplaceAll(said, strings.ReplaceAll(name, "_", " "), "")
				}
				if h.Kind != "message" { // the mail servers' words are theirs
					said += " | " + v.Because(row.Kind, row.What, row.Reason)
				}
				if found := english.FindString(said); found != "" && h.Kind != "evidence" && h.Kind != "act" {
					t.Errorf("%s: %s %s: %q says %q: %s", filepath.Base(file), h.Kind, h.Entry, h.Reason, strings.TrimSpace(found), said)
				}
			}
		}
	}
	if lines < 500 {
		t.Errorf("only %d lines of journals were read", lines)
	}
}

func played(t *testing.T, setup *receiver.Setup, file string, text []byte) []story.Happening {
	t.Helper()
	tale, err := story.Parse(file, text)
	if err != nil {
		t.Fatal(err)
	}
	out, err := story.Play(setup.Book, tale, story.Options{Journal: true})
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return slices.DeleteFunc(out, func(h story.Happening) bool { return h.What != "journal" })
}

// Reasons are read back with their parts in the reader's words; a person's own words
// stay as they are.
func TestReasonsInTheReadersWords(t *testing.T) {
	words, err := message.NewRenderer(message.Options{})
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	fr := locale.Locale{Language: words.Languages().Find("fr"), Zone: zone}
	for text, want := range map[string]string{
		"in hand until 2026-03-09T17:00:00Z":                                         "en main jusqu'au 09/03/2026 18:00",
		"dropped: repaired (opening plus 4 business_hours)":                          "laissé de côté : c'est réparé (le début, plus 4 h ouvrées)",
		"opening plus 10m0s; as things stand it will be dropped: not double_failure": "le début, plus 10 min ; en l'état, ce sera laissé de côté : une sauvegarde au moins fonctionne",
		"taken by adm1": "pris par adm1",
		"open; nobody has it; next is escalate at 2026-03-09T17:00:01+01:00": "ouvert ; personne ne l'a ; ensuite escalate, le 09/03/2026 17:00",
		"given back: adm1 is away until 2026-03-12":                          "rendu : adm1 est absent jusqu'au 12 mars 2026",
		"runs from flag:double_failure, met by repaired":                     "court depuis ce constat : aucune sauvegarde ne fonctionne, tenue quand c'est réparé",
		"runs from due:client_told, met by ended":                            "court depuis l'étape client told, tenue quand c'est terminé",
		"waits for at opening or act take":                                   "attend : le début, ou l'acte d'une personne : pris en charge",
		"incident i3 is open on the other backup (primary)":                  "l'incident #3 est ouvert pour l'autre sauvegarde (principale)",
		"1 days after waiting_over, at 09:30, moved to the opening":          "1 j après la fin de l'attente, à 09:30, reporté à l'ouverture",
		"opening plus 1 business_days":                                       "le début, plus 1 jour ouvré",
		"opening plus 2 business_days":                                       "le début, plus 2 jours ouvrés",
		"opening plus 1.5 business_hours":                                    "le début, plus 1,5 h ouvrée",
		"opening plus 1 close_of_business_day (at least 2 business_hours)":   "le début, plus fermeture du jour ouvré suivant (s'il reste au moins 2 h ouvrées)",
		"le disque est mort (vraiment)":                                      "le disque est mort (vraiment)",
	} {
		if got := fr.Reason(text); got != want {
			t.Errorf("%q is said %q, want %q", text, got, want)
		}
	}
	named := fr
	named.Called = func(kind, name string) string {
		return map[string]string{"who adm1": "Adrien Blanc", "who sup": "Sophie Aubert", "step no_backup_works": "absence de toute sauvegarde signalée"}[kind+" "+name]
	}
	for text, want := range map[string]string{
		"taken by adm1":                               "pris par Adrien Blanc",
		"assigned to adm1 by sup":                     "affecté à Adrien Blanc par Sophie Aubert",
		"told in writing by step no_backup_works":     "prévenu par écrit à l'étape absence de toute sauvegarde signalée",
		"runs from due:no_backup_works, met by ended": "court depuis l'étape absence de toute sauvegarde signalée, tenue quand c'est terminé",
		"from policy 2af6 to 3b":                      "de la politique 2af6 à 3b",
	} {
		if got := named.Reason(text); got != want {
			t.Errorf("%q is said %q, want %q", text, got, want)
		}
	}
	if got := ask.Refusal(fr, incident.RefuseUnknown("cause", "flood", []string{"load"})); got != `cause : "flood" n'existe pas ; vouliez-vous dire "load" ?` {
		t.Error(got)
	}
}

// What was asked of Prometheus is said in words; the query itself is a detail of the line.
func TestQueriesAreSaidInWords(t *testing.T) {
	words, err := message.NewRenderer(message.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const query = `backup_job_info{customer="dupont",machine=~"(?i:SRV-AD)"}`
	for _, reason := range []string{
		"veeam daily, last success never; asked " + strconv.Quote(query),
		"veeam daily, last success 2026-03-09T07:10:00+01:00; asked " + strconv.Quote(query),
		"last success never; asked " + strconv.Quote(query), // nothing is known of it
		"last success 2026-03-09T07:10:00+01:00; asked " + strconv.Quote(query),
		" , last success never; asked " + strconv.Quote(query), // as it was said before
		" , last success 2026-03-09T07:10:00+01:00; asked " + strconv.Quote(query),
	} {
		for _, code := range words.Languages().Codes() {
			v := &view{}
			v.Locale = locale.Locale{Language: words.Languages().Find(code), Zone: time.UTC}
			row := historyRow{Kind: "evidence", What: "other_backup unknown", Reason: reason}
			if said := v.Because(row.Kind, row.What, row.Reason); strings.Contains(said, "{") || strings.Contains(said, "asked") || code != "en" && strings.Contains(said, "last success") {
				t.Errorf("%s: %q is said as %q", code, reason, said)
			}
			if got := v.Asked(row.Reason); got != query {
				t.Errorf("%s: the query of %q is %q", code, reason, got)
			}
		}
	}
}
