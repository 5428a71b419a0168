//go:build !windows

package exporters

import (
	"os/exec"
	"syscall"
)

// apart lets the end of a program end what it started, such as rclone or ssh.
func apart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
