package store

import (
	"fmt"

	"vigie/receiver/store/files"
)

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

// Tend puts the ballast back after the disk was full. Nil means that nothing
// is the matter any more; an error alone does not mean that the disk is full,
// only that it would be without a reserve.
func (s *Store) Tend() error { return s.ballast.Set() }

// Full returns an error, which matches [ErrUnavailable], from the moment at
// which the disk was found full until [Store.Tend] has found room again.
// Meanwhile writes still go to the room that the ballast gave back: what others
// would repeat anyway should not take it.
func (s *Store) Full() error {
	if s.ballast.GivenBack() {
		return fmt.Errorf("%w: the disk with %s is full; make room on it", ErrUnavailable, s.path)
	}
	return nil
}
