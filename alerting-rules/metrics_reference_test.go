package alertingrules

import (
	"cmp"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write docs/reference/metrics.md anew")

const metricsPage = "../docs/reference/metrics.md"

// TestMetricsReference holds the reference of metrics against what the programs
// and the rules have: each series with its type, labels, meaning and readers.
func TestMetricsReference(t *testing.T) {
	want := metricsReference(t)
	if *update {
		if err := os.WriteFile(metricsPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := os.ReadFile(metricsPage); string(got) != want {
		t.Errorf("%s is out of date: go test ./alerting-rules -run TestMetricsReference -update", metricsPage)
	}
}

// series is one metric as the reference tells it.
type series struct {
	name, kind, help string
	labels           []string
}

func metricsReference(t *testing.T) string {
	t.Helper()
	files := sourceText(t, "../receiver", "../exporters", "../cmd/vigie", "../cmd/backup_exporter")
	receiver, exporter := defined(t, files, "../receiver", "../cmd/vigie"), defined(t, files, "../exporters", "../cmd/backup_exporter")
	exporter = append(exporter, families(t)...)
	recorded := recordedSeries(t)
	who := readersOf(t)

	var b strings.Builder
	b.WriteString("# Every metric\n\nMade of the programs and the rules by `go test ./alerting-rules -run TestMetricsReference -update`. " +
		"The unit stands in the name: `_seconds` are seconds, `_timestamp_seconds` seconds since 1970 (an instant, never an age), `_bytes` bytes, `_total` a count that only grows, " +
		"`_info` is always 1; what has no unit counts things, or is 1 for yes and 0 for no. No label holds an address, a telephone number or an error text.\n\n" +
		"Beside these both programs have the usual `go_*`, `process_*` and `*_build_info`, and Prometheus adds `job` and `instance`. " +
		"\"Read by\" says who of what is shipped reads it: alerts, recorded series (`level:metric:operation`), boards of Grafana, or Vigie itself.\n")
	for _, part := range []struct {
		title, intro string
		all          []series
	}{
		{"The receiver: vigie", "On `/metrics` of `vigie serve`.", receiver},
		{"The exporter: backup_exporter", "On `/metrics` of `backup_exporter`, and in its textfile.", exporter},
		{"Recorded series", "Made by the rules in `alerting-rules/`. `backup_job:*` is of one job (`source`, `customer`, `job_id`); where it ends with `:named` the names of the job " +
			"(`machine`, `machine_class`, `backup_role`, `engine`, `plan`) are joined to it. `:kept` is what stays known of a job while nobody lists it.", recorded},
	} {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| metric | type | labels | meaning | read by |\n|---|---|---|---|---|\n", part.title, part.intro)
		slices.SortFunc(part.all, func(a, b series) int { return cmp.Compare(a.name, b.name) })
		for _, s := range slices.CompactFunc(part.all, func(a, b series) bool { return a.name == b.name }) {
			if s.help == "" {
				t.Errorf("%s has no meaning: say it in its help, or in a comment above its rule", s.name)
			}
			labels := ""
			if len(s.labels) > 0 {
				labels = "`" + strings.Join(s.labels, "`, `") + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", s.name, s.kind, labels, strings.ReplaceAll(s.help, "|", "\\|"), who(s.name))
		}
	}
	return b.String()
}

// sourceText are the parsed files of product code below some folders.
func sourceText(t *testing.T, dirs ...string) map[string]*ast.File {
	t.Helper()
	out := map[string]*ast.File{}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			out[path] = f
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// defined are the metrics that files below some folders make with client_golang.
func defined(t *testing.T, files map[string]*ast.File, dirs ...string) (out []series) {
	t.Helper()
	kinds := regexp.MustCompile(`^New(Counter|Gauge|Histogram|Summary)(Vec|Func)?$`)
	for path, f := range files {
		if !slices.ContainsFunc(dirs, func(d string) bool { return strings.HasPrefix(path, d+"/") }) {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			sel, isSel := callee(call)
			if !ok || !isSel || len(call.Args) == 0 {
				return true
			}
			switch kind := kinds.FindStringSubmatch(sel); {
			case sel == "NewDesc" && len(call.Args) == 4:
				name := literal(call.Args[0])
				k := "gauge"
				if strings.HasSuffix(name, "_total") {
					k = "counter"
				}
				out = append(out, series{name, k, literal(call.Args[1]), literals(call.Args[2])})
			case kind != nil:
				s := series{kind: strings.ToLower(kind[1])}
				s.name, s.help = option(call.Args[0], "Name"), option(call.Args[0], "Help")
				if kind[2] == "Vec" && len(call.Args) == 2 {
					s.labels = literals(call.Args[1])
				}
				if s.name != "" {
					out = append(out, s)
				}
			}
			return true
		})
	}
	return out
}

func callee(call *ast.CallExpr) (string, bool) {
	if call == nil {
		return "", false
	}
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		return f.Sel.Name, true
	case *ast.Ident:
		return f.Name, true
	}
	return "", false
}

// literal is the text of a string that stands in the source.
func literal(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(x.Value)
		return text
	case *ast.BinaryExpr:
		return literal(x.X) + literal(x.Y)
	}
	return ""
}

func literals(e ast.Expr) (out []string) {
	if list, ok := e.(*ast.CompositeLit); ok {
		for _, x := range list.Elts {
			out = append(out, literal(x))
		}
	}
	return out
}

// option is one field of a struct that stands in the source.
func option(e ast.Expr, name string) string {
	if list, ok := e.(*ast.CompositeLit); ok {
		for _, x := range list.Elts {
			if kv, ok := x.(*ast.KeyValueExpr); ok && kv.Key.(*ast.Ident).Name == name {
				return literal(kv.Value)
			}
		}
	}
	return ""
}

// families are the exporter's metrics of jobs and sources, which it writes itself.
func families(t *testing.T) (out []series) {
	t.Helper()
	f := sourceText(t, "../exporters/exposition")["../exporters/exposition/families.go"]
	functions := map[string]*ast.FuncDecl{}
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			functions[fn.Name.Name] = fn
		}
	}
	ast.Inspect(functions["families"], func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		name, _ := callee(call)
		if !ok || name != "customers" && name != "sources" {
			return true
		}
		s := series{name: literal(call.Args[0]), help: literal(call.Args[1]), kind: "gauge"}
		if id, ok := call.Args[2].(*ast.Ident); ok && id.Name == "counter" {
			s.kind = "counter"
		}
		s.labels = labelsWritten(call.Args[len(call.Args)-1], functions, map[string]bool{})
		if len(s.labels) == 0 {
			t.Errorf("no labels found of %s", s.name)
		}
		out = append(out, s)
		return false
	})
	return out
}

