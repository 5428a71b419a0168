package inbox

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// says is what the shipped rules make of a mail that was sent at 03:20 on 10
// March 2026 in Paris: job, result, beginning and end of each result.
func says(t *testing.T, rs *Rules, mail string) string {
	t.Helper()
	paris, err := time.LoadLocation("Europe/Paris")
	check(t, err)
	m := read(t, "From: a@b.example\nDate: Tue, 10 Mar 2026 03:20:00 +0100\n"+mail)
	v := rs.Read(&m, m.Date)
	var out []string
	for _, r := range v.Readings {
		from := "-"
		if !r.Report.Started.IsZero() {
			from = r.Report.Started.Time.In(paris).Format("02T15:04")
		}
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s %s %v", r.Report.JobID, r.Report.Result, from, r.Report.Ended.Time.In(paris).Format("02T15:04"), map[bool]string{true: "whole"}[r.Whole])))
	}
	if len(out) == 0 {
		return "unsorted"
	}
	return strings.Join(out, "; ")
}

// veeamReport has the shape of the reports of versions 12 and 13 that people
// published: the table as HTML, or as text with the cells of its head on lines
// of their own. Each row is name, status, start and end.
func veeamReport(subject, day string, html bool, rows ...string) string {
	const created = `Created by SRV-VEEAM\admin at 30/07/2024 16:24.`
	cells := [][]string{{"Name", "Status", "Start time", "End time", "Size", "Read", "Transferred", "Duration", "Details"}}
	for _, row := range rows {
		cells = append(cells, append(strings.Split(row, " "), "90 GB", "9,8 GB", "3,1 GB", "0:10:00", ""))
	}
	var b strings.Builder
	if !html {
		fmt.Fprintf(&b, "Subject: %s\nContent-Type: text/plain; charset=utf-8\n\nBackup job: Nightly\n%s\nFailed\n2 of 2 VMs processed\n%s\nSuccess\t1\tStart time\t22:00:12\tTotal size\t770 GB\tBackup size\t12,2 GB\nDetails\n", subject, created, day)
		for _, c := range cells {
			fmt.Fprintln(&b, strings.Join(c, "\t"))
		}
		return b.String() + "Veeam Backup & Replication 13.0.1.2067\n"
	}
	fmt.Fprintf(&b, "Subject: %s\nContent-Type: text/html; charset=utf-8\n\n<table><tr><td>Agent Backup job: Nightly<div>%s</div></td><td>Failed<div>2 of 2 hosts processed</div></td></tr></table><table><tr><td colspan=9>%s</td></tr>", subject, created, day)
	for _, c := range cells {
		fmt.Fprintf(&b, "<tr><td>%s</td></tr>", strings.Join(c, "</td><td>"))
	}
	return b.String() + "</table><p>Veeam Agent for Microsoft Windows</p>\n"
}

// The dates of a report are in the language of Windows; a job that began before
// midnight has rows of both days.
func TestVeeamReportsOfTheWorld(t *testing.T) {
	rs, err := LoadRules(shippedRules(t))
	check(t, err)
	for _, day := range []string{
		"lunes, 9 de marzo de 2026 22:00:12", "segunda-feira, 9 de março de 2026 22:00:12", "maandag 9 maart 2026 22:00:12", "den 9 mars 2026 22:00:12", "9. marts 2026 22:00:12",
		"9 marca 2026 22:00:12", "pondělí 9. března 2026 22:00:12", "maanantai 9. maaliskuuta 2026 22.00.12", "2026. március 9., hétfő 22:00:12", "2026年3月9日 22:00:12",
		"Monday, March 9, 2026 10:00:12 PM", "09 March 2026 22:00:12", "Montag, 9. März 2026 22:00:12", "09.03.2026 22:00:12", "9 Mart 2026 Pazartesi 22:00:12", "luni, 9 martie 2026 22:00:12",
		"lundi 9 mars 2026 22:00:12", "lunedì 9 marzo 2026 22:00:12", "9 марта 2026 г. 22:00:12", "3/9/2026 10:00:12 PM", "2026-03-09 22:00:12",
	} {
		for _, html := range []bool{false, true} {
			mail := veeamReport("[Failed] Nightly (2 hosts) 1 success, 1 failed", day, html, "SRV-AD Success 23:50:00 00:40:00", "SRV-SQL Failed 00:41:00 00:42:00")
			const want = "veeam/srv-ad/nightly success 09T23:50 10T00:40; veeam/srv-sql/nightly failed 10T00:41 10T00:42"
			if got := says(t, rs, mail); got != want {
				t.Errorf("%s, HTML %v: %s", day, html, got)
			}
		}
	}
}

