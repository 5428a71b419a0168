package main

import "syscall"

// endsWithParent: the kernel ends our children when we are killed.
const endsWithParent = true

// groupOfItsOwn also lets the kernel end the child when we are killed and can
// end nothing ourselves any more.
func groupOfItsOwn() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
