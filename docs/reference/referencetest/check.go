package referencetest

import (
	"fmt"
	"slices"
	"strings"
)

// Gaps says what the reference of a configuration lacks, given all keys that its
// program reads: a key without a line of its own or without words about it, and a
// key that no program reads.
func Gaps(text []byte, known []string) ([]string, error) {
	keys, err := Keys(text)
	if err != nil {
		return nil, err
	}
	var out []string
	told, free := map[string]bool{}, map[string]bool{} // told by its last word: what was said once need not be said again
	for _, k := range keys {
		pattern, ok := patternOf(k.Path, known)
		if !ok {
			if !below(k.Path, known) {
				out = append(out, fmt.Sprintf("line %d: %s is read by nobody", k.Line, k.Path))
			}
			continue
		}
		free[pattern] = true
		told[last(pattern)] = told[last(pattern)] || k.Text != ""
	}
	for _, p := range known {
		switch {
		case !free[p]:
			out = append(out, p+" is missing")
		case !told[last(p)]:
			out = append(out, p+" is not explained: put a comment above its first line")
		}
	}
	return out, nil
}

// patternOf finds the key of the program that a path stands for: * is any name.
func patternOf(path string, known []string) (string, bool) {
	if slices.Contains(known, path) {
		return path, true
	}
	parts := strings.Split(path, ".")
	for _, p := range known {
		want := strings.Split(p, ".")
		if len(want) != len(parts) {
			continue
		}
		same := true
		for i := range want {
			same = same && (want[i] == "*" || want[i] == parts[i])
		}
		if same && want[len(want)-1] != "*" {
			return p, true
		}
	}
	return "", false
}

// below reports whether a path is a name of one's own choice, or stands below one
// whose value is free.
func below(path string, known []string) bool {
	parts := strings.Split(path, ".")
	for _, p := range known {
		want := strings.Split(p, ".")
		same := true
		for i := 0; i < min(len(want), len(parts)); i++ {
			same = same && (want[i] == "*" || want[i] == parts[i])
		}
		if same {
			return true
		}
	}
	return false
}

// last is the last word of a path.
func last(path string) string { return path[strings.LastIndex(path, ".")+1:] }
