package store

import (
	"database/sql"
	"strings"
	"time"

	"vigie/internal/strict"
	"vigie/receiver/store/engine"
	"vigie/rules/incident"
)

// Span narrows which incidents a report looks at. Without customers and platforms
// it looks at all.
type Span struct {
	From, To time.Time // To is not part of it
	// Customers and Platforms are whose incidents count, each by itself.
	Customers, Platforms []string
}

// Past is what reports read of what was.
type Past struct{ *Tx }

// chunk is how many incidents are held in memory at once.
const chunk = 200

// Between calls f with the incidents that may have been open in a span, in the
// order of their numbers, and what was written about each before its end.
func (tx Past) Between(s Span, f func(*Record, []incident.Entry) error) error {
	where, args := []string{`opened_at < ?`, `(open = 1 OR resolved_at >= ?)`}, []any{s.To.UnixNano(), s.From.UnixNano()}
	var whose []string
	for _, name := range s.Customers {
		whose, args = append(whose, `customer = ?`), append(args, name)
	}
	for _, name := range s.Platforms {
		whose, args = append(whose, `platform = ?`), append(args, name)
	}
	if len(whose) > 0 {
		where = append(where, `(`+strings.Join(whose, ` OR `)+`)`)
	}
	ids, err := tx.texts(`SELECT id FROM incident WHERE `+strings.Join(where, ` AND `)+` ORDER BY number`, args...)
	for err == nil && len(ids) > 0 {
		n := min(chunk, len(ids))
		err = tx.between(ids[:n], s.To, f)
		ids = ids[n:]
	}
	return err
}

func (tx Past) between(ids []string, to time.Time, f func(*Record, []incident.Entry) error) error {
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	in := `IN (?` + strings.Repeat(`, ?`, len(ids)-1) + `)`
	rs, err := tx.records(`id `+in+` ORDER BY number`, args...)
	if err != nil {
		return err
	}
	all, err := tx.lines(`j.chain `+in+` AND j.at < ? ORDER BY j.chain, j.line`, append(args, to.UnixNano())...)
	if err != nil {
		return err
	}
	lines := map[string][]incident.Entry{}
	for _, l := range all {
		lines[l.Chain] = append(lines[l.Chain], l.Entry)
	}
	for _, r := range rs {
		if err := f(r, lines[r.ID]); err != nil {
			return err
		}
	}
	return nil
}

// Delivered is a message that a recipient's server accepted.
type Delivered struct {
	ID, Template, Address, Channel string
	At                             time.Time
	Incidents                      []string // ids of what it is about
}

// Delivered returns what was accepted in a span, in the order of time.
func (tx Past) Delivered(from, to time.Time) ([]Delivered, error) {
	return engine.All(tx.q, func(r *sql.Rows, d *Delivered) error {
		var at int64
		var of string
		err := r.Scan(&d.ID, &d.Template, &d.Address, &d.Channel, &at, &of)
		if d.At = time.Unix(0, at).UTC(); of != "" {
			d.Incidents = strings.Split(of, ",")
		}
		return err
	}, `SELECT m.id, m.template, t.address, t.channel, t.ended_at,
		COALESCE((SELECT string_agg(about.incident, ',') FROM (SELECT DISTINCT n.incident FROM notification n WHERE n.message = m.id AND n.message <> '' ORDER BY n.incident) about), '')
		FROM transmission t JOIN message m ON m.id = t.message
		WHERE t.status = ? AND t.ended_at >= ? AND t.ended_at < ? ORDER BY t.ended_at, m.position, t.address`, Accepted, from.UnixNano(), to.UnixNano())
}

// PolicyText returns a policy's files by its hash; none when it was never seen.
func (tx Past) PolicyText(hash string) ([]strict.File, error) {
	found, err := tx.policyTexts(`hash = ?`, hash)
	return found[hash], err
}

// Begun is since when a receiver has watched: what it began with was written down.
func (tx Past) Begun() (time.Time, error) {
	n, err := tx.number(`SELECT COALESCE(MIN(first_seen), 0) FROM policy`)
	return time.Unix(0, n).UTC(), err
}

// System returns the lines of one kind and name in the journal of what belongs to no
// incident, oldest first.
func (tx Past) System(kind, what string) ([]Line, error) {
	return tx.lines(`j.chain = ? AND j.kind = ? AND j.what = ? ORDER BY j.line`, SystemChain, kind, what)
}
