package main

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// What the unit and the timer of a packaged installation rely on.

func TestStartSaysWhatRuns(t *testing.T) {
	i := newInstall(t)
	i.start()
	i.out.wait(t, regexp.MustCompile(`msg="vigie started" version=\S* revision=\S+ policy=\S+ policy_version=\S+ customers=[1-9]\d* platforms=\d+ open_incidents=0`))
	if err := i.end(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}

// A start that only a person can mend ends with 78, which the unit does not
// try again; its last line names file, line and cure.
func TestStartThatAPersonMustMend(t *testing.T) {
	for name, c := range map[string]struct{ file, old, now, want string }{
		"configuration": {"vigie.yml", "organisation:", "organization:", `did you mean "organisation"?`},
		"policy":        {"policy/policy.yml", "template: B1", "template: B11x", `there is no template "B11x"`},
		"secret":        {"webhook.token", hookToken, "", "webhook_token_file"},
		"port":          {"vigie.yml", "listen: 127.0.0.1:0", "listen: 127.0.0.1:99999", "is not host:port"},
	} {
		i := newInstall(t)
		i.edit(c.file, c.old, c.now)
		out := strings.Split(strings.TrimSpace(i.vigie(exConfig, "serve", "--config.file="+i.file("vigie.yml"))), "\n")
		if last := out[len(out)-1]; !strings.Contains(last, c.want) {
			t.Errorf("%s: the last line is %q", name, last)
		}
	}
	i := newInstall(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	i.edit("vigie.yml", "listen: 127.0.0.1:0", "listen: "+taken.Addr().String())
	i.vigie(1, "serve", "--config.file="+i.file("vigie.yml"))
}

func TestCheckBeforeAReload(t *testing.T) {
	i := newInstall(t)
	t.Setenv("VIGIE_CONFIG", i.file("vigie.yml"))
	if out := i.vigie(0, "check", "--quiet", "--secrets"); out != "" {
		t.Errorf("in order, and yet:\n%s", out)
	}
	if err := os.Remove(i.file("people.tokens")); err != nil {
		t.Fatal(err)
	}
	i.vigie(0, "check", "--quiet")
	if out := i.vigie(1, "check", "--quiet", "--secrets"); !strings.Contains(out, "tokens_file") {
		t.Errorf("without the people's tokens:\n%s", out)
	}
}

func TestBackupsOfAFolder(t *testing.T) {
	i := newInstall(t)
	i.start()
	config, dir := "--config.file="+i.file("vigie.yml"), t.TempDir()
	for _, name := range []string{"vigie-20250101T013000Z.db", "vigie-20250102T013000Z.db", "vigie-before-the-move.db", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := i.vigie(0, "store", "backup", config, "--directory="+dir, "--keep=2")
	if !strings.Contains(out, "whole copy") || !strings.Contains(out, "removed "+filepath.Join(dir, "vigie-20250101T013000Z.db")) {
		t.Errorf("backup:\n%s", out)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 4 || !strings.HasSuffix(left[0], "/notes.txt") || !strings.HasSuffix(left[1], "/vigie-20250102T013000Z.db") {
		t.Errorf("left: %v, %v", left, err)
	}
	i.vigie(1, "store", "backup", config)
	i.vigie(1, "store", "backup", config, i.file("copy.db"), "--directory="+dir)
	if out := i.vigie(1, "store", "backup", config, filepath.Join(i.file("vigie.yml"), "copy.db")); strings.Contains(out, "is there already") {
		t.Errorf("a folder that is none:\n%s", out)
	}
}

func TestTokenNew(t *testing.T) {
	i := newInstall(t)
	t.Setenv("VIGIE_CONFIG", i.file("vigie.yml"))
	if out := i.vigie(1, "token", "new", "adm9"); !strings.Contains(out, "adm1") {
		t.Errorf("somebody unknown:\n%s", out)
	}
	i.vigie(1, "token", "new", "adm1", "--expires=tomorrow")
	made := func(args ...string) string {
		out := strings.Fields(i.vigie(0, append([]string{"token", "new"}, args...)...))
		return out[0] // on standard output alone; the words stand on the other
	}
	lasting, over := made("adm1"), made("adm1", "--expires=2026-01-31")
	i.start()
	for token, code := range map[string]int{lasting: 0, over: 1} {
		i.write("new.token", token+"\n")
		out := i.vigie(code, "incidents", "--url="+i.url, "--token-file="+i.file("new.token"))
		if code != 0 && !strings.Contains(out, i.file("new.token")+" is not known there, has expired") {
			t.Errorf("a token that is over:\n%s", out)
		}
	}
}

// A reload that cannot take something over says so: it is not just "taken over".
func TestReloadNamesWhatNeedsAStart(t *testing.T) {
	i := newInstall(t)
	i.start()
	i.edit("vigie.yml", "schema: 1", "schema: 1\nlogin: {passwords_file: passwords}")
	i.write("passwords", "adm1 $2a$04$0123456789012345678901uJzJYTzjyTxdXJrXzjyTxdXJrXzjyTx\n")
	if err := i.proc.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	i.out.wait(t, regexp.MustCompile(`counts only after a restart.* keys=login`))
	i.out.wait(t, regexp.MustCompile(`configuration taken over`))
}
