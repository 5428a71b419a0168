//go:build !windows

package resticrepo

import (
	"os/exec"
	"syscall"
)

// ownGroup lets the end of restic end what it started, such as rclone or ssh.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
