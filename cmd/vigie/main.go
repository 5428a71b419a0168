// Command vigie is the receiver and the operator's command line.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
	_ "time/tzdata" // calendars need time zones wherever this runs

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
	"github.com/prometheus/common/version"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// exit is how kingpin's wish to end reaches run.
type exit int

// verb is one command with what it does.
type verb struct {
	cmd *kingpin.CmdClause
	do  func(context.Context) error
}

// run is the whole program: 0 when it did what was asked, [exConfig] when the
// receiver cannot start as it is configured, 1 otherwise.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (code int) {
	defer func() {
		if v := recover(); v != nil {
			e, ours := v.(exit)
			if !ours {
				panic(v)
			}
			code = int(e)
		}
	}()
	logs := &promslog.Config{Writer: stderr}
	app, verbs := application(&commands{out: stdout, logs: logs})
	app.UsageWriter(stdout)
	app.ErrorWriter(stderr)
	app.Terminate(func(code int) { panic(exit(code)) })
	name, err := app.Parse(args)
	if err != nil {
		fmt.Fprintln(stderr, misread(app, args, err))
		return 1
	}
	for _, v := range verbs {
		if v.cmd.FullCommand() != name {
			continue
		}
		if err := v.do(ctx); err != nil {
			fmt.Fprintln(stderr, err)
			if errors.As(err, new(misconfigured)) {
				return exConfig
			}
			return 1
		}
	}
	return 0
}

// application is the command line: every verb with its flags.
func application(c *commands) (*kingpin.Application, []verb) {
	app := kingpin.New("vigie", "Watches over backups and services: who must be told what, by when, and the proof of it.")
	app.Version(version.Print("vigie"))
	app.HelpFlag.Short('h')
	promslogflag.AddFlags(app, c.logs)
	verbs := []verb{
		c.serve(app), c.check(app), c.simulate(app), c.due(app),
		c.incidents(app), c.explain(app), c.password(app), c.completion(app),
	}
	verbs = append(verbs, c.acts(app)...)
	verbs = append(verbs, c.messages(app)...)
	verbs = append(verbs, c.reports(app)...)
	verbs = append(verbs, c.mails(app)...)
	verbs = append(verbs, c.journal(app)...)
	verbs = append(verbs, c.store(app)...)
	return app, append(verbs, c.token(app))
}

// commands is what the verbs share.
type commands struct {
	out  io.Writer
	logs *promslog.Config
	zone *time.Location // in which instants are shown; as they were told when nil
}

// exConfig is sysexits' EX_CONFIG: what only a person can mend. The unit for
// systemd does not try such a start again.
const exConfig = 78

// misconfigured is why a receiver did not start: a configuration, an inventory,
// a policy or a secret.
type misconfigured struct{ error }

func (m misconfigured) Unwrap() error { return m.error }

// installed is where packages expect the configuration.
const installed = "/etc/vigie/vigie.yml"

func configFlag(cmd *kingpin.CmdClause) *string {
	usual := "vigie.yml"
	if _, err := os.Stat(usual); err != nil {
		usual = installed
	}
	return cmd.Flag("config.file", "Configuration file; when left out, vigie.yml where you stand, or else "+installed+".").
		Envar("VIGIE_CONFIG").Default(usual).String()
}

func outputFlag(cmd *kingpin.CmdClause) *string {
	return cmd.Flag("output", "How to print: table for people, json for programs; text is another word for table.").Default("table").Enum("table", "json", "text")
}

func (c *commands) due(app *kingpin.Application) verb {
	cmd := app.Command("due", "Compute due instants in working time.\n\nExample:\n  vigie due --calendars=calendars.json cases.json")
	calendars := cmd.Flag("calendars", "JSON file whose calendars replace those of the same name.").String()
	cases := cmd.Arg("cases", "JSON file with calendars and cases.").Required().String()
	return verb{cmd, func(context.Context) error { return runDue(c.out, *cases, *calendars) }}
}
