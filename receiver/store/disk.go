package store

import "vigie/receiver/store/files"

// Disk is the room of the file system that the database lies on, in bytes.
type Disk struct{ Free, Size uint64 }

// Disk tells how much room is left for this process; nothing of a server's.
func (s *Store) Disk() (Disk, error) {
	if s.Shared() {
		return Disk{}, nil
	}
	free, size, err := files.Room(s.path)
	return Disk{Free: free, Size: size}, err
}
