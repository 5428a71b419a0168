package dashboards

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The committed files are what the source makes, all of them and no others.
func TestTheFilesAreWhatTheSourceMakes(t *testing.T) {
	files, err := Files(Defaults(English))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(name)
		if err != nil || string(got) != string(want) {
			t.Errorf("%s is not what the source makes (%v): run `make dashboards`", name, err)
		}
	}
	for _, l := range Languages() {
		found, err := filepath.Glob(filepath.Join(string(l), "*"))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %d files, %v", l, len(found), err)
		}
		for _, name := range found {
			if files[name] == nil {
				t.Errorf("%s belongs to no board", name)
			}
		}
	}
}

func TestTheAddressesAreTheOnesGiven(t *testing.T) {
	files, err := Files(Options{Vigie: "https://vigie.msp.example/", Alertmanager: "https://am.msp.example", Runbooks: "https://books.msp.example/r"})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		for _, want := range []string{`"https://vigie.msp.example"`, `"https://am.msp.example"`, `"https://books.msp.example/r"`} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s lacks %s", name, want)
			}
		}
		if strings.Contains(string(text), "127.0.0.1") {
			t.Errorf("%s still has an address of the examples", name)
		}
	}
}

// every calls f with each board of each language.
func every(t *testing.T, f func(t *testing.T, l Language, d Dashboard)) {
	t.Helper()
	for _, l := range Languages() {
		for _, d := range All(Defaults(l)) {
			t.Run(d.UID, func(t *testing.T) { f(t, l, d) })
		}
	}
}

// covers: S1.1, T7
func TestTheFirstPanelIsMachinesWithoutAGoodBackup(t *testing.T) {
	d := All(Defaults(English))[0]
	if d.UID != "backup-fleet" || d.Panels[0].Title != "Machines without a good backup" || d.Panels[0].GridPos.X != 0 || d.Panels[0].GridPos.Y != 0 {
		t.Errorf("the first board is %s, its first panel %q", d.UID, d.Panels[0].Title)
	}
}

// The conventions of Grafana's dashboard-linter, and what provisioning needs.
func TestEveryBoardKeepsTheConventions(t *testing.T) {
	seen := map[string]bool{}
	every(t, func(t *testing.T, l Language, d Dashboard) {
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		for _, never := range []string{"__inputs", "__requires", "${DS_", `"id":null`, `"version"`} {
			if strings.Contains(string(text), never) {
				t.Errorf("holds %s, which file provisioning does not know", never)
			}
		}
		if seen[d.UID] || len(d.UID) > 40 || d.Title == "" || d.Description == "" || d.Editable || d.SchemaVersion != 39 {
			t.Errorf("uid %q, title %q, editable %v, schema %d", d.UID, d.Title, d.Editable, d.SchemaVersion)
		}
		seen[d.UID] = true
		if !slices.Contains(d.Tags, l.tag()) || len(d.Annotations.List) < 3 || d.Links[0].Tags[0] != l.tag() {
			t.Errorf("tags %v, %d annotations", d.Tags, len(d.Annotations.List))
		}
		if v := d.Templating.List[0]; v.Name != "datasource" || v.Type != "datasource" || v.Query != "prometheus" {
			t.Errorf("the first variable is %+v", v)
		}
		ids, titles := map[int]bool{}, map[string]bool{}
		for i, p := range d.Panels {
			if ids[p.ID] || p.ID < 1 || titles[p.Title] {
				t.Errorf("panel %d, %q: an id or a title twice", p.ID, p.Title)
			}
			ids[p.ID], titles[p.Title] = true, true
			checkPanel(t, p)
			for _, other := range d.Panels[:i] {
				if overlap(p.GridPos, other.GridPos) {
					t.Errorf("%q lies over %q", p.Title, other.Title)
				}
			}
		}
	})
}

func checkPanel(t *testing.T, p Panel) {
	t.Helper()
	if p.Title == "" || p.Description == "" || p.FieldConfig.Defaults.Unit == "" || p.FieldConfig.Defaults.NoValue == "" {
		t.Errorf("%q lacks a title, description, unit or a word for no value", p.Title)
	}
	if g := p.GridPos; g.X < 0 || g.W < 1 || g.H < 1 || g.X+g.W > columns {
		t.Errorf("%q leaves the grid: %+v", p.Title, g)
	}
	if len(p.Targets) == 0 || len(p.Targets) > 26 {
		t.Errorf("%q has %d queries", p.Title, len(p.Targets))
	}
	if !slices.Contains([]string{"stat", "table", "timeseries", "status-history", "state-timeline"}, p.Type) {
		t.Errorf("%q is a %s: Grafana 10 is not known to have it", p.Title, p.Type)
	}
	refs := map[string]bool{}
	for _, q := range p.Targets {
		if q.Datasource != prometheus() || p.Datasource != prometheus() || refs[q.RefID] || q.Instant == q.Range {
			t.Errorf("%q, query %s: %+v", p.Title, q.RefID, q)
		}
		refs[q.RefID] = true
		if regexp.MustCompile(`(rate|irate)\([^\[]*\[[0-9]`).MatchString(q.Expr) {
			t.Errorf("%q: a rate over a fixed span: %s", p.Title, q.Expr)
		}
		if p.Type == "table" && q.Format != "table" || p.Type != "table" && q.Format != "time_series" {
			t.Errorf("%q: a %s asks for %s", p.Title, p.Type, q.Format)
		}
	}
}

