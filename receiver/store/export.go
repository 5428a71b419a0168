package store

import (
	"database/sql"
	"fmt"
	"strings"
	"time"

	"vigie/receiver/store/engine"
	"vigie/receiver/store/journal"
)

// Extract narrows which lines of the journal are exported; empty fields do not.
type Extract struct {
	// Incident is the id of one incident, or "system".
	Incident string
	Customer string
	// From is inclusive, To is not.
	From, To time.Time
}

// Exported is a line with the incident that it is about.
type Exported struct {
	Line
	Number   int64  `json:"number,omitempty"`
	Key      string `json:"key,omitempty"`
	Customer string `json:"customer,omitempty"`
	Machine  string `json:"machine,omitempty"`
	Platform string `json:"platform,omitempty"`
}

// Export calls f with the lines that x lets through, chain after chain.
func (tx *Tx) Export(x Extract, f func(Exported) error) error {
	where, args := []string{`1 = 1`}, []any{}
	add := func(condition string, value any) { where, args = append(where, condition), append(args, value) }
	if x.Incident != "" {
		add(`j.chain = ?`, x.Incident)
	}
	if x.Customer != "" {
		add(`i.customer = ?`, x.Customer)
	}
	if !x.From.IsZero() {
		add(`j.at >= ?`, x.From.UnixNano())
	}
	if !x.To.IsZero() {
		add(`j.at < ?`, x.To.UnixNano())
	}
	return engine.Each(tx.q, func(r *sql.Rows) error {
		var e Exported
		l, _, err := journal.Scan(r, &e.Number, &e.Key, &e.Customer, &e.Machine, &e.Platform)
		if err != nil {
			return fmt.Errorf("%s line %d cannot be read, see vigie journal verify: %w", l.Chain, l.Line, err)
		}
		e.Line = l
		return f(e)
	}, `SELECT `+journal.Fields+`, COALESCE(i.number, 0), COALESCE(i.key, ''), COALESCE(i.customer, ''),
		COALESCE(i.machine, ''), COALESCE(i.platform, '')`+journal.From+` LEFT JOIN incident i ON i.id = j.chain
		WHERE `+strings.Join(where, ` AND `)+` ORDER BY COALESCE(i.number, 0), j.chain, j.line`, args...)
}