// A report is read by what its product wrote, whatever a gateway put before it,
// and never if a person passes it on.
func TestReportsThatWerePassedOn(t *testing.T) {
	rs, err := LoadRules(shippedRules(t))
	check(t, err)
	report := func(tag, before string) string {
		return strings.Replace(veeamReport(tag+"[Success] Nightly (1 VMs)", "lundi 9 mars 2026 22:00:12", false, "SRV-AD Success 22:01:00 22:11:00"), "Backup job:", before+"\nBackup job:", 1)
	}
	const good = "veeam/srv-ad/nightly success 09T22:01 09T22:11; veeam/nightly/nightly success - 09T22:11 whole"
	for _, tag := range []string{"", "[EXT] ", "[Extern]", "[EXTERNE] ", "EXTERNAL: ", "*** SPAM *** ", "[Externe] - ", "[EXTERNAL EMAIL] ", "[EXT] [SPAM] ", "DUPONT-VBR ", "[EXT] Dupont SA - "} {
		if got := says(t, rs, report(tag, "")); got != good {
			t.Errorf("%q: %s", tag, got)
		}
	}
	for _, tag := range []string{"Fwd: ", "[EXT] Fwd: ", "TR: [EXT] ", "[External] TR : ", "VB: ", "RE: TR: ", "WG: [EXTERN] ", "PD: ", "Rif: ", "Fwd: DUPONT-VBR ", "TR : Dupont SA - "} {
		if got := says(t, rs, report(tag, "")); got != "unsorted" {
			t.Errorf("%q: %s", tag, got)
		}
	}
	for _, before := range []string{
		"---------- Forwarded message ---------\nFrom: x <x@y.example>", "-----Message d'origine-----\nDe : x", "Début du message réexpédié :",
		"De : Veeam <v@x.example>\nEnvoyé : lundi 9 mars 2026 22:20\nÀ : a@b.example\nObjet : [Success] Nightly", "From: Veeam\nSent: Monday, March 9, 2026 10:25 PM\nTo: a\nCc: b\nSubject: [Success] Nightly",
		"Von: Veeam\nGesendet: Montag, 9. März\nAn: y\nBetreff: z",
	} {
		if got := says(t, rs, report("", before)); got != "unsorted" {
			t.Errorf("%q: %s", before, got)
		}
	}
}

// A job that tries restores saves none of the machines that it names.
func TestRestoresThatAreTried(t *testing.T) {
	rs, err := LoadRules(shippedRules(t))
	check(t, err)
	for _, c := range []struct{ head, columns, row, want string }{
		{"SureBackup job: Nightly", "Heartbeat\tPing\tScript", "SRV-AD\tSuccess\t02:00:00\t02:10:00\tPassed\tPassed\tPassed", "veeam_surebackup/nightly/nightly success - 10T03:20"},
		{"SureBackup job: Nightly", "Heartbeat\tPing\tScript", "SRV-AD\tFailed\t02:00:00\t02:10:00\tFailed\tPassed\tPassed", "veeam_surebackup/nightly/nightly failed - 10T03:20"},
		{"Nightly", "Heartbeat test\tPing test\tMalware scan", "SRV-AD\tSuccess\t02:00:00\t02:10:00\tPassed\tPassed\tPassed", "veeam_surebackup/nightly/nightly success - 10T03:20"},
		{"Backup job: SureBackup job", "Size\tRead\tTransferred", "SRV-AD\tSuccess\t02:00:00\t02:10:00\t1 GB\t1 GB\t1 GB", "veeam/srv-ad/nightly success 10T02:00 10T02:10; veeam/nightly/nightly success - 10T02:10 whole"},
	} {
		mail := "Subject: [Success] Nightly (1 machines)\nContent-Type: text/plain; charset=utf-8\n\n" + c.head + "\nName\tStatus\tStart time\tEnd time\t" + c.columns + "\n" + c.row + "\n"
		if got := says(t, rs, mail); got != c.want {
			t.Errorf("%s, %s: %s", c.head, c.columns, got)
		}
	}
}

