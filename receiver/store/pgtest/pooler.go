package pgtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// Pooler starts a pgbouncer before the server, in transaction mode, and returns the
// address of a database behind it and how to stop it. With [ErrAbsent] a test is to be
// skipped.
func (s *Server) Pooler(database string) (address string, stop func(), err error) {
	program, libs, err := pooler()
	if err != nil {
		return "", nil, err
	}
	between := &Server{Dir: s.Dir, bin: s.bin, libs: libs}
	if err := between.port(); err != nil {
		return "", nil, err
	}
	settings := filepath.Join(s.Dir, "pgbouncer.ini")
	text := fmt.Sprintf("[databases]\n%s = host=127.0.0.1 port=%d user=vigie\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\n"+
		"auth_type = any\npool_mode = transaction\nmax_client_conn = 200\ndefault_pool_size = 10\n", database, s.Port, between.Port)
	if err := os.WriteFile(settings, []byte(text), 0o644); err != nil {
		return "", nil, err
	}
	cmd := between.command(program, "--quiet", settings)
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}
	for range 100 {
		if c, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(between.Port)); err == nil {
			_ = c.Close()
			return fmt.Sprintf("postgres://vigie@127.0.0.1:%d/%s?sslmode=disable", between.Port, database), stop, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	stop()
	return "", nil, fmt.Errorf("pgbouncer does not listen")
}

func pooler() (program, libs string, err error) {
	if program, err = exec.LookPath("pgbouncer"); err == nil {
		return program, "", nil
	}
	root, err := unpacked("", "pgbouncer")
	return filepath.Join(root, "usr/sbin/pgbouncer"), filepath.Join(root, "usr/lib/x86_64-linux-gnu"), err
}
