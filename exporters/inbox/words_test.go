package inbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What each mail says in the shipped rules: the job, its result and its end,
// or that nobody reads it. The shapes are those of published reports; the
// mails are made up.
func TestWhatShippedRulesSay(t *testing.T) {
	rs, err := LoadRules(shippedRules(t))
	check(t, err)
	paris, err := time.LoadLocation("Europe/Paris")
	check(t, err)
	synology := func(sentence string) string {
		return "Subject: [NAS-07] Hyper Backup: report\n\n" + sentence + "\n\nStart Time: Tue, Mar 10 2026 03:10:00\n"
	}
	summary := func(last, hr, detail string) string {
		return "Subject: Windows Server Backup on SRV-07\n\nLastBackupTime : " + last + "\nLastBackupResultHR : " + hr + "\nLastBackupResultDetailedHR : " + detail + "\nCurrentOperationStatus : BackupInProgress\n"
	}
	table := func(day, rows string) string {
		return "Subject: [Failed] Nightly (1 VMs)\nContent-Type: text/html\n\n<table><tr><td>Backup job: Nightly<div>Created by X at 1/5/2026.</div></td><td>Failed</td></tr></table>" +
			"<table><tr><td>" + day + "</td></tr>" + rows + "</table>"
	}
	const row = "<tr><td>SRV-07</td><td>Failed</td><td>00:04:00</td><td>00:05:00</td><td>1 GB</td><td>0 B</td><td>0 B</td><td>0:01:00</td><td>full</td></tr>"
	const nas, wsb, veeam = "synology/nas-07/photos", "windows_server_backup/srv-07/windows server backup", "veeam/srv-07/nightly"
	for _, c := range []struct{ mail, want string }{
		{synology("Your backup task Photos is now complete."), nas + " success 03:20"},
		{synology("Your backup task Photos has failed. See the log."), nas + " failed 03:20"},
		{synology("Your backup task Photos was partially completed."), nas + " warning 03:20"},
		{synology("Your backup task Photos could not be completed."), nas + " failed 03:20"},
		{synology("Your backup task Photos was nearly completed."), "unsorted"},
		{synology("Your backup task Photos\nhas\nfailed."), nas + " failed 03:20"},
		{synology("Your backup task Photos has completed. However, some files could not be backed up."), nas + " warning 03:20"},
		{synology("Your backup task Photos has finished. Result: Failed"), nas + " failed 03:20"},
		{synology("Your backup task Photos is complete. 0 files were backed up."), nas + " failed 03:20"},
		{synology("Your backup task Photos has completed.\nNumber of failed files: 4"), nas + " warning 03:20"},
		{synology("Your backup task Photos has completed.\nNumber of failed files: 0\nErrors: 0"), nas + " success 03:20"},
		{synology("Your backup task Photos has completed. 0 files deleted, 12 files copied."), nas + " success 03:20"},
		{synology("Your backup task Photos has completed.\nErrore: nessuno\nFehler: keine\nErreur : aucune"), nas + " success 03:20"},
		{synology("Your backup task Photos has completed.\nFehler: keine Verbindung"), nas + " failed 03:20"},
		{synology("Your backup task Photos has completed.\nError: network unreachable"), nas + " failed 03:20"},
		{synology("Your backup task Photos has completed.\nThe following files were skipped:"), nas + " warning 03:20"},
		{synology("La tâche de sauvegarde Photos est terminée. Résultat : échec"), nas + " failed 03:20"},
		{synology("La tâche de sauvegarde Photos est terminée.\nFichiers en échec : 12"), nas + " warning 03:20"},
		{synology("La tâche de sauvegarde Photos est terminée. 3 fichiers ont échoué."), nas + " warning 03:20"},
		{"Subject: WSB SRV-07 OK\n\nLa copia de seguridad no se completó correctamente.\n", wsb + " failed 03:20"},
		{"Subject: WSB SRV-07 OK\n\nThe backup of the system state failed [10.03.2026 02:00].\n", wsb + " failed 03:20"},
		{"Subject: WSB SRV-07 OK\n\nWindows Backup failed to create the shared protection point on the source volumes.\n", wsb + " failed 03:20"},
		{"Subject: WSB SRV-07 OK\n\nAccès refusé.\n", wsb + " failed 03:20"},
		{"Subject: WSB SRV-07 OK\n\nExit code: -3\n", wsb + " failed 03:20"},
		{"Subject: WSB SRV-07 OK\n\nExit code: 0\nThe backup operation successfully completed.\n", wsb + " success 03:20"},
		{"Subject: WSB SRV-07 OK\n\nLog of files successfully backed up:\nC:\\a.log\nLog of files for which backup failed:\nC:\\b.log\n", wsb + " warning 03:20"},
		{"Subject: NAS Active Backup for Business - attività di backup PC su NAS completata\n\nElenco dispositivi: PC-07\nDispositivi non riusciti: 1\n", "synology/pc-07/pc warning 03:20"},
		{"Subject: NAS Active Backup for Business - Backup task PC on NAS has completed\n\nDevice list: PC-07\nError: disk full\n", "synology/pc-07/pc failed 03:20"},
		{"Subject: NAS Active Backup for Business - Backup task PC on NAS has completed\n\nDevice list: PC-07\nError: none\n", "synology/pc-07/pc success 03:20"},
		{"Subject: Arcserve UDP Alert: backup job\n\nJob Status: Finished\nNode Name: SRV-07\nMessage: The job has ended without errors.\n", "arcserve/srv-07/arcserve success 03:20"},
		{"Subject: Arcserve UDP Alert: backup job\n\nJob Status: Finished\nNode Name: SRV-07\nMessage: The backup failed, not enough space.\n", "arcserve/srv-07/arcserve failed 03:20"},
		{"Subject: [Success] SRV-07 - Nightly\n\nVeeam Agent\nError: the disk is full\n", veeam + " failed 03:20"},
		{"Subject: [Success] SRV-07 - Nightly\n\nVeeam Agent\nErreur : aucune\nAvertissement : aucun\n", veeam + " success 03:20"},
		{"Subject: [Success] SRV-07 - Nightly\n\nVeeam Agent\nError: network unreachable\n", veeam + " failed 03:20"},
		{"Subject: [Success] SRV-07 - Nightly\n\nVeeam Agent\nWarning: the disk is nearly full\n", veeam + " warning 03:20"},
		{"Content-Type: text/plain; format=flowed\n" + synology("Your backup \ntask Photos has \nfailed."), nas + " failed 03:20"},
		{strings.Replace(synology("Your backup task Photos has completed."), "Subject: ", "Subject: Fwd: ", 1), "unsorted"},
		{strings.Replace(synology("Your backup task Photos has completed."), "Subject: ", "Subject: Re: TR : ", 1), "unsorted"},
		{"Subject: WSB SRV-07 - OK\n\nERROR - The volume is full.\n", wsb + " failed 03:20"},
		{"Subject: Windows Server Backup on SRV-07\nContent-Type: text/html\n\n<table><tr><td>LastBackupTime:</td><td>2/17/2026 9:00:11 PM</td></tr><tr><td>LastBackupResultHR:</td><td>0</td></tr></table>", wsb + " success 02-17 21:00"},
		{summary("3/02/2026 9:00:11 PM\nNextBackupTime : 10/03/2026 9:00:00 PM", "0", "0"), wsb + " success 02-03 21:00"},
		{summary("3/2/2026 9:00:11 PM\nNextBackupTime : 3/10/2026 9:00:00 PM", "0", "0"), wsb + " success 03-02 21:00"},
		{summary("3/12/2026 9:00:11 PM", "0", "0"), "unsorted"},
		{summary("", "0", "0"), wsb + " missed 03:20"},
		{synology("Votre tâche de sauvegarde Photos n\u2019a pas été terminée."), nas + " failed 03:20"},
		{synology("Votre tâche de sauvegarde Photos est partiellement terminée."), nas + " warning 03:20"},
		{summary("2/17/2026 9:00:11 PM", "0", "0"), wsb + " success 02-17 21:00"},
		{summary("17/02/2026 21:00:11", "0", "2147942433"), wsb + " warning 02-17 21:00"},
		{summary("2026-02-17 20:16", "-2139618549", "0"), wsb + " failed 02-17 20:16"},
		{summary("once upon a time", "0", "0"), "unsorted"},
		{summary("1/1/0001 12:00:00 AM", "0", "0"), wsb + " missed 03:20"},
		{summary("01/01/0001 00:00:00", "0", "0"), wsb + " missed 03:20"},
		{summary("12/30/1899 12:00:00 AM", "0", "0"), wsb + " missed 03:20"},
		{summary("1/1/1601 1:00:00 AM", "0", "0"), wsb + " missed 03:20"},
		{summary("20:16", "0", "0"), "unsorted"}, // of which day?
		{summary("2/17/2026 9:00:11 PM", "0", "0") + strings.SplitN(summary("3/9/2026 9:00:11 PM", "2155348165", "0"), "\n\n", 2)[1], wsb + " failed 03-09 21:00"},
		{"Subject: WSB SRV-07 OK\n\nDie Sicherung von Volume (C:) konnte nicht abgeschlossen werden.\n", wsb + " failed 03:20"},
		{"Subject: WSB SRV-07 OK\n\nLa sauvegarde du volume Disque local(C:) s'est terminée avec des erreurs.\n", wsb + " warning 03:20"},
		{"Subject: WSB SRV-07 OK\n\nBackup time: 2/17/2026 9:00 PM\nVersion identifier: 02/17/2026-20:00\n", wsb + " success 02-17 21:00"},
		{synology("Your backup task Photos integrity check has completed."), "unsorted"},
		{synology("Your backup task Photos has been successfully completed."), nas + " success 03:20"},
		{synology("La tâche de sauvegarde Photos a été terminée avec des erreurs."), nas + " warning 03:20"},
		{"Subject: NAS Active Backup for Business - attività di backup PC su NAS completata\n\nL'attività di backup PC su NAS è stata parzialmente completata.\nElenco dispositivi: PC-07\n", "synology/pc-07/pc failed 03:20"},
		// The same letters otherwise: an accent by itself, marks that show nothing.
		{"Content-Type: text/plain; charset=utf-8\n" + synology("Votre ta\u0302che de sauvegarde Photos a e\u0301choue\u0301."), nas + " failed 03:20"},
		{"Content-Type: text/plain; charset=utf-8\n" + synology("Votre tâche de sauve\u00adgarde Photos n\u2019a pas e\u0301te\u0301 termi\u00adne\u0301e."), nas + " failed 03:20"},
		{"Content-Type: text/plain; charset=utf-8\n" + summary("\u200e2/\u200e17/\u200e2026 9:00:11 PM", "0", "0"), wsb + " success 02-17 21:00"},
		{"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n" + synology("Your backup task Photos could n=\not be comp=\nleted."), nas + " failed 03:20"},
		{"Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n" + synology("<p>Your backup task <b>Photos</b> was par=\ntially <span>com</span>pleted.</p>"), nas + " warning 03:20"},
		{"Content-Type: text/html; charset=utf-8\n" + synology("<div>Your backup task Photos</div><div>has been</div><div>completed with errors.</div>"), nas + " warning 03:20"},
		{table("lundi 9 mars 2026 22:00:12", row), veeam + " failed 00:05"},
		{table("Montag, 9. März 2026 22:00:12", row), veeam + " failed 00:05"},
		{table("lundi 9 mars 2026 22.00.12", strings.NewReplacer("00:04:00", "23.04.00", "00:05:00", "23.05.10").Replace(row)), veeam + " failed 03-09 23:05"},
		{table("poniedziałek, 9 marca 2026 22:00:12", row), veeam + " failed 00:05"},
		{table("lundi 9 mars 2026 22:00:12", strings.Replace(row, "1 GB", "all of it", 1)), veeam + " failed 00:05"},
		{table("3/9/2026 10:00:12 PM", strings.NewReplacer("00:04:00", "3/10/2026 12:04:00 AM", "00:05:00", "3/10/2026 12:05:00 AM").Replace(row)), veeam + " failed 00:05"},
		{"Subject: [Success] PC-07 - 3/10/2026 1:02:03 AM\n\nVeeam Agent\n", "veeam/pc-07/veeam success 03:20"},
		{"Subject: =?utf-8?q?=5BFailed=5D_PC-07_=E2=80=93_Job_(daily)?=\n\nVeeam Agent\n", "veeam/pc-07/job (daily) failed 03:20"},
		{"Subject: [Success] PC-07 - Job 2026-03-10\n\nVeeam Agent\n", "unsorted"},
		{"Subject: [Success] PC-07 - Job PC-07 - 3/10/2026 1:02:03 AM\n\nVeeam Agent\n", "veeam/pc-07/job pc-07 success 03:20"},
	} {
		m := read(t, "From: a@b.example\nDate: Tue, 10 Mar 2026 03:20:00 +0100\n"+c.mail)
		v := rs.Read(&m, m.Date)
		got := "unsorted"
		if len(v.Readings) > 0 {
			r := v.Readings[0].Report
			end := r.Ended.Time.In(paris)
			layout := "15:04"
			if end.YearDay() != m.Date.In(paris).YearDay() {
				layout = "01-02 15:04"
			}
			got = fmt.Sprintf("%s %s %s", r.JobID, r.Result, end.Format(layout))
		}
		if got != c.want || len(v.Readings) > 1 {
			t.Errorf("%.120q:\ngot  %s (%s)\nwant %s", c.mail, got, v.Problem, c.want)
		}
	}
}

