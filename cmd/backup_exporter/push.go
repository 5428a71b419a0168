package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"vigie/exporters"
	"vigie/exporters/push"
	"vigie/exporters/push/programs"
	"vigie/internal/remote"
)

// pushVerb as the first argument makes the program the sending side.
const pushVerb = "push"

const pushExample = "backup_exporter push --url=https://vigie.example:9891 --token-file=token --job=home --machine=SRV-AD --engine=restic --exit-code=0"

// The exit codes of the sending side. Scripts may ignore all but pushLost.
const (
	pushSent     = 0
	pushLost     = 1 // nothing was written to the spool
	pushUsage    = 2 // the result or the flags make no sense
	pushWaiting  = 3 // kept in the spool, sent with the next result
	pushRejected = 4 // put aside: the exporter refused it for good
)

// maxStdin bounds a result read from stdin.
const maxStdin = 1 << 20

// pushOptions are the command line of the sending side.
type pushOptions struct {
	url, tokenFile, user, passwordFile, caFile, spool string
	spoolFiles                                        int
	patience                                          time.Duration
	flush, stdin                                      bool

	report               push.Report
	class, role          string
	started, ended, next string
	exitCode             string
	disabled             bool
	log, stats           string
	size, files          int64 // -1: not told
	program, codes       string
	strict               bool
}

func parsePush(args []string, stderr io.Writer) (pushOptions, error) {
	var o pushOptions
	_, err := o.application(stderr).Parse(args)
	return o, err
}

// application is the command line that fills in the options.
func (o *pushOptions) application(stderr io.Writer) *kingpin.Application {
	app := kingpin.New("backup_exporter push", "Sends one result to a backup exporter. It is kept on disk first, and sent with a later one if nobody answers.\n\n"+
		"Example: "+pushExample)
	app.UsageWriter(stderr)
	app.Version(version.Print("backup_exporter"))
	app.HelpFlag.Short('h')
	o.connection(app)
	app.Flag("flush", "Only send what waits.").BoolVar(&o.flush)
	app.Flag("stdin", "Read the result as JSON from the standard input.").BoolVar(&o.stdin)

	app.Flag("run-id", "Id of the run; made up if left out.").StringVar(&o.report.RunID)
	app.Flag("job", "Id of the job, the same at each run.").StringVar(&o.report.JobID)
	o.names(app)
	app.Flag("result", "success, warning, failed, cancelled, missed or unknown.").StringVar(&o.report.Result)
	app.Flag("exit-code", "Exit code of the engine, in place of --result.").StringVar(&o.exitCode)
	app.Flag("started", "Start, RFC 3339 or seconds since 1970.").StringVar(&o.started)
	app.Flag("ended", "End; now if left out.").StringVar(&o.ended)
	app.Flag("next-run", "Next planned start.").StringVar(&o.next)
	app.Flag("size", "Bytes processed; 0 is nothing.").Default("-1").Int64Var(&o.size)
	app.Flag("files", "Files that the backup holds; 0 is nothing.").Default("-1").Int64Var(&o.files)
	app.Flag("error", "What went wrong.").StringVar(&o.report.Error)
	app.Flag("log", "Output of the engine: its end explains a failure, restic's JSON tells the size.").StringVar(&o.log)
	app.Flag("stats", "What the engine wrote to its standard output, such as borg create --json.").StringVar(&o.stats)
	app.Flag("disabled", "The job is switched off.").BoolVar(&o.disabled)
	return app
}

// connection are the flags that say where results go.
func (o *pushOptions) connection(app flags) {
	app.Flag("url", "Address of the exporter.").Envar("BACKUP_EXPORTER_URL").StringVar(&o.url)
	app.Flag("token-file", "File with the customer's token.").Envar("BACKUP_EXPORTER_TOKEN_FILE").StringVar(&o.tokenFile)
	app.Flag("user", "User, if the exporter's web server asks for a password.").Envar("VIGIE_USER").StringVar(&o.user)
	app.Flag("password-file", "File with that user's password.").Envar("VIGIE_PASSWORD_FILE").StringVar(&o.passwordFile)
	app.Flag("tls.ca-file", "Certificate by which the exporter is verified.").Envar("VIGIE_CA_FILE").StringVar(&o.caFile)
	app.Flag("spool", "Folder for results that wait.").Envar("VIGIE_SPOOL").StringVar(&o.spool)
	app.Flag("spool.max-files", "Results kept at most; the oldest go first.").Default("10000").IntVar(&o.spoolFiles)
	app.Flag("patience", "For how long to try.").Envar("VIGIE_PATIENCE").Default("1m").DurationVar(&o.patience)
}

