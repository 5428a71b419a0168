package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"vigie/receiver/store"
	"vigie/rules/incident"
)

func TestNewerSchemaIsRefused(t *testing.T) {
	path, _ := written(t)
	raw99(t, path)
	for what, open := range map[string]func() error{
		"open":    func() error { _, err := store.Open(t.Context(), path); return err },
		"archive": func() error { _, err := store.OpenArchive(t.Context(), path); return err },
		"restore": func() error { _, err := store.Restore(t.Context(), path, path+"2", now); return err },
	} {
		if err := open(); err == nil || !strings.Contains(err.Error(), "written by a newer vigie (schema 99") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// What came back from sqlite3's .dump has all tables and no number of its schema: it
// is refused with the cure, and the cure helps.
func TestDumpedDatabaseIsToldItsCure(t *testing.T) {
	path, _ := written(t)
	numbered(t, path, 0)
	_, err := store.Open(t.Context(), path)
	if err == nil || !strings.Contains(err.Error(), ".dump") || !strings.Contains(err.Error(), "PRAGMA user_version = N") {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`this program writes (\d+)`).FindStringSubmatch(err.Error())
	if m == nil {
		t.Fatal(err)
	}
	n, _ := strconv.Atoi(m[1])
	numbered(t, path, n)
	s, err := store.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
}

func raw99(t *testing.T, path string) {
	t.Helper()
	numbered(t, path, 99)
}

// numbered writes the number of a database's schema.
func numbered(t *testing.T, path string, n int) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(fmt.Sprintf("PRAGMA user_version = %d", n)); err != nil {
		t.Fatal(err)
	}
}

// What is damaged, or no database at all, is told with its cure and left alone.
func TestDamageIsToldWithItsCure(t *testing.T) {
	path, _ := written(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := bytes.Clone(whole)
	for i := 4096 * 3; i < 4096*6; i++ {
		page[i] ^= 0x5a
	}
	for what, content := range map[string][]byte{"page": page, "header": append([]byte("not a database"), whole[14:]...), "text": bytes.Repeat([]byte("hello "), 2000)} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Open(t.Context(), path); err == nil || !strings.Contains(err.Error(), "vigie store restore") {
			t.Errorf("%s: %v", what, err)
		}
		after, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(after, content) {
			t.Errorf("%s: the file was changed (%v)", what, err)
		}
	}
}

// After a crash the log still holds what was written last: it is kept with the
// damaged file, not played into it.
func TestDamageAfterACrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	s := open(t, path)
	for n := range 100 {
		update(t, s, func(tx *store.Tx) error { return tx.Save(record(n + 1)) })
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	update(t, s, func(tx *store.Tx) error { return tx.Save(record(101)) })
	crashed := filepath.Join(t.TempDir(), "b.db")
	files := map[string][]byte{}
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(path + suffix)
		if err != nil || len(content) == 0 {
			t.Fatalf("%d bytes: %v", len(content), err)
		}
		files[suffix] = content
		if err := os.WriteFile(crashed+suffix, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a, err := store.OpenArchive(t.Context(), crashed)
	if err != nil {
		t.Fatalf("what crashed cannot be read beside the receiver: %v", err)
	}
	a.Close()
	for i := 4096 * 2; i < len(files[""]); i += 100 {
		files[""][i] ^= 0x5a
	}
	if err := os.WriteFile(crashed, files[""], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), crashed); err == nil || !strings.Contains(err.Error(), "vigie store restore") {
		t.Errorf("opened: %v", err)
	}
	for suffix, want := range files {
		if after, err := os.ReadFile(crashed + suffix); err != nil || !bytes.Equal(after, want) {
			t.Errorf("a.db%s was changed: %v", suffix, err)
		}
	}
}

// A copy taken under load is whole, and brought back it has everything.
func TestBackupUnderLoadAndRestore(t *testing.T) {
	dir := t.TempDir()
	path, copied := filepath.Join(dir, "a.db"), filepath.Join(dir, "copy.db")
	s := open(t, path)
	add := func(n int) {
		r := record(n)
		update(t, s, func(tx *store.Tx) error {
			err := tx.Append(r, []incident.Entry{{At: now, Kind: "signal", What: "x", Personal: "Léa"}})
			return errors.Join(err, tx.Save(r))
		})
	}
	for n := 1; n <= 200; n++ {
		add(n)
	}
	told := seal(t, s, now)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	more, begun := 0, make(chan struct{})
	wg.Go(func() {
		for n := 201; ctx.Err() == nil; n++ {
			add(n)
			more++
			if n == 201 {
				close(begun)
			}
		}
	})
	<-begun
	if err := store.Backup(t.Context(), path, copied); err != nil {
		t.Error(err)
	}
	stop()
	wg.Wait()
	if err := store.Backup(t.Context(), path, copied); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("a backup was written over: %v", err)
	}
	if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup may be read by others: %v %v", info.Mode(), err)
	}
	inCopy := sound(t, copied, told).Lines
	if inCopy < 201 || inCopy > 200+more {
		t.Errorf("%d lines in the copy, %d to %d were written", inCopy, 201, 200+more)
	}
	if _, err := store.Restore(t.Context(), copied, path, now); err == nil || !strings.Contains(err.Error(), "in use by another vigie") {
		t.Errorf("restored under a running process: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("ruined"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Restore(t.Context(), path, path, now); err == nil {
		t.Error("a ruin was restored")
	}
	kept, err := store.Restore(t.Context(), copied, path, now)
	if err != nil {
		t.Fatal(err)
	}
	if ruin, err := os.ReadFile(kept); err != nil || string(ruin) != "ruined" {
		t.Errorf("what was there is not kept: %q, %v", ruin, err)
	}
	again := open(t, path)
	seal(t, again, now)
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if n := sound(t, path, told).Lines; n != inCopy {
		t.Errorf("%d lines after the restore, want %d", n, inCopy)
	}
}

