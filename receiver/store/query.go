package store

import (
	"database/sql"
	"time"

	"vigie/receiver/store/engine"
)

// nanos is an instant as it is stored; the zero time is NULL.
func nanos(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixNano()
}

func instant(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.Unix(0, n.Int64).UTC()
}

func (tx *statements) texts(query string, args ...any) ([]string, error) {
	return engine.Column[string](tx.q, query, args...)
}

func (tx *statements) number(query string, args ...any) (int64, error) {
	return engine.Number(tx.q, query, args...)
}
