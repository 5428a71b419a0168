package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"vigie/exporters/push"
	"vigie/exporters/push/programs"
)

// runVerb as the first argument runs a program and reports how it ended.
const runVerb = "run"

const runExample = "backup_exporter run --for=rsync home -- rsync -a --stats /home nas:/backup"

// outputGrace is how long the end of the output is waited for after the
// program has ended: what it left running may hold its output open.
const outputGrace = time.Second

type runOptions struct {
	pushOptions
	name    string
	hide    bool
	command []string
}

// application is the command line before the first --, which fills in the options.
func (o *runOptions) application(stderr io.Writer) *kingpin.Application {
	app := kingpin.New("backup_exporter run", "Runs a program and reports how it ended. The program is given what it would be given without, its output goes "+
		"where it would go, and the exit code is its own.\n\nExample: "+runExample)
	app.UsageWriter(stderr)
	app.HelpFlag.Short('h')
	o.connection(app)
	o.names(app)
	app.Flag("hide-output", "Do not show what the program writes to its standard output.").BoolVar(&o.hide)
	app.Arg("job", "Id of the job, the same at each run; the name of --for if left out.").StringVar(&o.name)
	return app
}

// parseRun reads the flags before the first --; all behind it is the command.
func parseRun(args []string, stderr io.Writer) (runOptions, error) {
	o := runOptions{pushOptions: pushOptions{size: -1, files: -1}}
	at := slices.Index(args, "--")
	if at < 0 {
		at = len(args)
	} else {
		o.command = args[at+1:]
	}
	if _, err := o.application(stderr).Parse(args[:at]); err != nil {
		return o, err
	}
	o.report.JobID = o.name
	if o.name == "" {
		o.report.JobID = o.program
	}
	if o.report.JobID == "" {
		return o, errors.New("the name of the job is missing")
	}
	if len(o.command) == 0 {
		return o, errors.New("the command is missing; write it behind --")
	}
	if o.report.Engine == "" {
		o.report.Engine = "script"
		if o.program != "" {
			o.report.Engine = o.program
		}
	}
	return o, nil
}

func runProgram(ctx context.Context, args []string, stderr io.Writer) int {
	say := func(format string, a ...any) {
		fmt.Fprintf(stderr, "vigie-run: "+format+"\n", a...)
	}
	o, err := parseRun(args, stderr)
	if err != nil {
		say("%v; the form is NAME -- COMMAND ARGUMENT..., try --help", err)
		return pushUsage
	}
	how, err := o.run()
	if err != nil && how.Program == nil && o.codes == "" {
		say("%v", err)
		return pushUsage
	}
	if err != nil {
		say("%v; the file is passed over", err) // a backup is not left out for it
		o.codes = ""
		if how, err = o.run(); err != nil {
			say("%v", err)
			return pushUsage
		}
	}
	how.Command = withScript(o.command, how.Program)
	o.started = strconv.FormatInt(time.Now().Unix(), 10)
	w := how.Watch()
	outputs := newOutputs(how, w, o.hide)
	code := execute(o.command, outputs, say)
	outputs.wait(outputGrace)
	o.exitCode = strconv.Itoa(code)
	if err := o.tell(ctx, how.Judge(w, code), stderr); err != nil {
		say("%v", err)
	}
	outputs.finish()
	return code
}

// execute runs the command to its end and gives its exit code as a shell would.
func execute(command []string, out *outputs, say func(string, ...any)) int {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, out.stdout, out.stderr
	if errors.Is(cmd.Err, exec.ErrDot) {
		cmd.Err = nil // a PATH with . in it is the user's own
	}
	signals := passSignals(cmd)
	err := cmd.Start()
	out.started()
	if err != nil {
		say("%v", err)
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
			return 127
		}
		return 126
	}
	signals.begin()
	_ = cmd.Wait() // the state tells
	return exitCode(cmd.ProcessState)
}

