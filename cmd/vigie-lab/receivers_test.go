package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"vigie/receiver/store/pgtest"
)

// Two receivers on one PostgreSQL, as `make run DATABASE=postgres RECEIVERS=2` starts
// them: the one that turns the loops is killed, and what fails meanwhile is told once.
func TestTwoReceivers(t *testing.T) {
	if testing.Short() {
		t.Skip("a minute long")
	}
	s := Settings{Root: root(t), Database: "postgres", Receivers: 2, Programs: Programs{Prometheus: tool(t, "prometheus"), Alertmanager: tool(t, "alertmanager")}}
	dir := t.TempDir()
	for name, to := range map[string]*string{"vigie": &s.Programs.Vigie, "backup_exporter": &s.Programs.BackupExporter} {
		*to = filepath.Join(dir, name)
		if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", *to, "vigie/cmd/"+name).CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", name, err, out)
		}
	}
	var out bytes.Buffer
	err := check(t.Context(), s, &out, "start", "opening mail", "take-over", "escalation", "resolution")
	if errors.Is(err, pgtest.ErrAbsent) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, want := range []string{"turns the loops", "was told once", "repaired, proven and told"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, &out)
		}
	}
}

func TestSeveralReceiversNeedPostgreSQL(t *testing.T) {
	for args, says := range map[string]string{
		"--receivers=2":                       "--database=postgres",
		"--database=postgres --receivers=0":   "from 1 to 5",
		"--database=postgres --receivers=600": "from 1 to 5",
		"--database=mysql":                    "one of sqlite,postgres",
	} {
		var out, problem bytes.Buffer
		if code := run(t.Context(), strings.Fields(args), &out, &problem); code == 0 || !strings.Contains(problem.String(), says) {
			t.Errorf("%s: exit %d, %s", args, code, &problem)
		}
	}
}

// Where PostgreSQL cannot be had the lab says so, and what to do.
func TestNoPostgreSQL(t *testing.T) {
	if _, err := os.Stat("/usr/lib/postgresql"); err == nil {
		t.Skip("it is installed here")
	}
	t.Setenv("PATH", "")
	l := &Lab{Files: &Files{Root: t.TempDir(), Data: t.TempDir()}}
	err := l.startDatabase("postgres")
	if !errors.Is(err, pgtest.ErrAbsent) || !strings.Contains(err.Error(), "apt-get install postgresql") {
		t.Errorf("it says %v", err)
	}
}

// The balancer stays with one that lives, and goes to the next when that is gone.
func TestBalancer(t *testing.T) {
	serve := func(name string) net.Listener {
		l, err := net.Listen("tcp", loopback+":0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = io.WriteString(c, name) // whoever asked may be gone
				_ = c.Close()
			}
		}()
		t.Cleanup(func() { _ = l.Close() })
		return l
	}
	one, two := serve("one"), serve("two")
	l, err := net.Listen("tcp", loopback+":0")
	if err != nil {
		t.Fatal(err)
	}
	b := &balancer{Listener: l, targets: []string{one.Addr().String(), two.Addr().String()}}
	ended := make(chan struct{})
	go func() { b.run(); close(ended) }()
	ask := func() string {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		text, err := io.ReadAll(c)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for range 3 {
		if got := ask(); got != "one" {
			t.Errorf("led to %q", got)
		}
	}
	_ = one.Close()
	for range 2 {
		if got := ask(); got != "two" {
			t.Errorf("without the first it leads to %q", got)
		}
	}
	_ = two.Close()
	if got := ask(); got != "" {
		t.Errorf("without any it answers %q", got)
	}
	_ = l.Close()
	<-ended
}

// A receiver is killed and started by the page, and by nothing else.
func TestReceiversOnThePage(t *testing.T) {
	p := idle(t, `echo "msg=\"this receiver turns the loops now\""; exec sleep 600`)
	g := NewGroup(t.TempDir())
	t.Cleanup(func() { g.Stop(t.Context()) })
	r := &receivers{group: g}
	for _, name := range []string{"vigie-1", "vigie-2"} {
		one := Program{Name: name, Path: p.Vigie, LogFile: filepath.Join(g.LogDir, name+".log")}
		if err := g.Start(one); err != nil {
			t.Fatal(err)
		}
		r.all = append(r.all, &running{Program: one})
	}
	for _, bad := range [][2]string{{"vigie-3", "kill"}, {"vigie-1", "start"}, {"vigie-1", "dance"}} {
		if err := r.Do(bad[0], bad[1]); err == nil {
			t.Errorf("%v is done", bad)
		}
	}
	if err := r.Do("vigie-1", "kill"); err != nil {
		t.Fatal(err)
	}
	if err := r.Do("vigie-1", "kill"); err == nil {
		t.Error("killed twice")
	}
	if all, happened := r.view(); all[0].Killed.IsZero() || len(happened) != 1 || happened[0].What != "vigie-1 is killed" {
		t.Errorf("%+v %+v", all, happened)
	}
	if err := r.Do("vigie-1", "start"); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-g.Died():
		t.Errorf("what was killed on purpose ends the lab: %v", err)
	default:
	}
}
