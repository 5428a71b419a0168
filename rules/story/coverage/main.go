// Command coverage prints which requirements have a test and which have not.
// A story says what it covers in a comment `# covers: S1.9, T6`, a Go test in
// one `// covers: S1.9, T6`.
//
//	go run ./rules/story/coverage        from the module's root
package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// chapters are the requirements: their prefix, the first and the last number.
var chapters = []struct {
	prefix, title string
	first, last   int
}{
	{"S1.", "backup supervision procedure", 0, 33},
	{"S2.", "platform incidents and service levels", 1, 40},
	{"T", "transversal", 1, 16},
	{"P", "from the field", 1, 18},
}

var (
	comment     = regexp.MustCompile(`(?m)^\s*(?:#|//) covers: ([^;\n]*)`)
	requirement = regexp.MustCompile(`\b(?:S\d\.|T|P)\d+\b`)
)

func main() {
	root := "."
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	if err := run(root); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(root string) error {
	tests, err := scan(root)
	if err != nil {
		return err
	}
	covered, all := 0, 0
	for _, c := range chapters {
		fmt.Printf("%s (%s%d to %s%d)\n", c.title, c.prefix, c.first, c.prefix, c.last)
		for n := c.first; n <= c.last; n++ {
			id := fmt.Sprintf("%s%d", c.prefix, n)
			all++
			where := tests[id]
			delete(tests, id)
			if len(where) == 0 {
				fmt.Printf("  %-6s NO TEST\n", id)
				continue
			}
			covered++
			fmt.Printf("  %-6s %3d  %s\n", id, len(where), summary(where))
		}
	}
	for id, where := range tests {
		return fmt.Errorf("%s: there is no requirement %q: mend the covers line", where[0], id)
	}
	fmt.Printf("%d of %d requirements have a test\n", covered, all)
	return nil
}

// scan collects where each requirement is said to be covered.
func scan(root string) (map[string][]string, error) {
	tests := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); path != root && (strings.HasPrefix(name, ".") || name == "node_modules") {
				return filepath.SkipDir
			}
			return nil
		}
		folder := filepath.Base(filepath.Dir(path))
		story := (folder == "stories" || folder == "tests") && strings.HasSuffix(path, ".yml")
		if !story && !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range comment.FindAllSubmatch(bytes.ReplaceAll(text, []byte("\r"), nil), -1) {
			for _, id := range requirement.FindAllString(string(m[1]), -1) {
				if !slices.Contains(tests[id], path) {
					tests[id] = append(tests[id], path)
				}
			}
		}
		return nil
	})
	return tests, err
}

// summary names the first few tests.
func summary(paths []string) string {
	const most = 3
	var names []string
	for _, p := range paths[:min(len(paths), most)] {
		names = append(names, strings.TrimSuffix(filepath.Base(p), filepath.Ext(p)))
	}
	if len(paths) > most {
		names = append(names, "...")
	}
	return strings.Join(names, ", ")
}
