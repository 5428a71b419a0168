//go:build unix

package atomicfile

import (
	"io/fs"
	"os"
	"syscall"
)

func giveTo(f *os.File, before fs.FileInfo) {
	if s, ok := before.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(int(s.Uid), int(s.Gid)) // a user who may not keeps it
	}
}
