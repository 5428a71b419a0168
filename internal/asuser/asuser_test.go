//go:build unix

package asuser

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheServicesUserReadsLess(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be another user")
	}
	dir, err := os.MkdirTemp("/tmp", "asuser") // that of the test is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	file := filepath.Join(dir, "a.yml")
	if err := os.WriteFile(file, []byte("open\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if said, err := run("nobody", "/bin/cat", file); err == nil || !strings.Contains(said, "denied") {
		t.Errorf("closed: %q %v", said, err)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if said, err := run("nobody", "/bin/cat", file); err != nil || said != "open\n" {
		t.Errorf("open: %q %v", said, err)
	}
	if said, err := run("nobody-of-that-name", "/bin/cat", file); err != nil || said != "" {
		t.Errorf("no such user: %q %v", said, err)
	}
	if err := Check("nobody", file, filepath.Join(dir, "b.yml")); err != nil {
		t.Errorf("another configuration than the service's: %v", err)
	}
}
