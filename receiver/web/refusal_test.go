package web

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"vigie/receiver/message"
	"vigie/receiver/message/locale"
	"vigie/receiver/web/ask"
	"vigie/rules/act"
	"vigie/rules/incident"
)

// refusals are the forms with which the program refuses something to a person, and
// where each stands.
func refusals(t *testing.T, roots ...string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, root := range roots {
		err := filepath.WalkDir(root, func(file string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
				return err
			}
			tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(tree, func(n ast.Node) bool {
				if form := refusalOf(n); form != "" {
					found[form] = file
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// refusalOf is the form in a call that refuses something; "" for any other.
func refusalOf(n ast.Node) string {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return ""
	}
	name := ""
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		name = f.Sel.Name
		if of, ok := f.X.(*ast.Ident); ok {
			name = of.Name + "." + name
		}
	case *ast.Ident:
		name = f.Name
	}
	if !regexp.MustCompile(`(^|\.)(refuse|refuseField|Refuse)$|^phrase\.Of$`).MatchString(name) {
		return ""
	}
	at := slices.IndexFunc(call.Args, func(e ast.Expr) bool { return isText(e) && strings.Contains(e.(*ast.BasicLit).Value, " ") })
	if at < 0 {
		return ""
	}
	form, _ := strconv.Unquote(call.Args[at].(*ast.BasicLit).Value)
	return form
}

func isText(e ast.Expr) bool {
	text, ok := e.(*ast.BasicLit)
	return ok && text.Kind == token.STRING
}

// Whatever is refused to a person is said in every language, with all its parts, and
// no language has words for a refusal that is none.
func TestRefusalsInEveryLanguage(t *testing.T) {
	all := refusals(t, "../../rules", "../../internal/strict", "../answers", "../web")
	maps.Copy(all, refusals(t, "../emergency.go", "../links.go", "../messages.go", "../report.go", "../silence_act.go"))
	for _, imports := range []string{"../../rules/inventory/ical.go", "../../rules/inventory/rota_ical.go"} {
		for form := range refusals(t, imports) { // faults of files, for whoever installs
			delete(all, form)
		}
	}
	if len(all) < 100 {
		t.Fatalf("only %d refusals are found: the test looks in the wrong place", len(all))
	}
	for _, a := range act.Table() {
		for _, f := range a.Fields {
			if f.Missing != "" {
				all["missing."+f.Missing] = "../../rules/act/table.go"
			}
		}
	}
	for _, r := range []act.Role{act.Customer, act.Viewer, act.Operator, act.Manager} {
		all["access."+string(r)] = "../../rules/act/act.go"
	}
	words, err := message.NewRenderer(message.Options{})
	if err != nil {
		t.Fatal(err)
	}
	hole := regexp.MustCompile(`\{[a-z]+\}`)
	holes := func(form string) []string { return slices.Sorted(slices.Values(hole.FindAllString(form, -1))) }
	for _, code := range words.Languages().Codes() {
		l := words.Languages().Find(code)
		for form, file := range all {
			if said := l.Forms(locale.Refusals + form); len(said) != 1 || !slices.Equal(holes(said[0]), holes(form)) {
				t.Errorf("%s: %s refuses with %q, and refusals.yml says %q", code, file, form, said)
			}
		}
		for _, key := range l.Keys() {
			if form, ok := strings.CutPrefix(key, locale.Refusals); ok && all[form] == "" && !strings.HasPrefix(form, "field.") {
				t.Errorf("%s: nothing refuses with %q any more", code, form)
			}
		}
	}
}

// A refusal's parts are said in the words of the language.
func TestRefusalsInTheReadersWords(t *testing.T) {
	words, err := message.NewRenderer(message.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fr, en := locale.Locale{Language: words.Languages().Find("fr")}, locale.Locale{Language: words.Languages().Find("en")}
	ended := incident.Refuse(409, "the incident is {state}: reopen it first", "state", "closed")
	if got := ask.Refusal(fr, ended); got != "l'incident est clos : rouvrez-le d'abord" {
		t.Error(got)
	}
	if got := ask.Refusal(en, ended); got != ended.Error() {
		t.Error(got)
	}
	missing := incident.Refuse(422, "{field} is missing: {missing}", "field", "into", "missing", "name the incident that goes on")
	if got := ask.Refusal(fr, missing); got != "il manque « incident qui continue » : indiquez l'incident qui continue" {
		t.Error(got)
	}
	fr.Called = func(_, id string) string { return strings.ToUpper(id) }
	if got := ask.Refusal(fr, incident.Refuse(409, "{who} has it already", "who", "adm1")); got != "ADM1 s'en occupe déjà" {
		t.Error(got)
	}
}
