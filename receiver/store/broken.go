package store

import (
	"context"
	"fmt"
	"sync"

	"vigie/receiver/store/sqlite"
)

// broken is set for good when the disk fails to sync. The system then forgets
// what it could not write, and the next sync succeeds without it: to try again
// would be to believe a disk that has lied. What was committed before is safe,
// and only a new start sees what the file really holds.
type broken struct {
	now  chan struct{} // closed when it is
	once sync.Once
	why  error
}

func (b *broken) judge(path string, err error) {
	if !sqlite.SyncFailed(err) {
		return
	}
	b.end(fmt.Errorf("%w: the disk failed to keep what was written to %s (%w); nothing that was accepted is lost: look after the disk, then start vigie again", ErrUnavailable, path, err))
}

// end ends all writing for good.
func (b *broken) end(why error) {
	b.once.Do(func() {
		b.why = why
		close(b.now)
	})
}

func (b *broken) err() error {
	select {
	case <-b.now:
		return b.why
	default:
		return nil
	}
}

// Broken waits until the disk has failed to sync, or a newer version has changed the
// schema of a server's database, and says so, or until ctx ends. After that nothing is written any more: the process has to end.
func (s *Store) Broken(ctx context.Context) error {
	select {
	case <-s.broken.now:
		return s.broken.why
	case <-ctx.Done():
		return nil
	}
}
