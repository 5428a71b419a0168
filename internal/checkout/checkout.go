// Package checkout finds the folder of this source, for tests and their servers: what
// they run lies unpacked in its .cache.
package checkout

import (
	"errors"
	"os"
	"path/filepath"
)

// Root is the folder of go.mod above the one that is worked in.
func Root() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.mod above: this is no folder of the project")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}
