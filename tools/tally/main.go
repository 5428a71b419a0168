// Tally runs one step of "make test", shows what it prints, and adds its
// outcome to a ledger, so that the last line of the whole run is one honest
// count.
//
//	tally -ledger FILE go NAME    -- COMMAND...   COMMAND prints `go test -json`
//	tally -ledger FILE check NAME -- COMMAND...   one test: its exit status
//	tally -ledger FILE total                      prints the count
//
// A step that fails does not stop the run: total does, with status 1, when a
// test failed or when nothing was tested at all.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("tally", flag.ContinueOnError)
	flags.SetOutput(stderr)
	ledger := flags.String("ledger", "", "file that collects the outcome of each step")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if err := dispatch(ctx, *ledger, flags.Args(), stdout, stderr); err != nil {
		if !errors.Is(err, errFailed) {
			fmt.Fprintln(stderr, "tally:", err)
		}
		return 1
	}
	return 0
}

var errFailed = errors.New("a test failed")

func dispatch(ctx context.Context, ledger string, args []string, stdout, stderr io.Writer) error {
	if ledger == "" {
		return errors.New("no -ledger given")
	}
	if len(args) == 1 && args[0] == "total" {
		return total(ledger, stdout)
	}
	if len(args) < 4 || args[2] != "--" {
		return fmt.Errorf("want: (go|check) NAME -- COMMAND, or: total; got %q", args)
	}
	kind, name, command := args[0], args[1], exec.CommandContext(ctx, args[3], args[4:]...)
	command.Stderr = stderr
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }

	var (
		c   count
		err error
	)
	switch kind {
	case "go":
		c, err = goTests(command, stdout)
	case "check":
		c, err = check(command, stdout)
	default:
		return fmt.Errorf("unknown kind of step %q; want go or check", kind)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: interrupted", name)
	}
	verdict := "ok  "
	if c.Failed > 0 {
		verdict = "FAIL"
	}
	fmt.Fprintf(stdout, "%s  %s (%s)\n", verdict, name, c)
	return record(ledger, name, c)
}

// check counts one test: the command's exit status.
func check(command *exec.Cmd, stdout io.Writer) (count, error) {
	command.Stdout = stdout
	err := command.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return count{Passed: 1}, nil
	case errors.As(err, &exit):
		return count{Failed: 1}, nil
	default:
		return count{}, err
	}
}

// goTests counts the events of `go test -json` and prints what a person wants
// to see of them: one line a package, and the output of what failed.
func goTests(command *exec.Cmd, stdout io.Writer) (count, error) {
	events, err := command.StdoutPipe()
	if err != nil {
		return count{}, err
	}
	if err := command.Start(); err != nil {
		return count{}, err
	}
	c, readErr := countEvents(events, stdout)
	if readErr != nil {
		_, _ = io.Copy(io.Discard, events) // let the command end by itself
	}
	err = command.Wait()
	var exit *exec.ExitError
	switch {
	case readErr != nil:
		return count{}, readErr
	case err != nil && !errors.As(err, &exit):
		return count{}, err
	case err != nil && c.Failed == 0:
		// It failed without naming a test, as a module that cannot be resolved does.
		c.Failed = 1
	}
	return c, nil
}

func record(ledger, name string, c count) error {
	f, err := os.OpenFile(ledger, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%d %d %d %s\n", c.Passed, c.Failed, c.Skipped, name)
	return errors.Join(err, f.Close())
}

func total(ledger string, stdout io.Writer) error {
	text, err := os.ReadFile(ledger)
	if err != nil {
		return fmt.Errorf("nothing was counted: %w", err)
	}
	var sum count
	var failed []string
	for line := range strings.Lines(string(text)) {
		var c count
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 4)
		if len(fields) != 4 {
			return fmt.Errorf("%s: unreadable line %q", ledger, line)
		}
		if _, err := fmt.Sscan(strings.Join(fields[:3], " "), &c.Passed, &c.Failed, &c.Skipped); err != nil {
			return fmt.Errorf("%s: unreadable line %q: %w", ledger, line, err)
		}
		sum.add(c)
		if c.Failed > 0 {
			failed = append(failed, fields[3])
		}
	}
	if len(failed) > 0 {
		fmt.Fprintf(stdout, "failed: %s\n", strings.Join(failed, "; "))
	}
	fmt.Fprintln(stdout, sum)
	if sum.Failed > 0 || sum.Passed == 0 {
		return errFailed
	}
	return nil
}
