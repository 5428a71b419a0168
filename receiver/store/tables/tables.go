// Package tables says what a database consists of, for whoever carries it over to
// another.
package tables

import (
	"database/sql"
	"strings"
)

// Table is what is carried over, in an order that does not change. Its columns
// begin with t for text, i for a number and b for bytes, with s for the state of an
// incident and with m for what is told of it, see [vigie/receiver/store/kept].
type Table struct{ Name, Order, columns string }

// All are the tables of a database.
func All() []Table {
	return []Table{
		{"policy", "hash", "t.hash i.first_seen b.files"},
		{"delivery", "sha256", "b.sha256 i.first_at i.last_at i.times i.alerts b.body"},
		{"incident", "id", "t.id i.number t.key t.scenario t.policy t.state t.entry i.open i.blinds t.customer t.machine t.platform t.host i.opened_at i.resolved_at " +
			"i.wake_at t.wake_with i.ask_at t.outage i.outage_marks t.root i.chain_length b.chain_head s.value i.began_at i.seen_at"},
		{"alert", "source, place, fingerprint, incident", "t.source b.place t.fingerprint t.incident"},
		{"ignored", "fingerprint", "t.fingerprint t.reason i.first_at i.last_at i.again_at b.value"},
		{"journal", "chain, line", "t.chain i.line i.at t.kind t.what t.actor t.reason b.commitment b.previous b.hash"},
		{"journal_personal", "chain, line", "t.chain i.line b.salt t.text"},
		{"chain", "name", "t.name i.length b.head"},
		{"notification", "rowid", "t.id t.incident i.position t.bundle_key i.hold_until t.message m.value"},
		{"message", "id", "t.id t.template i.created_at i.position m.value b.salt"},
		{"transmission", "message, address", "t.message t.address t.status i.attempts i.next_at i.since i.ended_at t.detail t.channel t.token"},
		{"unsealed", "chain", "t.chain i.length b.head"},
		{"seal", "number", "i.number i.at b.previous b.hash"},
		{"seal_head", "seal, chain", "i.seal t.chain i.length b.head"},
		{"cut", "chain", "t.chain i.line b.hash"},
		{"person", "pseudonym", "t.pseudonym t.name"},
		{"mail", "id", "t.id i.received_at t.sort i.open b.value"},
		{"arrived", "number", "b.sha256"},
		{"fact", "name", "t.name t.value"},
	}
}

// Columns are the kinds and the names of a table's columns.
func (t Table) Columns() (kinds string, names []string) {
	for c := range strings.FieldsSeq(t.columns) {
		kinds += c[:1]
		names = append(names, c[2:])
	}
	return kinds, names
}

// Cells are places for one row, and what makes arguments of it.
func Cells(kinds string) (row func() []any, at []any) {
	for _, k := range kinds {
		switch k {
		case 't':
			at = append(at, new(sql.NullString))
		case 'i':
			at = append(at, new(sql.NullInt64))
		default:
			at = append(at, new([]byte))
		}
	}
	return func() []any {
		out := make([]any, len(at))
		for i, c := range at {
			switch v := c.(type) {
			case *sql.NullString:
				if v.Valid {
					out[i] = v.String
				}
			case *sql.NullInt64:
				if v.Valid {
					out[i] = v.Int64
				}
			case *[]byte:
				if *v != nil {
					out[i] = *v
				}
			}
		}
		return out
	}, at
}
