// Package pgtest starts a real PostgreSQL for tests and for the lab: one that is
// installed, or one that is unpacked from Debian's packages into the cache.
package pgtest

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"vigie/internal/checkout"
)

// nobody runs the server where the tests are run by root, whom it refuses.
const nobody = 65534

// Server is a PostgreSQL of its own on the loopback.
type Server struct {
	Dir  string // its data lie in data, its log is log
	Port int
	bin  string
	libs string
	life io.Closer // it ends when this process does, however that happens
	cmd  *exec.Cmd
	next atomic.Int64
}

// ErrAbsent says that there is no PostgreSQL on this machine, nor to be had.
var ErrAbsent = errors.New("PostgreSQL cannot be had here")

// Start starts a server with settings, each NAME=VALUE, beyond those of a default
// installation. With [ErrAbsent] a test is to be skipped.
func Start(settings ...string) (*Server, error) {
	bin, libs, err := programs("")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "vigie-pg-")
	if err != nil {
		return nil, err
	}
	s := &Server{Dir: dir, bin: bin, libs: libs}
	if err := s.init(settings); err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	if err := s.Resume(); err != nil {
		_ = s.Stop()
		return nil, err
	}
	return s, nil
}

// initialised is a file that says that a folder's data are whole.
const initialised = "initialised"

// Keep starts a server on a port whose data stay in a folder between two runs; root is
// the project's folder, in whose cache it may be unpacked.
func Keep(root, dir string, port int) (*Server, error) {
	bin, libs, err := programs(root)
	if err != nil {
		return nil, err
	}
	s := &Server{Dir: dir, Port: port, bin: bin, libs: libs}
	if _, err := os.Stat(filepath.Join(dir, initialised)); err != nil {
		if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
			return nil, err
		}
		if err := s.init(nil); err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(dir, initialised), nil, 0o600); err != nil {
			return nil, err
		}
	}
	if err := os.Truncate(filepath.Join(s.data(), "postgresql.auto.conf"), 0); err != nil {
		return nil, err
	}
	if err := s.settle(nil); err != nil {
		return nil, err
	}
	return s, s.Resume()
}

// programs finds the server's programs: in PATH, where Debian keeps them, or, with
// what they need, in the cache of a project's folder.
func programs(root string) (bin, libs string, err error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if _, err := exec.LookPath("postgres"); err == nil {
			return filepath.Dir(path), "", nil
		}
	}
	if all, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres"); err == nil && len(all) > 0 {
		return filepath.Dir(all[len(all)-1]), "", nil
	}
	in, err := unpacked(root, "postgresql")
	return filepath.Join(in, "usr/lib/postgresql/15/bin"), filepath.Join(in, "usr/lib/x86_64-linux-gnu"), err
}

// unpacked unpacks a program of Debian's packages into the cache of a project's folder;
// of this one where none is named.
func unpacked(top, tool string) (root string, err error) {
	if top == "" {
		if top, err = checkout.Root(); err != nil {
			return "", fmt.Errorf("%w: %w", ErrAbsent, err)
		}
	}
	cache := filepath.Join(top, ".cache/debian")
	if out, err := exec.Command(filepath.Join(top, "tools/debian"), cache, tool).CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", ErrAbsent, strings.TrimSpace(string(out)))
	}
	return filepath.Join(cache, "root"), nil
}

// command is one of the server's programs, run by whom the server allows.
func (s *Server) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Dir = s.Dir
	c.Env = append(os.Environ(), "PGDATA="+s.data(), "LC_ALL=C", "LD_LIBRARY_PATH="+cmp.Or(s.libs, os.Getenv("LD_LIBRARY_PATH")))
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() == 0 {
		c.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	return c
}

func (s *Server) data() string { return filepath.Join(s.Dir, "data") }

