package exporters

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"time"
)

// Program is another program that a source runs, with bounds on its time and
// its output.
type Program struct {
	Endpoint string // names the part in errors
	Name     string // as errors call it
	Path     string // full: the search path belongs to the user
	Args     []string
	Env      []string      // the exporter's own if nil
	Timeout  time.Duration // after which it is ended, with what it started
	// MaxOutput and MaxWords bound in bytes what is kept of its standard
	// output and of its standard error.
	MaxOutput, MaxWords int
}

// Output is what a program wrote.
type Output struct {
	Stdout, Stderr []byte
	// Overflow is a SourceError if Stdout is not all of it.
	Overflow error
}

// Run gives what the program wrote, also if it fails. Its error is a
// SourceError if the time is over, an exec.ExitError if the program ended with
// another code than 0, and any other if it could not be run.
func (p *Program) Run(ctx context.Context) (Output, error) {
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.Path, p.Args...)
	cmd.Env = p.Env
	cmd.WaitDelay = 5 * time.Second // a grandchild may keep the pipe open
	apart(cmd)
	stdout, stderr := &head{limit: p.MaxOutput}, &head{limit: p.MaxWords}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err := cmd.Run()
	out := Output{Stdout: stdout.Bytes(), Stderr: stderr.Bytes()}
	if stdout.cut {
		out.Overflow = &SourceError{Endpoint: p.Endpoint, Reason: ReasonIncomplete, Err: fmt.Errorf("%s wrote more than %d bytes", p.Name, p.MaxOutput)}
	}
	if ctx.Err() != nil {
		err = &SourceError{Endpoint: p.Endpoint, Reason: ReasonTimeout, Err: fmt.Errorf("%s did not end within %s", p.Name, p.Timeout)}
	}
	return out, err
}

// head keeps the first bytes and notes whether there were more. The buffer
// is not embedded: its ReadFrom would take in everything.
type head struct {
	buffer bytes.Buffer
	limit  int
	cut    bool
}

func (b *head) Bytes() []byte { return b.buffer.Bytes() }

func (b *head) Write(p []byte) (int, error) {
	room := b.limit - b.buffer.Len()
	if room < len(p) {
		b.cut = true
		_, _ = b.buffer.Write(p[:max(0, room)])
		return len(p), nil // a program that cannot write might hang
	}
	return b.buffer.Write(p)
}
