package web

import (
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"vigie/receiver/web/openapi"
)

var update = flag.Bool("update", false, "make docs/reference/api.md and openapi/words.json anew")

// The page of the API has a row for each request, made of the table of routes.
func TestAPIReference(t *testing.T) {
	const page, head = "../../docs/reference/api.md", "| request | who |"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	want := tableOfAPI(append((&site{}).operations(), machineOperations()...))
	if strings.Contains(string(text), want) {
		return
	}
	if !*update {
		t.Fatalf("%s is out of date: make it anew with go test ./receiver/web -run TestAPIReference -update", page)
	}
	before, rest, _ := strings.Cut(string(text), head)
	_, after, _ := strings.Cut(rest, "\n\n")
	if err := os.WriteFile(page, []byte(before+want+"\n"+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// What the description of the API says of types and fields is what their comments
// say, and the values of a type are its constants.
func TestWordsOfTheAPI(t *testing.T) {
	const file = "openapi/words.json"
	_, types := (&site{}).document()
	told := openapi.Told{Words: map[string]string{}, Enums: map[string][]string{}}
	byDir := map[string][]string{}
	for _, name := range types {
		if dir, ok := strings.CutPrefix(name, "vigie/"); ok {
			i := strings.LastIndexByte(dir, '.')
			byDir[dir[:i]] = append(byDir[dir[:i]], dir[i+1:])
		}
	}
	for dir, names := range byDir {
		comments(t, dir, names, &told)
	}
	want, err := json.MarshalIndent(told, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, append(want, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, _ := os.ReadFile(file); string(got) != string(want)+"\n" {
		t.Errorf("%s is out of date: make it anew with go test ./receiver/web -run TestWordsOfTheAPI -update", file)
	}
}

// comments gathers what the source in a folder says of some types.
func comments(t *testing.T, dir string, names []string, told *openapi.Told) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../..", dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range tree.Decls {
			g, is := d.(*ast.GenDecl)
			if !is {
				continue
			}
			for _, spec := range g.Specs {
				switch x := spec.(type) {
				case *ast.TypeSpec:
					if slices.Contains(names, x.Name.Name) {
						ofType("vigie/"+dir+"."+x.Name.Name, x, said(x.Doc, g.Doc), told)
					}
				case *ast.ValueSpec:
					if kind, is := x.Type.(*ast.Ident); is && g.Tok == token.CONST && slices.Contains(names, kind.Name) {
						constants("vigie/"+dir+"."+kind.Name, x, told)
					}
				}
			}
		}
	}
}

func ofType(name string, x *ast.TypeSpec, doc string, told *openapi.Told) {
	if doc != "" {
		told.Words[name] = doc
	}
	fields, is := x.Type.(*ast.StructType)
	if !is {
		return
	}
	for _, f := range fields.Fields.List {
		if text := said(f.Doc, f.Comment); text != "" && len(f.Names) == 1 && f.Names[0].IsExported() {
			told.Words[name+"."+f.Names[0].Name] = text
		}
	}
}

func constants(name string, x *ast.ValueSpec, told *openapi.Told) {
	for _, v := range x.Values {
		if text, is := v.(*ast.BasicLit); is && text.Kind == token.STRING {
			if value, err := strconv.Unquote(text.Value); err == nil && value != "" {
				told.Enums[name] = append(told.Enums[name], value)
			}
		}
	}
}

// said is the first comment that there is, as one line.
func said(groups ...*ast.CommentGroup) string {
	for _, g := range groups {
		if text := strings.Join(strings.Fields(g.Text()), " "); text != "" {
			return text
		}
	}
	return ""
}
