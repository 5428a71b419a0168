package pg

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5/stdlib"
)

// restored lets incidents of a dump that another server wrote count as changed now:
// its transactions bear greater numbers than this one's, and nothing would ever be
// newer than they are.
const restored = `UPDATE incident SET changed = pg_current_xact_id()::text::bigint WHERE changed > pg_current_xact_id()::text::bigint`

// Migrate brings the schema up to date, all of it or nothing; of several receivers
// that start together one does it. It returns the number of the newest step.
func Migrate(ctx context.Context, db *sql.DB, migrations fs.FS, lock int64) (int, error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return 0, Unreachable(err)
	}
	defer c.Close()
	names, err := fs.Glob(migrations, "migrations/postgres/*.sql")
	if err != nil {
		return 0, err
	}
	script := fmt.Sprintf("BEGIN; SELECT pg_advisory_xact_lock(%d); CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL);", lock)
	err = c.Raw(func(driver any) error {
		raw := driver.(*stdlib.Conn).Conn()
		if _, err := raw.Exec(ctx, script); err != nil {
			return err
		}
		has := 0
		if err := raw.QueryRow(ctx, "SELECT COALESCE(MAX(version), 0) FROM schema_version").Scan(&has); err != nil {
			return err
		}
		if has > len(names) {
			return fmt.Errorf("written by a newer vigie (schema %d, this one knows %d): start the newer version", has, len(names))
		}
		for n := has; n < len(names); n++ {
			text, err := fs.ReadFile(migrations, names[n])
			if err != nil {
				return err
			}
			if _, err := raw.Exec(ctx, fmt.Sprintf("%s\nINSERT INTO schema_version VALUES (%d);", text, n+1)); err != nil {
				return fmt.Errorf("schema step %s: %w", names[n], err)
			}
		}
		_, err := raw.Exec(ctx, restored+"; COMMIT")
		return err
	})
	if err != nil {
		_, _ = c.ExecContext(ctx, "ROLLBACK")
	}
	return len(names), err
}

// Known makes sure that a database, which is only to be read, has this schema.
func Known(ctx context.Context, db *sql.DB, migrations fs.FS) error {
	names, err := fs.Glob(migrations, "migrations/postgres/*.sql")
	if err != nil {
		return err
	}
	var there bool
	if err := db.QueryRowContext(ctx, "SELECT to_regclass('schema_version') IS NOT NULL").Scan(&there); err != nil {
		return Unreachable(err)
	}
	if !there {
		return errors.New("this is no database of vigie: vigie serve makes it one at its first start")
	}
	has := 0
	if err := db.QueryRowContext(ctx, "SELECT COALESCE(MAX(version), 0) FROM schema_version").Scan(&has); err != nil {
		return err
	}
	switch {
	case has > len(names):
		return fmt.Errorf("written by a newer vigie (schema %d, this one knows %d): use the newer version", has, len(names))
	case has < len(names):
		return fmt.Errorf("written by an older vigie (schema %d, this one knows %d): start vigie serve on it once, or use the older version", has, len(names))
	}
	return nil
}
