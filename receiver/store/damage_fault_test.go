package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"vigie/receiver/store"
	"vigie/rules/incident"
)

// crashed is a database as a killed process leaves it: with its log.
func crashed(t *testing.T, incidents int) map[string][]byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.db")
	s := open(t, path)
	for n := range incidents {
		update(t, s, func(tx *store.Tx) error {
			r := record(n + 1)
			if err := tx.Append(r, []incident.Entry{{At: now, Kind: "signal", What: "fired", Personal: strings.Repeat("x", 2000)}}); err != nil {
				return err
			}
			return tx.Save(r)
		})
		if n == incidents/2 { // half in the file, half in the log
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, path)
		}
	}
	files := map[string][]byte{}
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + suffix)
		if err != nil || len(b) == 0 {
			t.Fatalf("%d bytes in a.db%s: %v", len(b), suffix, err)
		}
		files[suffix] = b
	}
	return files
}

// lay writes a database's files into a folder of their own.
func lay(t *testing.T, files map[string][]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.db")
	for suffix, b := range files {
		if err := os.WriteFile(path+suffix, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// untouched checks that a refused start has changed none of the files.
func untouched(t *testing.T, what, path string, files map[string][]byte) {
	t.Helper()
	for suffix, want := range files {
		if suffix == "-shm" {
			continue // the index is made anew whenever the log is read
		}
		if got, err := os.ReadFile(path + suffix); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: a.db%s was changed (%v)", what, suffix, err)
		}
	}
}

// openTwice tells how a start goes, and makes sure that a refusal names the
// cure and changes nothing, a second time either.
func opens(t *testing.T, what string, files map[string][]byte) (kept int, refused bool) {
	t.Helper()
	path := lay(t, files)
	for range 2 {
		s, err := store.Open(t.Context(), path)
		if err == nil {
			defer s.Close()
			err = s.View(t.Context(), func(tx *store.Tx) error {
				return tx.EachSince(now, func(*store.Record) error { kept++; return nil })
			})
			if err != nil {
				t.Logf("%s: opens, and cannot be read whole: %v", what, err)
			}
			return kept, false
		}
		if !strings.Contains(err.Error(), "vigie store restore") {
			t.Errorf("%s: refused without the cure: %v", what, err)
		}
		untouched(t, what, path, files)
	}
	return 0, true
}

func with(files map[string][]byte, suffix string, change func([]byte) []byte) map[string][]byte {
	out := map[string][]byte{}
	for s, b := range files {
		out[s] = bytes.Clone(b)
	}
	out[suffix] = change(out[suffix])
	return out
}

// K8: pages are flipped, zeroed, swapped or cut off. A start that is refused
// names the cure and has changed nothing; one that is not has whole pages.
func TestFaultDamagedPages(t *testing.T) {
	const page, incidents = 4096, 150
	files := crashed(t, incidents)
	alone := map[string][]byte{"": files[""]}
	pages := len(files[""]) / page
	refusals := map[string]int{}
	trials := long(8, 60)
	for name, damage := range map[string]func(b []byte, n int) []byte{
		"zeroed": func(b []byte, n int) []byte { clear(b[n*page : (n+1)*page]); return b },
		"flipped": func(b []byte, n int) []byte {
			for i := n * page; i < (n+1)*page; i++ {
				b[i] ^= 0x5a
			}
			return b
		},
		"head": func(b []byte, n int) []byte {
			for i := range 8 {
				b[n*page+i] ^= 0xff
			}
			return b
		},
		"swapped": func(b []byte, n int) []byte {
			m := (n + 1) % pages
			if m == 0 {
				m = 1
			}
			x := bytes.Clone(b[n*page : (n+1)*page])
			copy(b[n*page:], b[m*page:(m+1)*page])
			copy(b[m*page:], x)
			return b
		},
		"cut off": func(b []byte, n int) []byte { return b[:n*page+rand.N(page)] },
	} {
		for range trials {
			n := 1 + rand.N(pages-1)
			if _, refused := opens(t, name, with(alone, "", func(b []byte) []byte { return damage(b, n) })); refused {
				refusals[name]++
			}
		}
	}
	for _, name := range []string{"zeroed", "head", "cut off"} {
		if refusals[name] == 0 {
			t.Errorf("%s: never refused", name)
		}
	}
	t.Logf("figure: damaged pages, %d of each kind: refused with the cure and unchanged: %v; the others hold whole pages", trials, refusals)
}

// K8: a log that is cut off or damaged loses what stands behind the damage, and
// a damaged index loses nothing. A log that belongs to another state of the file
// is found out.
func TestFaultDamagedLog(t *testing.T) {
	const incidents = 150
	files := crashed(t, incidents)
	if kept, refused := opens(t, "whole", files); refused || kept != incidents {
		t.Fatalf("%d incidents, refused: %v", kept, refused)
	}
	for range long(5, 40) {
		n := rand.N(len(files["-wal"]))
		kept, refused := opens(t, "cut off", with(files, "-wal", func(b []byte) []byte { return b[:n] }))
		if refused || kept < incidents/2 {
			t.Errorf("a log cut off at %d of %d: %d incidents, refused: %v", n, len(files["-wal"]), kept, refused)
		}
		kept, refused = opens(t, "flipped", with(files, "-wal", func(b []byte) []byte { b[n] ^= 0xff; return b }))
		if refused || kept < incidents/2 {
			t.Errorf("a log flipped at %d of %d: %d incidents, refused: %v", n, len(files["-wal"]), kept, refused)
		}
	}
	junk := bytes.Repeat([]byte("somebody else's memory "), 1500)
	if kept, refused := opens(t, "foreign index", with(files, "-shm", func([]byte) []byte { return junk })); refused || kept != incidents {
		t.Errorf("under a foreign index: %d incidents, refused: %v", kept, refused)
	}
	// Somebody copies an older or another file into the place and leaves the log.
	other := crashed(t, 90)
	stale := 0
	for what, mixed := range map[string]map[string][]byte{
		"another log":  {"": files[""], "-wal": other["-wal"]},
		"another file": {"": other[""], "-wal": files["-wal"]},
	} {
		kept, refused := opens(t, what, mixed)
		if refused {
			stale++
		} else if kept != 90 && kept != incidents {
			t.Errorf("%s: opened with %d incidents, a mixture", what, kept)
		}
	}
	t.Logf("figure: damaged logs: what was in the file is kept each time; a foreign index loses nothing; of 2 logs beside another file %d refused", stale)
}

// asNobody runs the test again as a user who may not do everything.
func asNobody(t *testing.T) bool {
	t.Helper()
	const inside = "VIGIE_TEST_AS_NOBODY"
	if os.Geteuid() != 0 || os.Getenv(inside) != "" {
		return true
	}
	dir, err := os.MkdirTemp("", "nobody")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "test")
	self, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(binary, self, 0o755), os.Chmod(dir, 0o777)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), inside+"=1", "TMPDIR="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		t.Fatalf("%v\n%s", err, out)
	case err != nil:
		t.Skipf("no other user here: %v", err)
	}
	t.Logf("%s", out)
	return false
}

