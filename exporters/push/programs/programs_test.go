package programs

import (
	"os"
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
	w := p.Watch(append([]string{p.Name}, arguments...))
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
		{"tar", 0, "", "tar: Suppression de « / » au début des noms des membres", Success},
		{"tar", 0, "", "tar: d/s: socket ignored", Success},
		{"tar", 0, "", "tar: nosuch\u00a0: AVERTISSEMENT\u00a0: stat impossible: Aucun fichier ou dossier de ce type", Warning},
		{"tar", 0, "", "tar: nosuch: Warnung: Funktion stat fehlgeschlagen: Datei oder Verzeichnis nicht gefunden", Warning},
		{"tar", 1, "", "tar: f : fichier modifié pendant sa lecture", Warning},
		{"tar", 1, "", "tar: f : fichier réduit de 9 octets ; remplissage avec des zéros", Failed},
		{"dar", 0, " 0 inode(s) sauvées", "", Failed},
		{"borg", 1, `"nfiles": 3`, "x: stat: [Errno 2] No such file or directory: 'x'", Warning},
		{"borg", 1, "", "x: stat: [Errno 2] No such file or directory: 'x'", Failed},
		{"borg", 1, "", "x: open: [Errno 13] Permission denied: 'x'", Warning},
		{"borg", 1, "", "sudo: a password is required", Failed},
		{"unison", 1, "", "sudo: a password is required", Failed},
		{"unison", 1, "Synchronization complete at 17:30:24  (0 items transferred, 1 skipped, 0 failed)", "", Warning},
		{"unison", 1, "changed  <-?-> changed    x", "", Warning},
		{"backupninja", 1, "", "sudo: a password is required", Failed},
		{"rsnapshot", 2, "", "WARNING: Some files and/or directories in /snap/daily.0/ vanished during rsync_cleanup_after_native_cp_al operation", Warning},
		{"rdiff-backup", 2, "", "", Failed},
		{"rdiff-backup", 2, "", "Previous backup seems to have failed, regressing destination now", Warning},
		{"zip", 18, "", "", Warning},
		{"zip", 0, "", "zip warning: name not matched: x", Warning},
		{"7z", 1, "Files read from disk: 3", "", Warning},
		{"7z", 1, "Files read from disk: 0", "", Failed},
		{"dar", 0, " 0 inode(s) saved", "", Failed},
		{"borgmatic", 0, "", "", Failed},
		{"borgmatic", 0, "", "disk.yaml: Command hook exited with soft failure exit code (75); skipping remaining repository actions", NotDue},
		{"borgmatic", 0, "Number of files: 7", "disk.yaml: Command hook exited with soft failure exit code (75); skipping remaining repository actions", Warning},
		{"restic", 0, "", "Warning: at least one source file could not be read", Warning},
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

// What stands in front of a program has arguments of its own.
func TestCommandsInFront(t *testing.T) {
	all := table(t)
	for _, c := range []struct {
		program string
		command string
		code    int
		stderr  string
		want    Result
	}{
		{"restic", "nice -n 10 restic backup data", 0, "", Success},
		{"restic", "sudo -n /usr/bin/restic backup data", 0, "", Success},
		{"restic", "sudo -n -u restic restic backup data", 0, "", Success},
		{"restic", "sudo -n restic backup -n data", 0, "", NotDue},
		{"restic", "/opt/restic_0.16 backup --dry-run data", 0, "", NotDue},
		{"restic", "/opt/r backup --dry-run data", 0, "", NotDue}, // a name of one's own
		{"restic", "backup.sh -n data", 0, "", Success},           // not restic's own
		{"rsync", "ionice -c3 -n7 rsync -a --stats a b", 0, "", Success},
		{"rsync", "ionice -c3 rsync -an a b", 0, "", NotDue},
		{"robocopy", `C:\Windows\System32\Robocopy.exe a b /L`, 1, "", NotDue},
		{"borg", "flock -n /run/lock/borg borg create --json ::a data", 1, "", Running},
		{"borg", "flock -E 9 -w 60 /run/lock/borg borg create --json ::a data", 9, "", Running},
		{"borg", "flock --conflict-exit-code=9 --nonblock /run/lock/borg borg create ::a data", 9, "", Running},
		{"restic", "flock /run/lock/restic restic backup data", 1, "", Failed},
		{"borg", "flock -n /run/lock/borg borg create ::a data", 2, "", Failed},
		{"restic", "flock -n /run/lock/restic restic backup data", 1, "Fatal: unable to open repository", Failed},
		{"restic", "flock -n /run/lock/restic sh -c backup", 1, "", Failed}, // who ended is not known
		{"restic", "", 0, "", Success},
	} {
		p, _ := all.Get(c.program)
		w := p.Watch(strings.Fields(c.command))
		_, _ = w.Stream("stderr").Write([]byte(c.stderr + "\n"))
		if got := w.Judge(c.code, false); got.Result != c.want {
			t.Errorf("%s: %+v, want %s", c.command, got, c.want)
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
