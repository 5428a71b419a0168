//go:build !windows

package main

import (
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// passSignals hands the signals that come to us on to the program, from the
// moment that begin is called with its process running. SIGPIPE is taken so
// that a reader who went away ends the program and not us.
func passSignals(cmd *exec.Cmd) *passing {
	p := &passing{cmd: cmd, signals: make(chan os.Signal, 16)}
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGPIPE} {
		if !signal.Ignored(s) {
			signal.Notify(p.signals, s)
		}
	}
	return p
}

type passing struct {
	cmd     *exec.Cmd
	signals chan os.Signal
}

// begin passes what came and what comes.
func (p *passing) begin() {
	go func() {
		for s := range p.signals {
			if s == syscall.SIGPIPE || (s == syscall.SIGINT || s == syscall.SIGQUIT) && inForeground() {
				continue // the terminal told the program as well
			}
			_ = p.cmd.Process.Signal(s) // it may have ended
		}
	}()
}

// inForeground tells that a terminal sends its signals to our process group.
func inForeground() bool {
	tty, err := os.OpenFile("/dev/tty", os.O_RDONLY|syscall.O_NOCTTY, 0)
	if err != nil {
		return false
	}
	defer tty.Close()
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// exitCode is what a shell makes of it.
func exitCode(s *os.ProcessState) int {
	if w, ok := s.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return 128 + int(w.Signal())
	}
	return s.ExitCode()
}

// readLater gives what reads back the rest of a regular file, or nil where
// that cannot be done.
func readLater(f *os.File) func(io.WriteCloser) {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || runtime.GOOS != "linux" {
		return nil
	}
	from, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil
	}
	if flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0); err == nil && flags&unix.O_APPEND != 0 {
		from = info.Size()
	}
	again, err := os.Open("/proc/self/fd/" + strconv.Itoa(int(f.Fd())))
	if err != nil {
		return nil
	}
	return func(to io.WriteCloser) { readBack(again, from, to) }
}
