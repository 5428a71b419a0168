package engine

import (
	"database/sql"
	"fmt"
)

// Each shows the rows of an answer one after the other, however many they are. An error
// of the database matches [ErrUnavailable]; one of show ends it.
func Each(q Querier, show func(*sql.Rows) error, text string, args ...any) error {
	rows, err := q.Query(text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := show(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// All returns the rows of an answer, each of them read by scan.
func All[T any](q Querier, scan func(*sql.Rows, *T) error, text string, args ...any) (all []T, err error) {
	err = Each(q, func(r *sql.Rows) error {
		var v T
		if err := scan(r, &v); err != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		all = append(all, v)
		return nil
	}, text, args...)
	return all, err
}

// Column returns an answer of one column.
func Column[T any](q Querier, text string, args ...any) ([]T, error) {
	return All(q, func(r *sql.Rows, v *T) error { return r.Scan(v) }, text, args...)
}

// Number returns the last number of an answer; 0 for none.
func Number(q Querier, text string, args ...any) (int64, error) {
	all, err := Column[sql.NullInt64](q, text, args...)
	if len(all) == 0 {
		return 0, err
	}
	return all[len(all)-1].Int64, err
}
