package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vigie/exporters/push"
	"vigie/exporters/push/programs"
)

// A script in a file is judged as the same text behind sh -c.
func TestScriptInAFile(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	check := file("check.sh", "#!/bin/sh\nrestic check\n")
	nightly := file("nightly", "#!/usr/bin/env bash\nset -e\nrestic backup /d\nrestic forget --prune\n")
	strictly := file("strictly", "#!/bin/bash -e\nrestic backup /d\ndate\n")
	hides := file("hides", "#!/bin/sh\nrestic backup /d\nrestic forget --prune\n")
	alone := file("alone", "#!/bin/sh\nrestic backup /d &\n")
	plain := file("plain", "restic backup /d\ndate\n")
	python := file("nightly.py", "#!/usr/bin/python3\nprint('restic check')\n")
	binary := file("binary", "#!/bin/sh\nrestic check\n\x00")
	wrapper := file("restic", "#!/bin/sh\nexec /opt/restic \"$@\"\n")
	long := file("long", "#!/bin/sh\nrestic check\n#"+strings.Repeat("x", maxScript))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	table, err := programs.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	restic, _ := table.Get("restic")
	const fatal = "Fatal: unable to open repository\n"
	for _, c := range []struct {
		command []string
		said    string
		want    programs.Result
	}{
		{[]string{check}, "", programs.NotDue},
		{[]string{"sh", check}, "", programs.NotDue},
		{[]string{"sudo", "-u", "root", check, "weekly"}, "", programs.NotDue},
		{[]string{"flock", "-n", dir, "bash", "-x", check}, "", programs.NotDue},
		{[]string{nightly}, fatal, programs.Success},
		{[]string{"nightly"}, fatal, programs.Success},
		{[]string{"timeout", "2h", "nightly", "-n"}, fatal, programs.Success},
		{[]string{strictly}, fatal, programs.Success},
		{[]string{"nice", "-n19", "ionice", "-c3", check}, "", programs.NotDue},
		{[]string{"ionice", "-c", "2", "-n", "0", strictly}, fatal, programs.Success},
		{[]string{"ionice", "-c", "2", hides}, fatal, programs.Failed},
		{[]string{"su", "-c", "restic backup /d", check}, fatal, programs.Success},
		{[]string{hides}, "", programs.Success},
		{[]string{hides}, fatal, programs.Failed},
		{[]string{"bash", "-e", hides}, fatal, programs.Success},
		{[]string{"sh", plain}, fatal, programs.Failed},
		{[]string{alone}, "", programs.Failed},
		{[]string{"sh", "-c", "restic backup /d", check}, "", programs.Success},
		{[]string{"ssh", "srv", check}, "", programs.Success},
		{[]string{python}, "", programs.Success},
		{[]string{python, check}, "", programs.Success},
		{[]string{"sudo", "-n", python, check}, "", programs.Success},
		{[]string{"nice", "cp", check, "/b/"}, "", programs.Success},
		{[]string{"flock", "-n", check, check}, "", programs.NotDue},
		{[]string{binary}, "", programs.Success},
		{[]string{long}, "", programs.Success},
		{[]string{wrapper, "backup", "/d"}, fatal, programs.Success},
		{[]string{wrapper, "check"}, "", programs.NotDue},
	} {
		before := slices.Clone(c.command)
		run := push.Run{Program: restic, Command: withScript(c.command, restic)}
		w := run.Watch()
		_, _ = w.Stream("stderr").Write([]byte(c.said))
		if got := run.Judge(w, 0); got.Result != c.want {
			t.Errorf("%q, %q: %+v, want %s", c.command, c.said, got.Verdict, c.want)
		}
		if !slices.Equal(before, c.command) {
			t.Errorf("%q was changed to %q", before, c.command)
		}
	}
	// Where no program is named, a command that nobody waits for is none the less no success.
	run := push.Run{Command: withScript([]string{alone}, nil)}
	if got := run.Judge(run.Watch(), 0); got.Result != programs.Failed {
		t.Errorf("%+v", got.Verdict)
	}
}
