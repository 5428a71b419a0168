package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"reflect"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/common/version"
	toolkit "github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/net/netutil"
	"golang.org/x/sync/errgroup"

	"vigie/internal/fleet"
	"vigie/receiver"
	"vigie/receiver/identity"
	"vigie/receiver/store"
	"vigie/receiver/web"
	"vigie/receiver/webhook"
)

// Bounds of the HTTP server.
const (
	maxConnections = 1024
	maxEmergency   = 64 // connections of the emergency entry
	maxHeader      = 64 << 10
	headerWithin   = 5 * time.Second
	readWithin     = time.Minute
	writeWithin    = time.Minute
	idleWithin     = 2 * time.Minute
	// stopWithin is how long requests under way may take after a stop.
	stopWithin = 15 * time.Second
	// ballast is the room on the disk that is kept for when it is full.
	ballast = 64 << 20
)

func (c *commands) serve(app *kingpin.Application) verb {
	cmd := app.Command("serve", "Run the receiver.\n\nSIGHUP reads the configuration again; SIGTERM finishes what is under way and ends.\n\nExample:\n  vigie serve --config.file=/etc/vigie/vigie.yml")
	path := configFlag(cmd)
	return verb{cmd, func(ctx context.Context) error { return serve(ctx, *path, promslog.New(c.logs)) }}
}

// read reads all that a receiver needs besides its database.
func read(path string) (*receiver.Setup, *receiver.Secrets, receiver.Reloadable, error) {
	setup, err := receiver.LoadWithCopies(path)
	if err != nil {
		return nil, nil, receiver.Reloadable{}, err
	}
	reloadable, err := setup.Reloadable()
	if err != nil {
		return nil, nil, receiver.Reloadable{}, err
	}
	secrets, err := setup.Config.Secrets()
	if err != nil {
		return nil, nil, receiver.Reloadable{}, err
	}
	return setup, secrets, reloadable, nil
}

// server is a receiver that runs.
type server struct {
	path    string
	log     *slog.Logger
	engine  *receiver.Engine
	now     func() time.Time // the clock that all receivers of the database share
	secrets atomic.Pointer[receiver.Secrets]
	shared  atomic.Pointer[fleet.Shared]
	config  *receiver.Config // as it was at the start
	hangup  <-chan os.Signal // asks for a reload
	reloads chan struct{}    // holds one while a reload is under way
	login   web.LoginOptions
	stop    <-chan struct{} // closed when the server stops
}

func serve(ctx context.Context, path string, log *slog.Logger) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(receiver.GCPercent)
	}
	hangup := make(chan os.Signal, 1) // a reload that is asked for during the start comes after it
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	setup, secrets, reloadable, err := read(path)
	if err != nil {
		return misconfigured{err}
	}
	cfg := setup.Config
	name, options, err := setup.Database()
	if err != nil {
		return misconfigured{err}
	}
	options.Ballast = ballast
	options.Warn = func(text string) { log.Warn("the database: " + text) }
	db, err := options.Open(ctx, name)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, text := range db.Notices() {
		options.Warn(text)
	}

	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		versioncollector.NewCollector("vigie"))
	engine, err := receiver.New(ctx, receiver.Options{Store: db, Registry: registry, Logger: log, Now: db.Now}, reloadable)
	if err != nil {
		return err
	}
	engine.NoteReload(nil)
	noteCalendars(engine, setup, log)
	if err := started(ctx, setup, db, log); err != nil {
		return err
	}
	s := &server{path: path, log: log, engine: engine, now: db.Now, config: cfg, hangup: hangup, reloads: make(chan struct{}, 1)}
	s.secrets.Store(secrets)
	s.shared.Store(&setup.Shared)
	for _, text := range setup.Strangers() {
		log.Warn(text)
	}
	s.stop = ctx.Done()
	if s.login, err = s.logins(); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	doors := []door{{netutil.LimitListener(listener, maxConnections), s.site(registry), cfg.WebConfig}}
	if x := cfg.Emergency; x != nil {
		l, err := net.Listen("tcp", x.Listen)
		if err != nil {
			return errors.Join(fmt.Errorf("emergency.listen: %w", err), listener.Close())
		}
		doors = append(doors, door{netutil.LimitListener(l, maxEmergency), web.NewEmergency(s.webOptions()), x.WebConfig})
	}
	return s.run(ctx, doors)
}

// started says in one line what runs: the first thing to look for in a journal.
func started(ctx context.Context, setup *receiver.Setup, db *store.Store, log *slog.Logger) error {
	var open int
	err := db.View(ctx, func(tx *store.Tx) error {
		counts, err := tx.Counts()
		for _, c := range counts {
			open += c.N
		}
		return err
	})
	if err != nil {
		return err
	}
	p := setup.Book.InForce(time.Now())
	log.Info("vigie started", "version", version.Version, "revision", version.Revision, "policy", p.Name, "policy_version", p.Hash,
		"customers", len(setup.Book.Directory.Customers), "platforms", len(setup.Book.Directory.Platforms), "open_incidents", open)
	return nil
}

// door is a listener with what answers on it.
type door struct {
	listener  net.Listener
	site      http.Handler
	webConfig string
}

