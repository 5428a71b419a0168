// Package atomicfile replaces files so that a reader, and whoever comes after
// a crash, finds the old one or the new one.
package atomicfile

import (
	"bufio"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Replace writes a new file beside path and renames it into place. It belongs to
// whom the file before belonged, as far as this process may give it away: what
// root completes, the service still reads.
func Replace(path string, mode fs.FileMode, write func(io.Writer) error) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	w := bufio.NewWriterSize(tmp, 256<<10)
	if err = write(w); err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = tmp.Chmod(mode)
	}
	if before, serr := os.Stat(path); err == nil && serr == nil {
		giveTo(tmp, before)
	}
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// RemoveLeftovers removes what a process that was killed in Replace left
// beside the file.
func RemoveLeftovers(path string) {
	found, err := filepath.Glob(path + ".tmp-*")
	if err != nil {
		return // a path that is no pattern
	}
	for _, f := range found {
		_ = os.Remove(f) // it only takes room
	}
}
