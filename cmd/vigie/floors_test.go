package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// pkg is what `go list` says of a package.
type pkg struct {
	ImportPath string
	Name       string
	Dir        string
	GoFiles    []string
	CgoFiles   []string
	Imports    []string
	Deps       []string
}

func list(t *testing.T) map[string]pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Name,Dir,GoFiles,CgoFiles,Imports,Deps", "vigie/...").Output()
	if err != nil {
		var e *exec.ExitError
		if errors.As(err, &e) {
			t.Fatalf("go list: %v\n%s", err, e.Stderr)
		}
		t.Fatal(err)
	}
	all := map[string]pkg{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all[p.ImportPath] = p
	}
}

// floor is how high a package stands; -1 for one that has no floor.
func floor(path string) int {
	under := func(prefix string) bool { return path == prefix || strings.HasPrefix(path, prefix+"/") }
	switch {
	case under("vigie/rules"):
		return 0
	case under("vigie/receiver/store"), under("vigie/receiver/notify"), under("vigie/receiver/message"), under("vigie/receiver/alertmanager"), under("vigie/receiver/evidence"), under("vigie/receiver/link"),
		under("vigie/receiver/token"), under("vigie/receiver/identity"), under("vigie/receiver/heartbeat"), under("vigie/receiver/loop"):
		return 1
	case under("vigie/receiver/memory"), under("vigie/receiver/answers"), under("vigie/receiver/letter"), under("vigie/receiver/board"), under("vigie/receiver/nights"), under("vigie/receiver/promised"), under("vigie/receiver/probes"), under("vigie/receiver/leavers"), under("vigie/receiver/lead"), under("vigie/receiver/sending"):
		return 2
	case under("vigie/receiver/config"), under("vigie/receiver/chain"), under("vigie/receiver/reports"), under("vigie/receiver/outbox"):
		return 3
	case path == "vigie/receiver":
		return 4
	case under("vigie/receiver/webhook"), under("vigie/receiver/web"):
		return 5
	case path == "vigie/exporters",
		path == "vigie/exporters/push",                                           // whose store keeps what mails report, too
		path == "vigie/exporters/exposition",                                     // what the model becomes on /metrics
		path == "vigie/exporters/httpclient",                                     // how products are reached
		path == "vigie/exporters/misbehave",                                      // faults that all simulators share
		path == "vigie/exporters/winevent", path == "vigie/exporters/winservice": // what Windows gives to several sources
		return 0
	case under("vigie/exporters"):
		return 1
	case under("vigie/cmd"):
		return 6
	}
	return -1
}

// A package imports only what lies below it, or inside its own room, and the
// two halves meet nowhere but in names.
func TestImportsPointDown(t *testing.T) {
	room := func(path string) string {
		parts := strings.SplitN(path, "/", 4)
		return strings.Join(parts[:min(3, len(parts))], "/")
	}
	for path, p := range list(t) {
		mine := floor(path)
		if mine < 0 {
			continue
		}
		for _, dep := range p.Imports {
			theirs := floor(dep)
			if theirs < 0 {
				continue
			}
			ruleRoom := mine == 0 && theirs == 0 && strings.HasPrefix(path, "vigie/rules") == strings.HasPrefix(dep, "vigie/rules")
			if theirs >= mine && room(path) != room(dep) && !ruleRoom {
				t.Errorf("%s (floor %d) imports %s (floor %d)", path, mine, dep, theirs)
			}
		}
		for _, dep := range p.Deps {
			receives := strings.HasPrefix(path, "vigie/receiver") || strings.HasPrefix(path, "vigie/rules") || path == "vigie/cmd/vigie"
			exports := strings.HasPrefix(path, "vigie/exporters") || path == "vigie/cmd/backup_exporter"
			if receives && strings.HasPrefix(dep, "vigie/exporters") || exports && (strings.HasPrefix(dep, "vigie/receiver") || strings.HasPrefix(dep, "vigie/rules")) {
				t.Errorf("%s reaches over to %s", path, dep)
			}
		}
	}
}