func (s *server) webOptions() web.Options {
	return web.Options{Engine: s.engine, Logger: s.log, Now: s.now, Reload: s.reload, Login: s.login, Stop: s.stop,
		Exporter: s.exporter, Shared: func() fleet.Shared { return *s.shared.Load() },
		Person: func(token string) (string, bool) { return s.secrets.Load().People.OwnerAt(token, s.now()) }}
}

// exporter tells whether a token may fetch the inventory.
func (s *server) exporter(token string) bool {
	t := s.secrets.Load().Exporters
	if t == nil {
		return false
	}
	_, ok := t.Owner(token)
	return ok
}

// logins are the ways in that the configuration names. Passwords follow a reload,
// the rest changes with a restart.
func (s *server) logins() (web.LoginOptions, error) {
	l := s.config.Login
	o := web.LoginOptions{Session: l.SessionTime(), Secure: strings.HasPrefix(s.config.ExternalURL, "https:")}
	if l == nil {
		return o, nil
	}
	o.Passwords = func() *identity.Passwords { return s.secrets.Load().Passwords }
	var err error
	if o.Provider, err = s.config.Provider(time.Now); err != nil {
		return o, err
	}
	if l.Proxy != nil {
		o.ProxyHeader = l.Proxy.Header
		o.ProxyNetworks, err = l.Proxy.Networks()
	}
	return o, err
}

func (s *server) site(registry *prometheus.Registry) http.Handler {
	hook := webhook.New(webhook.Options{
		Receive: s.engine.Receive, Hurry: s.engine.Hurry, Registry: registry, Logger: s.log, Now: s.now,
		Authorized: func(token string) bool { _, ok := s.secrets.Load().Webhook.Owner(token); return ok },
	})
	o := s.webOptions()
	o.Webhook, o.Metrics = hook, promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry})
	return web.New(o)
}

// run serves until ctx ends; then requests under way, and whatever the engine
// has begun, are finished.
func (s *server) run(ctx context.Context, doors []door) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.engine.Run(ctx) })
	for _, d := range doors {
		hs := &http.Server{
			Handler: d.site, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
			ReadHeaderTimeout: headerWithin, ReadTimeout: readWithin, WriteTimeout: writeWithin, IdleTimeout: idleWithin,
			MaxHeaderBytes: maxHeader,
		}
		g.Go(func() error {
			file := s.config.Path(d.webConfig)
			if err := toolkit.Serve(d.listener, hs, &toolkit.FlagConfig{WebConfigFile: &file}, s.log); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve: %w", err)
			}
			return nil
		})
		g.Go(func() error {
			<-ctx.Done()
			s.log.Info("stopping; finishing what is under way", "address", d.listener.Addr().String())
			stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
			defer cancel()
			return hs.Shutdown(stopping)
		})
	}
	g.Go(func() error { return s.hangups(ctx) })
	return g.Wait()
}

func (s *server) hangups(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.hangup:
			if err := s.reload(ctx); err != nil {
				s.log.Error("the configuration was not taken over; the old one stays", "err", err)
			}
		}
	}
}

// reload reads everything again and takes it over whole, or not at all.
func (s *server) reload(ctx context.Context) error {
	s.reloads <- struct{}{}
	defer func() { <-s.reloads }()
	err := s.takeOver(ctx)
	s.engine.NoteReload(err)
	return err
}

func (s *server) takeOver(ctx context.Context) error {
	setup, secrets, reloadable, err := read(s.path)
	if err != nil {
		return err
	}
	// What is running goes on rather than lose a written trace. A start must not
	// fail for it: it tells whoever can mend it which role is empty.
	if err := setup.Book.CheckTraces(time.Now()); err != nil {
		return err
	}
	if err := s.engine.Reload(ctx, reloadable); err != nil {
		return err
	}
	s.secrets.Store(secrets)
	s.shared.Store(&setup.Shared)
	noteCalendars(s.engine, setup, s.log)
	for _, text := range setup.Strangers() {
		s.log.Warn(text)
	}
	if keys := atStartOnly(s.config, setup.Config); len(keys) > 0 {
		s.log.Warn("what has changed here counts only after a restart", "keys", strings.Join(keys, ", "))
	}
	s.log.Info("configuration taken over")
	return nil
}

// atStartOnly are the keys that differ and that a reload does not take over.
func atStartOnly(runs, now *receiver.Config) (keys []string) {
	for _, k := range []struct {
		name    string
		differs bool
	}{
		{"listen", runs.Listen != now.Listen}, {"database", runs.Database != now.Database || runs.DatabasePassword != now.DatabasePassword}, {"web_config_file", runs.WebConfig != now.WebConfig},
		{"login", !reflect.DeepEqual(runs.Login, now.Login)}, {"emergency", !reflect.DeepEqual(runs.Emergency, now.Emergency)},
		{"external_url (http or https)", strings.HasPrefix(runs.ExternalURL, "https:") != strings.HasPrefix(now.ExternalURL, "https:")},
	} {
		if k.differs {
			keys = append(keys, k.name)
		}
	}
	return keys
}

// noteCalendars tells of the calendar files that were taken over, and keeps
// copies of the good ones.
func noteCalendars(engine *receiver.Engine, setup *receiver.Setup, log *slog.Logger) {
	engine.NoteCalendars(setup.Calendars)
	if err := setup.KeepCalendars(); err != nil {
		log.Error("a calendar file has no fresh copy; if it breaks, an older one or none will stand in", "err", err)
	}
}
