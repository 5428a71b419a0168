package store

import (
	"context"
	"time"

	"vigie/receiver/store/engine"
	"vigie/receiver/store/kept"
	"vigie/receiver/store/pg"
	"vigie/receiver/store/sqlite"
)

// Archive is a database opened for reading only, beside a process that uses it
// or without one.
type Archive struct {
	path string // of a file; "" for a server's
	db   interface {
		View(context.Context, func(engine.Querier) error) error
	}
	close func() error
}

// OpenArchive opens a database for reading. It refuses a file that is no
// database of this version.
func OpenArchive(ctx context.Context, path string) (*Archive, error) {
	return Options{}.OpenArchive(ctx, path)
}

// OpenArchive opens a database for reading, see [OpenArchive].
func (o Options) OpenArchive(ctx context.Context, path string) (*Archive, error) {
	if OnServer(path) {
		p, err := pg.OpenArchive(ctx, path, o.Password, migrations)
		if err != nil {
			return nil, err
		}
		return &Archive{"", p, func() error { return p.Close(false) }}, nil
	}
	f, err := sqlite.OpenArchive(ctx, path, migrations)
	if err != nil {
		return nil, err
	}
	return &Archive{path, f, f.Close}, nil
}

// View runs fn on a consistent view of the data; fn must not write.
func (a *Archive) View(ctx context.Context, fn func(*Tx) error) error {
	p := new(kept.Packer)
	return a.db.View(ctx, func(q engine.Querier) error { return fn(newTx(q, nil, nil, p)) })
}

// Close closes it.
func (a *Archive) Close() error { return a.close() }

// Backup is [sqlite.Backup], Restore is [sqlite.Restore], of this version.
func Backup(ctx context.Context, path, to string) error {
	return sqlite.Backup(ctx, path, to, migrations)
}
func Restore(ctx context.Context, backup, path string, now time.Time) (kept string, err error) {
	return sqlite.Restore(ctx, backup, path, migrations, now)
}
