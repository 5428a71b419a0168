package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"vigie/receiver/store/pgtest"
)

// Receiver is one of the receivers, and where it listens.
type Receiver struct {
	Name string
	Port *Port
}

// The receivers, when there are several: all are told to Alertmanager, and a balancer
// stands before them for people. One of them turns the loops, and says so in its log.
const (
	leadsNow    = "this receiver turns the loops now"
	leadsNoMore = "another receiver turns the loops now"
	watchEach   = 200 * time.Millisecond
	maxHappened = 8
	// mostReceivers bounds what is started here.
	mostReceivers = 5
)

// receivers are the running ones.
type receivers struct {
	group   *Group
	stopped <-chan struct{}

	mu       sync.Mutex
	all      []*running
	happened []happening
	// left is when the one that turned the loops was killed, while nobody does.
	left time.Time
	by   string
}

// running is a receiver with what is known of it.
type running struct {
	Program
	Killed time.Time // zero while it runs
	Leads  bool
	read   int64 // of its log
}

// happening is what was seen of the receivers.
type happening struct {
	At   time.Time
	What string
}

// takeReceivers names the receivers and holds their ports; one alone has Vigie's.
func (l *Lab) takeReceivers(n int) error {
	f := l.Files
	if n < 2 {
		f.Receivers = []Receiver{{"vigie", f.Ports.Vigie}}
		return nil
	}
	for i := range n {
		name := fmt.Sprint("vigie-", i+1)
		wanted := 0
		if f.Ports.Page.Number == defaultPort { // beyond those of the products
			wanted = defaultPort + 50 + i
		}
		port, err := Reserve(wanted, true)
		if err != nil {
			return err
		}
		f.Receivers = append(f.Receivers, Receiver{name, port})
		if err := os.MkdirAll(f.Path(name), 0o700); err != nil {
			return err
		}
	}
	return nil
}

// startDatabase starts PostgreSQL, when that is what everything is kept in.
func (l *Lab) startDatabase(database string) error {
	if database != "postgres" {
		return nil
	}
	f := l.Files
	if os.Geteuid() == 0 { // PostgreSQL is run as somebody else, who must be able to pass
		if err := os.Chmod(f.Data, 0o711); err != nil {
			return err
		}
	}
	port, err := Reserve(0, true)
	if err != nil {
		return err
	}
	port.Free()
	l.database, err = pgtest.Keep(f.Root, f.Path("postgresql"), port.Number)
	switch {
	case errors.Is(err, pgtest.ErrAbsent):
		return fmt.Errorf("%w; install it (apt-get install postgresql), or leave --database out: SQLite needs nothing", err)
	case errors.Is(err, fs.ErrPermission) && os.Geteuid() == 0:
		return fmt.Errorf("%w: PostgreSQL does not let root run it, and whom it is run as instead (nobody) cannot reach %s: name a folder that everybody can reach with --data, or run the lab as another user", err, f.Data)
	case err != nil:
		return err
	}
	f.Server = l.database.URL("postgres")
	return nil
}

// startReceivers starts one or all, and what watches over several.
func (l *Lab) startReceivers(path string) error {
	f := l.Files
	l.receivers = &receivers{group: l.group, stopped: l.stopped}
	f.Ports.Emergency.Free()
	for _, r := range f.Receivers {
		p := Program{Name: r.Name, Path: path, Args: []string{"serve", "--config.file=" + f.ConfigFile(r.Name)}, Dir: f.Path(r.Name), LogFile: f.Path("log", r.Name+".log")}
		r.Port.Free()
		if err := l.group.Start(p); err != nil {
			return err
		}
		l.receivers.all = append(l.receivers.all, &running{Program: p})
	}
	if len(f.Receivers) > 1 {
		var targets []string
		for _, r := range f.Receivers {
			targets = append(targets, r.Port.Addr())
		}
		b := &balancer{Listener: f.Ports.Vigie.Listener(), targets: targets}
		l.wg.Go(b.run)
		l.wg.Go(l.receivers.watch)
	}
	return nil
}

// watch reads in their logs which of them turns the loops.
func (r *receivers) watch() {
	t := time.NewTicker(watchEach)
	defer t.Stop()
	for {
		select {
		case <-r.stopped:
			return
		case now := <-t.C:
			r.mu.Lock()
			for _, one := range r.all {
				r.look(one, now)
			}
			r.mu.Unlock()
		}
	}
}

func (r *receivers) look(one *running, now time.Time) {
	text := one.news()
	begins, ends := bytes.LastIndex(text, []byte(leadsNow)), bytes.LastIndex(text, []byte(leadsNoMore))
	switch {
	case begins > ends && one.Killed.IsZero() && !one.Leads:
		one.Leads = true
		what := one.Name + " turns the loops now"
		if !r.left.IsZero() {
			what += fmt.Sprintf(", %.0f s after %s was killed", now.Sub(r.left).Seconds(), r.by)
			r.left = time.Time{}
		}
		r.note(now, what)
	case ends > begins:
		one.Leads = false
	}
}

// news is what was written to the log since it was looked at last, whole lines only.
func (one *running) news() []byte {
	f, err := os.Open(one.LogFile)
	if err != nil {
		return nil // it is being started
	}
	defer f.Close()
	text, err := io.ReadAll(io.NewSectionReader(f, one.read, tail))
	if err != nil {
		return nil
	}
	text = text[:bytes.LastIndexByte(text, '\n')+1]
	one.read += int64(len(text))
	return text
}

func (r *receivers) note(at time.Time, what string) {
	r.happened = append([]happening{{at, what}}, r.happened...)
	r.happened = r.happened[:min(len(r.happened), maxHappened)]
}

// Do kills a receiver, or starts it again.
func (r *receivers) Do(name, what string) error {
	if r == nil {
		return errors.New("no receiver runs")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.all, func(one *running) bool { return one.Name == name })
	if i < 0 {
		return fmt.Errorf("no receiver is called %q", name)
	}
	one, now := r.all[i], time.Now()
	switch {
	case what == "kill" && one.Killed.IsZero():
		r.group.Kill(name)
		if one.Leads {
			r.left, r.by = now, name
		}
		one.Killed, one.Leads = now, false
		r.note(now, name+" is killed")
		return nil
	case what == "start" && !one.Killed.IsZero():
		if err := r.group.Start(one.Program); err != nil {
			return err
		}
		one.Killed, one.read = time.Time{}, 0
		r.note(now, name+" is started again")
		return nil
	}
	return fmt.Errorf("%s cannot %s now", name, what)
}

// view is what the page shows of them; nothing of one alone.
func (r *receivers) view() (all []running, happened []happening) {
	if r == nil {
		return nil, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.all) < 2 {
		return nil, nil
	}
	for _, one := range r.all {
		all = append(all, *one)
	}
	return all, slices.Clone(r.happened)
}

// leader is the name of the one that turns the loops; empty while none does.
func (r *receivers) leader() string {
	all, _ := r.view()
	for _, one := range all {
		if one.Leads {
			return one.Name
		}
	}
	return ""
}
