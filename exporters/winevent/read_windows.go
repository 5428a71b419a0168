package winevent

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/windows"

	"vigie/exporters"
)

// NewReader reads this machine's logs through wevtutil, which is part of
// Windows. Timeout bounds each query.
func NewReader(timeout time.Duration) (Reader, error) {
	program, err := SystemProgram("wevtutil.exe")
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, q Query) ([]Event, error) {
		args, err := q.Arguments()
		if err != nil {
			return nil, err
		}
		data, err := Run(ctx, RunOptions{Endpoint: q.Channel, Timeout: timeout, Program: program, Args: args})
		if err != nil {
			return nil, err
		}
		events, err := Parse(data)
		if err != nil {
			return nil, &exporters.SourceError{Endpoint: q.Channel, Reason: exporters.ReasonMalformed, Err: err}
		}
		return events, nil
	}, nil
}

// SystemProgram gives the full path of a program in the system's folder.
func SystemProgram(elements ...string) (string, error) {
	dir, err := windows.GetSystemDirectory()
	if err != nil {
		return "", fmt.Errorf("the system's folder is not known: %w", err)
	}
	return filepath.Join(append([]string{dir}, elements...)...), nil
}

func hideWindow(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{HideWindow: true} }
