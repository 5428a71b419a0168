package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"vigie/receiver/smtpsink"
	"vigie/receiver/store/pgtest"
)

// interval is the pace of polling, scraping and evaluation.
const interval = "2s"

// PortNumbers are the ports wanted. 0 stands for one near the page's that is
// free; everything is free when the page's is 0 too.
type PortNumbers struct {
	Page, Inbox, Vigie, Prometheus, Alertmanager, Exporter, SMTP, Grafana int
	// PageFixed refuses another port for the page when the wanted one is in use.
	PageFixed bool
}

// Settings say what lab to run.
type Settings struct {
	Root, Data string
	Programs   Programs
	Ports      PortNumbers
	Policy     string
	// Database is what Vigie keeps everything in, sqlite or postgres; Receivers is how
	// many share it.
	Database  string
	Receivers int
	// Prepare ends when the configurations are written.
	Prepare bool
	// NoNights leaves out the plans' nightly runs.
	NoNights bool
}

// Lab is everything that runs.
type Lab struct {
	Files     *Files
	Fleet     *Fleet
	Platforms *Platforms
	Inbox     *smtpsink.Server
	ask       *asker

	group     *Group
	database  *pgtest.Server // nil without one
	receivers *receivers

	servers []*http.Server
	lock    *os.File
	wg      sync.WaitGroup
	stopped chan struct{}
	once    sync.Once
	begun   error
}

// StartLab starts everything. It returns when all is started, not when all is
// ready; see [Lab.Ready]. On an error nothing is left running.
func StartLab(ctx context.Context, s Settings) (l *Lab, err error) {
	l = &Lab{Files: &Files{Root: s.Root, Data: s.Data, Interval: interval, PolicyName: s.Policy}, stopped: make(chan struct{})}
	defer func() {
		if err != nil {
			l.Stop(context.WithoutCancel(ctx))
			l = nil
		}
	}()
	f := l.Files
	if err := f.Folders(); err != nil {
		return l, err
	}
	if l.lock, err = lockFile(f.Path("lock")); err != nil {
		return l, err
	}
	l.group = NewGroup(f.Path("log"))
	if err := f.Secrets(); err != nil {
		return l, err
	}
	dir, err := f.Inventory()
	if err != nil {
		return l, err
	}
	if l.Fleet, err = NewFleet(FleetOptions{File: f.Path("fleet.json"), Directory: dir, Credentials: f.Credentials, Now: time.Now,
		Exports: f.Path("exports"), Restic: l.restic(s.Programs)}); err != nil {
		return l, err
	}
	if l.Platforms, err = NewPlatforms(f.Path("platforms.json"), dir, time.Now); err != nil {
		return l, err
	}
	f.Sources = l.Fleet.Sources()
	if err := l.takePorts(s.Ports); err != nil {
		return l, err
	}
	if err := l.takeReceivers(s.Receivers); err != nil {
		return l, err
	}
	if s.Programs.Grafana != "" {
		if err := l.takeGrafanaPort(s.Ports); err != nil {
			return l, err
		}
	}
	if l.ask, err = newAsker(f); err != nil {
		return l, err
	}
	ca, err := l.serveProducts(ctx)
	if err != nil {
		return l, err
	}
	if err := l.startDatabase(s.Database); err != nil {
		return l, err
	}
	if err := f.Write(ca); err != nil || s.Prepare {
		return l, err
	}
	if !s.NoNights {
		l.wg.Go(l.nights)
	}
	return l, l.startPrograms(s.Programs)
}

// restic says how restic is run, if it can be.
func (l *Lab) restic(p Programs) *Restic {
	if p.Restic == "" {
		return nil
	}
	f := l.Files
	return &Restic{Program: p.Restic, Exporter: p.BackupExporter, Script: filepath.Join(f.Root, "deploy", "scripts", "restic.sh"),
		Data: f.Path("restic"), Token: f.SecretFile("push"), URL: func() string { return f.Ports.Exporter.URL("http") }}
}

// lockFile keeps a second lab out of the folder until we end.
func lockFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("another lab runs on %s: end it, or name another folder with --data", name)
	}
	return f, nil
}

// takePorts holds all ports at once, so that none is given twice.
func (l *Lab) takePorts(n PortNumbers) (err error) {
	p := &l.Files.Ports
	p.Sources = map[string]*Port{}
	near := n.Page
	take := func(wanted int) *Port {
		if err != nil {
			return nil
		}
		if near > 0 {
			near++
		}
		preferred := wanted == 0
		if preferred {
			wanted = near
		}
		var port *Port
		port, err = Reserve(wanted, preferred)
		return port
	}
	if p.Page, err = Reserve(n.Page, !n.PageFixed); err != nil {
		return fmt.Errorf("the lab's page: %w", err)
	}
	p.Inbox, p.Vigie, p.Prometheus, p.Alertmanager = take(n.Inbox), take(n.Vigie), take(n.Prometheus), take(n.Alertmanager)
	p.Exporter, p.SMTP = take(n.Exporter), take(n.SMTP)
	for _, s := range l.Files.Sources {
		if s.Handler != nil {
			p.Sources[s.Name] = take(0)
		}
	}
	p.Emergency = take(0)
	return err
}

// takeGrafanaPort holds a port well beyond those of the sources.
func (l *Lab) takeGrafanaPort(n PortNumbers) (err error) {
	wanted, preferred := n.Grafana, n.Grafana == 0
	if preferred && n.Page > 0 {
		wanted = n.Page + 100
	}
	l.Files.Ports.Grafana, err = Reserve(wanted, preferred)
	return err
}

