// Command vigie-lab runs the whole chain from a failed backup to a mail on this
// machine: simulated backup products, an inbox, and between them the real programs
// over their real protocols. With --check it needs nobody, and says whether everything
// that should happen did.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	_ "time/tzdata" // the page and the check speak in the policy's zone

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"
)

// defaultPort is the page's; those of everything else follow it.
const defaultPort = 8800

// stopWithin is how long everything may take to stop; then the rest is killed.
const stopWithin = 20 * time.Second

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// options are the command line.
type options struct {
	Settings
	check bool
}

func parse(args []string, stdout, stderr io.Writer) (o options, done bool, err error) {
	app := kingpin.New("vigie-lab", "Runs everything on this machine: simulated backup products, Prometheus, Alertmanager, Vigie and an inbox.\n\nExamples:\n  vigie-lab\n  vigie-lab --policy=example --port=9000\n  vigie-lab --database=postgres --receivers=2\n  vigie-lab --check")
	app.UsageWriter(stdout)
	app.ErrorWriter(stderr)
	app.Terminate(func(int) { done = true })
	app.Version(version.Print("vigie-lab"))
	app.HelpFlag.Short('h')
	app.Flag("check", "Let a backup fail, follow it to the mails, and say whether all that should happen did. Uses ports and a folder of its own.").BoolVar(&o.check)
	app.Flag("prepare", "Write the configurations and end: a past is made with them; see make past.").BoolVar(&o.Prepare)
	app.Flag("policy", "lab: the example's scenarios, but always office hours and no waiting; example: with its real hours.").Default("lab").EnumVar(&o.Policy, "lab", "example")
	app.Flag("database", "What Vigie keeps everything in: sqlite, a file; or postgres, an installed PostgreSQL or one that is unpacked from Debian's packages, and started here.").Default("sqlite").EnumVar(&o.Database, "sqlite", "postgres")
	app.Flag("receivers", "How many receivers share the database; more than one need postgres. The page then kills them and starts them again.").Default("1").IntVar(&o.Receivers)
	app.Flag("data", "Folder for everything that is kept between two runs.").PlaceHolder(".cache/lab").StringVar(&o.Data)
	app.Flag("root", "The project's folder; found by itself when you are in it.").StringVar(&o.Root)
	app.Flag("port", "Port of the lab's page; 0 stands for any. The other ports follow it. What is in use is replaced, unless you name it.").Default(strconv.Itoa(defaultPort)).IsSetByUser(&o.Ports.PageFixed).IntVar(&o.Ports.Page)
	for _, p := range []struct {
		name, what string
		to         *int
	}{
		{"inbox", "the inbox's page", &o.Ports.Inbox}, {"vigie", "Vigie", &o.Ports.Vigie}, {"prometheus", "Prometheus", &o.Ports.Prometheus},
		{"alertmanager", "Alertmanager", &o.Ports.Alertmanager}, {"exporter", "backup_exporter", &o.Ports.Exporter}, {"smtp", "the inbox's SMTP server", &o.Ports.SMTP},
		{"grafana", "Grafana, if there is one", &o.Ports.Grafana},
	} {
		app.Flag(p.name+"-port", "Port of "+p.what+".").PlaceHolder("PORT").IntVar(p.to)
	}
	app.Flag("prometheus", "Prometheus to run.").Envar("PROMETHEUS").PlaceHolder("PATH").StringVar(&o.Programs.Prometheus)
	app.Flag("alertmanager", "Alertmanager to run.").Envar("ALERTMANAGER").PlaceHolder("PATH").StringVar(&o.Programs.Alertmanager)
	app.Flag("vigie", "Vigie to run.").PlaceHolder("PATH").StringVar(&o.Programs.Vigie)
	app.Flag("backup-exporter", "backup_exporter to run.").PlaceHolder("PATH").StringVar(&o.Programs.BackupExporter)
	app.Flag("restic", "restic to run; without one nothing is really backed up.").Envar("RESTIC").PlaceHolder("PATH").StringVar(&o.Programs.Restic)
	app.Flag("grafana", "Installed Grafana (grafana-server) to start with the dashboards; without one there are none.").Envar("GRAFANA").PlaceHolder("PATH").StringVar(&o.Programs.Grafana)
	_, err = app.Parse(args)
	return o, done, err
}