// smallDisk makes the test run again where it may mount a small disk of its own.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	const inside = "VIGIE_TEST_ON_A_SMALL_DISK"
	if os.Getenv(inside) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), inside+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		}
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		switch {
		case errors.As(err, &exit):
			t.Fatalf("%v\n%s", err, out)
		case err != nil:
			t.Skipf("no namespaces here: %v", err)
		case strings.Contains(string(out), "--- SKIP"):
			t.Skipf("%s", out)
		}
		t.Logf("%s", out)
		return ""
	}
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("no small disk here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// K3: a full disk refuses new things at once, has room for deleting, and is
// taken up again without a restart.
func TestFullDisk(t *testing.T) {
	dir := smallDisk(t, "24m")
	if dir == "" {
		return // ran in its namespace
	}
	path, filler := filepath.Join(dir, "a.db"), filepath.Join(dir, "filler")
	s, err := store.Options{Ballast: 4 << 20}.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if info, err := os.Stat(path + ".ballast"); err != nil || info.Size() != 4<<20 {
		t.Fatalf("no ballast: %v", err)
	}
	if err := s.Full(); err != nil {
		t.Fatal(err)
	}
	fill(t, filler)
	if err := os.Truncate(filler, 16<<20); err != nil { // some room is left
		t.Fatal(err)
	}
	kept := 0
	var failed error
	for n := 1; n < 10_000 && failed == nil; n++ {
		if failed = s.Update(t.Context(), func(tx *store.Tx) error { return tx.SetValue(strings.Repeat("x", n), strings.Repeat("y", 8<<10)) }); failed == nil {
			kept = n
		}
	}
	if !errors.Is(failed, store.ErrUnavailable) {
		t.Fatalf("the disk was not found full: %v", failed)
	}
	if kept == 0 {
		t.Error("nothing was kept before")
	}
	if err := s.Full(); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("it does not say that it is full: %v", err)
	}
	if _, err := os.Stat(path + ".ballast"); err == nil {
		t.Error("the ballast is still aboard")
	}
	if err := s.Tend(); err == nil {
		t.Error("the ballast came back onto a full disk")
	}
	update(t, s, func(tx *store.Tx) error { return tx.Forget("deleting works again") })
	update(t, s, func(tx *store.Tx) error { return tx.SetValue("after", "written from the ballast's room") })
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := s.Tend(); err != nil {
		t.Errorf("there is room again: %v", err)
	}
	if err := s.Full(); err != nil {
		t.Errorf("there is room again: %v", err)
	}
	t.Logf("figure: full disk of 24 MB: %d updates kept, then refused, deleting works from the ballast, written to again with room, 0 lost", kept)
	err = s.View(t.Context(), func(tx *store.Tx) error {
		for n := 1; n <= kept; n++ {
			if v, err := tx.Value(strings.Repeat("x", n)); err != nil || len(v) != 8<<10 {
				t.Fatalf("fact %d was accepted and is lost: %v", n, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// fill writes a file until the disk has no room left.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 64<<10))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}