// labelsWritten are the labels that a function gives to its samples, or one that
// it calls.
func labelsWritten(n ast.Node, functions map[string]*ast.FuncDecl, seen map[string]bool) (out []string) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.CallExpr:
			if name, _ := callee(x); name == "sample" {
				for i := 2; i < len(x.Args); i += 2 {
					out = append(out, literal(x.Args[i]))
				}
			}
		case *ast.Ident:
			if fn := functions[x.Name]; fn != nil && !seen[x.Name] {
				seen[x.Name] = true
				out = append(out, labelsWritten(fn.Body, functions, seen)...)
			}
		}
		return true
	})
	var once []string
	for _, l := range out {
		if !slices.Contains(once, l) {
			once = append(once, l)
		}
	}
	return once
}

var outermost = regexp.MustCompile(`^\s*\w+ by \(([^)]*)\)`)

// recordedSeries are what the rules record, with the comment above each.
func recordedSeries(t *testing.T) (out []series) {
	t.Helper()
	paths, _ := filepath.Glob("*.yml")
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var doc struct {
			Groups []struct {
				Rules []yaml.Node
			}
		}
		if err := yaml.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		for _, g := range doc.Groups {
			for _, n := range g.Rules {
				var r rule
				if err := n.Decode(&r); err != nil || r.Record == "" {
					continue
				}
				s := series{name: r.Record, kind: "gauge", help: meaning(r.Record, n)}
				if m := outermost.FindStringSubmatch(r.Expr); m != nil {
					for l := range strings.SplitSeq(m[1], ",") {
						s.labels = append(s.labels, strings.TrimSpace(l))
					}
				}
				out = append(out, s)
			}
		}
	}
	return out
}

