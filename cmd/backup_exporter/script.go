package main

import (
	"io"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"

	"vigie/exporters/push/programs"
)

// maxScript bounds the text of a script that is read to be judged.
const maxScript = 64 << 10

// withScript puts the text of a shell's script in place of the file that holds it, as
// it would stand behind sh -c, so that both are judged alike. The program itself stays
// what it is, also where it is a script.
func withScript(command []string, p *programs.Program) []string {
	under := -1 // the shell that stands in front
	for at, word := range command {
		switch {
		case p != nil && p.Is(word), strings.HasPrefix(word, "-c") && (under >= 0 || !slices.Contains(command[:at], "ionice")):
			return command
		case programs.IsShell(word):
			under = at
			continue
		case strings.HasPrefix(word, "-"), under >= 0 && command[at-1] == "-o":
			continue
		}
		shell, text, runs := scriptIn(word, under < 0)
		switch {
		case text != "" && under >= 0:
			return slices.Concat(command[:at], []string{"-c", text})
		case len(shell) > 0:
			return slices.Concat(command[:at], shell, []string{"-c", text})
		case under >= 0, (runs || at == 0 || programs.IsRunner(word)) && !programs.HandsOn(word):
			return command // what follows is that program's; it may lie elsewhere, as behind ssh
		}
	}
	return command
}

// scriptIn gives the text of a file, and the shell with its options that its first line
// names; no shell where it is for another, and no text where it is no text. It tells
// also whether the file can be run.
func scriptIn(file string, inPath bool) (shell []string, text string, runs bool) {
	if inPath && !strings.Contains(file, "/") {
		found, err := exec.LookPath(file)
		if err != nil {
			return nil, "", false
		}
		file = found
	}
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() {
		return nil, "", false
	}
	if runs = info.Mode()&0o111 != 0; info.Size() > maxScript {
		return nil, "", runs
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, "", runs
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxScript))
	if err != nil || strings.ContainsRune(string(data), 0) {
		return nil, "", runs
	}
	head, rest, _ := strings.Cut(string(data), "\n")
	named, ok := strings.CutPrefix(head, "#!")
	if !ok {
		return nil, string(data), runs
	}
	words := strings.Fields(named)
	if len(words) > 1 && path.Base(words[0]) == "env" {
		words = slices.DeleteFunc(words[1:], func(w string) bool { return w == "-S" })
	}
	if len(words) == 0 || !programs.IsShell(words[0]) {
		return nil, "", runs
	}
	return words, rest, runs
}
