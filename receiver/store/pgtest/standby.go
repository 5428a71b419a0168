package pgtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Standby starts a server that follows this one by streaming. With [ErrAbsent] a test is
// to be skipped.
func (s *Server) Standby() (*Server, error) {
	program := filepath.Join(s.bin, "pg_basebackup")
	if _, err := os.Stat(program); err != nil {
		if program, err = exec.LookPath("pg_basebackup"); err != nil {
			return nil, fmt.Errorf("%w: no pg_basebackup", ErrAbsent)
		}
	}
	dir, err := os.MkdirTemp("", "vigie-pg-")
	if err != nil {
		return nil, err
	}
	other := &Server{Dir: dir, bin: s.bin, libs: s.libs}
	if os.Geteuid() == 0 {
		if err := os.Chown(dir, nobody, nobody); err != nil {
			return nil, err
		}
	}
	out, err := other.command(program, "--pgdata="+other.data(), "--write-recovery-conf", "--checkpoint=fast", "--no-sync",
		"--dbname=host=127.0.0.1 user=vigie port="+strconv.Itoa(s.Port)).CombinedOutput()
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, fmt.Errorf("pg_basebackup: %w: %s", err, out)
	}
	if err = other.port(); err == nil {
		err = other.Set("port="+strconv.Itoa(other.Port), "unix_socket_directories="+dir)
	}
	if err == nil {
		err = other.Resume()
	}
	if err != nil {
		_ = other.Stop()
		return nil, err
	}
	return other, nil
}

// Promote makes a standby the server that takes changes in.
func (s *Server) Promote() error {
	out, err := s.SQL("postgres", "SELECT pg_promote(true, 30)")
	if err == nil && strings.TrimSpace(out) != "t" {
		err = fmt.Errorf("it was not promoted: %s", out)
	}
	return err
}

// Reload has the running server take its settings over.
func (s *Server) Reload() error {
	_, err := s.SQL("postgres", "SELECT pg_reload_conf()")
	time.Sleep(100 * time.Millisecond) // each of its processes looks for itself
	return err
}