// The mails of agents name machine and instant in the subject, and the run's
// own times in their table.
func TestVeeamAgentMails(t *testing.T) {
	rs, err := LoadRules(shippedRules(t))
	check(t, err)
	for subject, want := range map[string]string{
		"[Success] PC-LEA - 3/9/2026 10:01:00 PM":                                "veeam/pc-lea/veeam success 09T22:01 09T22:11",
		"[Failed] PC-LEA - Backup Job PC-LEA - 09/03/2026 22:01:00":              "veeam/pc-lea/backup job pc-lea failed 09T22:01 09T22:11",
		"[Success] PC-LEA - Monday, 09.03.2026 22:01:00 (daily - Incremental)":   "veeam/pc-lea/daily success 09T22:01 09T22:11",
		"[Failed] PC-LEA - Monday, 09.03.2026 22:01:00 (daily (web) - Full)":     "veeam/pc-lea/daily (web) failed 09T22:01 09T22:11",
		"[Warning] PC-LEA - lundi, 09.03.2026 22:01:00 (sauvegarde quotidienne)": "veeam/pc-lea/sauvegarde quotidienne warning 09T22:01 09T22:11",
	} {
		word, _, _ := strings.Cut(strings.TrimPrefix(subject, "["), "]")
		if got := says(t, rs, veeamReport(subject, "lundi 9 mars 2026 22:01:00", true, "PC-LEA "+word+" 22:01:00 22:11:00")); got != want {
			t.Errorf("%s: %s", subject, got)
		}
	}
}

// The summary of Windows tells the last run and, beside it, the last success.
func TestWindowsSummaryMails(t *testing.T) {
	rs, err := LoadRules(shippedRules(t))
	check(t, err)
	summary := func(last, success, hr, versions string) string {
		return "Subject: Windows Server Backup on SRV-07\n\nNextBackupTime : 3/10/2026 9:00:00 PM\nNumberOfVersions : " + versions + "\nLastSuccessfulBackupTime : " + success +
			"\nLastBackupTime : " + last + "\nDetailedMessage : \nLastBackupResultHR : " + hr + "\nLastBackupResultDetailedHR : 0\nCurrentOperationStatus : NoOperationInProgress\n"
	}
	const last = "3/9/2026 9:00:11 PM"
	for mail, want := range map[string]string{
		summary(last, last, "0", "12"):                                             "success - 09T21:00",
		summary(last, "3/9/2026 9:40:11 PM", "0", "12"):                            "success - 09T21:00",
		summary(last, "2/17/2026 9:00:11 PM", "0", "12"):                           "success - 17T21:00",
		summary(last, "2/17/2026 9:00:11 PM", "-2139618549", "12"):                 "failed - 09T21:00",
		summary(last, "", "0", "12"):                                               "missed - 09T21:00",
		summary(last, "", "-2139618549", "0"):                                      "failed - 09T21:00",
		summary(last, last, "0", "0"):                                              "failed - 09T21:00",
		summary("1/1/0001 12:00:00 AM", "1/1/0001 12:00:00 AM", "0", "0"):          "missed - 10T03:20",
		summary(last, "yesterday", "0", "12"):                                      "unsorted",
		summary("2026-03-09T20:00:11Z", "2026-03-09T20:00:11Z", "0x0", "12"):       "success - 09T21:00",
		summary("/Date(1773086411000)/", "/Date(1773086411000)/", "0", "12"):       "unsorted",
		"Subject: WSB SRV-07 - OK\n\nThe operation ended before completion.\n":     "failed - 10T03:20",
		"Subject: WSB SRV-07 - OK\n\nÉchec de la sauvegarde du volume E:.\n":       "failed - 10T03:20",
		"Subject: WSB SRV-07 - OK\n\nThe backup operation successfully completed.": "success - 10T03:20",
		"Subject: WSB SRV-07 - OK\n\nThe backup operation successfully completed.\nThe backup of volume D: could not be completed. Error: not ready.\n":    "failed - 10T03:20",
		"Subject: WSB SRV-07 - OK\n\nL'opération de sauvegarde s'est arrêtée avant la fin.\nDétail de l'erreur : le volume est plein\n":                    "failed - 10T03:20",
		"Subject: WSB SRV-07 - OK\n\nLog of files successfully backed up:\nC:\\Windows\\Logs\\WindowsServerBackup\\Backup_Error-09-03-2026_20-00-03.log\n": "success - 10T03:20",
	} {
		if want != "unsorted" {
			want = "windows_server_backup/srv-07/windows server backup " + want
		}
		if got := says(t, rs, mail); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", mail, got, want)
		}
	}
}

