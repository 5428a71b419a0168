package store

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
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
	walked := []string{"SCAN notification USING COVERING INDEX notification_held", "SCAN unsealed", "SCAN seal ", "SCAN h USING COVERING INDEX seal_head_chain"}
	for _, query := range []string{
		`SELECT id FROM incident WHERE wake_at <= 1 ORDER BY wake_at, number LIMIT 10`,
		`SELECT id FROM incident WHERE ask_at <= 1 ORDER BY ask_at, number LIMIT 10`,
		`SELECT value FROM incident WHERE blinds = 1 AND open = 1 ORDER BY number`,
		`SELECT value FROM incident WHERE entry = 'correlated' AND open = 1 ORDER BY number`,
		`SELECT value FROM incident WHERE open = 1 AND began_at >= 1`,
		`SELECT value FROM incident WHERE open = 1 AND outage > '' AND outage <> '' AND began_at < 1`,
		`SELECT value FROM incident WHERE outage = 'o' AND outage <> '' ORDER BY number`,
		`SELECT value FROM incident WHERE (key = 'k' OR (customer = 'c' AND machine = 'm' AND machine <> '') OR (platform = 'p' AND platform <> '')
			OR (host = 'h' AND host <> '')) AND (open = 1 OR resolved_at > 1) ORDER BY number`,
		`SELECT value FROM incident WHERE customer = 'c' AND machine = 'm' AND machine <> '' AND open = 1 ORDER BY number`,
		`SELECT a.incident FROM alert a JOIN incident i ON i.id = a.incident WHERE a.fingerprint = 'f' AND a.firing = 1 AND i.open = 1`,
		`SELECT bundle_key FROM notification WHERE message = '' AND hold_until <= 1 GROUP BY bundle_key`,
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
			rows, err := tx.q.query(`EXPLAIN QUERY PLAN ` + query)
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
