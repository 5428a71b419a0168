package inbox

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// moreRules are the shipped files for what few have.
func moreRules(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(shipped, "more", "*.yml"))
	check(t, err)
	if len(files) == 0 {
		t.Fatal("no rules")
	}
	return files
}

// Each file holds by itself, and all of them beside the four that are tried first.
func TestMoreRulesReadTheirExamples(t *testing.T) {
	for _, f := range moreRules(t) {
		if _, err := LoadRules([]string{f}); err != nil {
			t.Error(err)
		}
	}
	if _, err := LoadRules(append(shippedRules(t), moreRules(t)...)); err != nil {
		t.Error(err)
	}
}

// A failure that one of these rules reads is ended by what it, or the one beside
// it, reads of a success: the same job, or the whole.
func TestMoreRulesShowBothEnds(t *testing.T) {
	for _, f := range moreRules(t) {
		rs, err := LoadRules([]string{f})
		check(t, err)
		good, failed := map[string]bool{}, map[string]map[string]bool{}
		for _, r := range rs.list {
			failed[r.Name] = map[string]bool{}
			for _, e := range r.Examples {
				raw, err := os.ReadFile(r.beside(e.Mail))
				check(t, err)
				m := read(t, string(raw))
				for _, one := range rs.Read(&m, m.Date).Readings {
					switch id := one.Report.JobID; one.Report.Result {
					case "success":
						good[id] = true
					default:
						failed[r.Name][id] = true
					}
				}
			}
		}
		for _, r := range rs.list {
			ended := r.Ignore
			for id := range failed[r.Name] {
				ended = ended || good[id]
			}
			if !ended {
				t.Errorf("%s: no failure that a success ends", r.Name)
			}
		}
	}
}

