package winevent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"vigie/exporters"
)

// maxOutput bounds what a program may write.
const maxOutput = 256 << 20

// RunOptions say how a program of the system is run.
type RunOptions struct {
	Endpoint string        // names the part in errors
	Timeout  time.Duration // after which the program is ended
	Program  string        // full path: the search path belongs to the user
	Args     []string
}

// Run gives what a program writes. An exit code other than 0, more output
// than is believable and a missed time-out are errors.
func Run(ctx context.Context, o RunOptions) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, o.Program, o.Args...)
	cmd.WaitDelay = 5 * time.Second // a grandchild may keep the pipe open
	hideWindow(cmd)
	var stdout, stderr bounded
	stdout.limit, stderr.limit = maxOutput, 4<<10
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	bad := func(reason exporters.Reason, err error) ([]byte, error) {
		return nil, &exporters.SourceError{Endpoint: o.Endpoint, Reason: reason, Err: err}
	}
	switch {
	case ctx.Err() != nil:
		return bad(exporters.ReasonTimeout, fmt.Errorf("%s did not end within %s", o.Program, o.Timeout))
	case stdout.cut:
		return bad(exporters.ReasonIncomplete, fmt.Errorf("%s wrote more than %d bytes", o.Program, maxOutput))
	case err != nil:
		return bad(exitReason(err), fmt.Errorf("%s: %w: %s", o.Program, err, firstLine(stderr.Bytes())))
	}
	return stdout.Bytes(), nil
}

// exitReason tells the system errors that a person can mend.
func exitReason(err error) exporters.Reason {
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 {
		return winError(exit.ExitCode()).reason()
	}
	return exporters.ReasonOther
}

func firstLine(data []byte) string {
	text, err := Text(data)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(line)
}

// bounded keeps the first bytes and notes whether there were more. The buffer
// is not embedded: its ReadFrom would take in everything.
type bounded struct {
	buffer bytes.Buffer
	limit  int
	cut    bool
}

func (b *bounded) Bytes() []byte { return b.buffer.Bytes() }

func (b *bounded) Write(p []byte) (int, error) {
	room := b.limit - b.buffer.Len()
	if room < len(p) {
		b.cut = true
		_, _ = b.buffer.Write(p[:max(0, room)])
		return len(p), nil // a program that cannot write might hang
	}
	return b.buffer.Write(p)
}
