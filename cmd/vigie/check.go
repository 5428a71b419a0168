package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"vigie/docs/reference"
	"vigie/internal/asuser"
	"vigie/receiver"
	"vigie/receiver/message"
	"vigie/rules"
	"vigie/rules/copies"
	"vigie/rules/explain"
	"vigie/rules/incident"
	"vigie/rules/story"
)

func (c *commands) check(app *kingpin.Application) verb {
	cmd := app.Command("check", "Check configuration, policy, inventory and templates, and show what each scenario would do now.\n\nEvery fault is told with file, line and cure. Warnings are things that are allowed but seldom meant; they do not make the check fail.\n\nExample:\n  vigie check --config.file=vigie.yml --at=2026-03-09T07:10:00+01:00")
	path, output := configFlag(cmd), outputFlag(cmd)
	quiet := cmd.Flag("quiet", "Print nothing when all is in order.").Bool()
	secrets := cmd.Flag("secrets", "Read every file that holds a secret as well.").Bool()
	start := cmd.Flag("start", "Read the secrets that a start and a reload read, and fail for nothing else.").Bool()
	defaults := cmd.Flag("print-defaults", "Print every key of vigie.yml with its default or an example, or those of what --of names, and check nothing.").Bool()
	of := cmd.Flag("of", "Whose keys --print-defaults prints.").Default("vigie").Enum("vigie", "policy", "inventory")
	at := cmd.Flag("at", "Instant for which to show it, RFC 3339; now when left out.").String()
	return verb{cmd, func(ctx context.Context) error {
		if *defaults {
			_, err := c.out.Write(reference.File(*of))
			return err
		}
		now := time.Now()
		if *at != "" {
			t, err := time.Parse(time.RFC3339, *at)
			if err != nil {
				return fmt.Errorf("--at: %q is not an instant: write it like 2026-03-09T07:10:00+01:00", *at)
			}
			now = t
		}
		setup, err := inspect(*path, now, *secrets, *start)
		if err != nil {
			return err
		}
		if err := asService(*path, *secrets, *start); err != nil {
			return err
		}
		if *quiet {
			return nil
		}
		previews, warnings := setup.Book.Preview(now), slices.Concat(setup.Blank(), setup.Book.Warnings(now), setup.Strangers(), setup.Abandoned(ctx), setup.Unread())
		if *output == "json" {
			warn(c.logs.Writer, warnings) // apart from what programs read
			return c.json(previews)
		}
		p := setup.Book.InForce(now)
		fmt.Fprintf(c.out, "%s: in order\npolicy %s, version %s\n", *path, p.Name, p.Hash)
		for _, f := range setup.Book.Directory.Imported {
			fmt.Fprintln(c.out, strings.Join(f.Lines(), "\n"))
		}
		for _, f := range setup.Book.Directory.ImportedRotas {
			fmt.Fprintln(c.out, strings.Join(f.Lines(), "\n"))
		}
		if line := copies.Summary(setup.Book.Directory, now); line != "" {
			fmt.Fprintln(c.out, line)
		}
		warn(c.out, warnings)
		for _, v := range previews {
			c.preview(v, p.Zone)
		}
		return nil
	}}
}

// asService checks once more as the user that the package's systemd unit runs under.
func asService(path string, secrets, start bool) error {
	args := []string{"check", "--quiet"}
	for flag, given := range map[string]bool{"--secrets": secrets, "--start": start} {
		if given {
			args = append(args, flag)
		}
	}
	return asuser.Check("vigie", path, installed, args...)
}

// inspect reads a configuration and the files that it names; with secrets every secret
// too, with start those that a start reads.
func inspect(path string, now time.Time, secrets, start bool) (*receiver.Setup, error) {
	setup, err := receiver.Load(path)
	if err != nil {
		return nil, err
	}
	if _, err := setup.Reloadable(); err != nil {
		return nil, err
	}
	if err := setup.Book.CheckTraces(now); err != nil {
		return nil, err
	}
	if start {
		if _, err := setup.Config.Secrets(); err != nil {
			return nil, err
		}
	}
	if secrets {
		return setup, setup.Config.CheckSecrets()
	}
	return setup, nil
}

// warn lists warnings under a heading that says what they are.
func warn(w io.Writer, warnings []string) {
	if len(warnings) == 0 {
		return
	}
	fmt.Fprintf(w, "\nWarnings (%d): allowed, but probably not what you want\n", len(warnings))
	for _, s := range warnings {
		fmt.Fprintf(w, "  %s\n", s)
	}
}

func (c *commands) preview(v rules.Preview, zone *time.Location) {
	fmt.Fprintf(c.out, "\n%s: %s\n", v.Scenario, v.Title.In("en"))
	for _, x := range append(append([]explain.Explained{}, v.Targets...), v.Steps...) {
		when := x.Status
		if !x.Due.IsZero() {
			when = x.Due.In(zone).Format("Mon 2006-01-02 15:04:05 MST")
		}
		fmt.Fprintf(c.out, "  %-6s %-28s %s", x.Kind, x.Name, when)
		if len(x.To) > 0 {
			fmt.Fprintf(c.out, "  to %s", strings.Join(x.To, ", "))
		}
		if len(x.Cc) > 0 {
			fmt.Fprintf(c.out, "  cc %s", strings.Join(x.Cc, ", "))
		}
		fmt.Fprintln(c.out)
	}
}

func (c *commands) json(v any) error {
	e := json.NewEncoder(c.out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// done prints what came of a verb: for programs as JSON, for people as a sentence.
func (c *commands) done(output string, v any, sentence string, words ...any) error {
	if output == "json" {
		return c.json(v)
	}
	_, err := fmt.Fprintf(c.out, sentence+"\n", words...)
	return err
}

func (c *commands) simulate(app *kingpin.Application) verb {
	cmd := app.Command("simulate", "Play a story through the rules, with a clock of its own, and print what would happen: one JSON line each.\n\nIt opens no secret, no socket and no database.\n\nExample:\n  vigie simulate --config.file=vigie.yml story.yml")
	path := configFlag(cmd)
	journal := cmd.Flag("journal", "Print the journal's lines as well.").Bool()
	file := cmd.Arg("story", "YAML file with the story.").Required().String()
	cmd.Flag("output", "Only json.").Default("json").Enum("json")
	return verb{cmd, func(context.Context) error {
		setup, err := receiver.Load(*path)
		if err != nil {
			return err
		}
		words, err := setup.Config.Renderer()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(*file)
		if err != nil {
			return err
		}
		s, err := story.Parse(*file, text)
		if err != nil {
			return err
		}
		lines, err := story.Play(setup.Book, s, story.Options{Journal: *journal, Subject: subjects(words)})
		if err != nil {
			return err
		}
		for _, l := range lines {
			if err := c.json(l); err != nil {
				return err
			}
		}
		return nil
	}}
}

// subjects writes a message's subject; without one the line shows it empty.
func subjects(words *message.Renderer) func([]incident.Notification) string {
	return func(ns []incident.Notification) string {
		s, err := words.Subject(ns)
		if err != nil {
			return ""
		}
		return s
	}
}
