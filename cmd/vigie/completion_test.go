package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/promslog"
)

// A real shell completes verbs, flags and the values of flags.
func TestCompletion(t *testing.T) {
	bin := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "vigie")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		words []string
		want  string
	}{
		{[]string{"vigie", "inc"}, "incidents"},
		{[]string{"vigie", "report", "dos"}, "dossier"},
		{[]string{"vigie", "incidents", "--cust"}, "--customer"},
		{[]string{"vigie", "act", "forec"}, "forecast"},
		{[]string{"vigie", "completion", "fi"}, "fish"},
	} {
		for shell, script := range map[string]string{
			"bash": `source <(vigie completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _vigie; echo "${COMPREPLY[@]}"`,
			"fish": `vigie completion fish | source; complete -C "$argv"`,
		} {
			path, err := exec.LookPath(shell)
			if err != nil {
				t.Logf("there is no %s to try its script with", shell)
				continue
			}
			cmd := exec.CommandContext(t.Context(), path, append([]string{"-c", script}, c.words...)...)
			if shell == "bash" {
				cmd = exec.CommandContext(t.Context(), path, append([]string{"-c", script, "bash"}, c.words...)...)
			}
			cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), asProgram+"=1")
			out, err := cmd.CombinedOutput()
			if err != nil || !slices.Contains(strings.Fields(string(out)), c.want) {
				t.Errorf("%s completes %q to %q, %v", shell, c.words, out, err)
			}
		}
	}
	if zsh, err := exec.LookPath("zsh"); err == nil {
		cmd := exec.CommandContext(t.Context(), zsh, "-n")
		cmd.Stdin = strings.NewReader(shells()[1].script)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("zsh: %v %s", err, out)
		}
	}
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"completion", "tcsh"}, &out, &errs); code != 1 || !strings.Contains(errs.String(), "bash,zsh,fish") {
		t.Errorf("tcsh: %d %s", code, errs.String())
	}
}

// Whatever a verb prints, a program can have as JSON.
func TestEveryVerbPrintsJSON(t *testing.T) {
	app, verbs := application(&commands{logs: &promslog.Config{}})
	_ = app
	other := []string{
		"serve", "completion", // print nothing that is data
		"due",            // its lines are JSON
		"journal export", // --format
	}
	for _, v := range verbs {
		name := v.cmd.FullCommand()
		has := v.cmd.GetFlag("output") != nil || strings.HasPrefix(name, "act ") // the group has it
		if slices.Contains(other, name) == has {
			t.Errorf("%s has --output: %t", name, has)
		}
	}
}
