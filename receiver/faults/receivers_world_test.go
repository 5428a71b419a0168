package faults

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"vigie/receiver/store/pgtest"
)

// wire is a network between two programs that can be cut: then it holds what is sent,
// and says nothing to either side.
type wire struct {
	net.Listener
	cut atomic.Bool
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return wired(t, l, to)
}

func wired(t *testing.T, l net.Listener, to string) *wire {
	t.Helper()
	t.Cleanup(func() { _ = l.Close() })
	w := &wire{Listener: l}
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				_ = near.Close()
				continue
			}
			go w.pass(near, far)
			go w.pass(far, near)
		}
	}()
	return w
}

func (w *wire) pass(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		for w.cut.Load() {
			time.Sleep(10 * time.Millisecond)
		}
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// refusedInTime makes sure that what is posted is answered 503 within 10 s.
func (p *program) refusedInTime(what string) {
	p.t.Helper()
	hc := &http.Client{Timeout: 30 * time.Second}
	var wg sync.WaitGroup
	for n := range 5 {
		wg.Go(func() {
			begun := time.Now()
			err := p.post(hc, fmt.Sprintf("while-%s-%d", what, n))
			if err == nil || !strings.Contains(err.Error(), "503") || time.Since(begun) > 10*time.Second {
				p.t.Errorf("while %s: %v after %s", what, err, time.Since(begun))
			}
		})
	}
	wg.Wait()
}

// takesInAgain waits until a delivery is accepted, and returns how long that took.
func (p *program) takesInAgain(acked map[string]bool, machine string) time.Duration {
	p.t.Helper()
	hc := &http.Client{Timeout: 12 * time.Second}
	begun := time.Now()
	p.until("it takes in again", 45*time.Second, func() bool { return p.post(hc, machine) == nil })
	acked[machine] = true
	return time.Since(begun)
}

// The network between a receiver and its server is cut without a word: what is posted is
// refused in time, and all goes on when it is whole again. A receiver that is not cut off goes on.
func TestFaultNetworkCut(t *testing.T) {
	t.Parallel()
	s := postgres(t)
	w := newWire(t, fmt.Sprintf("127.0.0.1:%d", s.Port))
	networkCut(t, s, w, w.cut.Store)
}

func networkCut(t *testing.T, s *pgtest.Server, w *wire, cut func(bool)) {
	t.Helper()
	far, near := w.Addr().String(), fmt.Sprint("127.0.0.1:", s.Port)
	all := receiversAt(t, strings.Replace(s.URL("postgres"), near, far, 1), 1)
	beside := *all[0]
	beside.dir = t.TempDir()
	if err := os.CopyFS(beside.dir, os.DirFS(all[0].dir)); err != nil {
		t.Fatal(err)
	}
	beside.edit("vigie.yml", far, near)
	beside.start()
	acked := map[string]bool{}
	all[0].until("the first leads", 30*time.Second, all[0].leads)
	all[0].takesInAgain(acked, "before")
	cut(true)
	begun := time.Now()
	all[0].refusedInTime("the network is cut")
	beside.takesInAgain(acked, "on the other side")
	beside.until("the other leads", 20*time.Second, beside.leads)
	over := time.Since(begun)
	cut(false)
	t.Logf("figure: a network that is cut: refused within 10 s, the other receiver leads within %.1f s, taken in again %.1f s after it is whole",
		over.Seconds(), all[0].takesInAgain(acked, "after").Seconds())
	beside.reckon(acked, 64)
	all[0].end(syscall.SIGTERM)
	beside.end(syscall.SIGTERM)
}

// The server is gone and its standby is promoted: what was accepted is there, nothing is
// told twice, and the receivers go on without a restart.
func TestFaultStandbyPromoted(t *testing.T) {
	t.Parallel()
	s := postgres(t)
	standby := s.StandbyFor(t)
	both := fmt.Sprintf("postgres://vigie@127.0.0.1:%d,127.0.0.1:%d/postgres?sslmode=disable&target_session_attrs=read-write", s.Port, standby.Port)
	all := receiversAt(t, both, 2)
	if !strings.Contains(all[0].said.String()+all[1].said.String(), "follow without being waited for") {
		t.Error("nobody is told of a standby that nobody waits for")
	}
	if err := errors.Join(s.Set("synchronous_standby_names=*"), s.Reload()); err != nil {
		t.Fatal(err)
	}
	acked := map[string]bool{}
	all[0].until("somebody leads", 30*time.Second, func() bool { return all[0].leads() || all[1].leads() })
	for n := range 20 {
		all[n%2].takesInAgain(acked, fmt.Sprint("before-", n))
	}
	if err := s.Halt(); err != nil {
		t.Fatal(err)
	}
	all[0].refusedInTime("the server is gone")
	if err := standby.Promote(); err != nil {
		t.Fatal(err)
	}
	t.Logf("figure: a standby is promoted: taken in again after %.1f s and %.1f s", all[0].takesInAgain(acked, "after-0").Seconds(), all[1].takesInAgain(acked, "after-1").Seconds())
	all[0].reckon(acked, 64)
	for _, p := range all {
		p.end(syscall.SIGTERM)
	}
	verifies(t, all[0], standby.URL("postgres"))
}

// A standby is promoted while its old primary lives on. With a synchronous standby the old one
// accepts nothing any more; a receiver that has written on the new one never goes back to
// the old, wherever its address leads first.
func TestFaultOldPrimaryLives(t *testing.T) {
	t.Parallel()
	s := postgres(t)
	standby := s.StandbyFor(t)
	if err := errors.Join(s.Set("synchronous_standby_names=*"), s.Reload()); err != nil {
		t.Fatal(err)
	}
	p := receiversAt(t, fmt.Sprintf("postgres://vigie@127.0.0.1:%d,127.0.0.1:%d/postgres?sslmode=disable&target_session_attrs=read-write", s.Port, standby.Port), 1)[0]
	acked := map[string]bool{}
	p.takesInAgain(acked, "before")
	if err := standby.Promote(); err != nil {
		t.Fatal(err)
	}
	p.refusedInTime("the old primary has no standby any more")
	p.until("it says why", 20*time.Second, func() bool { return strings.Contains(p.said.String(), "no standby follows") })
	if err := s.Halt(); err != nil {
		t.Fatal(err)
	}
	p.takesInAgain(acked, "on the new one")
	// The old one comes back and would accept: nobody waits for anything there now.
	if err := errors.Join(s.Set("synchronous_standby_names="), s.Resume()); err != nil {
		t.Fatal(err)
	}
	if _, err := standby.SQL("postgres", "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'vigie'"); err != nil {
		t.Fatal(err)
	}
	took := p.takesInAgain(acked, "after the old one came back")
	onOld, err := s.SQL("postgres", "SELECT COUNT(*) FROM incident WHERE machine LIKE 'after%' OR machine LIKE 'on the new%'")
	if err != nil || strings.TrimSpace(onOld) != "0" {
		t.Errorf("the old primary has %s of them (%v)", onOld, err)
	}
	t.Logf("figure: an old primary that comes back is not written to; taken in on the new one %.1f s after its connections were ended", took.Seconds())
	p.reckon(acked, 64)
	p.end(syscall.SIGTERM)
	verifies(t, p, standby.URL("postgres"))
}

// verifies makes sure that a database's journal verifies.
func verifies(t *testing.T, p *program, database string) {
	t.Helper()
	if out, err := exec.Command(p.binary, "journal", "verify", "--database="+database).CombinedOutput(); err != nil {
		t.Errorf("the journal: %v\n%s", err, out)
	}
}

// Behind a pgbouncer in transaction mode receivers share a database as they do without
// one: whichever of its connections a transaction gets, and whoever is killed.
func TestFaultPooler(t *testing.T) {
	t.Parallel()
	s := postgres(t)
	address, stop, err := s.Pooler("postgres")
	if errors.Is(err, pgtest.ErrAbsent) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	all := receiversAt(t, address, 2)
	if !strings.Contains(all[0].said.String(), "a pooler stands before the server") {
		t.Error("it does not say that there is a pooler")
	}
	acked := map[string]bool{}
	all[0].until("somebody leads", 30*time.Second, func() bool { return all[0].leads() || all[1].leads() })
	postBeside(t, all, acked, "together", 60)
	if all[1].leads() {
		all[0], all[1] = all[1], all[0]
	}
	all[0].end(syscall.SIGKILL)
	postBeside(t, all[1:], acked, "alone", 20)
	all[1].until("the other leads", 20*time.Second, all[1].leads)
	all[1].reckon(acked, 64)
	// The two views are not read at one instant: what is seen once may have ended
	// between them, what outlives its transaction stays.
	all[1].until("no lock outlives its transaction", 10*time.Second, func() bool {
		out, err := s.SQL("postgres", "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND pid IN (SELECT pid FROM pg_stat_activity WHERE state = 'idle')")
		return err == nil && strings.TrimSpace(out) == "0"
	})
	all[1].end(syscall.SIGTERM)
	verifies(t, all[1], s.URL("postgres"))
}

// postBeside posts to all receivers at the same time, each delivery to each of them.
func postBeside(t *testing.T, all []*program, acked map[string]bool, name string, n int) {
	t.Helper()
	hc := &http.Client{Timeout: 12 * time.Second}
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan bool, 8)
	for i := range n {
		for _, p := range all {
			slots <- true
			wg.Go(func() {
				defer func() { <-slots }()
				machine := fmt.Sprintf("%s-%d", name, i)
				if err := p.post(hc, machine); err == nil {
					mu.Lock()
					defer mu.Unlock()
					acked[machine] = true
				}
			})
		}
	}
	wg.Wait()
}
