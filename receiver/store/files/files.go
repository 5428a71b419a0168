// Package files looks after the files of a database: who may use them, and which
// process does.
package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	atCWD    = -0x64 // AT_FDCWD
	atEuid   = 0x200 // AT_EACCESS
	canRead  = 4
	canWrite = 2
	canEnter = 1
)

// Writable makes sure that this process may do with the database what it has
// to: SQLite would open it for reading only and fail at the first change.
func Writable(path string) error {
	if err := access(filepath.Dir(path), canRead|canWrite|canEnter); err != nil {
		return err
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := access(path+suffix, canRead|canWrite); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func access(name string, mode uint32) error {
	if err := syscall.Faccessat(atCWD, name, mode, atEuid); err != nil {
		return MayNot(&fs.PathError{Op: "use", Path: name, Err: err})
	}
	return nil
}

// MayNot adds the cure to an error about a file.
func MayNot(err error) error {
	switch {
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: find out why in the kernel's log (dmesg), then mount it for writing again", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: it must belong to the user that vigie runs as, with its folder; chown it back (the usual cause is a command that was run as root)", err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: make the folder, and give it to the user that vigie runs as", err)
	}
	return err
}

// Lock makes sure that no other process uses the file: two writers would
// starve each other, and two outboxes would send everything twice.
func Lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock file: %w", MayNot(err))
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s is in use by another vigie: stop that one first, or give this one a database of its own", strings.TrimSuffix(path, ".lock"))
	}
	return f, nil
}

// Room is what the file system of a file has free for this process, and its size, in
// bytes.
func Room(path string) (free, size uint64, err error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(path), &fs); err != nil {
		return 0, 0, fmt.Errorf("disk of %s: %w", path, err)
	}
	return fs.Bavail * uint64(fs.Bsize), fs.Blocks * uint64(fs.Bsize), nil
}
