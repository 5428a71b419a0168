// Command backup_exporter exposes the job results of backup products to
// Prometheus.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
	_ "time/tzdata" // Windows has no time zones of its own

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"
	webflag "github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"vigie/docs/reference"
	"vigie/exporters"
	"vigie/exporters/exposition"
	"vigie/exporters/push"
	"vigie/exporters/winservice"
	"vigie/internal/asuser"
)

const (
	// defaultAddress is loopback: what is shown names customers and machines.
	defaultAddress = "127.0.0.1:9891"
	stopTime       = 10 * time.Second
	// checkTime bounds --check.sources.
	checkTime = 10 * time.Minute
)

func main() {
	// Started by Windows' service manager, it answers it; anywhere else it just runs.
	os.Exit(winservice.Run(context.Background(), "backup_exporter", func(ctx context.Context) int {
		return run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	}))
}

// installed is where packages expect the configuration.
const installed = "/etc/backup_exporter/backup_exporter.yml"

// usualConfig is the configuration when none is named.
func usualConfig() string {
	const here = "backup_exporter.yml"
	if _, err := os.Stat(here); err != nil {
		if _, err := os.Stat(installed); err == nil {
			return installed
		}
	}
	return here
}

// options are the command line.
type options struct {
	configFile   string
	stateDir     string
	metricsPath  string
	check        bool
	checkSources bool
	defaults     bool
	lifecycle    bool
	textfile     string
	textfileOnly bool
	web          *web.FlagConfig
	log          *promslog.Config
	inventory    inventoryOptions
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	_, err := o.application(stderr).Parse(args)
	return o, err
}

// application is the command line that fills in the options.
func (o *options) application(stderr io.Writer) *kingpin.Application {
	app := kingpin.New("backup_exporter", "Exposes the job results of backup products to Prometheus.\n\n"+
		"Example: backup_exporter --config.file=backup_exporter.yml\n\n"+
		"The verb push sends the result of a script instead, and run runs a program and sends how it ended; see backup_exporter push --help and "+
		"backup_exporter run --help.\n\n"+
		"Example: "+pushExample+"\n\nExample: "+runExample)
	app.UsageWriter(stderr)
	app.Version(version.Print("backup_exporter"))
	app.HelpFlag.Short('h')
	app.Flag("config.file", "The sources to read; when left out, backup_exporter.yml where you stand, or else "+installed+".").
		Envar("BACKUP_EXPORTER_CONFIG").Default(usualConfig()).StringVar(&o.configFile)
	app.Flag("storage.path", "Folder for the last results, which survive a restart.").Default("data").StringVar(&o.stateDir)
	app.Flag("web.telemetry-path", "Path of the metrics.").Default("/metrics").StringVar(&o.metricsPath)
	app.Flag("web.enable-lifecycle", "Let POST /-/reload read the configuration anew. SIGHUP always does.").BoolVar(&o.lifecycle)
	app.Flag("textfile.path", "Also write the results to this file, for the textfile collector of node_exporter or windows_exporter.").StringVar(&o.textfile)
	app.Flag("textfile.only", "Write the file and listen on no port.").BoolVar(&o.textfileOnly)
	app.Flag("print-defaults", "Print every key of the configuration with its default or an example, and exit.").BoolVar(&o.defaults)
	app.Flag("check", "Check the configuration, without any connection, and exit.").BoolVar(&o.check)
	app.Flag("check.sources", "Check the configuration, read each source once, and exit.").BoolVar(&o.checkSources)
	o.inventory.flags(app)
	o.web = webflag.AddFlags(app, defaultAddress)
	o.log = &promslog.Config{Writer: stderr}
	promslogflag.AddFlags(app, o.log)
	return app
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == pushVerb {
		return runPush(ctx, args[1:], os.Stdin, stdout, stderr)
	}
	if len(args) > 0 && args[0] == runVerb {
		return runProgram(ctx, args[1:], stderr)
	}
	o, err := parse(args, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "backup_exporter: %v; try --help\n", err)
		return 2
	}
	if o.defaults {
		_, _ = stdout.Write(reference.File("backup_exporter"))
		return 0
	}
	env := exporters.SourceOptions{Now: time.Now, UserAgent: "backup_exporter/" + version.Version}
	config, err := o.prepare(env)
	if err != nil {
		fmt.Fprintf(stderr, "backup_exporter: %v\n", err)
		if o.serves() {
			return exConfig
		}
		return 1
	}
	if o.inventory.wanted() {
		return inventoryWork(ctx, o, env, config, stdout, stderr)
	}
	if o.check || o.checkSources {
		if err := asuser.Check("backup_exporter", o.configFile, installed, "--check", "--web.config.file="+*o.web.WebConfigFile); err != nil {
			fmt.Fprintf(stderr, "backup_exporter: %v\n", err)
			return 1
		}
		if err := config.faults(); err != nil {
			fmt.Fprintf(stderr, "backup_exporter: %v\n", err)
			return 1
		}
		return report(ctx, o, env, config, stdout)
	}
	if err := os.MkdirAll(o.stateDir, 0o700); err != nil {
		fmt.Fprintf(stderr, "backup_exporter: --storage.path: %v; name a folder that can be written to\n", err)
		return 1
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, o, env, config, promslog.New(o.log)); err != nil {
		fmt.Fprintf(stderr, "backup_exporter: %v\n", err)
		return 1
	}
	return 0
}