// serveProducts lets the simulated products and the inbox answer, and gives the
// authority of their certificate.
func (l *Lab) serveProducts(ctx context.Context) ([]byte, error) {
	f := l.Files
	cert, ca, err := smtpsink.NewCertificate(time.Now(), "localhost", loopback)
	if err != nil {
		return nil, err
	}
	secure := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	for _, s := range f.Sources {
		if s.Handler != nil {
			l.serve(f.Ports.Sources[s.Name], s.Handler, secure)
		}
	}
	password, err := f.secret("smtp")
	if err != nil {
		return nil, err
	}
	f.Ports.SMTP.Free()
	l.Inbox, err = smtpsink.Start(context.WithoutCancel(ctx), smtpsink.Options{
		Listen: f.Ports.SMTP.Addr(), Domain: "mail.msp.example",
		TLS:  smtpsink.TLSOptions{Mode: smtpsink.TLSStartTLS, Config: secure},
		Auth: smtpsink.AuthOptions{Username: "vigie", Password: password, Required: true},
	})
	if err != nil {
		return nil, err
	}
	l.serve(f.Ports.Inbox, smtpsink.Web(l.Inbox), nil)
	page, err := newPage(l)
	if err != nil {
		return nil, err
	}
	l.serve(f.Ports.Page, page, nil)
	return ca, nil
}

func (l *Lab) serve(p *Port, h http.Handler, secure *tls.Config) {
	s := &http.Server{Handler: h, TLSConfig: secure.Clone(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	l.servers = append(l.servers, s)
	l.wg.Go(func() {
		if secure != nil {
			_ = s.ServeTLS(p.Listener(), "", "") // always ends with ErrServerClosed
			return
		}
		_ = s.Serve(p.Listener())
	})
}

// nights lets the products' plans run when their hour comes.
func (l *Lab) nights() {
	t := time.NewTicker(time.Minute)
	defer t.Stop()
	for {
		select {
		case <-l.stopped:
			return
		case <-t.C:
			if err := l.Fleet.Night(); err != nil {
				fmt.Fprintln(os.Stderr, "vigie-lab:", err)
			}
		}
	}
}

// startPrograms starts the real programs, each on the port held for it.
func (l *Lab) startPrograms(p Programs) error {
	f := l.Files
	for _, s := range []struct {
		program Program
		port    *Port
	}{
		{Program{Name: "backup_exporter", Path: p.BackupExporter, Args: []string{
			"--config.file=" + f.ConfigFile("backup_exporter"), "--storage.path=" + f.Path("backup_exporter"),
			"--web.listen-address=" + f.Ports.Exporter.Addr()}}, f.Ports.Exporter},
		{Program{Name: "alertmanager", Path: p.Alertmanager, Args: []string{
			"--config.file=" + f.ConfigFile("alertmanager"), "--storage.path=" + f.Path("alertmanager"),
			"--web.listen-address=" + f.Ports.Alertmanager.Addr(), "--web.external-url=" + f.Ports.Alertmanager.URL("http") + "/",
			"--cluster.listen-address="}}, f.Ports.Alertmanager},
		// An alert that begins before Alertmanager is found is not queued: it waits
		// for the next resend. And an alert ends by itself after four of them.
		{Program{Name: "prometheus", Path: p.Prometheus, Args: []string{
			"--config.file=" + f.ConfigFile("prometheus"), "--storage.tsdb.path=" + f.Path("prometheus"),
			"--storage.tsdb.retention.time=70d", "--rules.alert.resend-delay=5s",
			"--web.listen-address=" + f.Ports.Prometheus.Addr(), "--web.external-url=" + f.Ports.Prometheus.URL("http") + "/"}}, f.Ports.Prometheus},
	} {
		if err := l.startProgram(s.program, s.port); err != nil {
			return err
		}
	}
	if err := l.startReceivers(p.Vigie); err != nil {
		return err
	}
	if p.Grafana != "" {
		return l.startProgram(f.grafana(p.Grafana), f.Ports.Grafana)
	}
	return nil
}

func (l *Lab) startProgram(p Program, port *Port) error {
	p.Dir = l.Files.Path(p.Name)
	port.Free()
	return l.group.Start(p)
}

// Died gives the first end of a program that nobody asked for.
func (l *Lab) Died() <-chan error { return l.group.Died() }

// Stop ends everything that was started and waits until nothing is left. When
// ctx ends first, what is left is killed.
func (l *Lab) Stop(ctx context.Context) {
	close(l.stopped)
	if l.group != nil {
		l.group.Stop(ctx)
	}
	if l.database != nil {
		_ = l.database.Halt() // a crash, from which it recovers at the next start
	}
	for _, s := range l.servers {
		_ = s.Close()
	}
	if l.Inbox != nil {
		_ = l.Inbox.Close()
	}
	if l.Fleet != nil {
		l.Fleet.Close()
	}
	l.releasePorts()
	l.wg.Wait()
	if l.lock != nil {
		_ = l.lock.Close()
	}
}

// releasePorts lets go of what was held for a server that never began.
func (l *Lab) releasePorts() {
	p := l.Files.Ports
	all := []*Port{p.Page, p.Inbox, p.Vigie, p.Prometheus, p.Alertmanager, p.Exporter, p.SMTP, p.Emergency, p.Grafana}
	for _, s := range p.Sources {
		all = append(all, s)
	}
	for _, r := range l.Files.Receivers {
		all = append(all, r.Port)
	}
	for _, port := range all {
		if port != nil {
			port.Free()
		}
	}
}

// errDied tells the end of a program from other errors.
func errDied(err error) bool {
	var d *Died
	return errors.As(err, &d)
}
