package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"vigie/receiver/store/engine"
)

// Archive is a database file opened for reading only; a receiver may run on it.
type Archive struct{ reader *sql.DB }

// OpenArchive opens a file for reading. It refuses one that is not a database with this
// version's schema.
func OpenArchive(ctx context.Context, path string, migrations fs.FS) (*Archive, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	db, err := sql.Open("sqlite3", DSN(path, "ro"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	a := &Archive{db}
	if err := a.check(ctx, migrations); err != nil {
		db.Close()
		return nil, fmt.Errorf("database %s: %w", path, err)
	}
	return a, nil
}

func (a *Archive) check(ctx context.Context, migrations fs.FS) error {
	c, err := a.reader.Conn(ctx)
	if err != nil {
		return unusable("open", err)
	}
	defer c.Close()
	has, knows, err := version(ctx, c, migrations)
	if err != nil {
		return err
	}
	if has == 0 {
		return errors.New("this is no database of vigie")
	}
	if has < knows {
		return fmt.Errorf("written by an older vigie (schema %d, this one knows %d): start vigie serve on it once, or use the older version", has, knows)
	}
	return nil
}

// View runs fn on a consistent view of the data; fn must not write.
func (a *Archive) View(ctx context.Context, fn func(engine.Querier) error) error {
	return view(ctx, a.reader, fn)
}

// Close closes the file.
func (a *Archive) Close() error { return a.reader.Close() }