// exConfig is sysexits' EX_CONFIG: what only a person can mend. The unit for
// systemd does not try such a start again.
const exConfig = 78

// serves reports whether the program is to run on, and not only to look at something.
func (o *options) serves() bool { return !o.check && !o.checkSources && !o.inventory.wanted() }

// prepare checks what the flags say and reads the configuration, if it is needed.
func (o *options) prepare(env exporters.SourceOptions) (configuration, error) {
	if err := checkWeb(o.web); err != nil {
		return configuration{}, fmt.Errorf("--web.config.file: %w", err)
	}
	if o.textfileOnly && o.textfile == "" {
		return configuration{}, errors.New("--textfile.only: nothing would be shown anywhere; name the file with --textfile.path")
	}
	if err := checkPath(o.metricsPath); err != nil {
		return configuration{}, fmt.Errorf("--web.telemetry-path: %w", err)
	}
	if o.inventory.alone() {
		return configuration{}, nil
	}
	return o.load(env)
}

// load reads the configuration and refuses what the flags make impossible.
func (o *options) load(env exporters.SourceOptions) (configuration, error) {
	c, err := loadConfig(o.configFile, sourceTable(), env)
	if err != nil {
		return configuration{}, err
	}
	for _, in := range c.sources {
		if _, receives := in.source.(*push.Source); receives && o.textfileOnly {
			return configuration{}, fmt.Errorf("--textfile.only: the source %s receives results, and no port would be open for them; leave one of the two out", in.Name)
		}
	}
	return c, nil
}

func checkWeb(c *web.FlagConfig) error { return web.Validate(*c.WebConfigFile) }

// checkPath keeps the metrics off the other routes.
func checkPath(path string) error {
	if !strings.HasPrefix(path, "/") || path == "/" || strings.ContainsAny(path, "{} ") ||
		strings.HasPrefix(path, "/-/") || strings.HasPrefix(path, "/api/") {
		return fmt.Errorf("%q cannot be used; write for example /metrics", path)
	}
	return nil
}

// report says what is configured and, if asked, whether it can be read.
func report(ctx context.Context, o options, env exporters.SourceOptions, c configuration, stdout io.Writer) int {
	code := 0
	var readings []chan checked
	if o.checkSources {
		readings = checkAll(ctx, c.sources)
	}
	for i, in := range c.sources {
		fmt.Fprintf(stdout, "%s: %s, every %s", in.Name, in.engine, time.Duration(in.PollInterval))
		if o.checkSources {
			r := <-readings[i]
			if !r.ok {
				code = 1
			}
			fmt.Fprint(stdout, ": ", r.text)
		}
		fmt.Fprintln(stdout)
	}
	if c.inventory != nil {
		fmt.Fprintf(stdout, "inventory: %d machines\n", c.inventory.Len())
	}
	if c.from != nil {
		fmt.Fprintf(stdout, "inventory: from %s, every %s", c.from.URL, time.Duration(c.from.PollInterval))
		if o.checkSources {
			text, ok := c.from.fetchOnce(ctx, env)
			if !ok {
				code = 1
			}
			fmt.Fprint(stdout, ": ", text)
		}
		fmt.Fprintln(stdout)
	}
	fmt.Fprintf(stdout, "%s: %d sources, the configuration is good\n", o.configFile, len(c.sources))
	return code
}

