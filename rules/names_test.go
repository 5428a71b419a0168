package rules_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"vigie/internal/strict"
	"vigie/rules"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// renamed are the files of a policy with other names for the same things.
func renamed(files []strict.File, more string, names ...string) []strict.File {
	var out []strict.File
	for n, f := range files {
		text := string(f.Text)
		for i := 0; i < len(names); i += 2 {
			text = regexp.MustCompile(`\b`+regexp.QuoteMeta(names[i])+`\b`).ReplaceAllString(text, names[i+1])
		}
		if n == 0 {
			text += more
		}
		out = append(out, strict.File{Name: f.Name, Text: []byte(text)})
	}
	return out
}

// The names of roles are the policy's own: mails name the same people whatever
// their roles are called.
func TestRolesHaveAnyName(t *testing.T) {
	files, inventory := exampleFiles(t, "synomega/policy"), exampleFiles(t, "synomega/inventory")
	own := renamed(files, "\nnamed_in_mails: {account_manager: key_account, trace_queue: desk, backup_lead: chief, contact: user}\n",
		"account_manager", "key_account", "customer.key_account", "customer.account_manager", "trace_queue", "desk", "backup_lead", "chief", "client_contact", "user")
	now := paris(t, "2026-03-09 07:10")
	for class, machine := range map[string]string{"server": "SRV-AD", "workstation": "PC-LEA"} {
		told := func(policy []strict.File) []incident.Notification {
			b := opened(t, loadBook(t, policy, inventory), backupAlert("dupont", machine, class, "primary", "daily", "failed", now), now)
			for at := now; at.Before(paris(t, "2026-03-17 19:00")); at = b.inc.WakeAt {
				b.answer(at, incident.PlanEvidence{}, model.EvidenceOK)
				b.do(incident.Tick{}, at)
				for _, n := range b.last.Notifications {
					b.accept(n, at)
				}
				if !b.inc.WakeAt.After(at) {
					break
				}
			}
			return b.notes
		}
		want, got := told(files), told(own)
		if len(want) == 0 || len(got) != len(want) {
			t.Fatalf("%s: %d messages under other names, %d under those of the example", machine, len(got), len(want))
		}
		for i := range want {
			names := func(f incident.MessageData) []string {
				return []string{f.AccountManager, f.TraceQueue, f.BackupLead, f.Contact.Person}
			}
			if a, b := names(want[i].Data), names(got[i].Data); !slices.Equal(a, b) || a[0] == "" || a[1] == "" || a[2] == "" || a[3] == "" {
				t.Errorf("%s, %s: named are %q, want %q", machine, want[i].Step, b, a)
			}
		}
	}
}

// Who has no language, and no customer who has one, is written to in the policy's.
func TestLanguageOfThePolicy(t *testing.T) {
	now := paris(t, "2026-03-09 07:10")
	plain := regexp.MustCompile(`,? *\blanguage: \w+`)
	inventory := exampleFiles(t, "synomega/inventory")
	for i := range inventory {
		if strings.HasSuffix(inventory[i].Name, ".yml") {
			inventory[i].Text = plain.ReplaceAll(inventory[i].Text, nil)
		}
	}
	for more, want := range map[string]string{"": "fr", "\nlanguage: en\n": "en"} {
		b := opened(t, loadBook(t, renamed(exampleFiles(t, "synomega/policy"), more), inventory), backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), now)
		b.answer(now, incident.PlanEvidence{}, model.EvidenceOK)
		b.do(incident.Tick{}, paris(t, "2026-03-09 12:00"))
		if len(b.notes) == 0 || b.notes[0].Language != want {
			t.Errorf("%q: written to in %+v, want %s", more, b.notes, want)
		}
	}
}

// Causes and levels of service have the policy's own names, too.
func TestCausesAndGuaranteesHaveAnyName(t *testing.T) {
	files, inventory := exampleFiles(t, "activeprolearn/policy"), exampleFiles(t, "activeprolearn/inventory")
	own := renamed(files, "", "ext.network", "ext.cable", "G3", "none")
	for i := range own {
		own[i].Text = []byte(strings.Replace(string(own[i].Text), "alerts: [NetworkDown, HostUnreachable]", "platforms: 3", 1))
		own[i].Text = []byte(strings.Replace(string(own[i].Text), "level: none", "level: none\n    intervention: false", 1))
	}
	for name, policy := range map[string][]strict.File{"ext.network": files, "ext.cable": own} {
		night := paris(t, "2026-03-08 03:00")
		b := opened(t, loadBook(t, policy, inventory), platformAlert("lms-A", "SiteDown", night), night)
		b.inc.Identity = model.Labels{"site": "host-1"}
		if cause := b.book.Explain(b.inc, b.around, night).Cause; cause == name {
			t.Errorf("one platform proposes %s", name)
		}
		for _, p := range []string{"lms-B", "lms-C"} {
			b.do(incident.Fired{Signal: platformAlert(p, "SiteDown", night)}, night)
		}
		e := b.book.Explain(b.inc, b.around, night)
		if e.Cause != name {
			t.Errorf("three platforms of one host propose %q, want %s", e.Cause, name)
		}
		b.do(incident.Tick{}, night.Add(20*60e9))
		if len(b.notes) == 0 || !b.notes[0].Data.NoIntervention {
			t.Errorf("under %s somebody has to act: %+v", e.Guarantee, b.notes)
		}
	}
}

// What a policy says of these names is checked.
func TestFaultyNames(t *testing.T) {
	files := exampleFiles(t, "activeprolearn/policy")
	for more, want := range map[string]string{
		"\nnamed_in_mails: {contact: nobody}\n": `named_in_mails.contact: unknown role "nobody"`,
		"\nnamed_in_mails: {boss: duty}\n":      "boss",
	} {
		if _, err := rules.LoadPolicies(renamed(files, more)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", more, err)
		}
	}
	for i := range files {
		files[i].Text = []byte(strings.Replace(string(files[i].Text), "alerts: [NetworkDown, HostUnreachable]", "platforms: 1", 1))
	}
	if _, err := rules.LoadPolicies(files); err == nil || !strings.Contains(err.Error(), "causes.ext.network.platforms: 1 platforms") {
		t.Errorf("one platform in common: %v", err)
	}
	policies, err := rules.LoadPolicies(renamed(exampleFiles(t, "synomega/policy"), "\nlanguage: it\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := policies[0].CheckLanguage([]string{"en", "fr"}); err == nil || !strings.Contains(err.Error(), "language") {
		t.Errorf("a language without a folder: %v", err)
	}
}