// names are the flags that say whose result it is, and how it is read.
func (o *pushOptions) names(app flags) {
	app.Flag("machine", "Machine, as in the inventory; this one's name if left out.").Envar("VIGIE_MACHINE").StringVar(&o.report.Machine)
	app.Flag("class", "server, nas, workstation or other.").Envar("VIGIE_CLASS").StringVar(&o.class)
	app.Flag("role", "primary or local.").StringVar(&o.role)
	app.Flag("engine", "restic, borg, robocopy, or any word.").StringVar(&o.report.Engine)
	app.Flag("plan", "Name of the job for people.").StringVar(&o.report.Plan)
	app.Flag("object-type", "What is backed up, such as files.").StringVar(&o.report.ObjectType)
	app.Flag("interval", "Time from run to run, such as 24h.").Envar("VIGIE_INTERVAL").StringVar(&o.report.Interval)
	app.Flag("for", "Program of the table of exit codes, such as rsync; see docs/backup-exit-codes.md.").Envar("VIGIE_FOR").StringVar(&o.program)
	app.Flag("codes", "File with rows of your own for that table.").Envar("VIGIE_CODES").StringVar(&o.codes)
	app.Flag("strict", "A backup that is not whole is a failed one, where the table knows the difference.").BoolVar(&o.strict)
}

// flags is a command line, or a verb of one.
type flags interface {
	Flag(name, help string) *kingpin.FlagClause
}

// spools are the folders to try. They outlive restarts: temporary ones do not.
func (o *pushOptions) spools() []string {
	if o.spool != "" {
		return []string{o.spool}
	}
	if dir := os.Getenv("ProgramData"); dir != "" {
		return []string{filepath.Join(dir, "backup_exporter", "spool")}
	}
	dirs := []string{"/var/spool/backup_exporter"}
	state := os.Getenv("XDG_STATE_HOME")
	if home, err := os.UserHomeDir(); state == "" && err == nil {
		state = filepath.Join(home, ".local", "state")
	}
	if filepath.IsAbs(state) {
		dirs = append(dirs, filepath.Join(state, "backup_exporter", "spool")) // of a user who is not root
	}
	return dirs
}

// keep writes reports to the first spool folder that can be written to.
func (o *pushOptions) keep(reports []push.Report) (*push.Spool, int, error) {
	var errs []error
	for _, dir := range o.spools() {
		spool := &push.Spool{Dir: dir, MaxFiles: o.spoolFiles, Now: time.Now}
		dropped, err := 0, error(nil)
		for i := range reports {
			var n int
			if n, err = spool.Add(reports[i]); err != nil {
				break // what was added before is sent twice and counts once
			}
			dropped += n
		}
		if err == nil {
			return spool, dropped, nil
		}
		errs = append(errs, err)
	}
	return &push.Spool{Dir: o.spools()[0], MaxFiles: o.spoolFiles, Now: time.Now}, 0, errors.Join(errs...)
}

