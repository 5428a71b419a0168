// Package asuser lets root see what a service will see: root may read every file,
// so that a check by root finds in order what the service then cannot open.
package asuser

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Check runs this program again with the arguments as the user of the service,
// and returns what it said when it failed. It does so only for root, and only for
// the configuration that the package's unit takes: another one is nobody's yet.
func Check(user, config, installed string, args ...string) error {
	if os.Geteuid() != 0 || !same(config, installed) {
		return nil
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	said, err := run(user, program, append(args, "--config.file="+installed)...)
	if err == nil {
		return nil
	}
	folder := filepath.Dir(installed)
	words := strings.TrimPrefix(strings.TrimSpace(said), filepath.Base(program)+": ") // whoever says it names the program again
	return fmt.Errorf("%s\nas the service's user %s; root reads all of it: chgrp -R %s %s; chmod -R g+rX %s", words, user, user, folder, folder)
}

func same(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
