package store

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vigie/rules/incident"
	"vigie/rules/incidents"
	"vigie/rules/model"
)

// What the clock asks each second, and what each signal asks, must find its
// rows by an index: a table may hold a million open incidents.
func TestQueriesUseIndexes(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	// Walking an index is as bad as walking the table, unless it holds only what
	// is wanted or the walk ends early.
	walked := []string{"SCAN CONSTANT ROW", "SCAN notification USING COVERING INDEX notification_held", "SCAN unsealed", "SCAN arrived", "SCAN seal ", "SCAN h USING COVERING INDEX seal_head_chain"}
	for _, query := range []string{
		`SELECT id FROM incident WHERE wake_at <= 1 ORDER BY wake_at, number LIMIT 10`,
		strings.ReplaceAll(anyDue, "?", "1"),
		`SELECT id FROM incident WHERE ask_at <= 1 ORDER BY ask_at, number LIMIT 10`,
		`SELECT id, number FROM incident WHERE open = 1 AND number > 1 ORDER BY number LIMIT 10`,
		`SELECT value FROM incident WHERE blinds = 1 AND open = 1 ORDER BY number`,
		`SELECT value FROM incident WHERE entry = 'correlated' AND open = 1 ORDER BY number`,
		`SELECT value FROM incident WHERE open = 1 AND began_at >= 1`,
		`SELECT value FROM incident WHERE open = 1 AND outage > '' AND outage <> '' AND began_at < 1`,
		`SELECT value FROM incident WHERE outage = 'o' AND outage <> '' ORDER BY number`,
		`SELECT value FROM incident WHERE (key = 'k' OR (customer = 'c' AND machine = 'm' AND machine <> '') OR (platform = 'p' AND platform <> '')
			OR (host = 'h' AND host <> '')) AND (open = 1 OR resolved_at > 1)`,
		`SELECT value FROM incident WHERE customer = 'c' AND machine = 'm' AND machine <> '' AND open = 1`,
		`SELECT incident FROM alert WHERE source = 's' AND place IN (x'01', x'') AND fingerprint = 'f' AND EXISTS (SELECT 1 FROM incident i WHERE i.id = alert.incident AND i.open = 1)`,
		`SELECT incident FROM alert WHERE source = 's'`,
		strings.ReplaceAll(anyWork, "?", "1"),
		`SELECT number, sha256 FROM arrived ORDER BY number LIMIT 10`,
		`SELECT bundle_key, MIN(hold_until), MIN(rowid) FROM notification WHERE message = '' AND hold_until <= 1 GROUP BY bundle_key`,
		`SELECT id, incident, bundle_key, hold_until, rowid, value FROM notification
			WHERE message = '' AND incident IN (SELECT incident FROM notification WHERE bundle_key = 'b' AND message = '')`,
		`SELECT value FROM ignored WHERE again_at <= 1 ORDER BY again_at LIMIT 10`,
		`SELECT pseudonym FROM person WHERE name = 'n'`,
		`SELECT chain, length, head FROM unsealed ORDER BY chain LIMIT 10`,
		`SELECT number, at, previous, hash FROM seal ORDER BY number DESC LIMIT 1`,
		`SELECT MIN(number) FROM seal WHERE at >= 1`,
		`SELECT DISTINCT h.chain FROM seal_head h WHERE h.seal <= 1 AND NOT EXISTS (SELECT 1 FROM seal_head l WHERE l.chain = h.chain AND l.seal > 1)`,
		`DELETE FROM person WHERE NOT EXISTS (SELECT 1 FROM journal WHERE actor = pseudonym AND actor <> '') AND pseudonym = 'p'`,
		strings.NewReplacer("next_at <= ?", "next_at <= 1", "LIMIT ?", "LIMIT 64").Replace(selectTransmissions + dueTransmissions),
	} {
		err := s.View(t.Context(), func(tx *Tx) error {
			rows, err := tx.q.Query(`EXPLAIN QUERY PLAN ` + query)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var id, parent, unused int
				var detail string
				if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
					return err
				}
				if strings.Contains(detail, "AUTOMATIC") || strings.HasPrefix(detail, "SEARCH ahead USING INDEX transmission_due") ||
					strings.HasPrefix(detail, "SCAN") && !slices.ContainsFunc(walked, func(w string) bool { return strings.HasPrefix(detail, w) }) {
					t.Errorf("%s\n  %s", query, detail)
				}
			}
			return rows.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Whatever else is asked by something that varies must not read a whole table for it,
// unless it does so seldom and once, as these do. What SQLite is not told at the time
// when it plans, such as that a message has a name, does not help to choose an index.
func TestStatementsUseIndexes(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	seldom := []string{
		"SELECT m.id, m.template, t.address, t.channel, t.ended_at,", // a report of a month
		"SELECT COUNT(*) FROM (SELECT 1 FROM incident WHERE opened_at < ? LIMIT 1)",
		"SELECT channel, MAX(ended_at) FROM transmission", // goes through the newest messages
	}
	texts := statementsOf(t)
	if len(texts) < 50 {
		t.Fatalf("%d statements found", len(texts))
	}
	for _, text := range texts {
		if slices.ContainsFunc(seldom, func(s string) bool { return strings.HasPrefix(text, s) }) {
			continue
		}
		err := s.View(t.Context(), func(tx *Tx) error {
			rows, err := tx.q.Query(`EXPLAIN QUERY PLAN `+text, make([]any, strings.Count(text, "?"))...)
			if err != nil {
				return nil // a part of a statement, or one for a server
			}
			defer rows.Close()
			for rows.Next() {
				var id, parent, unused int
				var detail string
				if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
					return err
				}
				whole := strings.HasPrefix(detail, "SCAN") && !strings.Contains(detail, "CONSTANT ROW") && !strings.Contains(detail, "INDEX notification_held")
				// All that is on its way is as much, where it is gone through for something else.
				whole = whole || strings.Contains(detail, "transmission_due (next_at>?)") && !strings.HasPrefix(detail, "SEARCH transmission ")
				if whole || strings.Contains(detail, "AUTOMATIC") {
					t.Errorf("%s\n  %s", text, detail)
				}
			}
			return rows.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// statementsOf returns the package's statements that ask by something that varies, as far
// as each stands in one piece.
func statementsOf(t *testing.T) (texts []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if sum, is := n.(*ast.BinaryExpr); is && sum.Op == token.ADD {
				return false // put together
			}
			if l, is := n.(*ast.BasicLit); is && l.Kind == token.STRING {
				text, err := strconv.Unquote(l.Value)
				if verb, rest, _ := strings.Cut(strings.TrimSpace(text), " "); err == nil && strings.Contains(rest, "WHERE") && strings.Contains(rest, "?") &&
					slices.Contains([]string{"SELECT", "UPDATE", "DELETE"}, verb) {
					texts = append(texts, text)
				}
			}
			return true
		})
	}
	return texts
}

// What changed nothing of an incident writes nothing, however often it is saved.
func TestSaveWritesChanges(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	at := time.Date(2026, 3, 9, 7, 10, 0, 0, time.UTC)
	save := func(change func(*Record)) (written int64) {
		t.Helper()
		err := s.Update(t.Context(), func(tx *Tx) error {
			r, err := tx.Incident("i1")
			if errors.Is(err, ErrNotFound) {
				r, err = NewRecord(incident.Incident{ID: "i1", Number: 1, Key: "k", State: model.Open, OpenedAt: at}), nil
			}
			if err != nil {
				return err
			}
			change(r)
			before, err := tx.number(`SELECT total_changes()`)
			if err != nil {
				return err
			}
			if err := tx.Save(r); err != nil {
				return err
			}
			written, err = tx.number(`SELECT total_changes()`)
			written -= before
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return written
	}
	for n, c := range []struct {
		change func(*Record)
		writes bool
	}{
		{func(*Record) {}, true},
		{func(*Record) {}, false},
		{func(r *Record) { r.LastSeen = at }, true},
		{func(r *Record) { r.LastSeen = at.In(time.FixedZone("", 0)) }, false},
		{func(r *Record) { r.WakeAt = at }, true},
		{func(r *Record) { r.WakeAt = at.Local() }, false},
		{func(r *Record) { r.WakeWith = incidents.WakeRelated }, true},
		{func(r *Record) { r.AskAt = at }, true},
		{func(r *Record) { r.Outage = "i2" }, true},
		{func(r *Record) { r.OutageMarks = true }, true},
		{func(r *Record) { r.Root = "m" }, true},
		{func(r *Record) { r.Blinds = true }, true},
		{func(r *Record) { r.Alerts = map[string]*incident.Alert{"f": {Firing: true}} }, true},
		{func(*Record) {}, false},
	} {
		if got := save(c.change); (got > 0) != c.writes {
			t.Errorf("change %d: %d rows written", n, got)
		}
	}
}
