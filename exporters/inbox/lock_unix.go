//go:build !windows

package inbox

import (
	"errors"
	"os"
	"syscall"
)

// lockFile keeps a second process out; the lock ends with the process.
func lockFile(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errLocked
	}
	return err
}