func overlap(a, b GridPos) bool {
	return a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H
}

// Green is for what is known to be good; the colour below the first threshold,
// which also stands for "no value", is none.
func TestUnknownAndDisabledAreNeverGreen(t *testing.T) {
	for _, s := range states() {
		if (s.colour == green) != (s.name == "ok") {
			t.Errorf("%s is %s", s.name, s.colour)
		}
	}
	every(t, func(t *testing.T, l Language, d Dashboard) {
		for _, p := range d.Panels {
			all := []*Thresholds{p.FieldConfig.Defaults.Thresholds}
			for _, o := range p.FieldConfig.Overrides {
				for _, x := range o.Properties {
					if v, ok := x.Value.(*Thresholds); ok {
						all = append(all, v)
					}
				}
			}
			for _, th := range all {
				if th != nil && (th.Steps[0].Value != nil || th.Steps[0].Color != plain) {
					t.Errorf("%q: no value would be %s", p.Title, th.Steps[0].Color)
				}
			}
			for _, m := range p.FieldConfig.Defaults.Mappings {
				for value, r := range m.Options {
					if r.Color == green && value != "ok" && value != "2" {
						t.Errorf("%q: %s is green", p.Title, value)
					}
				}
			}
			for _, q := range p.Targets {
				if strings.Contains(q.Expr, "vector(") {
					t.Errorf("%q makes a number out of nothing: %s", p.Title, q.Expr)
				}
			}
		}
	})
}

// Both languages ask the same and differ in every title that is a sentence.
func TestLanguagesAskTheSame(t *testing.T) {
	en, fr := All(Defaults(English)), All(Defaults(French))
	same := 0
	for i, d := range en {
		if len(d.Panels) != len(fr[i].Panels) {
			t.Fatalf("%s: %d panels in English, %d in French", d.UID, len(d.Panels), len(fr[i].Panels))
		}
		for n, p := range d.Panels {
			f := fr[i].Panels[n]
			if p.Description == f.Description {
				t.Errorf("%s: %q is described in one language only", d.UID, p.Title)
			}
			if p.Title == f.Title {
				same++
			}
			for k, q := range p.Targets {
				if words.ReplaceAllString(q.Expr, "") != words.ReplaceAllString(f.Targets[k].Expr, "") {
					t.Errorf("%s, %q: the languages ask differently:\n%s\n%s", d.UID, p.Title, q.Expr, f.Targets[k].Expr)
				}
			}
		}
	}
	if same > 12 { // Machines, Agent, Sources, Transmissions ... are the same in both
		t.Errorf("%d titles are the same in both languages", same)
	}
}

// words are texts for people inside a query.
var words = regexp.MustCompile(`"what", "[^"]*"`)

// Every link within the boards leads to a board that is there, with variables
// that it has.
func TestLinksLeadSomewhere(t *testing.T) {
	boards := map[string]Dashboard{}
	every(t, func(_ *testing.T, _ Language, d Dashboard) { boards[d.UID] = d })
	link := regexp.MustCompile(`/d/([a-z-]+)\?([^"]*)`)
	every(t, func(t *testing.T, l Language, d Dashboard) {
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(strings.ReplaceAll(string(text), `\u0026`, "&"), -1) {
			to, ok := boards[m[1]]
			if !ok || !slices.Contains(to.Tags, l.tag()) {
				t.Errorf("leads to %s, which is not there in this language", m[1])
			}
			for part := range strings.SplitSeq(m[2], "&") {
				name, _, _ := strings.Cut(part, "=")
				if !slices.ContainsFunc(to.Templating.List, func(v Variable) bool { return "var-"+v.Name == name }) {
					t.Errorf("%s has no variable %s", m[1], name)
				}
			}
		}
		for _, book := range regexp.MustCompile(`\$\{runbooks\}/([A-Za-z]+)`).FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join("..", "docs", "runbooks", "en", book[1]+".md")); err != nil {
				t.Error(err)
			}
		}
	})
	if len(boards) != 18 {
		t.Errorf("%d boards", len(boards))
	}
	if fmt.Sprint(boards["backup-fleet"].Panels[2].Type) != "table" {
		t.Error("the fleet has no table of who is without a backup")
	}
}
