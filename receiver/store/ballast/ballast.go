// Package ballast keeps room on a disk that is given back when nothing else is
// left: even deleting needs room, so without it a full disk could not be cured
// from within.
package ballast

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
)

// Ballast is that room, in a file of its own. The zero value has none and does
// nothing.
type Ballast struct {
	path string
	size int64
	full atomic.Bool
}

// New is a ballast of so many bytes in a file; [Ballast.Set] makes it.
func New(path string, size int64) *Ballast { return &Ballast{path: path, size: size} }

// GiveBack gives the room back, because the disk is full.
func (b *Ballast) GiveBack() {
	if b.size == 0 {
		return
	}
	b.full.Store(true)
	// When even this fails, the next error tries again.
	_ = os.Remove(b.path)
}

// GivenBack reports whether the disk was full and no room has been found since.
func (b *Ballast) GivenBack() bool { return b.full.Load() }

// Set puts the ballast back once the disk has room for it and as much again.
func (b *Ballast) Set() error {
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

func (b *Ballast) fill(f *os.File) error {
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
