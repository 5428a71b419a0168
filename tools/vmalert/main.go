// Vmalert writes the alerting rules as vmalert and VictoriaMetrics need them.
//
//	vmalert -out DIR [-vigie URL] RULES
//
// vmalert writes what a rule records to the database and goes on: the next rules of
// the group see it one evaluation later. A rule that remembers its last value only while
// a recorded one says that the source is complete would then ask too late, so such
// records are written out where they are read. RULES is the folder of the shipped rules.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// placeholder is the address of the runbooks in the shipped rules.
const placeholder = "https://vigie.example/runbooks/"

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("vmalert", flag.ContinueOnError)
	flags.SetOutput(stderr)
	out := flags.String("out", "", "the folder to write to")
	vigie := flags.String("vigie", "", "where browsers reach Vigie, for the links to the runbooks")
	if flags.Parse(args) != nil {
		return 2
	}
	if flags.NArg() != 1 || *out == "" {
		fmt.Fprintln(stderr, "vmalert: name the folder to write to with -out, and the folder of the rules")
		return 2
	}
	if err := write(flags.Arg(0), *out, *vigie); err != nil {
		fmt.Fprintln(stderr, "vmalert:", err)
		return 1
	}
	fmt.Fprintf(stdout, "written to %s; start vmalert with -disableAlertgroupLabel and -evaluationInterval=30s\n", *out)
	return 0
}

func write(from, to, vigie string) error {
	files, err := read(from)
	if err != nil {
		return err
	}
	if files, err = convert(files, true); err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for name, text := range files {
		if vigie != "" {
			text = []byte(strings.ReplaceAll(string(text), placeholder, strings.TrimRight(vigie, "/")+"/runbooks/"))
		}
		if err := os.WriteFile(filepath.Join(to, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// read returns the rule files of a folder by name.
func read(dir string) (map[string][]byte, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.yml"))
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("%s holds no rules: %v", dir, err)
	}
	files := map[string][]byte{}
	for _, name := range names {
		if files[filepath.Base(name)], err = os.ReadFile(name); err != nil {
			return nil, err
		}
	}
	return files, nil
}
