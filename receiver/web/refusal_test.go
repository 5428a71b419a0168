package web

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"vigie/receiver"
	"vigie/receiver/message"
	"vigie/receiver/message/locale"
	"vigie/rules/act"
	"vigie/rules/incident"
)

// reasons are all forms with which the given files refuse something to a person.
func reasons(t *testing.T, globs ...string) []string {
	t.Helper()
	var out []string
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
			ast.Inspect(tree, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) < 2 {
					return true
				}
				name := ""
				switch f := call.Fun.(type) {
				case *ast.SelectorExpr:
					name = f.Sel.Name
				case *ast.Ident:
					name = f.Name
				}
				at := 1
				if name == "refuseField" {
					at = 2
				}
				text, ok := call.Args[min(at, len(call.Args)-1)].(*ast.BasicLit)
				if slices.Contains([]string{"refuse", "refused", "refuseField"}, name) && ok && text.Kind == token.STRING {
					form, err := strconv.Unquote(text.Value)
					if err != nil {
						t.Fatal(err)
					}
					out = append(out, form)
				}
				return true
			})
		}
	}
	return out
}

// Whatever the engine refuses to a person is said in his language, with all its
// parts in their order.
func TestRefusalsInEveryLanguage(t *testing.T) {
	all := reasons(t, "../../rules/*.go", "../../rules/incidents/*.go", "../links.go", "../links_rows.go", "../silence_act.go", "../emergency.go")
	for _, a := range act.Table() {
		for _, f := range a.Fields {
			if f.Missing != "" {
				all = append(all, f.Missing)
			}
		}
	}
	if len(all) < 50 {
		t.Fatalf("only %d reasons are found: the test looks in the wrong place", len(all))
	}
	words, err := message.NewRenderer(message.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fr, en := locale.Locale{Language: words.Languages().Find("fr")}, locale.Locale{Language: words.Languages().Find("en")}
	for _, form := range all {
		if form == "%s" {
			continue // what is wrong with a word that no form of ours sends
		}
		for _, l := range []locale.Locale{fr, en} {
			said := l.Word(locale.Pages + "refusal." + form)
			if said == "" || strings.Count(said, "%") != strings.Count(form, "%") {
				t.Errorf("%s: %q is said as %q", l.Code, form, said)
			}
		}
		if fr.Word(locale.Pages+"refusal."+form) == form {
			t.Errorf("%q is not said in French", form)
		}
	}
	refused := &receiver.RefusedError{Refusal: incident.Refuse(409, "the incident is %s: reopen it first", "closed")}
	if got := refusal(fr, strings.ToLower, refused); got != "l'incident est clos : rouvrez-le d'abord" {
		t.Error(got)
	}
	if got := refusal(en, strings.ToLower, refused); got != refused.Error() {
		t.Error(got)
	}
}