func runPush(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	fail := func(code int, err error) int {
		fmt.Fprintf(stderr, "backup_exporter push: %v\n", err)
		return code
	}
	o, err := parsePush(args, stderr)
	if err != nil {
		return fail(pushUsage, fmt.Errorf("%w; try push --help", err))
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	var reports []push.Report
	if !o.flush {
		if reports, err = o.reports(stdin, time.Now()); err != nil {
			return fail(pushUsage, err)
		}
		if len(reports) == 0 {
			fmt.Fprintln(stdout, "nothing to report: the run was not due, or a rehearsal")
			return pushSent
		}
	}
	return o.deliver(ctx, reports, stdout, stderr)
}

// deliver spools reports and sends all that waits. Where no folder can be written to,
// they are sent at once or lost.
func (o *pushOptions) deliver(ctx context.Context, reports []push.Report, stdout, stderr io.Writer) int {
	fail := func(code int, err error) int {
		fmt.Fprintf(stderr, "backup_exporter push: %v\n", err)
		return code
	}
	spool, dropped, lost := o.keep(reports)
	if dropped > 0 {
		fmt.Fprintf(stderr, "backup_exporter push: the spool is full, %d old results were dropped\n", dropped)
	}
	sender, odd := o.sender(spool) // wrong flags are told once the result is safe
	switch {
	case odd != nil && lost != nil:
		return fail(pushLost, fmt.Errorf("the result is lost: %w; make --spool writable; %w", lost, odd))
	case odd != nil:
		return fail(pushUsage, odd)
	case lost != nil:
		if err := sender.Send(ctx, reports); err != nil {
			return fail(pushLost, fmt.Errorf("the result is lost: %w; make --spool writable; %w", lost, err))
		}
		fmt.Fprintf(stderr, "backup_exporter push: sent, but nothing could be kept on disk: %v; make --spool writable\n", lost)
		return pushSent
	}
	sent, err := sender.Flush(ctx)
	for _, r := range sent.Rejected {
		fmt.Fprintf(stderr, "backup_exporter push: put aside in %s: %v\n", filepath.Join(spool.Dir, "rejected"), r)
	}
	fmt.Fprintf(stdout, "%d sent, %d waiting, %d rejected\n", sent.Sent, sent.Waiting, len(sent.Rejected))
	switch {
	case err != nil:
		return fail(pushWaiting, err)
	case len(sent.Rejected) > 0:
		return pushRejected
	default:
		return pushSent
	}
}

func (o *pushOptions) sender(spool *push.Spool) (*push.Sender, error) {
	if o.url == "" || o.tokenFile == "" {
		return nil, errors.New("--url, --token-file: missing; give them, or BACKUP_EXPORTER_URL and BACKUP_EXPORTER_TOKEN_FILE")
	}
	var address exporters.URL
	if err := address.UnmarshalScalar(o.url); err != nil {
		return nil, fmt.Errorf("--url: %w", err)
	}
	tls, err := remote.TLS{CAFile: o.caFile}.Build()
	if err != nil {
		return nil, fmt.Errorf("--tls.ca-file: %w", err)
	}
	s := &push.Sender{URL: address.URL, Token: exporters.Secret{File: o.tokenFile}.Read, User: o.user, UserAgent: "backup_exporter/" + version.Version,
		Spool: spool, HTTP: push.NewHTTPClient(tls), Patience: o.patience, Now: time.Now, Sleep: exporters.Sleep}
	if o.passwordFile != "" {
		s.Password = exporters.Secret{File: o.passwordFile}.Read
	}
	return s, nil
}

// reports gives what is to be sent: from stdin, or from the flags.
func (o *pushOptions) reports(stdin io.Reader, now time.Time) ([]push.Report, error) {
	if o.stdin {
		text, err := io.ReadAll(transform.NewReader(io.LimitReader(stdin, maxStdin+1), unicode.BOMOverride(unicode.UTF8.NewDecoder())))
		if err != nil {
			return nil, fmt.Errorf("stdin: %w", err)
		}
		if len(text) > maxStdin {
			return nil, fmt.Errorf("stdin: longer than %d bytes", maxStdin)
		}
		return push.Decode(text, 1000)
	}
	r, err := o.fromFlags(now)
	if err != nil {
		return nil, err
	}
	if due, err := o.judge(&r); err != nil || !due {
		return nil, err
	}
	return []push.Report{r}, r.Check()
}

func (o *pushOptions) fromFlags(now time.Time) (push.Report, error) {
	r := o.report
	r.MachineClass, r.BackupRole = exporters.Class(o.class), exporters.Role(o.role)
	if r.RunID == "" {
		r.RunID = now.UTC().Format("20060102T150405Z") + "-" + strings.ToLower(rand.Text()[:12])
	}
	if r.Machine == "" {
		host, err := os.Hostname()
		if err != nil {
			return r, fmt.Errorf("--machine: %w; name it", err)
		}
		r.Machine = host
	}
	r.Ended = exporters.Instant{Time: now}
	for _, f := range []struct {
		text string
		to   *exporters.Instant
	}{{o.started, &r.Started}, {o.ended, &r.Ended}, {o.next, &r.NextRun}} {
		if f.text != "" {
			*f.to = exporters.ParseInstant(f.text)
		}
	}
	if o.disabled {
		no := false
		r.Enabled = &no
	}
	return r, nil
}

// judge takes the result from the exit code and the output. It returns false for a run
// that is not to be reported.
func (o *pushOptions) judge(r *push.Report) (bool, error) {
	if (r.Result == "") == (o.exitCode == "") {
		return false, errors.New("--result: give it, or --exit-code, but not both")
	}
	run, err := o.run()
	if err != nil {
		return false, err
	}
	w := run.Watch()
	// The result matters more than its explanation.
	odd := errors.Join(feed(w.Stream("stderr"), o.log), feed(w.Stream("stdout"), o.stats))
	code := 0
	if o.exitCode != "" {
		if _, err := fmt.Sscanf(o.exitCode+"\n", "%d\n", &code); err != nil {
			return false, fmt.Errorf("--exit-code: %q is no number", o.exitCode)
		}
	}
	if odd != nil {
		odd = fmt.Errorf("the log could not be read: %w", odd)
	}
	j := run.Judge(w, code)
	if o.exitCode == "" && r.Error == "" {
		r.Error = j.Tail
	}
	return o.settle(r, j, odd), nil
}

// settle puts the verdict into the report.
func (o *pushOptions) settle(r *push.Report, j push.Judged, odd error) bool {
	if o.size >= 0 {
		r.Size = exporters.Told(o.size)
	}
	if o.files >= 0 {
		r.Files = exporters.Told(o.files)
	}
	r.Size, r.Files = r.Size.Or(exporters.Told(j.Size)), r.Files.Or(exporters.Told(j.Files))
	if o.exitCode == "" {
		if odd != nil {
			r.Error = strings.Trim(r.Error+"\n"+odd.Error(), "\n")
		}
		return true
	}
	r.Result = string(j.Result)
	if j.Result == programs.Success {
		return true
	}
	texts := []string{strings.Trim(j.Words+": "+r.Error, ": "), j.Tail}
	if odd != nil {
		texts = append(texts, odd.Error())
	}
	r.Error = strings.Join(slices.DeleteFunc(texts, func(t string) bool { return t == "" }), "\n")
	return j.Result != programs.NotDue
}

// run is what is known of the run that is reported.
func (o *pushOptions) run() (push.Run, error) {
	name := o.program
	switch o.report.Engine {
	case "restic", "borg", "robocopy":
		name = cmp.Or(name, o.report.Engine)
	}
	run := push.Run{Engine: cmp.Or(o.report.Engine, name), Strict: o.strict || o.program == "" && name == "restic"}
	if name == "" {
		return run, nil
	}
	table, err := programs.Shipped()
	if err != nil {
		return run, err
	}
	if o.codes != "" {
		text, err := os.ReadFile(o.codes)
		if err == nil {
			err = table.Add(o.codes, text)
		}
		if err != nil {
			return run, fmt.Errorf("--codes: %w", err)
		}
	}
	p, ok := table.Get(name)
	if !ok {
		return run, fmt.Errorf("--for: %q is no program of the table; known are %s; write its codes into a file for --codes", name, strings.Join(table.Names(), ", "))
	}
	run.Program = p
	return run, nil
}

// feed gives a file to a stream.
func feed(to io.WriteCloser, file string) error {
	if file == "" {
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := push.Text(f)
	if err != nil {
		return err
	}
	_, err = to.Write(text)
	return errors.Join(err, to.Close())
}