// meaning is the comment above a rule; a series that only names or keeps another
// one says so by its own name.
func meaning(record string, n yaml.Node) string {
	comment := cmp.Or(n.HeadComment, n.Content[0].HeadComment)
	var words []string
	for line := range strings.Lines(comment) {
		words = append(words, strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "#")))
	}
	if text := strings.TrimSpace(strings.Join(words, " ")); text != "" {
		return text
	}
	parts := strings.Split(record, ":")
	if len(parts) != 3 {
		return ""
	}
	base := strings.TrimPrefix(parts[1], parts[0]+"_")
	switch parts[2] {
	case "named":
		return "`" + parts[0] + "_" + base + "` with the names of the job."
	case "kept":
		return "`" + parts[0] + ":" + base + "` of a job that nobody lists now."
	case "max", "min":
		return "The " + map[string]string{"max": "largest", "min": "smallest"}[parts[2]] + " `" + parts[1] + "` that is told."
	}
	return ""
}

// readersOf says who reads a metric.
func readersOf(t *testing.T) func(string) string {
	t.Helper()
	alerts, records := map[string][]string{}, map[string][]string{}
	for _, r := range rules(t) {
		texts := r.Expr
		for _, a := range r.Annotations {
			texts += " " + a
		}
		for _, m := range wordsOf(texts) {
			switch {
			case r.Alert != "" && !slices.Contains(alerts[m], r.Alert):
				alerts[m] = append(alerts[m], r.Alert)
			case r.Record != "" && r.Record != m && !slices.Contains(records[m], r.Record):
				records[m] = append(records[m], r.Record)
			}
		}
	}
	boards := boardsReading(t)
	asked := askedByVigie(t)
	return func(name string) string {
		var out []string
		if a := alerts[name]; len(a) > 0 {
			slices.Sort(a)
			out = append(out, strings.Join(a, ", "))
		}
		if r := records[name]; len(r) > 0 {
			slices.Sort(r)
			const most = 4
			text := "`" + strings.Join(r[:min(len(r), most)], "`, `") + "`"
			if len(r) > most {
				text += fmt.Sprintf(" and %d more", len(r)-most)
			}
			out = append(out, text)
		}
		if b := boards[name]; len(b) > 0 {
			out = append(out, "boards "+strings.Join(b, ", "))
		}
		if asked[name] {
			out = append(out, "Vigie")
		}
		return strings.Join(out, "; ")
	}
}

var metricWord = regexp.MustCompile(`[a-zA-Z_][a-zA-Z0-9_:]*`)

func wordsOf(text string) []string {
	found := metricWord.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// boardsReading are the boards of Grafana by the metrics that they show.
func boardsReading(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	paths, _ := filepath.Glob("../dashboards/en/*.json")
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		for _, m := range wordsOf(string(text)) {
			out[m] = append(out[m], name)
		}
	}
	return out
}

// askedByVigie are the metrics that the receiver names in a question.
func askedByVigie(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for path, f := range sourceText(t, "../receiver/evidence", "../receiver/chain", "../receiver/board", "../receiver/nights") {
		ast.Inspect(f, func(n ast.Node) bool {
			if x, ok := n.(*ast.BasicLit); ok && x.Kind == token.STRING {
				for _, m := range wordsOf(x.Value) {
					out[m] = true
				}
			}
			return true
		})
		_ = path
	}
	return out
}
