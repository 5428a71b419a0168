package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// resticWithin bounds one real run.
const resticWithin = 30 * time.Second

// Restic is what a real backup by restic needs.
type Restic struct {
	Program, Exporter string // the programs
	Script            string // deploy/scripts/restic.sh
	Data              string // folder for files, repositories and passwords
	Token             string // file with the token for pushing
	URL               func() string
}

// resticRuns are machines that restic really backs up. The results are pushed,
// as they are from any machine with a script.
type resticRuns struct {
	*Restic
	source *SourceState
}

func newResticRuns(p *products, name string) product {
	return &resticRuns{p.options.Restic, p.source(SourceState{Name: name, Kind: "push", Title: "Pushed results: restic, really run",
		Tenants: map[string]string{}})}
}

// enter lets the machine's customer push.
func (r *resticRuns) enter(b *Backup) { r.source.Tenants[b.machine.Customer] = b.machine.CustomerName }

func (r *resticRuns) able(_ *Backup, c Condition) bool { return c == Good || c == Failing }

// usual leaves the text to restic.
func (r *resticRuns) usual() string { return "the password of the repository is wrong" }

func (r *resticRuns) late() bool { return true }

// happen backs up: with the right password, or with a wrong one.
func (r *resticRuns) happen(b *Backup) error {
	home := filepath.Join(r.Data, b.machine.Customer+"-"+b.machine.Name)
	files, wrong := filepath.Join(home, "files"), filepath.Join(home, "wrong-password")
	if err := os.MkdirAll(files, 0o700); err != nil {
		return err
	}
	for name, text := range map[string]string{
		filepath.Join(files, "notes.txt"): "Something to be saved, changed " + time.Now().Format(time.RFC3339) + "\n",
		filepath.Join(home, "password"):   "the repository of the lab\n",
		wrong:                             "not the password\n",
	} {
		if err := writeFile(name, []byte(text)); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), resticWithin)
	defer cancel()
	env := append(os.Environ(), "RESTIC="+r.Program, "BACKUP_EXPORTER="+r.Exporter, "RESTIC_REPOSITORY="+filepath.Join(home, "repository"),
		"RESTIC_CACHE_DIR="+filepath.Join(home, "cache"), "RESTIC_PASSWORD_FILE="+filepath.Join(home, "password"), "HOME="+home,
		"BACKUP_EXPORTER_URL="+r.URL(), "BACKUP_EXPORTER_TOKEN_FILE="+r.Token, "VIGIE_SPOOL="+filepath.Join(home, "spool"), "VIGIE_PATIENCE=5s",
		"VIGIE_MACHINE="+b.machine.Name, "VIGIE_CLASS="+b.machine.Class)
	if _, err := os.Stat(filepath.Join(home, "repository", "config")); errors.Is(err, os.ErrNotExist) {
		if err := command(ctx, env, r.Program, "init"); err != nil {
			return err
		}
	}
	if b.Condition == Good {
		return command(ctx, env, "/bin/sh", r.Script, b.Plan, files)
	}
	err := command(ctx, append(env, "RESTIC_PASSWORD_FILE="+wrong), "/bin/sh", r.Script, b.Plan, files)
	var exit *exec.ExitError
	if errors.As(err, &exit) && ctx.Err() == nil {
		return nil // as it was meant to
	}
	return err
}

func command(ctx context.Context, env []string, name string, args ...string) error {
	c := exec.CommandContext(ctx, name, args...)
	c.Env, c.WaitDelay = env, time.Second
	out, err := c.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", filepath.Base(name), strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
