package message

import (
	"strings"
	"testing"
)

// covers: what people read at the end of a story is so, and nothing of it is not.
func TestWhatIsTold(t *testing.T) {
	const (
		primary = "{alertname: BackupFailed, customer: dupont, machine: SRV-AD, machine_class: server, backup_role: primary, engine: acronis, plan: daily, kind: failed}"
		local   = "{alertname: BackupFailed, customer: dupont, machine: SRV-AD, machine_class: server, backup_role: local, engine: veeam, plan: Job Nuit, kind: failed}"
		at      = "\n  - at: 2026-11-03T"
	)
	for name, c := range map[string]struct {
		example, events string
		says, never     map[string][]string // by language
	}{
		"who ends by a word what is blind, while the alert fires, has not put it right": {
			events: at + "08:00:00+01:00\n    fires: {alertname: BackupExporterAbsent, exporter: 'site-leroy:9891', kind: exporter_absent, severity: critical}" +
				at + "10:00:00+01:00\n    act: {verb: resolve, by: sup, note: relancé, incident: {exporter: 'site-leroy:9891'}}",
			says:  map[string][]string{"fr": {"[DÉCLARÉ RÉSOLU]", "Sophie Aubert le déclare résolu", "L'alerte se déclenche encore"}, "en": {"[DECLARED RESOLVED]", "The alert still fires"}},
			never: map[string][]string{"fr": {"RÉTABLI", "Rien à faire"}, "en": {"OK AGAIN", "Nothing to do"}},
		},
		"nor a full store": {
			events: at + "08:00:00+01:00\n    fires: {alertname: RepositoryFull, customer: dupont, source: veeam-dupont, repository: Repo1, kind: repository}" +
				at + "10:00:00+01:00\n    act: {verb: resolve, by: adm1, note: fait, incident: {repository: Repo1}}",
			says:  map[string][]string{"fr": {"Adrien Blanc le déclare résolu"}, "en": {"Adrien Blanc declares it resolved"}},
			never: map[string][]string{"fr": {"RÉTABLI", "Rien à faire"}, "en": {"OK AGAIN", "Nothing to do"}},
		},
		"a platform that is closed while it is measured is said to be": {
			example: "activeprolearn",
			events: at + "10:00:00+01:00\n    fires: {alertname: MoodleLoginDown, signal: functional_probe, platform: lms-C}" +
				at + "10:40:00+01:00\n    act: {verb: close, by: op2, reason: duplicate, incident: {platform: lms-C}}",
			says:  map[string][]string{"fr": {"incident clos, encore mesuré", "Notre mesure le constate encore"}, "en": {"incident closed, still measured", "Our measurement still shows it"}},
			never: map[string][]string{"fr": {"Résolution : dans les délais"}, "en": {"Resolution: in time"}},
		},
		"a usual reason is told by its name, and whose word it was": {
			events: at + "07:00:00+01:00\n    evidence: {customer: dupont, machine: SRV-AD, backup_role: primary, state: ok}" +
				at + "08:00:00+01:00\n    fires: " + local + at + "10:00:00+01:00\n    act: {verb: close, by: adm1, reason: accepted_risk, incident: {machine: SRV-AD}}",
			says:  map[string][]string{"fr": {"clos par Adrien Blanc", "> risque accepté"}, "en": {"closed by Adrien Blanc", "> the risk is accepted"}},
			never: map[string][]string{"fr": {"accepted_risk"}, "en": {"accepted_risk"}},
		},
		"of two backups repaired together neither is said to fail": {
			events: at + "08:00:00+01:00\n    fires: " + primary + at + "08:10:00+01:00\n    fires: " + local +
				at + "11:00:00+01:00\n    success: {machine: SRV-AD}" + at + "11:02:00+01:00\n    clears: {backup_role: primary}" + at + "11:02:30+01:00\n    clears: {backup_role: local}",
			says:  map[string][]string{"fr": {"Rien à faire"}, "en": {"Nothing to do"}},
			never: map[string][]string{"fr": {"Reste en échec"}, "en": {"Still failing"}},
		},
		"who had what another takes over is not told that it is his": {
			example: "activeprolearn",
			events: at + "10:00:00+01:00\n    fires: {alertname: MoodleCronLate, signal: functional_probe, platform: lms-B}" +
				at + "10:20:00+01:00\n    act: {verb: take, by: op2, incident: {platform: lms-B}}" + at + "10:30:00+01:00\n    act: {verb: take, by: op, force: true, incident: {platform: lms-B}}",
			says:  map[string][]string{"fr": {"Affecté à Olivier Petit", "Olivier Petit reprend cet incident"}, "en": {"Assigned to Olivier Petit", "Olivier Petit takes over this incident"}},
			never: map[string][]string{"fr": {"Affecté à vous"}, "en": {"Assigned to you"}},
		},
		"of a machine that is gone no other backup is missed": {
			events: at + "08:00:00+01:00\n    fires: " + primary + at + "08:10:00+01:00\n    fires: " + local +
				at + "11:00:00+01:00\n    act: {verb: decommission, by: sup, reason: serveur arrêté, incident: {backup_role: primary}}",
			says:  map[string][]string{"fr": {"[CLOS] Dupont – SRV-AD – clos sans preuve de réussite (#2)"}, "en": {"[CLOSED] Dupont – SRV-AD – closed without proof of success (#2)"}},
			never: map[string][]string{"fr": {"PAS RÉGLÉ CE JOUR", "JOURNÉE DÉPASSÉE"}, "en": {"NOT FIXED TODAY", "DAY MISSED"}},
		},
		"what never ran is not said to be reachable, nor since when it is not backed up": {
			events: at + "11:00:00+01:00\n    fires: {alertname: BackupNeverRan, customer: dupont, machine: PC-LEA, machine_class: workstation, backup_role: primary, engine: acronis, plan: daily, kind: never_ran}",
			says:   map[string][]string{"fr": {"n'a encore jamais pu se faire", "Nous n'en recevons aucune sauvegarde"}, "en": {"has never been backed up", "We receive no backup of it"}},
			never:  map[string][]string{"fr": {"bien joignable", "depuis le 3 novembre"}, "en": {"We can reach", "since 3 November"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if c.example == "" {
				c.example = "synomega"
			}
			for lang := range c.says {
				text := mailsTold(t, c.example, "start: 2026-11-03T07:00:00+01:00\nuntil: 2026-11-04T10:00:00+01:00\nevents:"+c.events, lang)
				told := strings.Join(strings.Fields(text), " ")
				for _, want := range c.says[lang] {
					if !strings.Contains(told, want) {
						t.Errorf("%s: nobody reads %q:\n%s", lang, want, text)
					}
				}
				for _, no := range c.never[lang] {
					if strings.Contains(told, no) {
						t.Errorf("%s: somebody reads %q:\n%s", lang, no, text)
					}
				}
			}
		})
	}
}
