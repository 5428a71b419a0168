package sqlite

import (
	"errors"
	"syscall"

	"github.com/mattn/go-sqlite3"
)

// Fills reports whether an error says that the disk is full.
func Fills(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && (e.Code == sqlite3.ErrFull || e.SystemErrno == syscall.ENOSPC)
}

// Forgets reports whether an error says that the disk failed to sync.
func Forgets(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && (e.ExtendedCode == sqlite3.ErrIoErrFsync || e.ExtendedCode == sqlite3.ErrIoErrDirFsync)
}
