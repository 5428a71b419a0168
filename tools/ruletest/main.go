// Ruletest plays files of promtool's rule tests, each test with only the rules on
// which its outcome depends: promtool evaluates at every step whatever is loaded,
// most of it for nothing. The shortest test of a file plays with all of them, if it
// is short, so that a rule which cannot be evaluated in such a world is seen. A test
// in a folder called records plays the rules for which it asks and no other: what
// they read is its input.
//
//	ruletest -promtool FILE [-rules DIR] TESTS...
//
// TESTS lie in a folder of DIR; by themselves they are tests for promtool, too.
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
	"path/filepath"
	"strings"

	"vigie/tools/suite"
)

// short is a test of so many steps.
const short = 100

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("ruletest", flag.ContinueOnError)
	flags.SetOutput(stderr)
	promtool := flags.String("promtool", "promtool", "the promtool that plays the tests")
	rules := flags.String("rules", "", "the folder of the rules; the one above the tests unless given")
	if flags.Parse(args) != nil || flags.NArg() == 0 {
		return 2
	}
	code := 0
	for _, file := range flags.Args() {
		dir := *rules
		if dir == "" {
			dir = filepath.Dir(filepath.Dir(file))
		}
		err := play(ctx, *promtool, dir, file, stdout, stderr)
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			code = 1
		} else if err != nil {
			fmt.Fprintln(stderr, "ruletest:", err)
			return 2
		}
	}
	return code
}

func play(ctx context.Context, promtool, dir, file string, stdout, stderr io.Writer) error {
	rules, err := suite.ReadRules(dir)
	if err != nil {
		return err
	}
	cases, err := rules.Cases(file)
	if err != nil {
		return err
	}
	if len(cases) == 0 {
		return fmt.Errorf("%s holds no tests", file)
	}
	shortest := 0
	for i := range cases {
		if cases[i].Steps < cases[shortest].Steps {
			shortest = i
		}
	}
	if cases[shortest].Steps <= short {
		cases[shortest].Whole()
	}
	tmp, err := os.MkdirTemp("", "ruletest")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	command := []string{"test", "rules"}
	for i := range cases {
		sub := filepath.Join(tmp, fmt.Sprint(i))
		if err := os.Mkdir(sub, 0o700); err != nil {
			return err
		}
		laid, err := cases[i].Lay(sub, nil)
		if err != nil {
			return err
		}
		command = append(command, laid)
	}
	out, err := exec.CommandContext(ctx, promtool, command...).CombinedOutput()
	if err != nil {
		fmt.Fprint(stderr, strings.ReplaceAll(string(out), tmp, filepath.Dir(file)))
		return err
	}
	fmt.Fprintf(stdout, "%s: %d tests\n", file, len(cases))
	return nil
}
