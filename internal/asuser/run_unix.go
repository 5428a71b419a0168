//go:build unix

package asuser

import (
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// run returns what the program says, and its failure; both empty where there is no
// such user, and so no service.
func run(name, program string, args ...string) (string, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return "", nil // without packages the service has another user
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return "", err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return "", err
	}
	cmd := exec.Command(program, args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	said, err := cmd.CombinedOutput()
	return string(said), err
}
