package inbox

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The mails of vzdump are alike whatever storage a guest was saved to; the command below
// the table tells, in the words of PVE/VZDump.pm and of the templates since 8.1.
func TestStoragesOfVzdump(t *testing.T) {
	rs, err := LoadRules([]string{filepath.Join(shipped, "more", "proxmox.yml")})
	check(t, err)
	for name, want := range map[string]string{"vzdump-new.eml": "pbs", "vzdump-new-failed.eml": "pbs", "vzdump-old-failed.eml": "nas", "vzdump-no-guest.eml": "nas", "vzdump-old.eml": ""} {
		raw, err := os.ReadFile(filepath.Join(shipped, "more", "mails", name))
		check(t, err)
		for _, command := range []string{"", "vzdump --all 1 --mailnotification always --dumpdir /mnt/usb --mode stop"} {
			text, target := string(raw), want
			if command != "" && want != "" {
				at := strings.Index(text, "\nvzdump ") + 1
				end := strings.IndexByte(text[at:], '\n')
				text, target = text[:at]+command+text[at+end:], "/mnt/usb"
			}
			m := read(t, text)
			readings := rs.Read(&m, m.Date).Readings
			for _, r := range readings {
				if r.Report.Target != target {
					t.Errorf("%s: %s of %s to %q, want %q", name, r.Report.Result, r.Report.JobID, r.Report.Target, target)
				}
			}
			if len(readings) == 0 {
				t.Errorf("%s: nothing read", name)
			}
		}
	}
}

// What wbadmin start systemstatebackup writes, as published, in the mail of a script.
func TestSystemStateOfWbadmin(t *testing.T) {
	rs, err := LoadRules([]string{filepath.Join(shipped, "windows_server_backup.yml")})
	check(t, err)
	for body, want := range map[string]string{
		"Starting to back up the system state [7/21/2010 3:26 PM]...\nRetrieving volume information...\nThis will back up the system state from volume(s) System Reserved (100.00 MB),Local Disk(C:) to E:.\nThe backup of the system state successfully completed [7/21/2010 3:46 PM].": "system state",
		"Retrieving volume information...\nThis will back up volume Local Disk(C:) to E:.\nThe backup operation successfully completed.":                                                                                                                                                 "",
	} {
		m := read(t, "From: srv@dupont.example\nSubject: wbadmin SRV-RH: OK\nDate: Tue, 10 Mar 2026 21:05:00 +0100\n\n"+body+"\n")
		readings := rs.Read(&m, m.Date).Readings
		if len(readings) != 1 || readings[0].Report.Target != want || readings[0].Report.Result != "success" {
			t.Errorf("%q: %+v", body, readings)
		}
	}
}