// K8: files that belong to somebody else are told with their names and the cure.
func TestFaultWrongOwner(t *testing.T) {
	if !asNobody(t) {
		return
	}
	files := crashed(t, 10)
	files["-shm"] = make([]byte, 32<<10)
	refused := 0
	for _, c := range []struct {
		name string // of the file, or "." for the folder
		mode os.FileMode
	}{{"a.db", 0o400}, {"a.db", 0}, {"a.db-wal", 0o400}, {"a.db-wal", 0}, {"a.db-shm", 0}, {"a.db.lock", 0o400}, {".", 0o500}} {
		what := fmt.Sprintf("%s with %04o", c.name, c.mode)
		path := lay(t, files)
		name := filepath.Join(filepath.Dir(path), c.name)
		if c.name == "a.db.lock" {
			if err := os.WriteFile(name, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(name, c.mode); err != nil {
			t.Fatal(err)
		}
		s, err := store.Open(t.Context(), path)
		if err == nil {
			s.Close()
			t.Errorf("%s: opened", what)
			continue
		}
		refused++
		if !strings.Contains(err.Error(), "chown") || !strings.Contains(err.Error(), filepath.Base(name)) {
			t.Errorf("%s: refused without name or cure: %v", what, err)
		}
		if err := errors.Join(os.Chmod(filepath.Dir(path), 0o700), os.Chmod(name, 0o700)); err != nil {
			t.Fatal(err)
		}
		untouched(t, what, path, files)
		if s, err = store.Open(t.Context(), path); err != nil {
			t.Errorf("%s: not even afterwards: %v", what, err)
			continue
		}
		s.Close()
	}
	t.Logf("figure: wrong owner or mode: %d starts refused with the file's name and the cure, nothing changed, all start once it is mended", refused)
}

// K3: a start on a disk that is read-only says so.
func TestFaultReadOnlyAtTheStart(t *testing.T) {
	dir := smallDisk(t, "8m")
	if dir == "" {
		return // ran in its namespace
	}
	path := filepath.Join(dir, "a.db")
	for suffix, b := range crashed(t, 10) {
		if err := os.WriteFile(path+suffix, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path+".lock", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("none", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skipf("it cannot be made read-only: %v", err)
	}
	_, err := store.Open(t.Context(), path)
	if err == nil || !strings.Contains(err.Error(), "mount it for writing again") {
		t.Errorf("refused without the cure: %v", err)
	}
	t.Logf("figure: start on a read-only disk: refused: %v", err)
}
