package message

import (
	"strings"
	"testing"
)

// A copy that works again is no backup that does, and what else an alert says of a
// machine is no backup either.
func TestWhatIsNoBackupIsNotCalledOne(t *testing.T) {
	mails := func(language string) string {
		return strings.Join(strings.Fields(mailsTold(t, "synomega", `
start: 2026-11-03T09:00:00+01:00
until: 2026-11-05T12:00:00+01:00
events:
  - at: 2026-11-03T09:30:00+01:00
    fires: {alertname: BackupFailed, customer: dupont, machine: SRV-AD, machine_class: server, backup_role: copy, engine: acronis, plan: NAS, kind: failed}
  - at: 2026-11-03T09:30:00+01:00
    fires: {alertname: BackupFailed, customer: dupont, machine: NAS-01, machine_class: nas, backup_role: replica, engine: veeam, plan: Replica, kind: failed}
  - at: 2026-11-03T10:05:00+01:00
    fires: {alertname: NodeFilesystemAlmostOutOfSpace, machine: SRV-FIC, customer: martin, machine_class: server}
  - at: 2026-11-03T10:05:00+01:00
    fires: {alertname: WindowsServiceNotRunning, machine: SRV-FIC, customer: martin}
  - at: 2026-11-03T14:00:00+01:00
    clears: {customer: dupont, machine: NAS-01, backup_role: replica}
  - at: 2026-11-03T23:30:00+01:00
    success: {customer: dupont, machine: SRV-AD, backup_role: copy, plan: NAS}
  - at: 2026-11-03T23:32:00+01:00
    clears: {customer: dupont, machine: SRV-AD, backup_role: copy}
`, language)), " ")
	}
	for language, want := range map[string][]string{
		"fr": {"[2 incidents] Martin – SRV-FIC", "copie réussie le 03/11 23:30", "La copie du serveur SRV-AD fonctionne de nouveau", "aucune réplication réussie"},
		"en": {"[2 incidents] Martin – SRV-FIC", "copy succeeded 3 November 23:30", "The copy of server SRV-AD works again", "no successful replication"},
	} {
		got := mails(language)
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: not said: %s", language, w)
			}
		}
		for _, wrong := range []string{"[2 sauvegardes]", "[2 backups]", "sauvegarde du serveur SRV-AD fonctionne", "backup of server SRV-AD works"} {
			if strings.Contains(got, wrong) {
				t.Errorf("%s: said: %s", language, wrong)
			}
		}
		if t.Failed() {
			t.Log(got)
		}
	}
}

// Who asks for help by phone and leaves no address gets no receipt: the operator reads so,
// and no longer that the notice leaves by itself.
func TestNobodyIsSaidToBeWrittenToWithoutAnAddress(t *testing.T) {
	mails := func(by, language string) string {
		return strings.Join(strings.Fields(mailsTold(t, "activeprolearn", `
start: 2026-11-03T09:00:00+01:00
until: 2026-11-03T09:40:00+01:00
events:
  - at: 2026-11-03T09:30:00+01:00
    report: {kind: user_assistance, platform: lms-A, by: "`+by+`", text: "je ne peux pas entrer"}
`, language)), " ")
	}
	for language, says := range map[string][2]string{"fr": {"dites-le vous-même au demandeur", "part tout seul"}, "en": {"tell the user yourself", "leaves by itself"}} {
		if got := mails("Jean Prof", language); !strings.Contains(got, says[0]) || strings.Contains(got, says[1]) {
			t.Errorf("%s, without an address: %s", language, got)
		}
		if got := mails("prof@lms-a.example", language); strings.Contains(got, says[0]) || !strings.Contains(got, says[1]) {
			t.Errorf("%s, with one: %s", language, got)
		}
	}
}