func (s *Server) init(settings []string) error {
	if os.Geteuid() == 0 {
		if err := os.Chown(s.Dir, nobody, nobody); err != nil {
			return err
		}
	}
	out, err := s.command(filepath.Join(s.bin, "initdb"), "--no-sync", "--username=vigie", "--auth=trust", "--encoding=UTF8", "--locale=C").CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	if s.Port == 0 {
		if err := s.port(); err != nil {
			return err
		}
	}
	return s.settle(settings)
}

func (s *Server) settle(settings []string) error {
	return s.Set(append([]string{"listen_addresses=127.0.0.1", "unix_socket_directories=" + s.Dir, "port=" + strconv.Itoa(s.Port),
		"max_connections=200", "shared_buffers=64MB", "autovacuum_naptime=10s", "wal_level=replica"}, settings...)...)
}

// port finds one that is free.
func (s *Server) port() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.Port = l.Addr().(*net.TCPAddr).Port
	return l.Close()
}

// Set changes settings; they count from the server's next start.
func (s *Server) Set(settings ...string) error {
	f, err := os.OpenFile(filepath.Join(s.data(), "postgresql.auto.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, x := range settings {
		name, value, _ := strings.Cut(x, "=")
		if _, err := fmt.Fprintf(f, "%s = '%s'\n", name, value); err != nil {
			return err
		}
	}
	return nil
}

// untilStdinEnds ends the server when its standard input does: this process may be
// killed.
const untilStdinEnds = `"$0" >>log 2>&1 & pid=$!; echo $pid; cat >/dev/null; kill -QUIT $pid; wait $pid`

// Resume starts the server on its data.
func (s *Server) Resume() error {
	s.cmd = s.command("/bin/sh", "-c", untilStdinEnds, filepath.Join(s.bin, "postgres"))
	life, err := s.cmd.StdinPipe()
	if err != nil {
		return err
	}
	s.life = life
	if err := s.cmd.Start(); err != nil {
		return err
	}
	for range 600 {
		if c, err := net.Dial("unix", filepath.Join(s.Dir, ".s.PGSQL."+strconv.Itoa(s.Port))); err == nil {
			_ = c.Close()
			if out, err := s.SQL("postgres", "SELECT 1"); err == nil && strings.TrimSpace(out) == "1" {
				return nil
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	text, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
	return fmt.Errorf("PostgreSQL does not start: %s", text)
}

// Halt ends the server at once, as a crash does; its data stay.
func (s *Server) Halt() error {
	if s.life == nil {
		return nil
	}
	err := s.life.Close()
	_ = s.cmd.Wait() // it was told to end
	s.life = nil
	return err
}

// Stop ends the server and removes its data.
func (s *Server) Stop() error { return errors.Join(s.Halt(), os.RemoveAll(s.Dir)) }

// Signal sends a signal to all of the server's processes.
func (s *Server) Signal(sig syscall.Signal) error {
	text, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	master, err := strconv.Atoi(first)
	if err != nil {
		return err
	}
	all := append([]int{master}, children(master)...)
	for _, pid := range all {
		if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

func children(of int) (all []int) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", of, of))
	for f := range strings.FieldsSeq(string(text)) {
		if n, err := strconv.Atoi(f); err == nil {
			all = append(all, n)
		}
	}
	return all
}

// SQL runs statements in a database and returns the first column of what they
// answer, a line for each row.
func (s *Server) SQL(database, text string) (string, error) {
	return Query(s.URL(database), text)
}

// URL is the address of a database.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://vigie@127.0.0.1:%d/%s?sslmode=disable", s.Port, database)
}

// New makes room for a test and returns its address: a schema, which is made in a
// moment, where a database takes seconds.
func (s *Server) New() (string, error) {
	name := fmt.Sprintf("test_%d", s.next.Add(1))
	if _, err := s.SQL("postgres", "CREATE SCHEMA "+name); err != nil {
		return "", err
	}
	return s.URL("postgres") + "&search_path=" + name, nil
}