// checked is what a check found of one source.
type checked struct {
	text string
	ok   bool
}

// checkAll reads every source once, some at a time, so that those that do not
// answer are waited for together. Each channel gets one result.
func checkAll(ctx context.Context, sources []instance) []chan checked {
	const atOnce = 8
	readings := make([]chan checked, len(sources))
	turns := make(chan struct{}, atOnce)
	for i := range sources {
		readings[i] = make(chan checked, 1)
	}
	go func() {
		for i, in := range sources {
			turns <- struct{}{}
			go func() {
				defer func() { <-turns }()
				text, ok := readOnce(ctx, in)
				readings[i] <- checked{text, ok}
			}()
		}
	}()
	return readings
}

func readOnce(ctx context.Context, in instance) (string, bool) {
	ctx, cancel := context.WithTimeout(ctx, min(time.Duration(in.Timeout), checkTime))
	defer cancel()
	if quiet, ok := in.source.(interface{ OnlyRead() }); ok {
		quiet.OnlyRead() // a check marks and moves nothing
	}
	s, err := in.source.Fetch(ctx)
	if c, ok := in.source.(io.Closer); ok {
		_ = c.Close()
	}
	if err != nil {
		return "not read: " + err.Error(), false
	}
	text := fmt.Sprintf("read, %d jobs, %d agents, %d repositories", len(s.Jobs), len(s.Agents), len(s.Repositories))
	for _, e := range s.Endpoints {
		if e.Err != nil {
			text += "; without " + e.Name + " (" + string(exporters.ReasonOf(e.Err)) + ")"
		}
	}
	return text + unmatched(s.Unmatched), true
}

// unmatched lists what the product tells without telling of which backup.
func unmatched(all []exporters.Unmatched) string {
	const most = 20
	if len(all) == 0 {
		return ""
	}
	text := fmt.Sprintf("; %d results of nobody in particular:", len(all))
	for _, u := range all[:min(len(all), most)] {
		text += "\n  " + u.String()
	}
	if len(all) > most {
		text += fmt.Sprintf("\n  and %d more", len(all)-most)
	}
	return text
}

// serve runs until ctx ends.
func serve(ctx context.Context, o options, env exporters.SourceOptions, config configuration, logger *slog.Logger) error {
	hangup := make(chan os.Signal, 1) // a reload that is asked for during the start comes after it
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	h := newManager(o.stateDir, logger)
	paceMemory(os.Getenv)
	defer h.close()
	process, about := prometheus.NewRegistry(), prometheus.NewRegistry()
	process.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	about.MustRegister(versioncollector.NewCollector("backup_exporter"))
	fetcher := newInventoryFetcher(h, env, about, logger)
	rl := newReloader(about, logger, func(ctx context.Context) error {
		next, err := o.load(env)
		if err != nil {
			return err
		}
		fetcher.begin(ctx, &next)
		return h.apply(ctx, next)
	})
	if o.textfile != "" {
		// Not the process's own metrics: the exporter that collects the file has some of the same name.
		file, err := exposition.NewTextfile(o.textfile, h.exposition(about), about, logger)
		if err != nil {
			return fmt.Errorf("--textfile.path: %w", err)
		}
		h.published = file.Wake
		writing, stop := context.WithCancel(ctx)
		done := make(chan struct{})
		go func() { defer close(done); file.Run(writing) }()
		defer func() { stop(); <-done }()
	}
	fetcher.begin(ctx, &config)
	if err := h.apply(ctx, config); err != nil {
		return err
	}
	go h.assess(ctx)
	go fetcher.run(ctx)
	go func() {
		for {
			select {
			case <-hangup:
				_ = rl.reload(ctx) // the reloader logs
			case <-ctx.Done():
				return
			}
		}
	}()
	if o.textfileOnly {
		<-ctx.Done()
		logger.Info("stopping")
		return nil
	}
	handler, err := routes(ctx, o, h, prometheus.Gatherers{process, about}, rl)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) }}
	failed := make(chan error, 1)
	go func() { failed <- web.ListenAndServe(server, o.web, logger) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	logger.Info("stopping")
	sctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if err := server.Shutdown(sctx); err != nil {
		return fmt.Errorf("stopping: %w", err)
	}
	if err := <-failed; err != nil && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
