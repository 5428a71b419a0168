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
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"
	"go.yaml.in/yaml/v3"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"vigie/exporters"
	"vigie/exporters/push"
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
	pushRejected = 4 // put aside: the exporter will never take it
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
}

func parsePush(args []string, stderr io.Writer) (pushOptions, error) {
	app := kingpin.New("backup_exporter push", "Sends one result to a backup exporter. It is kept on disk first, and sent with a later one if nobody answers.\n\n"+
		"Example: "+pushExample)
	app.UsageWriter(stderr)
	app.Version(version.Print("backup_exporter"))
	app.HelpFlag.Short('h')
	var o pushOptions
	app.Flag("url", "Address of the exporter.").Envar("BACKUP_EXPORTER_URL").Required().StringVar(&o.url)
	app.Flag("token-file", "File with the customer's token.").Envar("BACKUP_EXPORTER_TOKEN_FILE").Required().StringVar(&o.tokenFile)
	app.Flag("user", "User, if the exporter's web server asks for a password.").Envar("VIGIE_USER").StringVar(&o.user)
	app.Flag("password-file", "File with that user's password.").Envar("VIGIE_PASSWORD_FILE").StringVar(&o.passwordFile)
	app.Flag("tls.ca-file", "Certificate by which the exporter is verified.").Envar("VIGIE_CA_FILE").StringVar(&o.caFile)
	app.Flag("spool", "Folder for results that wait.").Envar("VIGIE_SPOOL").Default(defaultSpool()).StringVar(&o.spool)
	app.Flag("spool.max-files", "Results kept at most; the oldest go first.").Default("10000").IntVar(&o.spoolFiles)
	app.Flag("patience", "For how long to try.").Envar("VIGIE_PATIENCE").Default("1m").DurationVar(&o.patience)
	app.Flag("flush", "Only send what waits.").BoolVar(&o.flush)
	app.Flag("stdin", "Read the result as JSON from the standard input.").BoolVar(&o.stdin)

	app.Flag("run-id", "Id of the run; made up if left out.").StringVar(&o.report.RunID)
	app.Flag("job", "Id of the job, the same at each run.").StringVar(&o.report.JobID)
	app.Flag("machine", "Machine, as in the inventory; this one's name if left out.").Envar("VIGIE_MACHINE").StringVar(&o.report.Machine)
	app.Flag("class", "server, nas, workstation or other.").Envar("VIGIE_CLASS").StringVar(&o.class)
	app.Flag("role", "primary or local.").StringVar(&o.role)
	app.Flag("engine", "restic, borg, robocopy, or any word.").StringVar(&o.report.Engine)
	app.Flag("plan", "Name of the job for people.").StringVar(&o.report.Plan)
	app.Flag("result", "success, warning, failed, cancelled, missed or unknown.").StringVar(&o.report.Result)
	app.Flag("exit-code", "Exit code of the engine, in place of --result.").StringVar(&o.exitCode)
	app.Flag("started", "Start, RFC 3339 or seconds since 1970.").StringVar(&o.started)
	app.Flag("ended", "End; now if left out.").StringVar(&o.ended)
	app.Flag("next-run", "Next planned start.").StringVar(&o.next)
	app.Flag("object-type", "What is backed up, such as files.").StringVar(&o.report.ObjectType)
	app.Flag("interval", "Time from run to run, such as 24h.").Envar("VIGIE_INTERVAL").StringVar(&o.report.Interval)
	app.Flag("size", "Bytes processed.").Int64Var(&o.report.Size)
	app.Flag("error", "What went wrong.").StringVar(&o.report.Error)
	app.Flag("log", "Output of the engine: its end explains a failure, restic's JSON tells the size.").StringVar(&o.log)
	app.Flag("stats", "What borg create --json printed.").StringVar(&o.stats)
	app.Flag("disabled", "The job is switched off.").BoolVar(&o.disabled)
	_, err := app.Parse(args)
	return o, err
}

// defaultSpool is a folder that outlives restarts: a temporary one does not.
func defaultSpool() string {
	if dir := os.Getenv("ProgramData"); dir != "" {
		return filepath.Join(dir, "backup_exporter", "spool")
	}
	return "/var/spool/backup_exporter"
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
	spool := &push.Spool{Dir: o.spool, MaxFiles: o.spoolFiles, Now: time.Now}
	sender, odd := o.sender(spool) // told once the result is safe
	if !o.flush {
		reports, err := o.reports(stdin, time.Now())
		if err != nil {
			return fail(pushUsage, err)
		}
		for _, r := range reports {
			dropped, err := spool.Add(r)
			if err != nil {
				return fail(pushLost, fmt.Errorf("the result is lost: %w; make --spool writable", err))
			}
			if dropped > 0 {
				fmt.Fprintf(stderr, "backup_exporter push: the spool is full, %d old results were dropped\n", dropped)
			}
		}
	}
	if odd != nil {
		return fail(pushUsage, odd)
	}
	sent, err := sender.Flush(ctx)
	for _, r := range sent.Rejected {
		fmt.Fprintf(stderr, "backup_exporter push: put aside in %s: %v\n", filepath.Join(o.spool, "rejected"), r)
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
	var address exporters.URL
	if err := address.UnmarshalYAML(&yaml.Node{Kind: yaml.ScalarNode, Value: o.url}); err != nil {
		return nil, fmt.Errorf("--url: %w", err)
	}
	tls, err := exporters.TLSConfig{CAFile: o.caFile}.Build()
	if err != nil {
		return nil, fmt.Errorf("--tls.ca-file: %w", err)
	}
	s := &push.Sender{URL: address.URL, Token: exporters.Secret{File: o.tokenFile}.Read, User: o.user, UserAgent: "backup_exporter/" + version.Version,
		Spool: spool, HTTP: push.NewHTTPClient(tls), Patience: o.patience, Now: time.Now, Sleep: push.Sleep}
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
	return r, o.judge(&r)
}

// judge takes the result from the exit code, and its explanation from the log.
func (o *pushOptions) judge(r *push.Report) error {
	if (r.Result == "") == (o.exitCode == "") {
		return errors.New("--result: give it, or --exit-code, but not both")
	}
	account, err := o.account()
	if err != nil {
		// The result matters more than its explanation.
		account.Error = "the log could not be read: " + err.Error()
	}
	r.Size = cmp.Or(r.Size, account.Size)
	if o.exitCode == "" {
		r.Error = cmp.Or(r.Error, account.Error)
		return nil
	}
	var code int
	if _, err := fmt.Sscanf(o.exitCode+"\n", "%d\n", &code); err != nil {
		return fmt.Errorf("--exit-code: %q is no number", o.exitCode)
	}
	result, words := push.Outcome(r.Engine, code)
	r.Result = result.String()
	if result == exporters.Success {
		return nil
	}
	var parts []string
	for _, p := range []string{words, r.Error, account.Error} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	r.Error = strings.Join(parts, "\n")
	return nil
}

func (o *pushOptions) account() (push.Account, error) {
	var a push.Account
	if o.log != "" {
		f, err := os.Open(o.log)
		if err != nil {
			return a, err
		}
		defer f.Close()
		if a, err = push.ReadLog(o.report.Engine, f); err != nil {
			return a, err
		}
	}
	if o.stats == "" {
		return a, nil
	}
	f, err := os.Open(o.stats)
	if err != nil {
		return a, err
	}
	defer f.Close()
	a.Size, err = push.ReadBorgStats(f)
	return a, err
}
