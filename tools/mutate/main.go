// Mutate changes the alerting rules, one small thing at a time, and demands that
// a rule test fails each time: a threshold, a comparison, a `for`, a matcher, a
// label list, a range, a function, a rule's reading of its own last value, a label.
//
//	mutate -promtool FILE [-sample N] [-only REGEXP] [-mutant REGEXP] [-jobs N] [-equivalent FILE] DIR
//
// DIR has the rules *.yml, and their tests in tests/. A mutant that no test notices is
// printed as alive, unless the file of equivalents names it with a reason. With -sample
// only N mutants are tried, always the same ones; with -mutant only those whose printed
// text matches.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"vigie/tools/suite"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("mutate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	promtool := flags.String("promtool", "promtool", "the promtool that plays the tests")
	sample := flags.Int("sample", 0, "how many mutants to try; 0 for all")
	only := flags.String("only", "", "try the rules whose name this matches")
	which := flags.String("mutant", "", "try the mutants whose text this matches")
	jobs := flags.Int("jobs", runtime.NumCPU(), "how many to try at once")
	list := flags.String("equivalent", "", "file of mutants that change nothing, a line each: the mutant, a tab, the reason")
	if flags.Parse(args) != nil || flags.NArg() != 1 {
		return 2
	}
	mutants, err := readRules(flags.Arg(0), regexp.MustCompile(*only))
	chosen := regexp.MustCompile(*which)
	mutants = slices.DeleteFunc(mutants, func(m mutant) bool { return !chosen.MatchString(m.String()) })
	if err == nil && *sample > 0 {
		mutants = sampled(mutants, *sample)
	}
	var cases []suite.Case
	if err == nil {
		cases, err = readCases(flags.Arg(0))
	}
	var known map[string]string
	if err == nil && *list != "" {
		known, err = readEquivalents(*list)
	}
	if err != nil {
		fmt.Fprintln(stderr, "mutate:", err)
		return 2
	}
	began := time.Now()
	lived, killed, err := (&campaign{promtool: *promtool, cases: cases, known: known, jobs: *jobs, progress: stderr}).play(ctx, mutants)
	for _, m := range lived {
		fmt.Fprintf(stdout, "ALIVE  %s\n", m)
	}
	if err != nil {
		fmt.Fprintln(stderr, "mutate: not all cases were played:", err)
		return 2
	}
	fmt.Fprintf(stdout, "%d mutants of %d rules: %d killed, %d equivalent, %d alive; %d cases, %s\n", len(mutants), rulesOf(mutants), killed,
		len(mutants)-killed-len(lived), len(lived), len(cases), time.Since(began).Round(time.Second))
	if len(lived) > 0 {
		return 1
	}
	return 0
}

// sampled draws n of the mutants, the same ones each time.
func sampled(mutants []mutant, n int) []mutant {
	out := slices.Clone(mutants)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out[:min(n, len(out))]
}

func rulesOf(mutants []mutant) int {
	seen := map[string]bool{}
	for _, m := range mutants {
		seen[m.rule] = true
	}
	return len(seen)
}

func readEquivalents(file string) (map[string]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	out := map[string]string{}
	for s := bufio.NewScanner(f); s.Scan(); {
		name, reason, ok := strings.Cut(s.Text(), "\t")
		if s.Text() == "" || s.Text()[0] == '#' {
			continue
		}
		if !ok || strings.TrimSpace(reason) == "" {
			return nil, fmt.Errorf("%s: %q has no reason; write the mutant, a tab and why it changes nothing", file, name)
		}
		out[name] = reason
	}
	return out, nil
}
