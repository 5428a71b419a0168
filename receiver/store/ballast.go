package store

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/mattn/go-sqlite3"
)

// ballast is room on the disk that is given back when nothing else is left:
// even deleting needs room, so without it a full disk could not be cured from
// within.
type ballast struct {
	path string
	size int64
	full atomic.Bool
}

// judge gives the ballast back when an error says that the disk is full.
func (b *ballast) judge(err error) {
	var e sqlite3.Error
	if b.size == 0 || !errors.As(err, &e) || e.Code != sqlite3.ErrFull && e.SystemErrno != syscall.ENOSPC {
		return
	}
	b.full.Store(true)
	// When even this fails, the next error tries again.
	_ = os.Remove(b.path)
}

// set puts the ballast back once the disk has room for it and as much again.
func (b *ballast) set() error {
	if b.size == 0 {
		return nil
	}
	if info, err := os.Stat(b.path); err == nil && info.Size() == b.size {
		b.full.Store(false)
		return nil
	}
	f, err := os.OpenFile(b.path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("ballast: %w", err)
	}
	err = b.fill(f)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		_ = os.Remove(b.path) // a part of it would only take room
		return fmt.Errorf("ballast: %w", err)
	}
	b.full.Store(false)
	return nil
}

func (b *ballast) fill(f *os.File) error {
	var fs syscall.Statfs_t
	if err := syscall.Fstatfs(int(f.Fd()), &fs); err != nil {
		return err
	}
	if room := int64(fs.Bavail) * fs.Bsize; room < 2*b.size {
		return fmt.Errorf("the disk has %d bytes left and needs %d: make room, or move the database", room, 2*b.size)
	}
	err := syscall.Fallocate(int(f.Fd()), 0, 0, b.size)
	if !errors.Is(err, syscall.EOPNOTSUPP) {
		return err
	}
	zeros := make([]byte, 1<<20) // a file system that cannot reserve must be written to
	for left := b.size; left > 0; left -= int64(len(zeros)) {
		if _, err := f.Write(zeros[:min(left, int64(len(zeros)))]); err != nil {
			return err
		}
	}
	return f.Sync()
}

// Tend puts the ballast back after the disk was full. Nil means that nothing
// is the matter any more; an error alone does not mean that the disk is full,
// only that it would be without a reserve.
func (s *Store) Tend() error { return s.ballast.set() }

// Full returns an error, which matches [ErrUnavailable], from the moment at
// which the disk was found full until [Store.Tend] has found room again.
// Meanwhile writes still go to the room that the ballast gave back: what others
// would repeat anyway should not take it.
func (s *Store) Full() error {
	if s.ballast.full.Load() {
		return fmt.Errorf("%w: the disk with %s is full; make room on it", ErrUnavailable, s.path)
	}
	return nil
}
