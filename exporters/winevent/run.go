package winevent

import (
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
	Endpoint string        // is named in errors
	Timeout  time.Duration // after which the program is ended
	Program  string        // full path: the search path belongs to the user
	Args     []string
}

// Run gives what a program writes. An exit code other than 0, more output
// than is believable and a missed time-out are errors.
func Run(ctx context.Context, o RunOptions) ([]byte, error) {
	p := exporters.Program{Endpoint: o.Endpoint, Name: o.Program, Path: o.Program, Args: o.Args, Timeout: o.Timeout, MaxOutput: maxOutput, MaxWords: 4 << 10}
	out, err := p.Run(ctx)
	var late *exporters.SourceError
	switch {
	case errors.As(err, &late):
		return nil, late
	case out.Overflow != nil:
		return nil, out.Overflow
	case err != nil:
		return nil, &exporters.SourceError{Endpoint: o.Endpoint, Reason: exitReason(err), Err: fmt.Errorf("%s: %w: %s", o.Program, err, firstLine(out.Stderr))}
	}
	return out.Stdout, nil
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
