package store

import "database/sql"

// cells are places for one row, and what makes arguments of it.
func cells(kinds string) (row func() []any, at []any) {
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
