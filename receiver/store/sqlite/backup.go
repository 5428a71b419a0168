package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"vigie/receiver/store/files"
)

// Backup writes a whole, consistent and checked copy to a file that must not
// exist yet, whatever a running process does meanwhile.
func Backup(ctx context.Context, path, to string, migrations fs.FS) error {
	if _, err := os.Lstat(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	} else if err == nil {
		return fmt.Errorf("%s is there already: name a file that is not, such as one with the date", to)
	}
	a, err := OpenArchive(ctx, path, migrations)
	if err != nil {
		return err
	}
	defer a.Close()
	part := to + ".partial"
	if err := copyInto(ctx, path, part, migrations); err != nil {
		_ = os.Remove(part)
		return fmt.Errorf("back %s up: %w", path, err)
	}
	return place(part, to)
}

// copyInto writes a copy of a database and proves that it can be read back.
func copyInto(ctx context.Context, from, to string, migrations fs.FS) error {
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // SQLite fills an empty file and leaves its mode
	if err != nil {
		return err
	}
	defer f.Close()
	db, err := sql.Open("sqlite3", "file:"+escaped(from)+"?mode=ro&_busy_timeout=5000")
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, `VACUUM INTO ?`, to); err != nil {
		return unusable("copy", err)
	}
	if err := f.Sync(); err != nil {
		return err
	}
	copied, err := OpenArchive(ctx, to, migrations)
	if err != nil {
		return fmt.Errorf("the copy: %w", err)
	}
	defer copied.Close()
	c, err := copied.reader.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := check(ctx, c); err != nil {
		return fmt.Errorf("the copy: %w", err)
	}
	return nil
}

// sameOwner gives a file, and the lock, to whom the database belongs, or its
// folder: root restores, and another user runs the receiver.
func sameOwner(part, path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		info, err = os.Stat(filepath.Dir(path))
	}
	if err != nil {
		return err
	}
	of, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	for _, name := range []string{part, path + ".lock"} {
		if err := os.Chown(name, int(of.Uid), int(of.Gid)); err != nil {
			return err
		}
	}
	return nil
}

// place gives a finished file its name, durably.
func place(part, to string) error {
	if err := os.Rename(part, to); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(to))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// Restore puts a backup in a database's place and returns where the files that
// were there are kept, or "". It refuses while a process uses the database, and
// it touches nothing before the backup has been read whole.
func Restore(ctx context.Context, backup, path string, migrations fs.FS, now time.Time) (kept string, err error) {
	lock, err := files.Lock(path + ".lock")
	if err != nil {
		return "", err
	}
	defer lock.Close()
	a, err := OpenArchive(ctx, backup, migrations)
	if err != nil {
		return "", err
	}
	defer a.Close()
	part := path + ".restoring"
	if err := copyInto(ctx, backup, part, migrations); err != nil {
		_ = os.Remove(part)
		return "", fmt.Errorf("restore %s: %w", backup, err)
	}
	if err := sameOwner(part, path); err != nil {
		return "", fmt.Errorf("restore %s: %w", backup, err)
	}
	aside := path + ".before-restore-" + now.UTC().Format("20060102T150405Z")
	for _, suffix := range []string{"", "-wal"} {
		err := os.Link(path+suffix, aside+suffix)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("set the present database aside: %w", err)
		}
		if err == nil {
			kept = aside
		}
	}
	// The log and its index belong to the old file: under the new one they would
	// be played into it.
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return kept, fmt.Errorf("set the present database aside: %w", err)
		}
	}
	return kept, place(part, path)
}