// A failure and the success after it are one job, or the rules do not load.
func TestExamplePairIsOneJob(t *testing.T) {
	rules := strings.Replace(testRules, "plan: files", "object_type: files", 1)
	rules = strings.Replace(rules, "(?P<machine>\\S+)", "(?P<plan>(?P<machine>\\S)\\S*)", 1)
	rules = strings.Replace(rules, "{mail: example.eml, results: [{machine: M, result: success}]}", "{mail: example.eml, results: [{machine: M, result: success}]}\n      - {mail: second.eml, results: [{machine: M, result: failed}]}", 1)
	dir := t.TempDir()
	for name, text := range map[string]string{"rules.yml": rules, "example.eml": exampleMail, "second.eml": strings.NewReplacer("Backup of M", "Backup of M2", "good", "bad").Replace(exampleMail)} {
		check(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	_, err := LoadRules([]string{dir + "/rules.yml"})
	if err == nil || !strings.Contains(err.Error(), "would be two jobs") {
		t.Errorf("%v", err)
	}
}

func TestNamesThatChangeFromRunToRun(t *testing.T) {
	r := &rule{inNames: resultWordsInNames(map[string]string{"failed": "failed", "0": "success"})}
	sent := time.Date(2026, 3, 10, 7, 0, 0, 0, time.UTC)
	for name, bad := range map[string]bool{
		"Daily NAS": false, "Sauvegarde été": false, "Disk 0": false, "SRV-FAILED": false, "Migration 31/12/2019": false, "Daily 22:00": false, "PC-20191015": false,
		"Daily NAS was partially": true, "Photos n\u2019a pas été": true, "Daily Failed 2 of 2": true, "Job 3/9/2026": true, "Job 9 mars 2026": true, "Job 22:00:12": true, "Job 20260309_2200": true,
	} {
		if why := r.badName(name, sent); (why != "") != bad {
			t.Errorf("%q: %q", name, why)
		}
	}
}
