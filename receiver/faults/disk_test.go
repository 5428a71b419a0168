package faults

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3" // opens the database from outside
)

func client() *http.Client {
	return &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}
}

func (p *program) status(path string) int {
	p.t.Helper()
	resp, err := http.Get(p.url + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// posted delivers machines that must be accepted.
func (p *program) posted(hc *http.Client, acked map[string]bool, prefix string, n int) {
	p.t.Helper()
	for i := range n {
		machine := fmt.Sprintf("%s-%d", prefix, i)
		if err := p.post(hc, machine); err != nil {
			p.t.Fatalf("%s: %v\n%s", machine, err, p.said)
		}
		acked[machine] = true
	}
}

// K3: a sync fails. The program refuses what it cannot keep, says why, ends with
// an exit code and is whole when it is started again.
func TestFaultDiskFailsToSync(t *testing.T) {
	t.Parallel()
	p := newProgramOnFaultyDisk(t)
	hc := client()
	acked := map[string]bool{}
	p.start()
	p.posted(hc, acked, "before", 20)
	p.ordered("fail-sync vigie.db-wal")
	begun := time.Now()
	if err := p.post(hc, "lost"); err == nil {
		// A loop of the program may have met the fault first.
		t.Error("a delivery was accepted although the disk did not keep it")
	}
	refused := time.Since(begun)
	if refused > time.Second {
		t.Errorf("refused after %s", refused)
	}
	code := p.ends(20 * time.Second)
	ended := time.Since(begun)
	if log := p.said.String(); code != 1 || !strings.Contains(log, "failed to keep what was written") || !strings.Contains(log, "start vigie again") {
		t.Errorf("exit code %d; the log:\n%s", code, log)
	}
	p.start()
	p.posted(hc, acked, "after", 5)
	kept, _ := p.reckon(acked, 8)
	t.Logf("figure: a sync fails (EIO) under the program: 503 after %d ms, ended after %d ms with exit code %d; started again: %d accepted, 0 lost, %d incidents",
		refused.Milliseconds(), ended.Milliseconds(), code, len(acked), kept)
	p.end(syscall.SIGTERM)
}

// K3: the file system becomes read-only and comes back.
func TestFaultDiskReadOnly(t *testing.T) {
	t.Parallel()
	p := newProgramOnFaultyDisk(t)
	hc := client()
	acked := map[string]bool{}
	p.start()
	p.posted(hc, acked, "before", 5)
	p.ordered("fail-writes on")
	begun := time.Now()
	if err := p.post(hc, "lost"); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("a delivery on a read-only disk: %v", err)
	}
	refused := time.Since(begun)
	if got := p.status("/-/ready"); got != http.StatusServiceUnavailable || refused > time.Second {
		t.Errorf("ready is %d, refused after %s", got, refused)
	}
	p.ordered("fail-writes off")
	p.posted(hc, acked, "after", 5)
	if got := p.status("/-/ready"); got != http.StatusOK {
		t.Errorf("ready is %d with a disk that can be written to", got)
	}
	kept, _ := p.reckon(acked, 0)
	t.Logf("figure: read-only disk for a while: 503 after %d ms and not ready; without a restart: %d accepted, 0 lost, %d incidents", refused.Milliseconds(), len(acked), kept)
	p.end(syscall.SIGTERM)
}

// K9: a second start on the same database is refused in words, and the first one
// does not notice.
func TestFaultSecondStart(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	p.start()
	out, err := p.command("serve").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "is in use by another vigie") {
		t.Errorf("a second start: %v\n%s", err, out)
	}
	if err := p.post(client(), "M"); err != nil {
		t.Error(err)
	}
	t.Log("figure: a second start on the same database: refused, the first goes on")
	p.end(syscall.SIGTERM)
}

