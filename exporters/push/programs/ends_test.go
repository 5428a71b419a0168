package programs

import (
	"strings"
	"testing"
)

// A script that ends with 0 says so of the program only where the program's code
// becomes its own. Where it does not, the program's words count, if anybody sees them.
func TestScriptsThatEndWithAnotherCode(t *testing.T) {
	all := table(t)
	sh := func(script string) []string { return []string{"sh", "-c", script} }
	const fatal = "Fatal: unable to open repository at /b: no such file or directory\n"
	const (
		seen  = iota // whatever restic ended with, the script ends with it
		words        // only what it says tells
		blind        // nothing tells
		alone        // nobody waits for it
	)
	for _, c := range []struct {
		command []string
		want    int
	}{
		{sh("restic backup /d"), seen},
		{sh("exec restic backup /d"), seen},
		{sh("cd /d && restic backup ."), seen},
		{sh("restic backup /d && curl -fsS https://hc.example/1"), seen},
		{sh("restic backup /d; exit"), seen},
		{sh("restic backup /d; rc=$?; date; exit $rc"), seen},
		{sh("set -e; restic backup /d; restic forget --prune"), seen},
		{sh("set -euo pipefail\nrestic backup /d | tee log\ndate"), seen},
		{[]string{"bash", "-euc", "restic backup /d; date"}, seen},
		{[]string{"ionice", "-c", "3", "bash", "-ec", "restic backup /d; date"}, seen},
		{[]string{"bash", "-eo", "pipefail", "-c", "restic backup /d | tee log; date"}, seen},
		{sh("restic backup /d || exit 1; date"), seen},
		{sh("restic backup /d || { echo failed; exit 3; }; date"), seen},
		{sh("if ! restic backup /d; then echo failed; exit 1; fi; date"), seen},
		{sh("if restic backup /d; then curl ok; else exit 1; fi"), seen},
		{sh("until restic backup /d; do sleep 60; done; date"), seen},
		{sh("for n in 1 2 3; do restic backup /d && break; sleep 60; done"), seen},
		{sh("restic backup /d >log 2>&1 && exit 0; date; exit 1"), seen},
		{sh("if restic backup /d >log 2>&1; then date; exit 0; fi; mail root; exit 1"), seen},
		{sh("until [ $n -ge 3 ]; do restic backup /d >log 2>&1 && exit 0; sleep 60; done; exit 1"), seen},
		{sh("while :; do if restic backup /d >log 2>&1; then exit 0; fi; [ $n -ge 3 ] && exit 1; done"), seen},
		{sh("set -e; restic backup /d; find /d -mtime +9 -exec rm {} \\;"), seen},
		{sh("restic backup /d >log 2>&1 || { EXIT=1; echo failed; }; date; exit $EXIT"), seen},
		{sh("if ! restic backup /d >log 2>&1; then failed=yes; echo failed; fi; [ -z \"$failed\" ]"), seen},
		{sh("if restic backup /d >log 2>&1; then rc=0; date; else rc=1; echo failed; fi; exit \"$rc\""), seen},
		{[]string{"bash", "-c", "for d in a b; do restic backup $d >log 2>&1 || { ((errors++)); logger $d; }; done; if (( errors > 0 )); then exit 1; fi"}, seen},
		{[]string{"bash", "-c", "for d in a b; do if ! restic backup $d >log 2>&1; then bad+=($d); echo $d; fi; done; if [[ ${#bad[@]} -gt 0 ]]; then exit 1; fi"}, seen},
		{sh("save() { restic backup /d; }; save"), seen},
		{sh("pg_dump app | restic backup --stdin"), seen},
		{sh("restic backup /d & wait $!"), seen},
		{sh("restic backup /d >/var/log/r.log 2>&1"), seen},
		{sh("trap 'rm -f /run/l' EXIT; restic backup /d"), seen},
		{sh("sudo sh -c 'restic backup /d'"), seen},
		{sh("restic backup /d >log 2>&1 || { sleep 60; restic backup /d >log 2>&1; }"), seen},
		{sh("save() { restic backup /d >log 2>&1; }; save; if [ $? -ne 0 ]; then sleep 60; save; fi"), seen},
		{sh("restic backup /d >log 2>&1; rc=$?; restic forget; curl https://hc.example/1/$rc; exit $rc"), seen},
		{sh("restic backup /d >log 2>&1; if [ $? -eq 0 ]; then curl ok; else curl down; exit 1; fi"), seen},
		{sh("restic backup /d >log 2>&1; a=$?; restic forget; b=$?; worst=$(( a > b ? a : b )); date; exit ${worst}"), seen},
		{sh("rc=0; restic backup /d >log 2>&1; rc=$((rc + $?)); restic forget; rc=$((rc + $?)); exit $rc"), seen},
		{sh("restic backup /d >log 2>&1; case $? in 0) echo ok;; 3) echo partly;; *) exit 2;; esac"), seen},
		{sh("restic backup /d >log 2>&1; if grep -q Fatal log; then exit 1; fi"), seen},
		{sh("check() { if [ $1 -ne 0 ]; then mail root; exit 1; fi; }; restic backup /d >log 2>&1; check $?; date"), seen},
		{sh("run() { \"$@\" >>log 2>&1 || failed=1; }; run restic backup /d; run restic forget; exit ${failed:-0}"), seen},
		{sh(". /etc/backup/lib.sh; restic backup /d >log 2>&1 || die failed; date"), seen},
		{sh("restic backup /d >log 2>&1; ./report.sh $?"), seen},
		{sh("state=OK; restic backup /d >log 2>&1; [ $? -ne 0 ] && state=FAILED; mail -s $state root; [ $state = OK ]"), seen},
		{sh("end() { rc=$?; curl https://hc.example/1/$rc; exit $rc; }; trap end EXIT; restic backup /d >log 2>&1 || exit; date"), seen},
		{sh("trap 'curl https://hc.example/1/fail; exit 1' ERR; restic backup /d >log 2>&1; date"), seen},
		{[]string{"bash", "-c", "bad=(); restic backup /d >log 2>&1; [[ $? -eq 0 ]] || bad+=(d); if (( ${#bad[@]} )); then exit 1; fi"}, seen},
		{[]string{"bash", "-c", "pg_dump app | restic backup --stdin 2>/dev/null | cat; if [ \"${PIPESTATUS[1]}\" -ne 0 ]; then exit 1; fi"}, seen},
		{sh("retry() { for n in 1 2 3; do \"$@\" && return 0; sleep 5; done; return 1; }; retry restic backup /d >log 2>&1 || exit 1; date"), seen},
		{sh("rc=1; while [ $rc -ne 0 ]; do restic backup /d >log 2>&1; rc=$?; sleep 60; done; date"), seen},
		{sh("for d in a b; do restic backup $d >log 2>&1 && exit 0; done; exit 1"), seen},
		{[]string{"bash", "-c", "state=ok; restic backup /d >log 2>&1 || state='failed restic'; [[ $state == failed* ]] && exit 1; exit 0"}, seen},
		{[]string{"bash", "-c", "failed=0; for d in a b; do restic backup $d >log 2>&1 & pids=\"$pids $!\"; done; for p in $pids; do wait $p || let \"failed+=1\"; done; if [ \"$failed\" == 0 ]; then date; else exit 1; fi"}, seen},
		{[]string{"bash", "-c", "set -euo pipefail; main() { local d=/d; restic backup \"$d\" >log 2>&1; date; }; main \"$@\" | logger"}, seen},
		{[]string{"bash", "-c", "restic backup /d >log 2>&1; printf -v rc %d $?; exit $rc"}, seen},
		{sh("die() { echo \"$*\" >&2; exit \"${2:-1}\"; }; restic backup /d >log 2>&1 || die failed; date"), seen},
		{[]string{"bash", "-c", `for d in a b; do restic backup $d >log 2>&1 || bad="$bad $d"; done; [[ -z $bad ]]`}, seen},
		{sh("for d in a b; do restic backup $d >log 2>&1 || continue; n=$((n+1)); done; [ \"$n\" = 2 ]"), seen},
		{sh("add() { errors=\"$errors${errors:+, }$1\"; }; restic backup /d >log 2>&1 || add restic; test -z \"$errors\""), seen},
		{sh("rc=0; restic backup /d >log 2>&1 || : $((rc+=1)); exit $rc"), seen},
		{sh("rc=0; restic backup /d >log 2>&1; echo $? >st; read rc <st; exit $rc"), seen},
		{sh("restic backup /d >log 2>&1 || kill -TERM $$; date"), seen},
		{sh("trap 'umount /m; exit' EXIT; restic backup /d >log 2>&1"), seen},
		{sh("while read d; do restic backup $d; done <list; date"), words},
		{sh("rc=0; { restic backup /d || rc=1; } | cat; exit $rc"), words},
		{sh("restic backup /a & wait $!; restic forget & wait $!"), words},
		{sh("restic backup /d & wait $!; restic forget & wait $!; date"), words},
		{sh("restic backup /d; curl -m 10 --retry 5 https://hc.example/1/$?"), words},
		{sh("restic backup /d; rc=$?; if [ $rc -ne 0 ]; then wget https://hc.example/1/fail || true; fi; rm -f tmp"), words},
		{sh("restic backup /d; if [ $? -eq 0 ]; then wget ok; else echo failed; fi"), words},
		{sh("restic backup /d; if [ $? -ne 0 ]; then mailx -s failed root; exit; fi; restic forget"), words},
		{sh("restic backup /d || { echo failed; exit; }; restic forget"), words},
		{sh("restic backup /d; set -e; rc=$?; curl https://hc.example/1/$rc; exit $rc"), words},
		{sh("restic backup /d; restic forget; rc=$?; exit $rc"), words},
		{sh("restic backup /d; case $? in 0) echo ok;; *) echo failed;; esac"), words},
		{sh("trap 'curl https://hc.example/1/fail' ERR; restic backup /d; date"), words},
		{sh("check() { if [ $1 -ne 0 ]; then mail root; fi; }; restic backup /d; check $?; date"), words},
		{sh("run() { \"$@\" || echo \"$1 failed\"; }; run restic backup /d; run restic forget"), words},
		{sh("main() { restic backup /d || return 1; date; }; if main; then curl ok; else curl fail; fi"), words},
		{sh("restic backup /d | cat; [ $? -eq 0 ] || exit 1"), words},
		{sh("(restic backup /d && notify-send saved) || notify-send failed"), words},
		{sh("out=$(restic backup /d 2>&1); curl --data-raw \"$out\" https://hc.example/1/$?"), blind},
		{sh("state=OK; restic backup /d >log 2>&1; [ $? -ne 0 ] && state=FAILED; mail -s $state root"), blind},
		{sh("run() { \"$@\" >>log 2>&1 || echo \"$1 failed\"; }; run restic backup /d; run restic forget"), blind},
		{sh("restic backup /d; echo done"), words},
		{sh("restic backup /d || true"), words},
		{[]string{"mksh", "-c", "restic backup /d || true"}, words},
		{sh("restic backup /d || echo failed"), words},
		{sh("restic backup /d | tee log"), words},
		{sh("restic backup /d && date; date"), words},
		{sh("set -e; restic backup /d && date; date"), words},
		{sh("set -e; set +e; restic backup /d; date"), words},
		{sh("set -e; restic backup /d || true; date"), words},
		{sh("if restic backup /d; then date; fi"), words},
		{sh("if ! restic backup /d; then echo failed; fi"), words},
		{sh("for d in a b; do restic backup $d; done"), words},
		{sh("restic backup /d & wait"), words},
		{sh("restic backup /d & wait; date"), words},
		{sh("export OUT=$(restic backup /d)"), words},
		{sh("echo $(restic backup /d)"), words},
		{sh("save() { restic backup /d; }; save; date"), words},
		{sh("sudo sh -c 'restic backup /d; date'"), words},
		{sh("sudo sh -c 'restic backup /d'; date"), words},
		{sh("restic backup /a; restic backup /b"), words},
		{sh("restic backup /d > >(tee log); date"), words},
		{sh("restic backup /d 2>&1 | tee log"), words},
		{sh("restic backup /d && exit 0; echo failed"), words},
		{sh("restic backup /d || { said=failed; echo $said; }; date"), words},
		{sh("if mountpoint /m; then restic backup /d; exit 0; fi; exit 1"), words},
		{sh("save() { restic backup /d && return 0; }; save; date"), words},
		{sh("restic backup /d >/var/log/r.log 2>&1; date"), blind},
		{sh("save() { local out=$(restic backup /d 2>&1); return $?; }; save"), blind},
		{sh("restic backup /d &>/var/log/r.log; date"), blind},
		{sh("restic backup /d 2>/dev/null; date"), blind},
		{sh("restic backup /d 2>&1 | mail -s backup root"), blind},
		{sh("{ restic backup /d; date; } >/var/log/r.log 2>&1"), blind},
		{sh("exec >/var/log/r.log 2>&1; restic backup /d; date"), blind},
		{sh("sudo sh -c 'restic backup /d' >/dev/null 2>&1; date"), blind},
		// Where the words go.
		{sh(`LOG=/var/log/r.log; restic backup /d >>"$LOG" 2>&1; date`), blind},
		{sh(`LOG="${LOG:-/var/log/r.log}"; restic backup /d >>$LOG 2>&1; date`), blind},
		{sh("tmp=$(mktemp); restic backup /d >$tmp 2>&1; rc=$?; wget --post-file $tmp https://hc.example/1/$rc || true; rm -f $tmp"), blind},
		{[]string{"bash", "-c", "L=/var/log/r.log; exec 1>$L; exec 2>&1; restic backup /d; mail -s done root <$L"}, blind},
		{[]string{"bash", "-c", "exec > >(logger -t restic) 2>&1; restic backup /d; date"}, blind},
		{[]string{"bash", "-c", `mail root <<<"$(restic backup /d 2>&1)"`}, blind},
		{sh("sendmail root <<E\nSubject: backup\n\n$(restic backup /d 2>&1)\nE\n"), blind},
		{sh(`told() { curl -d "$1" https://hc.example; }; if restic backup /d >log 2>&1; then told ok; else told "$(tail log)"; fi`), blind},
		{[]string{"bash", "-c", "exec > >(cat >>/var/log/r.log) 2>&1; restic backup /d; date"}, blind},
		{[]string{"bash", "-c", "exec &> >(tee /var/log/r.log >/dev/null); restic backup /d; date"}, blind},
		{[]string{"bash", "-c", `exec > >(while read -r l; do echo "$(date) $l"; done >>/var/log/r.log) 2>&1; restic backup /d; date`}, blind},
		{[]string{"bash", "-c", "exec > >(tee -a /var/log/r.log >&2) 2>&1; restic backup /d; date"}, words},
		// An exec in a shell of its own, or behind what a command sends elsewhere, is none of the script's.
		{sh("(exec >/var/log/x.log 2>&1; date); restic backup /d; date"), words},
		{sh("n=$(exec 2>/dev/null; date); restic backup /d; date"), words},
		{sh("{ exec 2>/dev/null; date; } | tee list; restic backup /d; date"), words},
		{sh("(exec >/var/log/x.log 2>&1; restic backup /d); date"), blind},
		{sh("exec 3>&1 >/var/log/r.log 2>&1; { restic backup /d; date; } >&3 2>&3; date"), words},
		{sh("exec 3>&1 >/var/log/r.log 2>&1; if date; then restic backup /d; date; fi >&3 2>&1; date"), words},
		{sh("save() { restic backup /d; }; exec 3>&1 >/var/log/r.log 2>&1; save >&3 2>&3; date"), words},
		{sh("exec 3>&1 >/var/log/r.log 2>&1; { date; } >&3 2>&3; restic backup /d; date"), blind},
		{sh("{ exec >/var/log/r.log 2>&1; date; }; restic backup /d; date"), blind},
		// Whether it shows them where it failed.
		{sh("restic backup /d >log 2>&1 && cat log; date"), blind},
		{sh("cat log; restic backup /d >log 2>&1; date"), blind},
		{sh(`out=$(restic backup /d 2>&1); [ -n "$DEBUG" ] && echo "$out"; date`), blind},
		{sh("if restic backup /d >log 2>&1; then cat log; else mail root; fi; date"), blind},
		{sh("case $1 in -v) restic backup /d >log 2>&1; cat log;; *) restic backup /d >log 2>&1;; esac; date"), blind},
		{sh("if restic backup /d >log 2>&1; then date; else cat log; fi; date"), words},
		{sh("restic backup /d >log 2>&1; rc=$?; if [ $rc -ne 0 ]; then (tail log); fi; date"), words},
		{sh(`show() { cat log; }; for d in a b; do restic backup $d >log 2>&1 || show; done; date`), words},
		{sh("LOG=/var/log/r.log; restic backup /d >$LOG 2>&1; cat $LOG; date"), words},
		{sh(`restic backup /d >log 2>&1 || cat log`), words},
		{sh("restic backup /d >>${LOG:-/dev/stdout} 2>&1; date"), words},
		{sh("restic backup /d 2>>$LOG; date"), words},
		{sh(`out=$(restic backup /d 2>&1); echo "$out"; date`), words},
		{sh(`log() { echo "$(date) $*"; }; out=$(restic backup /d 2>&1); log "$out"`), words},
		{sh("restic backup /d 2>&1 | tail -n 5; date"), words},
		{[]string{"bash", "-c", "LOG=/var/log/r.log; exec > >(tee -i $LOG); exec 2>&1; restic backup /d; date"}, words},
		{[]string{"bash", "-c", "exec 3>&1 4>&2 >log 2>&1; restic forget; exec >&3 2>&4; restic backup /d; date"}, words},
		{[]string{"bash", "-c", `while read -r l; do echo "$l"; done < <(restic backup /d)`}, words},
		// Under which name it is called.
		{sh("R=/usr/bin/restic; $R backup /d >log 2>&1; date"), blind},
		{sh("R=$(command -v restic); nice -n 9 $R backup /d >log 2>&1; date"), blind},
		{[]string{"bash", "-c", `c=(restic backup); c+=(/d); "${c[@]}" >log 2>&1; date`}, blind},
		{sh(`C="restic backup /d"; eval "$C" >log 2>&1; date`), blind},
		{sh(`C="restic backup /d"; eval "$C" >log 2>&1 || exit 1; date`), seen},
		{sh("R=${RESTIC:-restic}; $R backup /d >log 2>&1; rc=$?; $R forget; exit $rc"), seen},
		{[]string{"bash", "-c", "declare -A rc; for d in a b; do restic backup $d >log 2>&1; rc[$d]=$?; done; for d in a b; do (( rc[$d] > worst )) && worst=${rc[$d]}; done; exit $worst"}, seen},
		{sh("restic backup /d &"), alone},
		{sh("nohup restic backup /d >/dev/null 2>&1 &\necho started"), alone},
		{sh("(restic backup /d; restic forget) &"), alone},
		{sh("/root/nightly.sh & disown"), alone},
		{sh("screen -dmS b restic backup /d"), alone},
		{sh("tmux new-session -d 'restic backup /d'"), alone},
		{sh("cd /b; docker run -d restic/restic restic backup /d"), alone},
		{sh("find /d -maxdepth 1 -exec restic backup {} \\;"), alone},
		{sh("systemd-run restic backup /d; date"), alone},
		{sh("ssh -f srv restic backup /d"), alone},
		{sh("script -c 'restic backup /d' log"), alone},
	} {
		p, _ := all.Get("restic")
		judged := func(said string) Verdict {
			w := p.Watch(c.command)
			_, _ = w.Stream("stderr").Write([]byte(said))
			return w.Judge(0, false)
		}
		want := [][2]Result{seen: {Success, Success}, words: {Success, Failed}, blind: {Failed, Failed}, alone: {Failed, Failed}}[c.want]
		if got := judged("snapshot 1 saved\n"); got.Result != want[0] {
			t.Errorf("%q: %+v, want %s", c.command, got, want[0])
		}
		for _, said := range []string{fatal, "2026-11-30 22:29:37 " + fatal, "[2026-11-30T22:29:37+0100] " + fatal} {
			if got := judged(said); got.Result != want[1] {
				t.Errorf("%q that says %q: %+v, want %s", c.command, said, got, want[1])
			}
		}
		if got := p.Watch(c.command).Judge(3, false); c.want == seen && got.Result != Warning {
			t.Errorf("%q with code 3: %+v", c.command, got)
		}
	}
	// The words are those of the program, or of a shell about it.
	for program, lines := range map[string][]string{
		"pg_dump":   {`pg_dump: error: connection to server at "db" failed`, "sh: 1: pg_dump: not found", "bash: line 1: pg_dump: command not found", "bash: line 1:  4711 Killed                  pg_dump app"},
		"mysqldump": {"mysqldump: Got error: 1045: Access denied for user", "mysqldump: Couldn't execute 'SHOW TABLES'"},
		"rsync":     {"rsync error: some files/attrs were not transferred (see previous errors) (code 23) at main.c(1338)"},
		"tar":       {"tar: d: Cannot open: No such file or directory", "/usr/bin/tar: Error is not recoverable: exiting now"},
		"borg":      {"Repository /b does not exist.", "Failed to create/acquire the lock /b/lock.exclusive (timeout)."},
		"rclone":    {"2026/11/30 16:20:01 ERROR : one: Failed to copy: no space left on device", "2026/11/30 16:20:01 Failed to sync: directory not found"},
	} {
		p, _ := all.Get(program)
		for _, line := range lines {
			w := p.Watch(sh(map[string]string{"rclone": "rclone copy /d /b", "borg": "borg create /b::a /d", "tar": "tar -cf - /d"}[program] + " | gzip >/b/a.gz"))
			if program == "rsync" || strings.Contains(program, "dump") {
				w = p.Watch(sh(program + " app b | gzip >/b/a.gz"))
			}
			_, _ = w.Stream("stderr").Write([]byte(line + "\n"))
			if got := w.Judge(0, false); got.Result != Failed {
				t.Errorf("%s: %q: %+v", program, line, got)
			}
		}
	}
}