// tell reports the run.
func (o *runOptions) tell(ctx context.Context, j push.Judged, stderr io.Writer) error {
	r, err := o.fromFlags(time.Now())
	if err != nil {
		return fmt.Errorf("NOT REPORTED: %w", err)
	}
	if !o.settle(&r, j, nil) {
		fmt.Fprintf(stderr, "vigie-run: nothing to report: %s\n", j.Words)
		return nil
	}
	if err := r.Check(); err != nil {
		return fmt.Errorf("NOT REPORTED: %w", err)
	}
	switch code := o.deliver(ctx, []push.Report{r}, stderr, stderr); code {
	case pushLost:
		return errors.New("NOT REPORTED: the result is lost")
	case pushSent:
		return nil
	case pushRejected:
		return errors.New("a result was refused, see above")
	default:
		return errors.New("not sent yet: the result waits in the spool")
	}
}

// outputs are where the program's two streams go.
type outputs struct {
	stdout, stderr *os.File // given to the program
	toClose        []*os.File
	done           []chan struct{}
	later          []func() // read what went to a file directly
}

// newOutputs watches what the program writes, without standing between it and
// a file: there it meets a full disk itself.
func newOutputs(how push.Run, w *programs.Watch, hide bool) *outputs {
	o := &outputs{stdout: os.Stdout, stderr: os.Stderr}
	wanted := func(name string, f *os.File) bool {
		if how.Program != nil && how.Program.Wants(name) {
			return true
		}
		return name == "stderr" && !isTerminal(f) // for the explanation alone a person's terminal is left as it is
	}
	if hide {
		null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		if err == nil {
			o.stdout = null // open to the end: what is watched goes on to it
		}
	}
	if wanted("stderr", os.Stderr) && sameTarget(o.stdout, os.Stderr) {
		// One pipe for both keeps their order.
		name := "stderr"
		if wanted("stdout", os.Stdout) {
			name = "stdout"
		}
		o.stderr = o.watch(os.Stderr, w.Stream(name))
		o.stdout = o.stderr
		return o
	}
	if wanted("stdout", os.Stdout) {
		o.stdout = o.watch(o.stdout, w.Stream("stdout"))
	}
	if wanted("stderr", os.Stderr) {
		o.stderr = o.watch(os.Stderr, w.Stream("stderr"))
	}
	return o
}

// watch gives what the program writes to in place of f.
func (o *outputs) watch(f *os.File, to io.WriteCloser) *os.File {
	if read := readLater(f); read != nil {
		o.later = append(o.later, func() { read(to) })
		return f
	}
	r, w, err := os.Pipe()
	if err != nil {
		return f // unwatched
	}
	done := make(chan struct{})
	o.done, o.toClose = append(o.done, done), append(o.toClose, w)
	go func() {
		defer close(done)
		_, err := io.Copy(io.MultiWriter(f, to), struct{ io.Reader }{r})
		_ = r.Close() // whoever reads us went away: the program shall know
		_ = to.Close()
		_ = err
	}()
	return w
}

// started closes what is the program's now.
func (o *outputs) started() {
	for _, f := range o.toClose {
		_ = f.Close()
	}
}

// wait waits for the end of the output, but not for ever.
func (o *outputs) wait(most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	for _, done := range o.done {
		select {
		case <-done:
		case <-timer.C:
			return
		}
	}
	for _, read := range o.later {
		read()
	}
}

// finish goes on passing output until all who hold it have ended.
func (o *outputs) finish() {
	for _, done := range o.done {
		<-done
	}
}

func sameTarget(a, b *os.File) bool {
	x, err := a.Stat()
	y, err2 := b.Stat()
	return err == nil && err2 == nil && !x.Mode().IsRegular() && os.SameFile(x, y)
}

// isTerminal is good enough for what a person looks at.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&fs.ModeCharDevice != 0 && !sameAsNull(info)
}

func sameAsNull(info fs.FileInfo) bool {
	null, err := os.Stat(os.DevNull)
	return err == nil && os.SameFile(null, info)
}

// Of a longer file its beginning and its end are read back.
const (
	wholeFile = 64 << 20
	fileHead  = 1 << 20
	fileTail  = 16 << 20
)

// readBack gives what was written to a file from an offset on.
func readBack(f *os.File, from int64, to io.WriteCloser) {
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return
	}
	copySection := func(at, n int64) { _, _ = io.Copy(to, io.NewSectionReader(f, at, n)) }
	if length := info.Size() - from; length <= wholeFile {
		copySection(from, max(0, length))
	} else {
		copySection(from, fileHead)
		_, _ = to.Write([]byte("\n"))
		copySection(info.Size()-fileTail, fileTail)
	}
	_ = to.Close()
}
