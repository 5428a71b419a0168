package act_test

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"vigie/rules/act"
)

var update = flag.Bool("update", false, "write the table of docs/acts.md anew")

// The documentation has every act, as the table has it.
func TestReference(t *testing.T) {
	const path, begins, ends = "../../docs/acts.md", "<!-- acts -->\n", "<!-- /acts -->"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begins)
	old, after, also := strings.Cut(rest, ends)
	if !ok || !also {
		t.Fatalf("%s has no section for the table", path)
	}
	if *update {
		if err := os.WriteFile(path, []byte(before+begins+act.Reference()+ends+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != act.Reference() {
		t.Errorf("%s does not say what the table says: go test ./rules/act -update", path)
	}
}

// Every act can be asked for by a button, written as a command, and explained.
func TestTable(t *testing.T) {
	purposes, verbs := map[string]bool{}, map[string]bool{}
	for _, a := range act.Table() {
		if verbs[a.Verb] || a.Does == "" || len(a.Who) == 0 || len(a.Forms) == 0 {
			t.Errorf("%s: stands twice, or says not what it does, who may, or how it is asked for", a.Verb)
		}
		verbs[a.Verb] = true
		for _, f := range a.Fields {
			if f.Name == "" || f.Kind == "" || f.Help == "" {
				t.Errorf("%s: field %+v says too little", a.Verb, f)
			}
		}
		for _, form := range a.Forms {
			if purposes[form.Purpose] {
				t.Errorf("purpose %s stands twice", form.Purpose)
			}
			purposes[form.Purpose] = true
			settled := []string{}
			for i := 0; i+1 < len(form.Settled); i += 2 {
				settled = append(settled, form.Settled[i])
			}
			for _, name := range slices.Concat(form.Asks, form.Must, form.Writes, settled) {
				if f, has := a.Field(name); !has || f.Internal {
					t.Errorf("%s: the form %s names the field %q", a.Verb, form.Purpose, name)
				}
			}
			for _, f := range a.Fields {
				if f.Required && !slices.Contains(form.Must, f.Name) && !slices.Contains(settled, f.Name) {
					t.Errorf("%s: the form %s lets the required field %s out", a.Verb, form.Purpose, f.Name)
				}
				if f.Required && !slices.Contains(form.Writes, f.Name) && !slices.Contains(settled, f.Name) {
					t.Errorf("%s: the command of %s lacks the required field %s", a.Verb, form.Purpose, f.Name)
				}
			}
			if c := act.Command(form.Purpose, "12"); !strings.HasPrefix(c, "vigie act "+a.Verb+" 12") {
				t.Errorf("%s: the command is %q", form.Purpose, c)
			}
		}
	}
}
