package atomicfile

import (
	"io/fs"
	"os"
)

// giveTo has nothing to do: a file takes over the rights of its folder.
func giveTo(*os.File, fs.FileInfo) {}