// run is the whole program: 0 when it did what was asked.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, done, err := parse(args, stdout, stderr)
	if done {
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "vigie-lab: %v; try --help\n", err)
		return 2
	}
	if err := o.complete(); err != nil {
		fmt.Fprintf(stderr, "vigie-lab: %v\n", err)
		return 1
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if o.check {
		err = check(ctx, o.Settings, stdout)
	} else {
		err = demo(ctx, o.Settings, stdout)
	}
	if err != nil {
		fmt.Fprintf(stderr, "vigie-lab: %v\n", err)
		return 1
	}
	return 0
}

// complete finds what the command line left out.
func (o *options) complete() (err error) {
	if o.Receivers < 1 || o.Receivers > mostReceivers {
		return fmt.Errorf("--receivers: %d is not from 1 to %d", o.Receivers, mostReceivers)
	}
	if o.Receivers > 1 && o.Database != "postgres" {
		return errors.New("--receivers: several share a database only on PostgreSQL: --database=postgres")
	}
	if o.Root == "" {
		if o.Root, err = Root(); err != nil {
			return err
		}
	} else if !isRoot(o.Root) {
		return fmt.Errorf("--root: %s holds no alerting-rules/ and deploy/: name the project's folder", o.Root)
	}
	if o.Root, err = filepath.Abs(o.Root); err != nil {
		return err
	}
	if o.Data == "" {
		o.Data = filepath.Join(o.Root, ".cache", "lab")
	}
	if o.Data, err = filepath.Abs(o.Data); err != nil {
		return err
	}
	return o.Programs.Find(o.Root)
}

// demo runs until it is interrupted or a program dies.
func demo(ctx context.Context, s Settings, stdout io.Writer) error {
	begun := time.Now()
	if s.Prepare {
		l, err := StartLab(ctx, s)
		if err == nil {
			end(l)
		}
		return err
	}
	fmt.Fprintln(stdout, "Starting simulated backup products, backup_exporter, Prometheus, Alertmanager, Vigie and an inbox ...")
	l, err := StartLab(ctx, s)
	if err != nil {
		return err
	}
	err = l.Ready(ctx)
	if err == nil {
		l.announce(ctx, stdout, time.Since(begun))
		select {
		case <-ctx.Done():
		case err = <-l.Died():
		}
	}
	if ctx.Err() != nil {
		fmt.Fprintln(stdout, "\nEnding everything ...")
		err = nil
	}
	end(l)
	if err == nil {
		fmt.Fprintln(stdout, "All has ended.")
	}
	return err
}

// end stops a lab within bounds; a second interrupt hurries it.
func end(l *Lab) {
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	l.Stop(ctx)
}

func (l *Lab) announce(ctx context.Context, w io.Writer, took time.Duration) {
	at := l.links(l.ask.hasUI(ctx))
	dashboards := l.tellReceivers()
	if at.Grafana != "" {
		dashboards += "  Dashboards     " + at.Grafana + "\n"
	}
	fmt.Fprintf(w, `Ready after %.0f s, with the %s policy.

  The lab        %s   break and repair backups and platforms here
  Inbox          %s   the mails that were sent
  Vigie          %s
  Emergency      %s   for when a platform is down and nobody can log in
  Alertmanager   %s
  Prometheus     %s
  Exporter       %s
%s
%sLogs, configurations and tokens: %s
Ctrl-C ends everything.
`, took.Seconds(), l.Files.PolicyName, at.Page, at.Inbox, at.Vigie, at.Emergency, at.Alertmanager, at.Prometheus, at.Metrics, dashboards, l.logins(), l.Files.Data)
}

// tellReceivers lists where each of several receivers listens.
func (l *Lab) tellReceivers() string {
	if len(l.Files.Receivers) < 2 {
		return ""
	}
	var b strings.Builder
	for _, r := range l.Files.Receivers {
		fmt.Fprintf(&b, "    %-12s %s/\n", r.Name, r.Port.URL("http"))
	}
	return b.String()
}

// logins say how to come to Vigie's pages as each of the people.
func (l *Lab) logins() string {
	password, err := l.Files.Password()
	if err != nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Log in to Vigie with the password %s as\n", password)
	for _, v := range visitors() {
		fmt.Fprintf(&b, "  %-10s  %s\n", v.id, v.who)
	}
	b.WriteString("  What each of them meets in a day: docs/days\n")
	return b.String() + "\n"
}