// Every phrase is read as a whole, or not at all: what a sentence denies,
// announces or halves is no success.
func TestSentencesOfHyperBackup(t *testing.T) {
	rs, err := LoadRules(shippedRules(t))
	check(t, err)
	for frame, phrases := range map[string]string{
		"Your backup task Photos %s.": "is now complete=success, has finished=success, has been completed with errors=warning, is partially completed=warning, has failed to run=failed, failed to complete=failed, " +
			"was interrupted=failed, has been suspended=failed, did not complete=failed, cannot be completed=failed, could not be started=failed, was skipped=missed, " +
			"completed=, is not yet complete=, will be completed=, is running=, has not been run since 3 days=, was nearly completed=, has never been completed=, is half complete=",
		"Votre tâche de sauvegarde Photos %s.": "s'est terminée=success, a été effectuée=success, s’est achevée avec succès=success, a été partiellement effectuée=warning, s'est terminée partiellement=warning, " +
			"s'est terminée avec des erreurs=warning, n'a pas été effectuée=failed, n’est pas terminée=failed, n'a pas pu démarrer=failed, a été interrompue=failed, a été suspendue=failed, a été ignorée=missed, " +
			"est en cours=, sera terminée=, ne s'est pas terminée=, n'a jamais été effectuée=, est presque terminée=, n'est terminée qu'à moitié=",
		"Ihre Sicherungsaufgabe Photos %s.": "ist jetzt abgeschlossen=success, wurde mit Fehlern abgeschlossen=warning, ist nicht abgeschlossen=failed, wurde unterbrochen=failed, konnte nicht ausgeführt werden=failed, " +
			"ist teilweise fehlgeschlagen=failed, wurde übersprungen=missed, ist noch nicht abgeschlossen=, wird abgeschlossen=, ist fast abgeschlossen=",
	} {
		for pair := range strings.SplitSeq(phrases, ", ") {
			phrase, result, _ := strings.Cut(pair, "=")
			want := "unsorted"
			if result != "" {
				want = "synology/nas-07/photos " + result + " - 10T03:20"
			}
			if got := says(t, rs, "Subject: [NAS-07] Hyper Backup: report\nContent-Type: text/plain; charset=utf-8\n\n"+fmt.Sprintf(frame, phrase)+"\n"); got != want {
				t.Errorf("%s: %s, want %s", phrase, got, want)
			}
		}
	}
}
