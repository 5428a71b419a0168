package programs

import "testing"

// What a script calls can be read in it; where it cannot, the code alone counts.
func TestScripts(t *testing.T) {
	all := table(t)
	sh := func(script string) []string { return []string{"sh", "-c", script} }
	for _, c := range []struct {
		program string
		command []string
		want    Result
	}{
		{"borg", sh("borg create -n --list repo::a data"), NotDue},
		{"borg", sh(`export BORG_REPO=/mnt/b; borg create --stats -n "::nightly-$(date +%F)" /srv 2>&1 | tee -a /var/log/borg.log`), NotDue},
		{"borg", sh("borg create repo::a data && borg prune --dry-run --keep-daily 7 repo"), Success},
		{"borg", sh("borg create repo::a data && borg info --last 1 --json repo"), Success},
		{"borg", sh("borg break-lock repo; borgmatic create"), Success},
		{"borg", sh("# borg create repo::a data\nborg list repo"), NotDue},
		{"restic", []string{"bash", "-euc", "cd /srv\nrestic backup --dry-run ."}, NotDue},
		{"restic", []string{"sudo", "-n", "bash", "-lc", "RESTIC_PASSWORD_FILE=/etc/r restic backup \\\n  -n /d"}, NotDue},
		{"restic", []string{"ssh", "-p", "2222", "srv", "restic backup -n /d"}, NotDue},
		{"restic", []string{"su", "-", "backup", "-c", "nice -n 10 restic snapshots"}, NotDue},
		{"restic", sh("pg_dump app | restic backup -n --stdin"), NotDue},
		{"restic", sh("pg_dump app | restic backup --stdin"), Success},
		{"restic", sh("if restic snapshots >/dev/null; then restic backup /d; fi"), Success},
		{"restic", sh("echo 'restic backup /d'; restic check"), NotDue},
		{"restic", sh("out=$(restic backup /d); restic snapshots"), Success},
		{"restic", sh("restic unlock; ./nightly.sh"), Success},
		{"restic", sh("restic unlock; $RESTIC backup /d"), Success},
		{"restic", sh(`restic "$@"`), Success},
		{"restic", sh("restic -r $REPO snapshots"), NotDue},
		{"restic", sh("restic unlock; nice -n 10 /root/nightly.sh"), Success},
		{"restic", sh("restic unlock; timeout 2h /root/nightly.sh"), Success},
		{"restic", sh("restic unlock; env A=1 /root/nightly.sh"), Success},
		{"restic", sh("restic unlock; systemctl start nightly"), Success},
		{"restic", sh("restic unlock; python3 /opt/nightly.py"), Success},
		{"restic", sh("restic unlock; nightly"), Success},
		{"restic", sh("sudo mount /mnt/b; /bin/date; restic snapshots"), NotDue},
		{"restic", sh("restic unlock; sudo bash -c 'restic backup /d'"), Success},
		{"restic", sh("restic unlock; sudo bash -c 'restic backup -n /d'"), NotDue},
		{"restic", sh("restic snapshots; cat <<E\nrestic backup\nE\n"), NotDue},
		{"restic", sh("restic snapshots; bash <<E\nrestic backup /d\nE\n"), Success},
		{"restic", sh("case $1 in full) restic backup /d;; *) restic check;; esac"), Success},
		{"restic", sh("for r in a b; do restic -r $r check; done # restic backup"), NotDue},
		{"restic", sh("save() { restic backup /d; }; restic check; save"), Success},
		{"restic", sh("[[ -d /b ]] && exec restic check"), NotDue},
		{"restic", sh("diff <(restic snapshots) <(restic backup /d)"), Success},
		{"restic", sh("restic snapshots 'unfinished"), Success},
		{"restic", sh("mount /mnt/b && nightly"), Success},
		{"rsync", sh("rsync -avn /srv/ nas:/b/"), NotDue},
		{"rsync", sh("rsync -av /srv/ nas:/b/ >/tmp/n 2>&1"), Success},
		{"rclone", sh("rclone sync /srv b2:x --dry-run"), NotDue},
		{"kopia", sh("kopia snapshot list"), NotDue},
		{"kopia", sh("kopia repository connect from-config; kopia snapshot create /srv"), Success},
		{"duplicity", sh("duplicity full --dry-run /srv file:///b"), NotDue},
		{"tar", sh("tar -tzf /b/a.tgz | wc -l"), NotDue},
		{"tar", sh("tar -czf /b/a.tgz /srv && tar -tzf /b/a.tgz >/dev/null"), Success},
	} {
		p, _ := all.Get(c.program)
		w := p.Watch(c.command)
		if c.program == "duplicity" {
			_, _ = w.Stream("stdout").Write([]byte("Errors 0\n"))
		}
		if got := w.Judge(0, false); got.Result != c.want {
			t.Errorf("%q: %+v, want %s", c.command, got, c.want)
		}
		if got := p.Watch(c.command).Judge(2, false); got.Result != Failed {
			t.Errorf("%q with code 2: %+v", c.command, got)
		}
	}
}