// Neighbours of the examples: what is not known is never good, and nothing of it
// becomes a name.
func TestMoreRulesNeighbours(t *testing.T) {
	rs, err := LoadRules(append(shippedRules(t), moreRules(t)...))
	check(t, err)
	mail := func(subject, body string) string {
		return "From: a@dupont.example\nTo: b@msp.example\nSubject: " + subject + "\nDate: Tue, 10 Mar 2026 22:00:00 +0100\nMessage-ID: <x@y>\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n" + body + "\n"
	}
	const table = "Details\n=======\nVMID    Name       Status    Time      Size           Filename\n"
	for _, c := range []struct {
		name, raw string
		want      []string // machine/plan result; none: nobody reads it
	}{
		{"a state that is not known", mail("vzdump backup status (pve1): backup failed", table+"100     srv-ad     odd       2m 41s    0 B    null"), []string{"srv-ad/100 unknown"}},
		{"all are saved, and the job failed all the same", mail("vzdump backup status (pve1): backup failed: job-end hook failed", table+"100     srv-ad     ok       2m 41s    12.5 GiB    vm/100/2026-03-10T20:00:03Z"),
			[]string{"srv-ad/100 success", "pve1/pve1 failed"}},
		{"an archive on a storage of files", mail("vzdump backup status (pve1): backup successful", table+"100     srv-ad     ok       2m 41s    12.5 GiB    /mnt/nas/dump/vzdump-qemu-100-2026_03_10-21_00_03.vma.zst"),
			[]string{"srv-ad/100 success", "pve1/pve1 success"}},
		{"nothing was to be saved", mail("vzdump backup status (pve1): backup successful", table), nil},
		{"several problems", mail("vzdump backup status (pve1) : backup failed: multiple problems", "unable to open lock\nand more\n\n"+table), []string{"pve1/pve1 failed"}},
		{"of a replication", mail("Replication Job: 100-0 failed", "Replication job '100-0' with target 'pve2' failed"), nil},
		{"a dry run", mail("Duplicati Backup report for SRV", "MainOperation: Backup\nDryrun: True\nParsedResult: Success"), []string{"SRV/Duplicati failed"}},
		{"no file at all", mail("Duplicati Backup report for SRV", "ExaminedFiles: 0\nMainOperation: Backup\nParsedResult: Success"), []string{"SRV/Duplicati failed"}},
		{"stopped in between", mail("Duplicati Backup report for SRV", "PartialBackup: True\nMainOperation: Backup\nParsedResult: Warning"), []string{"SRV/Duplicati failed"}},
		{"a word that is not known", mail("Duplicati Backup report for SRV", "MainOperation: Backup\nParsedResult: Unknown"), []string{"SRV/Duplicati unknown"}},
		{"as JSON, a part with an error", mail("Duplicati Backup report for SRV", `{"Data":{"MainOperation":"Backup","TestResults":{"MainOperation":"Test","ParsedResult":"Error"},"ParsedResult":"Success","BackendStatistics":{"MainOperation":"Backup","ParsedResult":"Success"}},"LogLines":[],"Exception":null}`), []string{"SRV/Duplicati failed"}},
		{"as JSON, over several lines", mail("Duplicati Backup report for SRV", "{\n  \"Data\": {\n    \"ExaminedFiles\": 12,\n    \"MainOperation\": \"Backup\",\n    \"ParsedResult\": \"Warning\"\n  },\n  \"LogLines\": []\n}"), []string{"SRV/Duplicati warning"}},
		{"as JSON, a dry run", mail("Duplicati Backup report for SRV", `{"Data":{"Dryrun":true,"MainOperation":"Backup","ParsedResult":"Success"},"LogLines":null}`), []string{"SRV/Duplicati failed"}},
		{"as JSON, of a repair", mail("Duplicati Backup report for SRV", `{"Data":{"MainOperation":"Repair","ParsedResult":"Success"}}`), nil},
		{"as JSON, cut off", mail("Duplicati Backup report for SRV", `{"Data":{"MainOperation":"Backup","TestResults":{"MainOperation":"Test","ParsedResult":"Success"},`), nil},
		{"a warning that is broken over two lines", mail("Backup Exec Alert: Job Success (Server: \"BE\") (Job: \"A\")", "The job completed successfully. However, the following conditions were\nencountered: one file was in use."), []string{"BE/A warning"}},
		{"of a restore", mail("Duplicati Backup report for SRV", "MainOperation: Restore\nParsedResult: Success"), nil},
		{"cancelled", mail("Bareos: Backup Canceled of srv-fd Full", "  Job:                    b.2026-03-10_22.00.04_03\n  Backup Level:           Full\n  Client:                 \"srv-fd\" 23\n  Termination:            Backup Canceled"), []string{"srv/b cancelled"}},
		{"with warnings", mail("Bacula: Backup OK -- with warnings of srv-fd Full", "  Job:                    b.2026-03-10_22.00.04_03\n  Backup Level:           Full\n  Client:                 \"srv-fd\" 9.6.7 (10Dec20)\n  Termination:            Backup OK -- with warnings"), []string{"srv/b warning"}},
		{"errors that Bareos counts beside a good word", mail("Bareos: Backup OK of srv-fd Full", "  Job:                    b.2026-03-10_22.00.04_03\n  Backup Level:           Full\n  Client:                 \"srv-fd\" 23\n  Non-fatal FD errors:    12\n  Termination:            Backup OK"), []string{"srv/b warning"}},
		{"a page of kopia", mail("Successfully created a snapshot of /srv on web", "Source\tStarted\tDuration\tTotal Size\tTotal Files\tTotal Directories\n/srv\tTue, 10 Mar 2026 02:00:04 +0100\t9s\t1 GB\t3\t1\nGenerated at Tue, 10 Mar 2026 02:09:08 +0100 by Kopia 0.21.1."), nil},
		{"an error of kopia", mail("Kopia has encountered an error during Maintenance on web", "Operation: Scheduled Maintenance"), nil},
		{"backupninja with a word that is not known", mail("backupninja: web", "success -- /etc/backup.d/1.sys\n*odd* -- /etc/backup.d/2.rdiff"), []string{"web/1.sys success", "web/2.rdiff unknown"}},
		{"backupninja worse than its actions", mail("backupninja: web HALTED", "success -- /etc/backup.d/1.sys"), []string{"web/1.sys success", "web/web failed"}},
		{"Virtualmin in French", mail("Sauvegarde de Virtualmin terminée sur web", "La sauvegarde est achevée."), nil},
		{"YunoHost as it was once", mail("[borg] Backup succeed from web onto repo", ""), []string{"web/repo unknown"}},
		{"Backup Exec with a status that is not known", mail("Backup Exec Alert: Job Completed (Server: \"BE\") (Job: \"A\")", "Job Completion Status: Odd"), []string{"BE/A unknown"}},
		{"Cobian with a subject of one's own", mail("Nightly (PC-LEA)", "2026-03-10 01:05 ** Backup done for the task \"A\". Errors: 0. Processed files: 3. Backed up files: 3. Total size: 1 MB **"), []string{"PC-LEA/A success"}},
		{"a job that asks for a tape", mail("Bareos: Intervention needed for b.2026-03-10_22.00.04_03", "Please mount a volume"), nil},
		{"the whole was quota", mail("Backup Report [Interrupted by user] > dupont-srv > Files > Backup 2026-03-10-20-00-00", ""), []string{"dupont-srv/Files failed"}},
		{"Active Backup with a phrase that is not known", mail("NAS Active Backup for Business - attività di backup JOB su NAS completata con avvisi", "Elenco dispositivi: PC1"), nil},
		{"of two devices", mail("NAS Active Backup for Business - Backup task Files on disk on NAS has completed", "Device list: PC1, PC2"), []string{"Files on disk/Active Backup success"}},
		{"that was not completed", mail("NAS Active Backup for Business - Backup task JOB on NAS could not be completed", "Device list: PC1"), []string{"PC1/JOB failed"}},
		{"Cobian in another language", mail("Cobian Reflector [PC-LEA] (2026-03-10)", "2026-03-10 01:05 ** Sicherung f\u00fcr \"X\" beendet. Fehler: 0. **"), nil},
		{"a task of Cobian's that is cut short", mail("Cobian Reflector [PC-LEA] (2026-03-10)", "2026-03-10 01:05 ** Backup done for the task \"A\". Errors: 0. Processed files: 3. Backed up files: 3. Total size: 1 MB **\n2026-03-10 01:06 ** Backup done for the task \"B\". Errors: 0."), []string{"PC-LEA/A success"}},
		{"Cobian with ten errors", mail("Cobian Backup 11 [PC-LEA]", "2026-03-10 01:05 ** Backup done for the task \"A\". Errors: 10. Processed files: 300. Backed up files: 3. Total size: 1 MB **"), []string{"PC-LEA/A failed"}},
		{"QNAP with warnings", mail("[Info][Hybrid Backup Sync] Notification from your device: NAS", "NAS Name: NAS\nSeverity: Info\nMessage: [Hybrid Backup Sync] Finished Backup job: \"A\" with warnings."), []string{"NAS/A warning"}},
		{"QNAP's severity against its sentence", mail("[Error][Hybrid Backup Sync] Notifica dal dispositivo: NAS", "Nome NAS: NAS\nGravit\u00e0: Errore\nMessaggio: [Hybrid Backup Sync] Finished Backup job: \"A\"."), []string{"NAS/A failed"}},
		{"QNAP with a sentence that is not known", mail("[Info][Hybrid Backup Sync] Notification from your device: NAS", "NAS Name: NAS\nMessage: [Hybrid Backup Sync] Finished checking job: \"A\"."), nil},
		{"ten errors of Retrospect", mail("Nightly - 10 errors, 0 warnings - Retrospect", "Completed"), []string{"Nightly/Retrospect failed"}},
		{"errors that another program counts", mail("Build 7 - 0 errors, 0 warnings", "Completed"), nil},
		{"Retrospect that waits for a medium", mail("Nightly - Notification - Retrospect", "Script Nightly (SRV) : Attente de support"), nil},
		{"a dump that Amanda finds strange", mail("Daily AMANDA MAIL REPORT FOR March 10, 2026", "Hostname: a.example\n\nThese dumps were to tape T1.\n\nSTRANGE DUMP SUMMARY:\n  srv / lev 0  STRANGE"), []string{"a.example/Daily warning"}},
		{"a disk that Amanda misses", mail("Daily AMANDA MAIL REPORT FOR March 10, 2026", "Hostname: a.example\n\nThese dumps were to tape T1.\n\nDUMP SUMMARY:\nsrv-ad       /etc    MISSING -----------"), []string{"a.example/Daily failed"}},
		{"dumps that did not end", mail("Daily AMANDA MAIL REPORT FOR March 10, 2026", "*** THE DUMPS DID NOT FINISH PROPERLY!\n\nHostname: a.example"), []string{"a.example/Daily failed"}},
		{"Xen Orchestra still at it", mail("[Xen Orchestra] pending - Backup report for Nightly", ""), nil},
		{"Xen Orchestra with a subject of one's own", mail("[Xen Orchestra - Dupont] interrupted - Metadata backup report for Pools", ""), []string{"Pools/Metadata failed"}},
		{"an operator's mail of a job that was stopped", mail("SQL Server Job System: 'DB backup' completed on SRV-SQL", "STATUS: Succeeded\nMESSAGES: The job was stopped prior to completion by User sa."), []string{"SRV-SQL/DB backup failed"}},
		{"an operator's mail without a status", mail("SQL Server Job System: 'DB backup' completed on SRV-SQL", ""), []string{"SRV-SQL/DB backup unknown"}},
		{"a job called like a failure", mail("[The job succeeded.] SQL Server Job System: 'Tell if backup job failed' completed on SRV-SQL.", "STATUS: Succeeded"), nil},
		{"a site manager that could not", mail("Notification - Backup Failed on computer SRV-AD", "Agent disconnected"), []string{"SRV-AD/macrium failed"}},
		{"Hyper Backup of DSM 7, a phrase that is not known", mail("Data backup task on NAS", "Data backup task on NAS was nearly completed.\n\nBackup Task: A"), nil},
		{"an answer to one", mail("Re: NAS Active Backup for Business - Backup task JOB on NAS has completed", "Device list: PC1"), nil},
	} {
		m := read(t, c.raw)
		var got []string
		for _, one := range rs.Read(&m, m.Date).Readings {
			result := one.Report.Result
			if len(one.Unknown) > 0 && result != "failed" {
				result = "unknown"
			}
			got = append(got, one.Report.Machine+"/"+one.Report.Plan+" "+result)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
