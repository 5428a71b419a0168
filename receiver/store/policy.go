package store

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"vigie/internal/strict"
	"vigie/receiver/store/engine"
)

// KeepPolicy stores a policy's text under its content hash.
func (tx *Tx) KeepPolicy(hash string, files []strict.File, now time.Time) error {
	text, err := json.Marshal(files)
	if err != nil {
		return fmt.Errorf("policy %s: %w", hash, err)
	}
	_, err = tx.q.Exec(`INSERT INTO policy (hash, first_seen, files) VALUES (?, ?, ?) ON CONFLICT (hash) DO NOTHING`, hash, now.UnixNano(), text)
	return err
}

// PinnedPolicies returns the texts of the policies that incidents still need:
// open ones, and those that may open again.
func (tx *Tx) PinnedPolicies(since time.Time) (map[string][]strict.File, error) {
	return tx.policyTexts(`hash IN (SELECT policy FROM incident WHERE open = 1 OR resolved_at > ?)`, since.UnixNano())
}

func (tx *Tx) policyTexts(where string, args ...any) (map[string][]strict.File, error) {
	out := map[string][]strict.File{}
	return out, engine.Each(tx.q, func(r *sql.Rows) error {
		var hash string
		var text []byte
		if err := r.Scan(&hash, &text); err != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		var files []strict.File
		if err := json.Unmarshal(text, &files); err != nil {
			return fmt.Errorf("policy %s: %w", hash, err)
		}
		out[hash] = files
		return nil
	}, `SELECT hash, files FROM policy WHERE `+where, args...)
}
