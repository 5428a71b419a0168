package store

import (
	"fmt"
	"path/filepath"
	"syscall"
)

// Disk is the room of the file system that the database lies on, in bytes.
type Disk struct{ Free, Size uint64 }

// Disk tells how much room is left for this process; nothing of a server's.
func (s *Store) Disk() (Disk, error) {
	if s.Shared() {
		return Disk{}, nil
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(s.path), &fs); err != nil {
		return Disk{}, fmt.Errorf("disk of %s: %w", s.path, err)
	}
	return Disk{Free: fs.Bavail * uint64(fs.Bsize), Size: fs.Blocks * uint64(fs.Bsize)}, nil
}
