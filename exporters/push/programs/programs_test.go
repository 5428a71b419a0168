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
	var command []string // unknown, as behind a script
	if len(arguments) > 0 {
		command = append([]string{p.Name}, arguments...)
	}
	w := p.Watch(command)
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
		{"borg", 1, "", "/usr/bin/nice: open: [Errno 13] Permission denied: '/usr/bin/nice'", Warning},
		{"unison", 1, "", "sudo: a password is required", Failed},
		{"unison", 1, "Synchronization complete at 17:30:24  (0 items transferred, 1 skipped, 0 failed)", "", Warning},
		{"unison", 1, "changed  <-?-> changed    x", "", Warning},
		{"backupninja", 1, "", "sudo: a password is required", Failed},
		{"backup-manager", 0, "", "Unable to create \"/b/vm.tar.gz\", check /tmp/x\n1 error occurred during the tarball generation.", Failed},
		{"backup-manager", 0, "Using method \"tarball\".", "Target \"/d\" does not exist, skipping.\n1 error occurred during the tarball generation.", Failed},
		{"backup-manager", 0, "Using method \"tarball\".\n/b/vm.tar.gz: ok (1M, 7a10)", "Target \"/d\" does not exist, skipping.", Warning},
		{"backup-manager", 0, "Using method \"tarball\".", "File /b/vm.tar.gz already exists, skipping.", NotDue},
		{"backup-manager", 0, "Using method \"tarball\".\n/b/vm.tar.gz: ok (1M, 7a10)", "", Success},
		{"proxmox-backup-client", 0, "", "failed to open file: \"key\": access denied\nEnd Time: Mon Mar  9 07:01:02 2026", Warning},
		{"proxmox-backup-client", 0, "", "Duration: 42.11s\nEnd Time: Mon Mar  9 07:01:02 2026", Success},
		{"proxmox-backup-client", 0, "", "", Failed},
		{"syncoid", 0, "WARN Skipping dataset (dataset no longer exists): tank/vm...", "", Failed},
		{"syncoid", 0, "WARN Skipping dataset (dataset no longer exists): tank/vm...\nSending incremental tank/db@a ... b (~ 4 KB):", "", Warning},
		{"rustic", 0, "", "[WARN] ignoring error: permission denied", Warning},
		{"resticprofile", 1, "", "Warning: at least one source file could not be read\n2026/11/30 13:45:03 backup on profile 'default': exit status 3", Warning},
		{"resticprofile", 1, "", "Fatal: all target directories/files do not exist", Failed},
		{"resticprofile", 0, "processed 0 files, 0 B in 0:00\nsnapshot b8a3cf19 saved", "", Warning},
		{"autorestic", 0, "Skipping \"docs\", not due yet.", "", NotDue},
		{"autorestic", 0, "Backend: b\nDone", "", Success},
		{"autorestic", 0, "processed 0 files, 0 B in 0:00\nsnapshot b8a3cf19 saved\nDone", "", Empty},
		{"autorestic", 1, "an instance is already running. exiting", "", Running},
		{"autorestic", 1, "Warning: at least one source file could not be read", "Error: 1 errors were found", Warning},
		{"autorestic", 1, "Warning: at least one source file could not be read\nFatal: unable to open config file", "Error: 2 errors were found", Failed},
		{"mydumper", 0, "", "** Message: 13:18:24.784: Thread 1 dumping schema create for `shop`\n** Message: 13:18:24.785: Finished dump at: 2026-11-30 13:18:24", Failed},
		{"mydumper", 0, "", "** (mydumper:903): WARNING **: 13:18:24.785: Broken table detected, please review: shop.bad", Warning},
		{"mariadb-backup", 0, "", "[00] 2026-11-30 13:18:46 completed OK!", Success},
		{"mariadb-backup", 0, "", "[00] 2026-11-30 13:18:46 Starting", Failed},
		{"backupninja", 0, "", "", Failed},
		{"backupninja", 0, "", "Debug: skipping /etc/backup.d/20.pgsql because current time does not match everyday at 01:00", NotDue},
		{"backupninja", 0, "Warning: Failed to dump pgsql database x", "Info: FINISHED: 2 actions run. 0 fatal. 0 error. 2 warning.", Failed},
		{"backupninja", 1, "Warning: Repository has been initialized", "Info: FINISHED: 2 actions run. 0 fatal. 0 error. 1 warning.", Warning},
		{"backupninja", 1, "", "Info: FINISHED: 2 actions run. 0 fatal. 1 error. 0 warning.", Failed},
		{"backupninja", 0, "", "Info: FINISHED: 2 actions run. 0 fatal. 0 error. 0 warning.", Success},
		{"rsnapshot", 2, "", "WARNING: Some files and/or directories in /snap/daily.0/ vanished during rsync_cleanup_after_native_cp_al operation", Warning},
		{"rdiff-backup", 2, "", "", Failed},
		{"rdiff-backup", 2, "", "WARNING: No increment is older than '1D'\nWARNING: Action remove emitted warnings, see previous messages for details", NotDue},
		{"rdiff-backup", 2, "", "Previous backup seems to have failed, regressing destination now", Warning},
		{"zip", 18, "", "", Warning},
		{"zip", 0, "", "zip warning: name not matched: x", Warning},
		{"zpaq", 0, "# s/a\n# s/sub/\n2 +added, 1 -removed.", "s/sub: Permission denied\n0.014 seconds (all OK)", Warning},
		{"zpaq", 0, "0 +added, 1 -removed.", "s/sub: Permission denied\n0.014 seconds (all OK)", Warning},
		{"zpaq", 1, "0 +added, 0 -removed.", "s/a: Permission denied\n0.003 seconds (with warnings)", Warning},
		{"zpaq", 1, "", "", Failed},
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
		// rclone 1.60.1 and 1.76.0 with -v, of a folder in which a file cannot be read and nothing is new.
		{"rclone", 1, "", "ERROR : secret: Failed to copy: failed to open source object: open d/secret: permission denied\nINFO  : \nTransferred:   \t          0 B / 0 B, -, 0 B/s, ETA -\nErrors:                 1 (retrying may help)\nChecks:                 2 / 2, 100%, Listed 5", Warning},
		{"rclone", 1, "", "ERROR : secret: Failed to copy: failed to open source object: open d/secret: permission denied\nERROR : new: Failed to copy: no space left on device\nErrors:                 2 (retrying may help)\nChecks:                 2 / 2, 100%, Listed 5", Failed},
		{"rclone", 1, "", "ERROR : secret: Failed to copy: failed to open source object: open d/secret: permission denied\nErrors:                 1 (retrying may help)\nChecks:                 0 / 0, -, Listed 1", Failed},
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
		{"btrbk", 10, "/v/data\n+++ /v/snaps/data.1\n>>> /t/data.1\n\n/v/gone\n!!! Aborted: Failed to fetch subvolume detail", "", Warning},
		{"btrbk", 10, "    ***  received subvolume (non-incremental)\n/v/data\n!!! Aborted: Failed to fetch subvolume detail", "", Failed},
		{"btrbk", 10, "/v/data\n+++ /v/snaps/data.1\n!!! Target \"/t\" aborted: Failed to fetch subvolume detail", "", Failed},
		{"btrbk", 10, "/v/data\n>>> /t/data.1\n!!! /t/data.2\n!!! Target \"/t\" aborted: Failed to send/receive subvolume", "", Failed},
		{"btrbk", 10, "", "ERROR: Failed to send/receive subvolume: /v/snaps/data.2 [/v/snaps/data.1] -> /t/data.2", Failed},
		{"btrbk", 3, "", "", Running},
		{"fsarchiver", 0, "", "Can't write to the archive file", Failed},
		{"pg_dump", 0, "--\n-- PostgreSQL database dump\n--\nx\n--\n-- PostgreSQL database dump complete\n--\n\n", "", Success},
		{"pg_dump", 0, "--\n-- PostgreSQL database dump\n--\nx", "", Failed},
		{"mariadb-dump", 0, "-- MariaDB dump 10.19\nx", "", Failed},
		{"mysqldump", 3, "", "", Failed},
		{"sqlite3", 0, "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n/**** ERROR: (5) database is locked *****/\nROLLBACK; -- due to errors\n", "", Failed},
		{"sqlite3", 0, "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCREATE TABLE accounts(x);\nCOMMIT;\n", "", Success},
		{"sqlite3", 0, "PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCOMMIT;\n", "", Empty},
		{"sqlite3", 1, "", "Error: database is locked", Running},
		{"pgbackrest", 50, "", "", Running},
		{"barman", 0, "Skipping inactive server 'srv'", "", Failed},
		{"barman", 0, "Skipping inactive server 'old'\nBackup completed (start time: 2026-11-30 17:04:32.012326, elapsed time: 3 seconds)", "", Success},
		{"barman", 1, "", "ERROR: Another backup process is running", Running},
		{"robocopy", 3, "", "", Success},
		{"aws", 0, "upload: d/f3 to s3://b/n/f3", "", Success},
		{"aws", 2, "upload: d/f3 to s3://b/n/f3", "warning: Skipping file /d/a. File/Directory is not readable.", Warning},
		{"aws", 2, "Completed 2 Bytes/6 Bytes\rupload: d/f3 to s3://b/n/f3\ndelete: s3://b/n/a/f1", "warning: Skipping file /d/a. File/Directory is not readable.", Failed},
		{"aws", 2, "", "warning: Skipping file /d/b/f2. File/Directory is not readable.", Failed}, // cp of that file alone
		{"aws", 1, "upload: d/f3 to s3://b/n/f3", "fatal error: An error occurred (NoSuchBucket) when calling the ListObjectsV2 operation", Failed},
		{"redis-cli", 0, "OK", "", Success},
		{"redis-cli", 0, "NOAUTH Authentication required.\n", "", Failed},
		{"redis-cli", 0, "(error) MISCONF Errors writing to the AOF file: No space left on device", "", Failed},
		{"redis-cli", 0, "ERR Background save already in progress\n", "", Failed},
		{"redis-cli", 0, "Background saving started", "", Failed},
		{"redis-cli", 0, "Background saving started\nrdb_last_bgsave_status:ok", "", Success},
		{"redis-cli", 0, "", "Transfer finished with success after 182 bytes", Success},
		{"redis-cli", 1, "", "SYNC with master failed: -NOAUTH Authentication required.", Failed},
		{"curl", 0, "", "curl: (22) The requested URL returned error: 413", Failed},
		{"curl", 0, "", "  % Total    % Received % Xferd  Average Speed   Time", Success},
		{"curl", 22, "", "curl: (22) The requested URL returned error: 403", Failed},
		{"s3cmd", 0, "delete: 's3://b/s3cmd/a/f1'", "", Warning},
		{"s3cmd", 0, "upload: 'd/a/f1' -> 's3://b/m/a/f1' (2 bytes in 0.0 seconds, 433.88 B/s) [1 of 1]\ndelete: 's3://b/m/a/f2'", "", Success},
		{"s3cmd", 0, "", "WARNING: delete: cowardly refusing to delete because no source files were found.  Use --force to override.", Empty},
		{"s3cmd", 0, "", "WARNING: b/f2: file disappeared, ignoring.", Warning},
		{"s3cmd", 0, "upload: 'd/f3' -> 's3://b/m4/f3'", "WARNING: Exiting now because of --dry-run", NotDue},
		{"s3cmd", 2, "upload: 'd/f3' -> 's3://b/m1/f3' (2 bytes in 0.0 seconds, 1893.59 B/s) [2 of 2]", "ERROR: Upload of 'd/b/f2' is not possible (Reason: Permission denied)", Warning},
		{"s3cmd", 2, "", "ERROR: Upload of 'd/b/f2' is not possible (Reason: Permission denied)", Failed},
		{"s3cmd", 12, "", "ERROR: S3 error: 404 (NoSuchBucket): The specified bucket does not exist", Failed},
		{"rsync", 0, "drwxr-xr-x          4,096 2026/03/10 08:00:00 .\n", "", NotDue},
		{"rsync", 0, "total size is 2  speedup is 0.02 (DRY RUN)\n", "", NotDue},
		{"rclone", 0, "", "NOTICE: one: Skipped copy as --dry-run is set (size 1)", NotDue},
		{"rsync", 0, "Number of files: 1 (dir: 1)", "", Empty},
		{"borg", 107, "", "/w/nosuch: stat: [Errno 2] No such file or directory: '/w/nosuch'", Failed},
		{"borg", 107, `"nfiles": 2`, "/w/nosuch: stat: [Errno 2] No such file or directory: '/w/nosuch'", Warning},
		// As the documentation of borg's JSON has it, of after 2.0.0b19.
		{"borg", 0, "{\n    \"dry_run\": true,\n    \"repository\": {\"id\": \"0cbe\"},\n    \"stats\": {\"nfiles\": 53669, \"original_size\": 2400471280}\n}", "", NotDue},
		{"borgmatic", 0, `[{"dry_run": true, "stats": {"nfiles": 0, "original_size": 0}}]`, "", NotDue},
		{"borgmatic", 0, `[{"archive": {"name": "vm", "stats": {"nfiles": 0, "original_size": 0}}}]`, "", Failed},
		{"borgmatic", 0, `[{"archive": {"name": "vm", "stats": {"nfiles": 2, "original_size": 913}}}]`, "", Empty},
		{"borgmatic", 0, "Number of files: 2", "/w/nosuch: stat: [Errno 2] No such file or directory: '/w/nosuch'", Empty},
		{"borgmatic", 0, "Number of files: 2\nNumber of files: 31", "", Success}, // one repository each
		{"rclone", 0, "", "INFO  : There was nothing to transfer\nINFO  : \nTransferred:   \t          0 B / 0 B, -, 0 B/s, ETA -\nElapsed time:         0.0s", Empty},
		{"rclone", 0, "", "INFO  : There was nothing to transfer\nINFO  : \nTransferred:   \t          0 B / 0 B, -, 0 B/s, ETA -\nChecks:                 2 / 2, 100%\nDeleted:                2 (files), 0 (dirs)", Empty},
		{"rclone", 0, "", "INFO  : There was nothing to transfer\nINFO  : \nTransferred:   \t          0 B / 0 B, -, 0 B/s, ETA -\nChecks:                 3 / 3, 100%\nDeleted:                2 (files), 0 (dirs)", Warning},
		{"rclone", 0, "", "INFO  : There was nothing to transfer\nINFO  : \nTransferred:   \t          0 B / 0 B, -, 0 B/s, ETA -\nChecks:                 2 / 2, 100%", Success},
		{"rclone", 0, "", `{"level":"info","msg":"There was nothing to transfer"}` + "\n" + `{"level":"info","msg":"\nTransferred:   \t          0 B / 0 B, -, 0 B/s, ETA -\nElapsed time:         0.0s\n\n"}`, Empty},
		{"rdiff-backup", 0, "SourceFiles 1\nSourceFileSize 0 (0 bytes)\nErrors 0", "", Empty},
		{"duplicity", 0, "SourceFiles 1\nSourceFileSize 4096 (4.00 KB)\nErrors 0", "", Empty},
		{"duplicity", 0, "SourceFiles 1\nSourceFileSize 81920 (80.0 KB)\nErrors 0", "", Success}, // one file
		{"kopia", 0, "", "\r | 0 hashing, 0 hashed (0 B), 1 cached (4 B), uploaded 0 B, estimating...\r * 0 hashing, 0 hashed (0 B), 2 cached (8 B), uploaded 0 B, estimating...\nCreated snapshot with root k1 and ID 7 in 0s", Success},
		{"kopia", 0, "", "\r * 0 hashing, 0 hashed (0 B), 0 cached (0 B), uploaded 0 B, estimating...\nCreated snapshot with root k1 and ID 7 in 0s", Failed},
		{"kopia", 0, `{"rootEntry":{"name":"empty","type":"d","summ":{"size":0,"files":0,"symlinks":0,"dirs":1,"numFailed":0}}}`, "", Failed},
		{"kopia", 0, `{"rootEntry":{"summ":{"size":8,"files":2,"symlinks":0}}}` + "\n" + `{"rootEntry":{"summ":{"size":0,"files":0,"symlinks":0}}}`, "", Warning},
		{"kopia", 0, "", "Snapshotting u@h:/d ...\nCreated partial snapshot with root k1 and ID 7 in 2s", Failed},
		{"kopia", 1, `{"incomplete":"canceled","rootEntry":{"summ":{"size":0,"files":0,"incomplete":"canceled","numFailed":1}}}`, "Found 1 fatal error(s) while snapshotting u@h:/d.", Failed},
		{"kopia", 0, "", "Ignored 2 error(s) while snapshotting u@h:/d.", Warning},
		{"kopia", 1, "", "Created snapshot with root k1 and ID 7 in 0s\nFound 1 fatal error(s) while snapshotting u@h:/d.", Warning},
		{"kopia", 1, "", "unable to get local filesystem entry: stat /nosuch: no such file or directory", Failed},
		{"duplicacy", 0, "Backup for /d at revision 3 completed\n1 directory and 2 files were not included due to access errors\n", "", Warning},
		{"duplicacy", 0, "Backup for /d at revision 3 completed\nFiles: 12 total, 1,111K bytes; 0 new, 0 bytes\n", "", Success},
		{"duplicacy", 100, "No files under the repository to be backed up\n", "", Failed},
	} {
		p, ok := all.Get(c.program)
		if !ok {
			t.Fatalf("%s is not in the table", c.program)
		}
		got := verdict(t, p, c.code, c.stdout, c.stderr)
		if want := c.want; want == Empty && (got.Result != Warning || got.Files != 0) || want != Empty && got.Result != want {
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

// What a program is called for, in the spellings that it takes. Not one of these
// calls is a backup; only where a check of what was saved fails there is news.
func TestCallsThatAreNoBackup(t *testing.T) {
	all := table(t)
	for _, c := range []struct {
		command string
		code    int
		want    Result
	}{
		{"rsync -an a b", 0, NotDue},
		{"rsync -vna a b", 23, NotDue},
		{"rsync --dry-run -a a b", 0, NotDue},
		{"rsync -a a --list-only b", 0, NotDue},
		{"rsync --version", 0, NotDue},
		{"rsync -aTnew a b", 0, Success},
		{"rsync -a -- -n b", 0, Success},
		{"tar tzf a.tgz", 0, NotDue},
		{"tar -xf a.tar", 2, NotDue},
		{"tar --list -f a.tar", 0, NotDue},
		{"tar -df a.tar", 1, NotDue},
		{"tar -czf text.tar text", 0, Success},
		{"tar czf text.tar text", 0, Success},
		{"tar -cftext.tar text", 0, Success},
		{"cpio -it", 0, NotDue},
		{"cpio -oH newc", 0, Success},
		{"zip -d a.zip x", 0, NotDue},
		{"7z t a.7z", 0, NotDue},
		{"7z t a.7z", 2, Failed},
		{"7z l a.7z", 2, NotDue},
		{"7zz a -mx9 a.7z t", 0, Success},
		{"dar -x full", 0, NotDue},
		{"dar -c full -e -R d", 0, NotDue},
		{"borg create --dry ::a d", 0, NotDue},
		{"borg create -sn ::a d", 0, NotDue},
		{"borg list", 0, NotDue},
		{"borg --lock-wait 60 prune --keep-daily 7", 0, NotDue},
		{"borg check", 1, NotDue}, // with warnings
		{"borg check", 2, Failed},
		{"borg extract ::a", 2, NotDue},
		{"borg --repo check create ::list d", 0, Success},
		{"borgmatic prune compact", 0, NotDue},
		{"borgmatic -v 1 check", 1, Failed},
		{"borgmatic list", 0, NotDue},
		{"restic -r check backup d", 0, Success},
		{"restic backup --dry-run=true d", 0, NotDue},
		{"restic backup -vn d", 0, NotDue},
		{"restic check --read-data", 0, NotDue},
		{"restic check --read-data", 1, Failed},
		{"restic forget --keep-daily 7 --prune", 0, NotDue},
		{"restic forget --prune", 11, NotDue},
		{"restic restore latest --target backup", 0, NotDue},
		{"restic snapshots", 1, NotDue},
		{"restic copy --from-repo a", 0, Success},
		{"restic bakcup d", 1, Failed}, // of a word that nobody knows only the failure is told
		{"restic", 0, NotDue},
		{"borg with-lock r sleep 1", 0, NotDue},
		{"borg repo-space", 0, NotDue},
		{"nightly-restic d", 0, Success}, // a script of the user's
		{"rclone sync a b -Pn", 0, NotDue},
		{"rclone --dry-run=true copy a b", 0, NotDue},
		{"rclone --dry-run=false copy a b", 0, Success},
		{"rclone check a b", 0, NotDue},
		{"rclone check a b", 1, Failed},
		{"rclone --config check sync a b", 0, Success},
		{"rclone lsf a", 3, NotDue},
		{"rdiff-backup --list-increments b", 0, NotDue},
		{"rdiff-backup -v5 list increments b", 0, NotDue},
		{"rdiff-backup verify b", 1, Failed},
		{"rdiff-backup backup a b", 0, Success},
		{"rdiff-backup a b", 0, Success},
		{"rsnapshot -vt daily", 0, NotDue},
		{"rsnapshot -c rs.conf configtest", 0, NotDue},
		{"rsnapshot -c rs.conf daily", 0, Success},
		{"duplicity verify file:///b d", 0, NotDue},
		{"duplicity collection-status file:///b", 0, NotDue},
		{"duplicity --dry d file:///b", 0, NotDue},
		{"duply home verify", 0, NotDue},
		{"duply home purge_cleanup --force", 0, NotDue},
		{"duply home status", 0, NotDue},
		{"backintime snapshots-list", 0, NotDue},
		{"backintime --profile 2 backup-job", 0, Success},
		{"dirvish-expire --vault v", 0, NotDue},
		{"dirvish --vault v --no-run", 0, NotDue},
		{"burp -a l", 0, NotDue},
		{"burp -a v", 1, Failed},
		{"burp -a t", 0, Success},
		{"amcheck daily", 0, NotDue},
		{"amcheck daily", 1, Failed},
		{"amdump daily", 0, Success},
		{"btrbk -q dryrun", 0, NotDue},
		{"btrbk -c b.conf run", 0, Success},
		{"btrbk list snapshots", 0, NotDue},
		{"fsarchiver restfs a.fsa id=0,dest=/dev/sda1", 0, NotDue},
		{"partclone.info -s a", 0, NotDue},
		{"partclone.ext4 -c -s a -o b", 0, Success},
		{"pgbackrest --stanza=main check", 0, NotDue},
		{"pgbackrest --stanza=main verify", 1, Failed},
		{"pgbackrest --stanza=main backup", 0, Success},
		{"barman check srv", 0, NotDue},
		{"barman list-backup srv", 0, NotDue},
		{"barman backup srv", 0, Success},
		{"kopia snapshot create /d", 0, Success},
		{"mydumper -m -B app -o /b", 0, Success}, // rows alone
		{"mariadb-backup --backup --target-dir=/b", 1, Failed},
		{"mariabackup --copy-back --target-dir=/b", 0, NotDue},
		{"rustic -P home backup", 0, Success},
		{"rustic backup -n /d", 0, NotDue},
		{"proxmox-backup-client list --repository r", 0, NotDue},
		{"proxmox-backup-client backup root.pxar:/", 1, Failed},
		{"resticprofile -n home backup", 0, Success},
		{"resticprofile home.backup", 0, Success},
		{"resticprofile home.snapshots", 0, NotDue},
		{"resticprofile home.forget", 1, Failed},
		{"autorestic backup -a", 1, Failed},
		{"autorestic -c f.yml exec -b b -- snapshots", 0, NotDue},
		{"kopia snap list", 0, NotDue},
		{"kopia snapshot --parallel=4 --json create /d", 0, Success},
		{"kopia snapshot --all list", 0, NotDue},
		{"kopia snapshot verify", 1, Failed},
		{"kopia --config-file snapshot snapshot create /d", 0, Success},
		{"kopia maintenance run", 0, NotDue},
		{"kopia restore k1 /d", 1, NotDue},
		{"duplicacy backup -stats", 0, Success},
		{"duplicacy -log backup -dry-run", 0, NotDue},
		{"duplicacy check -a", 0, NotDue},
		{"duplicacy check -a", 100, Failed},
		{"duplicacy list", 0, NotDue},
		{"robocopy a b /MIR /L", 1, NotDue},
		{"aws --profile sync s3 sync d s3://b/n", 0, Success},
		{"aws s3 sync d s3://b/n --dryrun", 2, NotDue},
		{"aws s3 sync d s3://b/n --delete --only-show-errors", 2, Failed},
		{"aws s3 ls s3://b/n", 0, NotDue},
		{"aws ec2 create-snapshot --volume-id v", 0, NotDue}, // it only asks for one
		{"s3cmd -c conf sync d s3://b/n", 0, Success},
		{"s3cmd ls s3://b", 0, NotDue},
		{"redis-cli -p 6380 SAVE", 0, Success},
		{"redis-cli --rdb /b/dump.rdb", 0, Success},
		{"redis-cli ping", 0, NotDue},
		{"curl --fail -T app.sql https://store.example/", 0, Success},
		{"curl -I https://store.example/", 0, NotDue},
		{"curl -fsS -m 10 -o /dev/null https://hc.example/1", 0, NotDue},
		{"curl -fsS -o /dev/null -T app.sql https://store.example/", 0, Success},
		{"curl -fsS -o app.zip https://firewall.example/backup", 0, Success},
		{"curl -fsS https://firewall.example/backup", 0, Success}, // into a pipe
		{"pg_dump --version", 0, NotDue},
		{"pg_dump -V", 0, NotDue},
		{"pg_dump -s app -f app.sql", 0, Success},
		{"pg_dump -Fc app --file=app.dump", 0, Success},
		{"pg_dump -wf app.sql app", 0, Success}, // -w: no password is asked for
		{"pg_dump -Fc app", 0, Failed},          // nothing was written
		{"docker exec db pg_dump app", 0, Failed},
		{"pg_dumpall -g", 0, Failed},
		{"pg_dumpall -gf all.sql", 0, Success},
		{"pg_dumpall -wgf all.sql", 0, Success},
		{"sqlite3 db .dump", 0, Failed},
		{"mariadb-dump --print-defaults", 0, NotDue},
		{"mariadb-dump --all-databases", 0, Failed}, // nothing was written
		{"mariadb-dump app --tables a b", 0, Failed},
		{"mariadb-dump --all-databases --result-file=all.sql", 0, Success},
		{"unison a b -testserver", 0, NotDue},
		{"unison -doc topics", 0, NotDue},
		{"unison a b -batch", 0, Success},
		{"storebackup -f conf --print", 0, NotDue},
		{"storebackup -f conf", 0, Success},
		{"storebackupcheckbackup -c b", 1, Failed},
		{"storebackupcheckbackup -c b", 0, NotDue},
		{"storebackupls b", 0, NotDue},
		{"bacula-dir -t -c bacula-dir.conf", 0, NotDue},
		{"rdiff-backup remove increments --older-than 1D b", 0, NotDue},
	} {
		command := strings.Fields(c.command)
		name := map[string]string{"7zz": "7z", "amcheck": "amanda", "amdump": "amanda", "dirvish-expire": "dirvish",
			"partclone.info": "partclone", "partclone.ext4": "partclone", "storebackupcheckbackup": "storebackup", "storebackupls": "storebackup",
			"bacula-dir": "bacula", "nightly-restic": "restic", "docker": "pg_dump"}[command[0]]
		if name == "" {
			name = command[0]
		}
		p, ok := all.Get(name)
		if !ok {
			t.Fatalf("%s is not in the table", name)
		}
		if got := p.Watch(command).Judge(c.code, false); got.Result != c.want {
			t.Errorf("%s, code %d: %+v, want %s", c.command, c.code, got, c.want)
		}
	}
	// A partitioned table is none of its partitions.
	dump, _ := all.Get("pg_dump")
	head, end := "--\n-- PostgreSQL database dump\n--\nCREATE TABLE public.m (\n    at date\n)\nPARTITION BY RANGE (at);\n", "--\n-- PostgreSQL database dump complete\n--\n"
	for _, c := range []struct {
		command, stdout string
		want            Result
	}{
		{"-t m app", head + end, Failed},
		{"--table=m* app", head + "ALTER TABLE ONLY public.m ATTACH PARTITION public.m_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');\n" + end, Success},
		{"app", head + end, Success},         // it has none
		{"-s -t m app", head + end, Success}, // rows are not wanted
	} {
		if got := verdict(t, dump, 0, c.stdout, "", strings.Fields(c.command)...); got.Result != c.want {
			t.Errorf("pg_dump %s: %+v, want %s", c.command, got, c.want)
		}
	}
	// A source that may hold nothing.
	rclone, _ := all.Get("rclone")
	for command, want := range map[string]int64{"copy a b -v": 0, "copy a b -v --max-age 24h": -1, "--max-age=24h copy a b -v": -1, "move a b -v": -1} {
		if got := verdict(t, rclone, 0, "", "INFO  : There was nothing to transfer\n", strings.Fields(command)...); got.Files != want {
			t.Errorf("rclone %s: %+v, want %d files", command, got, want)
		}
	}
	// The last argument of sqlite3 holds blanks.
	p, _ := all.Get("sqlite3")
	for statement, want := range map[string]Result{"PRAGMA integrity_check": NotDue, ".backup b": Success, "VACUUM INTO 'b'": Success, ".tables": NotDue, "vacuum": NotDue} {
		if got := p.Watch([]string{"sqlite3", "db", statement}).Judge(0, false); got.Result != want {
			t.Errorf("sqlite3 %s: %+v, want %s", statement, got, want)
		}
	}
	// The user's own rows count before it.
	if err := all.Add("codes.yml", []byte("codes: {restic: [{code: 0, argument: '^check$', result: success}]}")); err != nil {
		t.Fatal(err)
	}
	p, _ = all.Get("restic")
	if got := p.Watch([]string{"restic", "check"}).Judge(0, false); got.Result != Success {
		t.Errorf("a row of the user: %+v", got)
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
		{"borg", "borg create ::a data", 1, "data/x: file changed while we backed it up", Warning},
		{"borg", "sudo -n nice -n 10 /usr/bin/borg create ::a data", 1, "data/x: file changed while we backed it up", Warning},
		{"borg", "sudo -n borg create ::a data", 1, "sudo: a password is required", Failed},
		// Whose code it is nobody can tell, unless borg does.
		{"borg", "nightly.sh data", 1, "mount: /mnt/nas: can't find in /etc/fstab.", Failed},
		{"borg", "sh -c backup", 1, "Repository /mnt/nas does not exist.", Failed},
		{"borg", "/usr/local/bin/nightly-borg data", 1, "", Failed},
		{"borg", "docker exec b borg create ::a data", 1, "Error response from daemon: No such container: b", Failed},
		{"borg", "kubectl exec b -- borg create ::a data", 1, "Error from server (NotFound): pods \"b\" not found", Failed},
		{"borg", "nightly.sh data", 1, "terminating with warning status, rc 1", Warning},
		{"borg", "docker exec b borg create --stats ::a data", 1, "Number of files: 7", Warning},
		{"backupninja", "/root/nightly.sh", 1, "mount: /mnt/nas: can't find in /etc/fstab.", Failed},
		// Who does not wait for the end does not know it.
		{"restic", "systemd-run -u restic --property=Nice=10 restic backup data", 0, "Running as unit: restic.service", Failed},
		{"restic", "sudo systemd-run --on-calendar=daily restic backup data", 0, "", Failed},
		{"restic", "systemd-run -q --wait restic backup data", 0, "", Success},
		{"restic", "systemd-run -qP -p Nice=10 restic backup data", 0, "", Success},
		{"restic", "systemd-run --scope restic backup data", 0, "", Success},
		{"restic", "systemd-run nightly.sh", 0, "", Failed},
		{"restic", "systemd-run -u restic --wait restic backup data", 0, "", Success},
		{"restic", "systemd-run --unit restic --pipe restic backup data", 0, "", Success},
		{"restic", "systemd-run --wait -u restic -p Nice=10 restic snapshots", 0, "", NotDue},
		{"restic", "docker run -itd restic/restic backup data", 0, "", Failed},
		{"restic", "ssh -nf h restic backup data", 0, "", Failed},
		{"restic", "docker exec r nightly.sh -d", 0, "", Success},
		{"restic", "docker exec -d r restic backup data", 0, "", Failed},
		{"restic", "docker exec r restic backup -d data", 0, "", Success},
		{"restic", "ssh -f h restic backup data", 0, "", Failed},
		{"restic", "screen -dmS night restic backup data", 0, "", Failed},
		{"restic", "tmux new-session -d nightly.sh", 0, "", Failed},
		// What these end with is their own.
		{"borg", "find /srv -maxdepth 1 -exec borg create ::{now} {} ;", 0, "Connection closed by remote host", Failed},
		{"borg", "find /srv -maxdepth 1 -exec nightly.sh {} ;", 0, "", Failed},
		{"borg", "find /srv -maxdepth 1 -exec borg create ::a {} +", 0, "", Success},
		{"borg", "script -q log -c nightly.sh", 0, "", Failed},
		{"borg", "script -qec nightly.sh log", 0, "", Success},
		{"borg", "sh /opt/backup/script", 0, "", Success},
		// chronic ends with 1 also when the program was killed.
		{"borg", "chronic borg create ::a data", 1, "data/x: file changed while we backed it up", Failed},
		{"borg", "borg create ::a /data/chronic", 1, "data/x: file changed while we backed it up", Warning},
		{"tar", "chronic tar -cf a.tar data", 1, "tar: data/x: file changed as we read it", Failed},
		{"tar", "chronic tar --warning=no-file-changed -cf a.tar data", 1, "", Failed},
		{"tar", "nice tar --warning=no-file-changed -cf a.tar data", 1, "", Warning},
		{"tar", "tar --warning=no-file-changed -cf a.tar data", 1, "tar: data/x: File shrank by 2 bytes; padding with zeros", Failed},
		{"tar", "tar -cf a.tar data", 1, "", Failed},
		{"rclone", "nice chronic rclone copy a b", 1, "Transferred: 5 / 10, 50%", Failed},
		{"rsync", "chronic rsync -a --stats a b", 24, "", Warning},
		{"tar", "tar -cf a.tar data", 1, "tar: data/x: file changed as we read it", Warning},
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
	for _, bad := range []string{"codes: {a: [{code: x, result: success}]}", "codes: {a: [{code: 1, result: good}]}", "codes: {a: [{result: success}]}", "rows: 1", "codes: {a: [{code: 1, output: '(', result: failed}]}",
		"codes: {a: [{code: 1, same: '(a)', result: failed}]}", "codes: {a: [{code: 1, same: ['(a)', b], result: failed}]}"} {
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

// A script in one word says nothing of what it calls, whatever it begins with.
func TestScriptInOneWord(t *testing.T) {
	all := table(t)
	for _, c := range []struct {
		command []string
		want    Result
	}{
		{[]string{"sh", "-c", "restic backup /d"}, Success},
		{[]string{"sh", "-c", "restic backup /srv/restic && echo done"}, Success},
		{[]string{"ssh", "srv", "restic backup ."}, Success},
		{[]string{"su", "-", "restic", "-c", "restic backup /d"}, Success}, // a user called like it
		{[]string{"su", "-c", "restic backup /d", "restic"}, Success},
		{[]string{"sudo", "runuser", "-l", "restic", "--command=restic backup /d"}, Success},
		{[]string{"runuser", "-u", "restic", "--", "restic", "check"}, NotDue},
		{[]string{`C:\Program Files\restic\restic.exe`, "snapshots"}, NotDue},
		{[]string{"/opt/my tools/restic", "backup", "/d"}, Success},
	} {
		p, _ := all.Get("restic")
		if got := p.Watch(c.command).Judge(0, false); got.Result != c.want {
			t.Errorf("%q: %+v", c.command, got)
		}
	}
}