// What only tells somebody, or fetches a token, may end as it will.
func TestScriptsThatCallItForMuchElse(t *testing.T) {
	p, _ := table(t).Get("curl")
	for script, want := range map[string]Result{
		"curl -fsS https://hc.example/start >/dev/null 2>&1; curl --fail -T a.sql https://store.example/ >log 2>&1 || exit 1; curl https://hc.example >/dev/null 2>&1 || true": Success,
		"token=$(curl -s https://fw.example/login 2>/dev/null); curl --fail -o a.zip -H \"$token\" https://fw.example/backup":                                                  Success,
		"curl --fail -F file=@a.sql https://store.example/ >log 2>&1; curl -fsS -o /dev/null https://hc.example":                                                               Failed,
		"curl -fsS https://fw.example/backup 2>/dev/null >a.xml; date":                                                                                                         Failed,
	} {
		if got := p.Watch([]string{"sh", "-c", script}).Judge(0, false); got.Result != want {
			t.Errorf("%q: %+v, want %s", script, got, want)
		}
	}
}

// Who waits until a save in the background has ended knows that it went well.
func TestSavesInTheBackground(t *testing.T) {
	p, _ := table(t).Get("redis-cli")
	for script, want := range map[string]Result{
		"was=$(redis-cli lastsave); redis-cli bgsave; while [ $(redis-cli lastsave) = $was ]; do sleep 1; done; cp dump.rdb /b":   Success,
		"redis-cli bgsave; until redis-cli info persistence | grep -q rdb_bgsave_in_progress:0; do sleep 1; done; cp dump.rdb /b": Success,
		"redis-cli bgsave; sleep 60; cp dump.rdb /b": Failed,
		"redis-cli bgsave; until redis-cli info persistence | tee log | grep rdb_bgsave_in_progress:0; do sleep 1; done; cat log; cp dump.rdb /b #err": Failed,
	} {
		w := p.Watch([]string{"sh", "-c", script})
		said := "Background saving started\n"
		if strings.Contains(script, "#err") {
			said += "rdb_last_bgsave_status:err\n"
		}
		_, _ = w.Stream("stdout").Write([]byte(said))
		if got := w.Judge(0, false); got.Result != want {
			t.Errorf("%q: %+v, want %s", script, got, want)
		}
	}
}

// Where no program is named nothing tells which of a script's commands is the backup: what
// beside it is started or sought for hides nothing of it.
func TestScriptsOfUnnamedPrograms(t *testing.T) {
	for script, want := range map[string]Result{
		"mysqldump --all-databases | gzip >/b/db.gz; find /b -mtime +9 -exec rm {} \\;": Success,
		"cp -a /d /b || exit 1; find /b -mtime +9 -type f -exec rm -f {} \\;":           Success,
		"ssh -N -L 3307:db:3306 srv &\nmysqldump -P 3307 app >/b/app.sql\nkill $!":      Success,
		"./script.sh >>/var/log/b.log 2>&1; date":                                       Success,
		"/root/nightly.sh &\ncurl -fsS https://hc.example/1":                            Failed,
		"find /d -type f -exec cp {} /b \\;":                                            Failed,
		"find /d -type d -exec /root/save.sh {} \\;; find /b -mtime +9 -exec rm {} \\;": Failed,
	} {
		if got := Unnamed("script").Watch([]string{"sh", "-c", script}).Judge(0, false); got.Result != want {
			t.Errorf("%q: %+v, want %s", script, got, want)
		}
	}
}
