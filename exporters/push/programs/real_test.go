//go:build linux

package programs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// unpacked gives the environment in which a program of Debian's packages runs,
// fetched into the cache without root, or the machine's own.
func unpacked(t *testing.T, program string) []string {
	t.Helper()
	cache, err := filepath.Abs("../../../.cache/debian")
	if err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), "LC_ALL=C", "HOME="+t.TempDir())
	if out, err := exec.CommandContext(t.Context(), "../../../tools/debian", cache, program).CombinedOutput(); err != nil {
		if _, own := exec.LookPath(program); own != nil {
			t.Skipf("SKIPPED: %s was not run: %v\n%s", program, err, out)
		}
		return env
	}
	root := filepath.Join(cache, "root")
	return append(env, "PATH="+root+"/usr/bin:"+root+"/bin:"+os.Getenv("PATH"), "LD_LIBRARY_PATH="+root+"/usr/lib/x86_64-linux-gnu",
		"PERL5LIB="+root+"/usr/share/perl5:"+root+"/usr/lib/x86_64-linux-gnu/perl5/5.36", "TEXTDOMAINDIR="+root+"/usr/share/locale")
}

// judge runs a script in a folder, with its two outputs watched as vigie-run
// watches them.
func judge(t *testing.T, p *Program, dir string, env []string, command ...string) Verdict {
	t.Helper()
	w := p.Watch(command)
	cmd := exec.CommandContext(t.Context(), "env", command...) // finds it in the new PATH
	cmd.Env, cmd.Dir = env, dir
	out, errs := w.Stream("stdout"), w.Stream("stderr")
	if p.Wants("stdout") {
		cmd.Stdout = out
	}
	cmd.Stderr = errs
	_ = cmd.Run() // the state tells
	_, _ = out.Close(), errs.Close()
	v := w.Judge(cmd.ProcessState.ExitCode(), false)
	if t.Logf("%s: code %d, %+v\n%s", strings.Join(command, " "), cmd.ProcessState.ExitCode(), v, w.Log()); strings.Contains(string(w.Log()), "error while loading shared libraries") {
		t.Skipf("SKIPPED: %s lacks a library here", p.Name)
	}
	return v
}

const rsnapshotConf = "config_version\t1.2\nsnapshot_root\t%W/snap/\ncmd_rsync\t%W/rsync\nno_create_root\t1\nretain\tdaily\t3\nretain\tweekly\t3\nlockfile\t%W/lock\nbackup\t%W/d/\tlocalhost/\n"

