//go:build !linux

package main

import "syscall"

const endsWithParent = false

func groupOfItsOwn() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
