package programs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func table(t *testing.T) *Table {
	t.Helper()
	out, err := Shipped()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func verdict(t *testing.T, p *Program, code int, stdout, stderr string, arguments ...string) Verdict {
	t.Helper()
	w := p.Watch(arguments)
	for _, s := range []struct{ name, text string }{{"stdout", stdout}, {"stderr", stderr}} {
		if !p.Wants(s.name) {
			continue
		}
		stream := w.Stream(s.name)
		for half := range strings.SplitAfterSeq(s.text, "e") { // in pieces, as pipes give it
			_, _ = stream.Write([]byte(half))
		}
		_ = stream.Close()
	}
	return w.Judge(code, false)
}

// The lines follow what the programs are known to write; most were shortened,
// and only TestRealPrograms takes them from the programs themselves.
func TestVerdicts(t *testing.T) {
	all := table(t)
	for _, c := range []struct {
		program        string
		code           int
		stdout, stderr string
		want           Result
	}{
		{"rsync", 24, "", "some files vanished before they could be transferred (code 24)", Warning},
		{"rsync", 23, "Number of regular files transferred: 3\n", "rsync error: some files/attrs were not transferred (code 23)", Warning},
		{"rsync", 23, "", "rsync error: some files/attrs were not transferred (code 23)", Failed},
		{"rsync", 20, "", "", Cancelled},
		{"rsync", 0, `skipping non-regular file "link"`, "", Warning},
		{"tar", 1, "", "tar: f: file changed as we read it", Warning},
		{"tar", 1, "", "tar: f: File shrank by 9 bytes; padding with zeros", Failed},
		{"tar", 2, "", "", Failed},
		{"zip", 18, "", "", Warning},
		{"zip", 0, "", "zip warning: name not matched: x", Warning},
		{"7z", 1, "Files read from disk: 3", "", Warning},
		{"7z", 1, "Files read from disk: 0", "", Failed},
		{"dar", 0, " 0 inode(s) saved", "", Failed},
		{"borgmatic", 0, "", "", Failed},
		{"borgmatic", 1, "", "Failed to create/acquire the lock", Running},
		{"restic", 1, "", "unable to create lock in backend: repository is already locked exclusively by PID 7", Running},
		{"rclone", 9, "", "", Success},
		{"rclone", 6, "", "", Warning},
		{"rdiff-backup", 0, "", "WARNING: ListError x", Warning},
		{"rsnapshot", 0, "", "daily.2 not present (yet), nothing to copy", Warning},
		{"duplicity", 0, "Errors 0", "", Success},
		{"duplicity", 0, "Errors 1", "", Warning},
		{"duplicity", 0, "", "", Failed},
		{"duply", 23, "", "Another duplicity instance is already running with this archive directory", Running},
		{"storebackup", 0, "-- 2 WARNINGS OCCURRED DURING THE BACKUP! --", "", Warning},
		{"dirvish", 0, "Status: warning (24) -- file vanished on sender", "", Warning},
		{"burp", 3, "", "", NotDue},
		{"burp", 1, "Could not get lockfile. Another process is probably running.", "", Running},
		{"bacula", 0, "jobstatus: T\njoberrors: 0\njobfiles: 3", "", Success},
		{"bacula", 0, "level: F\njobstatus: T\njoberrors: 0\njobfiles: 0", "", Failed},
		{"amanda", 16, "", "", Warning},
		{"amanda", 5, "", "", Failed},
		{"btrbk", 10, "", "", Warning},
		{"btrbk", 3, "", "", Running},
		{"fsarchiver", 0, "", "Can't write to the archive file", Failed},
		{"pg_dump", 0, "--\n-- PostgreSQL database dump\n--\nx\n--\n-- PostgreSQL database dump complete\n--\n\n", "", Success},
		{"pg_dump", 0, "--\n-- PostgreSQL database dump\n--\nx", "", Failed},
		{"mariadb-dump", 0, "-- MariaDB dump 10.19\nx", "", Failed},
		{"mysqldump", 3, "", "", Failed},
		{"sqlite3", 0, "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n/**** ERROR: (5) database is locked *****/\nROLLBACK; -- due to errors\n", "", Failed},
		{"sqlite3", 0, "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCOMMIT;\n", "", Success},
		{"sqlite3", 1, "", "Error: database is locked", Running},
		{"pgbackrest", 50, "", "", Running},
		{"barman", 1, "", "ERROR: Another backup process is running", Running},
		{"robocopy", 3, "", "", Success},
	} {
		p, ok := all.Get(c.program)
		if !ok {
			t.Fatalf("%s is not in the table", c.program)
		}
		if got := verdict(t, p, c.code, c.stdout, c.stderr); got.Result != c.want {
			t.Errorf("%s %d %q %q: %+v, want %s", c.program, c.code, c.stdout, c.stderr, got, c.want)
		}
	}
	for _, name := range all.Names() {
		p, _ := all.Get(name)
		if got := verdict(t, p, 99, "", ""); got.Result != Failed || p.Verified == "" {
			t.Errorf("%s: an unknown code is %+v", name, got)
		}
	}
}

func TestDryRunIsNoRun(t *testing.T) {
	all := table(t)
	for program, argument := range map[string]string{"borg": "--dry-run", "restic": "-n", "rsync": "-avn", "rclone": "--dry-run"} {
		p, _ := all.Get(program)
		if got := verdict(t, p, 0, "", "", "x", argument); got.Result != NotDue {
			t.Errorf("%s: %+v", program, got)
		}
	}
}

func TestRowsOfTheUser(t *testing.T) {
	all := table(t)
	if err := all.Add("codes.yml", []byte("codes:\n  rsync: [{code: 23, result: warning, words: known}]\n  ours: [{code: 4-7, output: nothing, result: not_due}]\n")); err != nil {
		t.Fatal(err)
	}
	rsync, _ := all.Get("rsync")
	ours, _ := all.Get("ours")
	for _, c := range []struct {
		got  Verdict
		want Result
	}{{verdict(t, rsync, 23, "", ""), Warning}, {verdict(t, rsync, 24, "", ""), Warning}, {verdict(t, ours, 5, "nothing to do", ""), NotDue},
		{verdict(t, ours, 5, "", ""), Failed}, {verdict(t, ours, 0, "", ""), Success}} {
		if c.got.Result != c.want {
			t.Errorf("%+v, want %s", c.got, c.want)
		}
	}
	for _, bad := range []string{"codes: {a: [{code: x, result: success}]}", "codes: {a: [{code: 1, result: good}]}", "codes: {a: [{result: success}]}", "rows: 1", "codes: {a: [{code: 1, output: '(', result: failed}]}"} {
		if err := table(t).Add("codes.yml", []byte(bad)); err == nil || !strings.Contains(err.Error(), "codes.yml") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// What this machine has is run for real.
func TestRealPrograms(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "one"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	all := table(t)
	for _, c := range []struct {
		program string
		command []string
		want    Result
	}{
		{"tar", []string{"tar", "-C", dir, "-cf", dir + "/a.tar", "one"}, Success},
		{"tar", []string{"tar", "-C", dir, "-cf", dir + "/a.tar", "one", "nosuch"}, Failed},
		{"tar", []string{"tar", "-C", dir, "--ignore-failed-read", "-cf", dir + "/a.tar", "one", "nosuch"}, Warning},
		{"cpio", []string{"sh", "-c", "cd " + dir + "; echo one | cpio -o"}, Success},
		{"cpio", []string{"sh", "-c", "cd " + dir + "; printf 'one\\nnosuch\\n' | cpio -o"}, Warning},
		{"rsync", []string{"rsync", "-a", "--stats", dir + "/one", dir + "/nosuch", dir + "/copy/"}, Warning},
		{"rsync", []string{"rsync", "-a", "--stats", dir + "/nosuch", dir + "/copy/"}, Failed},
		{"zip", []string{"zip", dir + "/a.zip", dir + "/one", dir + "/nosuch"}, Warning},
		{"sqlite3", []string{"sqlite3", dir + "/db", ".dump"}, Success},
		{"pg_dump", []string{"pg_dump", "-h", dir, "nosuch"}, Failed},
	} {
		if _, err := exec.LookPath(c.program); err != nil {
			t.Logf("SKIPPED: %s is not installed", c.program)
			continue
		}
		p, _ := all.Get(c.program)
		w := p.Watch(c.command[1:])
		cmd := exec.CommandContext(t.Context(), c.command[0], c.command[1:]...)
		cmd.Env = append(os.Environ(), "LC_ALL=C")
		out, errs := w.Stream("stdout"), w.Stream("stderr")
		if p.Wants("stdout") {
			cmd.Stdout = out
		}
		cmd.Stderr = errs
		_ = cmd.Run() // the state tells
		_, _ = out.Close(), errs.Close()
		if got := w.Judge(cmd.ProcessState.ExitCode(), false); got.Result != c.want {
			t.Errorf("%v: code %d, %+v, want %s\n%s", c.command, cmd.ProcessState.ExitCode(), got, c.want, w.Log())
		}
	}
}

const page = "../../../docs/backup-exit-codes.md"

// The page of the docs is the table: UPDATE_PAGE=1 writes it anew.
func TestPageIsTheTable(t *testing.T) {
	want := Page(table(t))
	if os.Getenv("UPDATE_PAGE") != "" {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(page)
	if err != nil || string(have) != want {
		t.Errorf("%s is not the table (%v); run this test with UPDATE_PAGE=1", page, err)
	}
}