// The rooms below the decisions, and what each may import of this module. The
// ground is shared by receiver and exporter, so it knows neither.
func TestRoomsOfTheGround(t *testing.T) {
	rooms := map[string][]string{
		"vigie/internal/phrase":     {},
		"vigie/internal/strict":     {"vigie/internal/phrase"},
		"vigie/internal/sheet":      {},
		"vigie/internal/remote":     {"vigie/internal/strict"},
		"vigie/internal/mailauth":   {},
		"vigie/internal/clip":       {},
		"vigie/internal/zoneword":   {},
		"vigie/internal/mailread":   {"vigie/internal/clip", "vigie/internal/zoneword"},
		"vigie/internal/imapbox":    {"vigie/internal/clip", "vigie/internal/mailauth", "vigie/internal/mailread"},
		"vigie/internal/fleet":      {"vigie/internal/strict", "vigie/internal/sheet"},
		"vigie/rules/calendar":      {},
		"vigie/rules/calendar/ical": {"vigie/rules/calendar"},
		"vigie/rules/availability":  {"vigie/rules/calendar"},
		"vigie/rules/mailbox":       {"vigie/internal/clip"},
		"vigie/rules/act":           {"vigie/internal/phrase"},
		"vigie/rules/model":         {},
		"vigie/rules/inventory":     {"vigie/internal/strict", "vigie/internal/sheet", "vigie/internal/fleet", "vigie/rules/calendar", "vigie/rules/calendar/ical", "vigie/rules/mailbox", "vigie/rules/model", "vigie/rules/act"},
		"vigie/rules/copies":        {"vigie/internal/fleet", "vigie/rules/inventory"},
		"vigie/rules/policy":        {"vigie/internal/strict", "vigie/internal/fleet", "vigie/rules/availability", "vigie/rules/calendar", "vigie/rules/model", "vigie/rules/inventory"},
		"vigie/rules/incident":      {"vigie/internal/phrase", "vigie/internal/strict", "vigie/rules/availability", "vigie/rules/calendar", "vigie/rules/model"},
		"vigie/rules/book":          {"vigie/rules/act", "vigie/rules/availability", "vigie/rules/calendar", "vigie/rules/incident", "vigie/rules/inventory", "vigie/rules/model", "vigie/rules/policy"},
		"vigie/rules/classify":      {"vigie/internal/clip", "vigie/rules/book", "vigie/rules/incident", "vigie/rules/inventory", "vigie/rules/model", "vigie/rules/policy"},
		"vigie/rules/situation":     {"vigie/rules/act", "vigie/rules/book", "vigie/rules/calendar", "vigie/rules/incident", "vigie/rules/inventory", "vigie/rules/model", "vigie/rules/policy"},
		"vigie/rules/report":        {"vigie/rules/availability", "vigie/rules/calendar", "vigie/rules/copies", "vigie/rules/incident", "vigie/rules/model", "vigie/rules/policy"},
		"vigie/rules/explain":       {"vigie/rules/book", "vigie/rules/incident", "vigie/rules/model", "vigie/rules/policy", "vigie/rules/situation"},
	}
	all := list(t)
	for path, below := range rooms {
		p, there := all[path]
		if !there {
			t.Errorf("there is no room %s", path)
		}
		for _, dep := range p.Imports {
			if strings.HasPrefix(dep, "vigie/") && !slices.Contains(below, dep) {
				t.Errorf("%s imports %s", path, dep)
			}
		}
	}
}

// No package outgrows what a reader can hold: lines of product code, without tests.
func TestNoPackageOutgrowsItsRoom(t *testing.T) {
	for path, p := range list(t) {
		const most = 4500
		lines := 0
		for _, file := range append(p.GoFiles, p.CgoFiles...) {
			text, err := os.ReadFile(filepath.Join(p.Dir, file))
			if err != nil {
				t.Fatal(err)
			}
			lines += bytes.Count(text, []byte("\n"))
		}
		if lines > most {
			t.Errorf("%s has %d lines; at most %d: give it another room", path, lines, most)
		}
	}
}

// No type wears everything: the methods that product code declares on it.
func TestNoTypeWearsEverything(t *testing.T) {
	const most = 60
	for path, p := range list(t) {
		methods := map[string]int{}
		for _, file := range append(p.GoFiles, p.CgoFiles...) {
			tree, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, file), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range tree.Decls {
				if f, is := d.(*ast.FuncDecl); is && f.Recv != nil {
					methods[receiverType(f.Recv.List[0].Type)]++
				}
			}
		}
		for name, n := range methods {
			if n > most {
				t.Errorf("%s.%s has %d methods; at most %d: give some to a type of their own", path, name, n, most)
			}
		}
	}
}

