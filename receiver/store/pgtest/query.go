package pgtest

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Query runs statements and returns the first column of what they answer, a line
// for each row.
func Query(address, text string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, err := pgconn.Connect(ctx, address)
	if err != nil {
		return "", err
	}
	defer c.Close(ctx)
	results, err := c.Exec(ctx, text).ReadAll()
	out := ""
	for _, r := range results {
		for _, row := range r.Rows {
			if len(row) > 0 {
				out += string(row[0]) + "\n"
			}
		}
	}
	return out, err
}