// K12: somebody else holds the database. Deliveries end with 503 in time,
// nothing is accepted meanwhile, and all goes on by itself when it is released.
func TestFaultLockedDatabase(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	hc := client()
	acked := map[string]bool{}
	p.start()
	p.posted(hc, acked, "before", 5)
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(p.dir, "vigie.db")+"?_busy_timeout=5000")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	// Requests that begin later than this could be answered after the release.
	hold := time.Duration(long(10, 30)) * time.Second
	var wg sync.WaitGroup
	var mu sync.Mutex
	var slowest time.Duration
	answers := map[string]int{}
	begun := time.Now()
	for n := range 16 {
		wg.Go(func() {
			for i := 0; time.Since(begun) < hold-9500*time.Millisecond; i++ {
				at := time.Now()
				err := p.post(hc, fmt.Sprintf("locked-%d-%d", n, i))
				mu.Lock()
				answers[fmt.Sprint(err)]++
				slowest = max(slowest, time.Since(at))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if slowest > 10*time.Second || len(answers) != 1 || answers["503 Service Unavailable"] == 0 {
		t.Errorf("under a lock: %v, the slowest after %s", answers, slowest)
	}
	if _, err := c.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	released := time.Now()
	for p.post(hc, "after") != nil {
		if time.Since(released) > 20*time.Second {
			t.Fatal("it does not come back after the lock")
		}
	}
	acked["after"] = true
	back := time.Since(released)
	kept := p.machines()
	for m := range kept {
		if strings.HasPrefix(m, "locked-") {
			t.Errorf("%s was refused and is kept", m)
		}
	}
	p.reckon(acked, 0)
	t.Logf("figure: database locked by another process: %d deliveries answered 503, the slowest after %.1f s, none kept; accepted again %d ms after the release",
		answers["503 Service Unavailable"], slowest.Seconds(), back.Milliseconds())
	p.end(syscall.SIGTERM)
}

// K12: each sync takes a second.
func TestFaultSlowDisk(t *testing.T) {
	t.Parallel()
	p := newProgramOnFaultyDisk(t)
	hc := client()
	acked := map[string]bool{}
	p.start()
	p.posted(hc, acked, "before", 5)
	p.ordered("slow-sync 1s")
	var wg sync.WaitGroup
	var mu sync.Mutex
	var took []time.Duration
	var failed []string
	begun := time.Now()
	for n := range 64 {
		wg.Go(func() {
			for i := 0; time.Since(begun) < time.Duration(long(2, 20))*time.Second; i++ {
				machine, at := fmt.Sprintf("slow-%d-%d", n, i), time.Now()
				err := p.post(hc, machine)
				mu.Lock()
				took = append(took, time.Since(at))
				if err == nil {
					acked[machine] = true
				} else {
					failed = append(failed, err.Error())
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	p.ordered("slow-sync 0s")
	slices.Sort(took)
	if len(failed) > 0 || took[len(took)-1] > 10*time.Second {
		t.Errorf("%d refused (%.1v ...), the slowest answer after %s", len(failed), failed, took[len(took)-1])
	}
	kept, _ := p.reckon(acked, 0)
	t.Logf("figure: each sync takes 1 s, 64 clients: %d accepted, 0 refused, median %.1f s, slowest %.1f s; 0 lost, %d incidents",
		len(took), took[len(took)/2].Seconds(), took[len(took)-1].Seconds(), kept)
	p.end(syscall.SIGTERM)
}

// K15: a database of the first schema, with what a real life left in it, is
// brought up to date although the program is killed at every sync of that.
func TestFaultOldDatabase(t *testing.T) {
	t.Parallel()
	p := newProgramOnFaultyDisk(t)
	hc := client()
	acked := map[string]bool{}
	p.start()
	p.posted(hc, acked, "old", 20)
	p.until("the mails leave", time.Minute, func() bool { told, _ := p.told(); return told >= len(acked) })
	p.end(syscall.SIGTERM)
	path := filepath.Join(p.dir, "vigie.db")
	downgrade(t, path)
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	kills := 0
	for n := 1; n <= long(2, 10); n++ {
		for _, when := range []string{"before", "after"} {
			if err := os.WriteFile(path, old, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, suffix := range []string{"-wal", "-shm"} {
				_ = os.Remove(path + suffix) // of the life before
			}
			p.order("kill-%s-sync %d", when, n)
			if p.tryStart() == nil {
				select {
				case <-p.said.done:
				case <-time.After(2 * time.Second):
				}
				_ = p.proc.Process.Kill()
				<-p.said.done
				_ = p.proc.Wait()
			}
			kills++
			p.start()
			if got := p.machines(); len(got) != len(acked) {
				t.Errorf("killed %s sync %d: %d incidents, want %d", when, n, len(got), len(acked))
			}
			p.end(syscall.SIGTERM)
			if out, err := p.command("journal", "verify").CombinedOutput(); err != nil {
				t.Errorf("killed %s sync %d: %v\n%s", when, n, err, out)
			}
		}
	}
	p.start()
	p.posted(hc, acked, "new", 3)
	p.reckon(acked, 0)
	p.end(syscall.SIGTERM)
	change(t, path, "PRAGMA user_version = 99")
	if err := p.tryStart(); err == nil || !strings.Contains(p.said.String(), "written by a newer vigie (schema 99") {
		t.Errorf("a newer database: %v", err)
	}
	t.Logf("figure: database of schema 1 with %d incidents: brought up to date after %d kills during that, nothing lost, its journal verifies; a newer one is refused", len(acked)-3, kills)
}

// downgrade makes a database of the first schema and puts into it what that
// had room for.
func downgrade(t *testing.T, path string) {
	t.Helper()
	first, err := os.ReadFile("../store/migrations/0001.sql")
	if err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(t.TempDir(), "first.db")
	change(t, old, string(first))
	db, err := sql.Open("sqlite3", old)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // an attached database belongs to one connection
	if _, err := db.Exec(`ATTACH ? AS present`, path); err != nil {
		t.Fatal(err)
	}
	columns := map[string][]string{}
	rows, err := db.Query(`SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'`)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			t.Fatal(err)
		}
		columns[table] = append(columns[table], column)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	for table, names := range columns {
		list := strings.Join(names, ", ")
		from := strings.Replace(list, "firing", "1", 1) // what does not fire has no row any more
		if _, err := db.Exec(fmt.Sprintf("INSERT INTO main.%s (%s) SELECT %s FROM present.%s", table, list, from, table)); err != nil {
			t.Fatalf("%s of the first schema: %v", table, err)
		}
	}
	if _, err := db.Exec("PRAGMA main.user_version = 1; DETACH present"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Close(), os.Rename(old, path)); err != nil {
		t.Fatal(err)
	}
}

// change runs SQL on a database that no program uses.
func change(t *testing.T, path, text string) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(text); err != nil {
		t.Fatal(err)
	}
}