// receiverType is the name of the type that a method belongs to.
func receiverType(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiverType(e.X)
	case *ast.IndexExpr:
		return receiverType(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// Each foreign package has one home.
func TestForeignPackagesHaveOneHome(t *testing.T) {
	homes := map[string][]string{
		"github.com/prometheus/common/config":                       {"vigie/internal/remote", "vigie/receiver/config", "vigie/exporters", "vigie/exporters/httpclient"},
		"github.com/gorilla/mux":                                    {"vigie/receiver/webhook", "vigie/receiver/web"},
		"mvdan.cc/sh/v3/syntax":                                     {"vigie/exporters/push/programs"},
		"github.com/yuin/goldmark":                                  {"vigie/docs"},
		"github.com/alexedwards/scs/v2":                             {"vigie/receiver/web"},
		"github.com/coreos/go-oidc/v3/oidc":                         {"vigie/receiver/identity"},
		"golang.org/x/oauth2":                                       {"vigie/receiver/identity", "vigie/internal/mailauth"},
		"github.com/mattn/go-sqlite3":                               {"vigie/receiver/store/sqlite"},
		"github.com/jackc/pgx/v5":                                   {"vigie/receiver/store", "vigie/receiver/store/pg"},
		"github.com/jackc/pgx/v5/stdlib":                            {"vigie/receiver/store", "vigie/receiver/store/pg"},
		"github.com/jackc/pgx/v5/pgconn":                            {"vigie/receiver/store", "vigie/receiver/store/pg", "vigie/receiver/store/pgtest"},
		"database/sql":                                              {"vigie/receiver/store", "vigie/receiver/store/engine", "vigie/receiver/store/journal", "vigie/receiver/store/pg", "vigie/receiver/store/sqlite", "vigie/receiver/store/tables", "vigie/exporters/arcserve"},
		"github.com/microsoft/go-mssqldb":                           {"vigie/exporters/arcserve"},
		"github.com/microsoft/go-mssqldb/msdsn":                     {"vigie/exporters/arcserve"},
		"github.com/xhit/go-simple-mail/v2":                         {"vigie/receiver/notify"},
		"github.com/prometheus/alertmanager/template":               {"vigie/receiver/webhook"},
		"github.com/prometheus/alertmanager/api/v2/client":          {"vigie/receiver/alertmanager"},
		"github.com/prometheus/alertmanager/api/v2/models":          {"vigie/receiver/alertmanager"},
		"github.com/prometheus/alertmanager/pkg/labels":             {"vigie/rules/model"},
		"github.com/prometheus/alertmanager/matcher/parse":          {"vigie/rules/model"},
		"github.com/prometheus/client_golang/api":                   {"vigie/receiver/evidence"},
		"github.com/prometheus/client_golang/api/prometheus/v1":     {"vigie/receiver/evidence"},
		"github.com/prometheus/client_golang/prometheus/promauto":   {"vigie/receiver", "vigie/receiver/answers", "vigie/receiver/webhook", "vigie/exporters", "vigie/exporters/exposition", "vigie/cmd/backup_exporter"},
		"github.com/prometheus/client_golang/prometheus/promhttp":   {"vigie/cmd/vigie", "vigie/cmd/backup_exporter"},
		"github.com/prometheus/client_golang/prometheus/collectors": {"vigie/cmd/vigie", "vigie/cmd/backup_exporter"},
		"github.com/alecthomas/kingpin/v2":                          {"vigie/cmd/vigie", "vigie/cmd/backup_exporter", "vigie/cmd/vigie-lab", "vigie/docs/reference/referencetest"},
		"github.com/emersion/go-smtp":                               {"vigie/receiver/smtpsink", "vigie/exporters/inbox"},
		"github.com/emersion/go-imap/v2":                            {"vigie/internal/imapbox", "vigie/exporters/inbox/inboxsim"},
		"github.com/emersion/go-imap/v2/imapclient":                 {"vigie/internal/imapbox"},
		"github.com/emersion/go-imap/v2/imapserver":                 {"vigie/exporters/inbox/inboxsim"},
	}
	for path, p := range list(t) {
		for _, dep := range p.Imports {
			if allowed, known := homes[dep]; known && !slices.Contains(allowed, path) {
				t.Errorf("%s imports %s, whose home is %s", path, dep, strings.Join(allowed, " or "))
			}
		}
		for _, dep := range p.Deps {
			if strings.HasPrefix(dep, "github.com/prometheus/alertmanager/notify") || dep == "github.com/prometheus/alertmanager/config" {
				t.Errorf("%s pulls in %s and hundreds of packages with it", path, dep)
			}
		}
	}
}

// The exporter runs on customers' machines: it must build without a C compiler.
func TestExporterNeedsNoC(t *testing.T) {
	p, there := list(t)["vigie/cmd/backup_exporter"]
	if !there {
		t.Skip("cmd/backup_exporter is not in this tree")
	}
	if slices.Contains(p.Deps, "github.com/mattn/go-sqlite3") {
		t.Error("backup_exporter needs cgo")
	}
}

// The rules are pure: no clock, no file, no network, no log of their own.
func TestRulesArePure(t *testing.T) {
	for path, p := range list(t) {
		ground := path == "vigie/internal/strict" || path == "vigie/internal/fleet" || path == "vigie/internal/clip" || path == "vigie/internal/phrase"
		if !ground && !strings.HasPrefix(path, "vigie/rules") || p.Name == "main" {
			continue
		}
		for _, forbidden := range []string{"os", "net", "net/http", "log", "log/slog", "database/sql", "context", "math/rand", "crypto/rand"} {
			if slices.Contains(p.Imports, forbidden) {
				t.Errorf("%s imports %s", path, forbidden)
			}
		}
	}
}