// What Debian has is run for real. In each folder lie d with the file one, the
// unreadable copy of it is made by a name that is not there, and rsync stands
// for a program that rsnapshot calls.
func TestRealPrograms(t *testing.T) {
	all := table(t)
	for _, c := range []struct {
		program, before, command string
		want                     Result
	}{
		{"tar", "", "tar -cf a.tar d", Success},
		{"tar", "", "tar -cf a.tar d nosuch", Failed},
		{"tar", "", "tar --ignore-failed-read -cf a.tar d nosuch", Warning},
		{"tar", "", "env LC_ALL=C.UTF-8 LANGUAGE=fr tar --ignore-failed-read -cf a.tar d nosuch", Warning},
		{"tar", "", "env LC_ALL=C.UTF-8 LANGUAGE=fr tar -cf a.tar /etc/hostname d", Success},
		{"tar", "", "sh -c 'tar -cf /dev/full d'", Failed},
		{"tar", "", "sh -c 'tar -cf - d | gzip >a.tgz'", Success},
		{"tar", "", "sh -c 'tar -cf - nosuch | gzip >a.tgz'", Failed},
		{"tar", "", "sh -c 'tar -cf - nosuch 2>/dev/null | gzip >a.tgz'", Failed},
		{"tar", "", "sh -c 'tar -cf a.tar d &'", Failed},
		{"tar", "tar -cf a.tar d", "tar tf a.tar", NotDue},
		{"tar", "tar -cf a.tar d", "tar -xf a.tar", NotDue},
		{"cpio", "seq 999 >d/two", "sh -c 'find d | cpio -o'", Success},
		{"cpio", "mkdir empty", "sh -c 'find empty | cpio -o'", Empty},
		{"cpio", "mv d e; ln -s e d", "sh -c 'find d | cpio -o'", Empty},
		{"cpio", "", "sh -c 'printf \"d/one\\nnosuch\\n\" | cpio -o'", Warning},
		{"rsync", "", "rsync -a --stats d/one copy/", Success},
		{"rsync", "", "nice -n 1 rsync -a --stats d/one copy/", Success},
		{"rsync", "", "nice -n 1 rsync -an --stats d/one copy/", NotDue},
		{"rsync", "", "rsync -a --list-only d/ copy/", NotDue},
		{"rsync", "mkdir empty", "rsync -a --stats empty/ copy/", Warning},
		{"rsync", "", "rsync d/", NotDue}, // without a destination it lists
		{"rsync", "", "rsync -a --stats d/one nosuch copy/", Warning},
		{"rsync", "", "rsync -a --stats nosuch copy/", Failed},
		{"rsync", "", "sh -c 'rsync -a --stats nosuch copy/; date'", Failed},
		{"rsync", "", "sh -c 'rsync -a --stats d/one copy/; date'", Success},
		{"rsync", "", "sh -c 'rsync -a --stats d/one copy/ >log 2>&1; date'", Failed},
		{"rsync", "ln -s one d/link", "rsync -r d copy/", Warning},
		{"rsync", "ln -s one d/link", "rsync -a --stats d copy/", Success},
		{"rsync", "mv d e; ln -s e d", "rsync -a --stats d copy/", Empty},
		{"rsync", "mkdir copy; cp -r d copy/d; mv d e; ln -s e d", "rsync -a --stats --delete d copy/", Failed},
		{"rsync", "mkdir copy; cp -r d copy/d; mv d e; ln -s e d", "rsync -a --stats --delete d/ copy/d/", Success},
		{"zip", "", "zip a.zip d/one", Success},
		{"zip", "", "zip a.zip d/one nosuch", Warning},
		{"zip", "", "zip a.zip nosuch", Failed},
		{"zip", "", "sh -c 'zip a.zip nosuch; date'", Failed},
		{"7z", "", "sh -c '7zz a x.7z nosuch; date'", Failed},
		{"dar", "", "sh -c 'dar -c nosuch/full -R d -Q; date'", Failed},
		{"zip", "zip -qr a.zip d", "zip -ru a.zip d", Empty},
		{"zip", "zip -qr a.zip d", "zip -ruv a.zip d", Success},
		{"zip", "zip -qr a.zip d", "zip -ruv a.zip d nosuch", Warning},
		{"zip", "zip -qr a.zip d; rm d/one", "zip -rfv a.zip d", Empty},
		{"zip", "zip -qr a.zip d", "zip -ru a.zip nosuch", Failed},
		{"7z", "", "7zz a x.7z d", Success},
		{"7z", "", "7zz a x.7z d nosuch", Warning},
		{"7z", "", "7zz a x.7z nosuch", Failed},
		{"zpaq", "", "zpaq add a d", Warning}, // as on a full disk
		{"zpaq", "", "sh -c 'zpaq add a d && zpaq list a'", Success},
		{"zpaq", "zpaq add a d 2>o; echo y >d/two", "sh -c 'zpaq add a d && zpaq list a'", Success},
		{"zpaq", "seq 99999 >d/two", "sh -c 'trap \"\" XFSZ; ulimit -f 1; zpaq add a d; zpaq list a'", Failed},
		{"zpaq", "zpaq add a d 2>o; seq 99999 >d/two", "sh -c 'trap \"\" XFSZ; ulimit -f 4; zpaq add a d; zpaq list a'", Failed},
		{"zpaq", "zpaq add a d 2>o", "zpaq a a d", Success},
		{"zpaq", "zpaq add a d 2>o", "zpaq add a d nosuch", Warning},
		{"zpaq", "zpaq add a d 2>o; mv d elsewhere", "zpaq add a d", Failed},
		{"zpaq", "zpaq add a d 2>o; rm d/one; touch -r a.zpaq d", "zpaq add a d", Warning},
		{"zpaq", "", "zpaq add a nosuch", Failed},
		{"zpaq", "zpaq add a d 2>o", "zpaq list a", NotDue},
		{"dar", "", "dar -c full -R d -Q", Success},
		{"dar", "", "dar -c full -R d -g nosuch -Q", Failed},
		{"dar", "dar -c full -R d -Q >o 2>&1", "dar -c full -R d -n -Q", Failed},
		{"sqlite3", "", "sqlite3 db .dump", Empty},
		{"sqlite3", "sqlite3 db 'create table accounts(x)'", "sh -c 'sqlite3 db \".clone copy\"'", Warning}, // as on a full disk
		{"sqlite3", "sqlite3 db 'create table accounts(x)'", "sqlite3 db .dump", Success},
		{"sqlite3", "sqlite3 db 'create table accounts(x)'", "sh -c 'sqlite3 db \".output a.sql\" .dump'", Warning},
		{"sqlite3", "", "sh -c 'trap \"\" XFSZ; ulimit -f 1; sqlite3 a.sqlar -Ac d'", Failed},
		{"sqlite3", "sqlite3 db 'create table accounts(x)'; cp db copy", "sh -c 'sqlite3 db \".clone copy\"'", Failed},
		{"sqlite3", "sqlite3 db 'create table accounts(x)'", "sh -c 'sqlite3 db \".clone nosuch/copy\"'", Failed},
		{"sqlite3", "sqlite3 db 'create table accounts(x)'", "sqlite3 db .dump", Success},
		{"sqlite3", "sqlite3 db 'create table accounts(x); insert into accounts values(1)'", "sh -c 'sqlite3 db \".dump --data-only\"'", Success},
		{"sqlite3", "sqlite3 db 'create table accounts(x)'", "sh -c 'sqlite3 db \".dump acounts\"'", Empty},
		{"rclone", "", "rclone copy d copy", Success},
		{"rclone", "rclone copy d copy 2>o", "rclone copy d copy --error-on-no-transfer", Success},
		{"rclone", "", "rclone copy nosuch copy", Failed},
		{"rclone", "", "sh -c 'rclone copy nosuch copy || true'", Failed},
		{"rclone", "mkdir empty", "rclone copy empty copy -v", Warning},
		{"rclone", "mkdir empty; rclone copy d copy 2>o", "rclone sync empty copy -v", Empty},
		{"rclone", "echo y >d/two; rclone copy d copy 2>o; rm d/two", "rclone sync d copy -v", Warning},
		{"rclone", "rclone copy d copy 2>o", "rclone sync d copy -v", Success},
		{"rclone", "echo y >d/two; rclone copy d copy 2>o; touch -d yesterday d/two copy/*", "rclone sync --min-age 1h d copy", Warning},
		{"rclone", "echo y >d/two; rclone copy d copy 2>o; touch -d '2 days ago' d/two copy/*", "rclone sync --min-age=1h d copy -v", Warning},
		{"rclone", "touch -d yesterday d/*", "rclone sync --min-age 1h d copy -v", Success},
		{"rclone", "touch -d yesterday d/*", "rclone copy --min-age 1h d copy", Success},
		{"rclone", "", "rclone copy d copy --dry-run", NotDue},
		{"rclone", "", "env RCLONE_DRY_RUN=true rclone copy d copy", NotDue},
		{"rclone", "rclone copy d copy 2>o", "rclone check d copy", NotDue},
		{"rclone", "", "rclone check d copy", Failed},
		{"unison", "mkdir a b; echo 1 >a/x", "unison-2.52 a b -batch -silent", Success},
		{"unison", "mkdir a b; echo 1 >a/x; echo 2 >b/x", "unison-2.52 a b -batch", Warning},
		{"unison", "mkdir a b; echo 1 >a/x; echo 2 >b/x", "unison-2.52 a b -batch -silent", Warning},
		{"rsnapshot", "mkdir snap; printf '#!/bin/sh\\nexec rsync \"$@\"\\n' >rsync", "rsnapshot -c conf daily", Success},
		{"rsnapshot", "mkdir snap; printf '#!/bin/sh\\nexit 24\\n' >rsync", "rsnapshot -c conf daily", Warning},
		{"rsnapshot", "mkdir snap; printf '#!/bin/sh\\nexit 12\\n' >rsync", "rsnapshot -c conf daily", Failed},
		{"rsnapshot", "mkdir snap; printf '#!/bin/sh\\nexec rsync \"$@\"\\n' >rsync; rm -r d", "rsnapshot -c conf daily", Failed},
		{"rsnapshot", "mkdir snap; printf '#!/bin/sh\\nexec rsync \"$@\"\\n' >rsync", "rsnapshot -c conf weekly", Warning},
		{"rsnapshot", "mkdir snap; printf '#!/bin/sh\\nexec rsync \"$@\"\\n' >rsync", "sh -c 'echo $$ >lock; rsnapshot -c conf daily'", Running},
	} {
		t.Run(c.program, func(t *testing.T) {
			env, dir := unpacked(t, c.program), t.TempDir()
			for name, text := range map[string]string{"d/one": "x", "conf": strings.ReplaceAll(rsnapshotConf, "%W", dir)} {
				if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			before := exec.CommandContext(t.Context(), "sh", "-c", c.before+"\nif [ -e rsync ]; then chmod +x rsync; fi")
			before.Env, before.Dir = env, dir
			if out, err := before.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			p, _ := all.Get(c.program)
			command := strings.Fields(c.command)
			if head, script, ok := strings.Cut(c.command, "sh -c '"); ok {
				command = append(strings.Fields(head), "sh", "-c", strings.TrimSuffix(script, "'"))
			}
			got := judge(t, p, dir, env, command...)
			if want := c.want; want == Empty && (got.Result != Warning || got.Files != 0) || want != Empty && got.Result != want {
				t.Errorf("%s is %s, want %s", c.command, got.Result, c.want)
			}
		})
	}
}

// Without a server there is nothing to dump.
func TestRealPgDump(t *testing.T) {
	if _, err := exec.LookPath("pg_dump"); err != nil {
		t.Skip("SKIPPED: pg_dump is not installed")
	}
	p, _ := table(t).Get("pg_dump")
	if got := judge(t, p, t.TempDir(), os.Environ(), "pg_dump", "-h", t.TempDir(), "nosuch"); got.Result != Failed {
		t.Errorf("%+v", got)
	}
}
