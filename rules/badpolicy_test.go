package rules_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"vigie/internal/strict"
	"vigie/rules"
	"vigie/rules/inventory"
	"vigie/rules/policy"
)

// soundPolicy is a small complete policy; each case below spoils one line.
const soundPolicy = `schema: 1
effective_from: 2026-01-01
timezone: Europe/Paris
hold: 60s
traces_include: [queue, lead]
calendars:
  office:
    timezone: Europe/Paris
    weekly_windows: {monday: [["09:00", "12:00"], ["13:00", "18:00"]], tuesday: [["09:00", "18:00"]]}
roles:
  duty: {rota: duty, people: [sup], otherwise: admins}
  admins: {people: [adm]}
  queue: {people: [expert]}
  lead: {people: [vijay]}
  manager: {field: customer.account_manager}
causes:
  ext: {integrity: true, at_least: major}
guarantees:
  - {level: G1, calendar: office}
correlations:
  - {name: many, match: ['kind="failed"'], within: 1h, share: 20 %, raises: {alertname: Many}}
scenarios:
  - name: server
    match: ['machine!=""']
    identity: [customer, machine]
    calendar: office
    ended_by: success
    reopens_within: 24h
    other_backup: {ask_every: 15m}
    immediate: {within: 10m, calendar: office}
    refused_while_other_backup_unknown: [close]
    handled: {told: account_manager_told, and_one_act_of: [take]}
    severity: {order: [minor, major], default: major, alerts: {Late: minor}}
    calls: {outcomes: [reached], reached: [reached], follow_up_days: 7, clock: "09:30", tries: 3, retry_after_service_days: 1}
    targets:
      day:
        within: close_of_business_day 0
        at_least: 2 business_hours
        met_by: [repaired]
      fix:
        by_severity: {major: 2 business_hours}
        met_by: [ended]
    steps:
      - name: opened
        template: B1
        when: {at: opening}
        to: [duty]
        leaves_between: {from: "07:00", until: closing}
      - name: told
        template: B2
        when:
          - {act: escalate, if: {today: "no"}}
          - {before: day, by: 2 business_hours}
          - {share_of: day, percent: 50}
          - {on_day_of: day, clock: "15:00", hold_while: [outage], at_the_latest: "16:00"}
          - {days_after: opened, days: 7, clock: "09:30"}
          - {flag: double_failure}
          - {each_opening: office}
          - {at: due:opened}
        unless: [repaired]
        only_if: [severity major]
        rests_while: [silenced]
        then_every: 2 business_hours
        trace: true
        raises: [account_manager_told]
        state: taken
        task: call
        to: [manager]
        cc: [queue, lead]
        if_nobody: {template: D4, to: [duty]}
  - name: rest
    match: []
    identity: [alertname]
    calendar: office
    steps:
      - {name: unknown, template: CATCH, when: {at: opening}, to: [duty]}
`

func loadText(text string) ([]*policy.Policy, error) {
	return rules.LoadPolicies([]strict.File{{Name: "policy/p.yml", Text: []byte(text)}})
}

func TestSoundPolicy(t *testing.T) {
	ps, err := loadText(soundPolicy)
	if err != nil {
		t.Fatal(err)
	}
	if len(ps) != 1 || len(ps[0].Scenarios) != 2 || ps[0].Hash == "" {
		t.Errorf("read %+v", ps)
	}
}

// badPolicies are read from testdata/bad-policies.txt: what is replaced by
// what in the sound policy, and the exact message.
type badPolicy struct {
	name, old, new, want string
}

func badPolicies(t testing.TB) []badPolicy {
	text, err := os.ReadFile("testdata/bad-policies.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []badPolicy
	for block := range strings.SplitSeq(string(text), "\n\n") {
		var b badPolicy
		for line := range strings.SplitSeq(strings.TrimSpace(block), "\n") {
			key, value, _ := strings.Cut(line, ":")
			value = strings.TrimPrefix(value, " ")
			value = strings.ReplaceAll(value, `\n`, "\n")
			switch key {
			case "case":
				b.name = value
			case "old":
				b.old = value
			case "new":
				b.new = value
			case "says":
				b.want += value + "\n"
			default:
				if line != "" && !strings.HasPrefix(line, "#") {
					t.Fatalf("bad-policies.txt: cannot read %q", line)
				}
			}
		}
		if b.name != "" {
			out = append(out, b)
		}
	}
	return out
}

// covers: T11; every refused policy names file, line, key, what is wrong and the cure.
func TestBadPolicies(t *testing.T) {
	for _, tt := range badPolicies(t) {
		t.Run(tt.name, func(t *testing.T) {
			if strings.Count(soundPolicy, tt.old) != 1 {
				t.Fatalf("%q stands %d times in the sound policy", tt.old, strings.Count(soundPolicy, tt.old))
			}
			_, err := loadText(strings.Replace(soundPolicy, tt.old, tt.new, 1))
			if err == nil {
				t.Fatal("accepted")
			}
			if err.Error() != strings.TrimSpace(tt.want) {
				t.Errorf("says\n%s\nwant\n%s", err, tt.want)
			}
		})
	}
}

// Two files of one effective_from make one policy, so they share their names.
func TestNamesTwiceInTwoFiles(t *testing.T) {
	_, err := rules.LoadPolicies([]strict.File{{Name: "a.yml", Text: []byte(soundPolicy)}, {Name: "b.yml", Text: []byte(`schema: 1
effective_from: 2026-01-01
calendars:
  office: {weekly_windows: {friday: [["09:00", "12:00"]]}}
roles:
  duty: {people: [sup]}
causes:
  ext: {}
`)}})
	want := `b.yml:4: calendars.office: calendar "office" is defined twice: keep one
b.yml:6: roles.duty: role "duty" is defined twice: keep one
b.yml:8: causes.ext: cause "ext" is defined twice: keep one`
	if err == nil || err.Error() != want {
		t.Errorf("says\n%v\nwant\n%s", err, want)
	}
}

func TestNoPolicyFile(t *testing.T) {
	if _, err := rules.LoadPolicies(nil); err == nil || err.Error() != "no policy file was found: check the globs under policy: in vigie.yml" {
		t.Errorf("says %v", err)
	}
	if _, err := rules.NewBook(&inventory.Directory{}); err == nil || err.Error() != "no policy: give at least one file in the policy folder" {
		t.Errorf("says %v", err)
	}
}

// covers: S1.11; what only the shell knows: templates, persons, copies that reach nobody.
func TestPolicyCheck(t *testing.T) {
	people := func(spoil func(map[string]*inventory.Person)) *inventory.Directory {
		d := &inventory.Directory{People: map[string]*inventory.Person{}}
		for _, id := range []string{"sup", "adm", "expert", "vijay"} {
			d.People[id] = &inventory.Person{ID: id, Email: id + "@msp.example"}
		}
		if spoil != nil {
			spoil(d.People)
		}
		return d
	}
	templates := []string{"B1", "B2", "D4", "CATCH"}
	tests := []struct {
		name      string
		text      string
		templates []string
		dir       *inventory.Directory
		want      string
	}{
		{"sound", soundPolicy, templates, people(nil), ""},
		{"unknown template", soundPolicy, []string{"B2", "D4", "CATCH"}, people(nil),
			`policy/p.yml:44: scenarios.server.steps.opened.template: unknown template "B1": did you mean "B2"?`},
		{"unknown template when nobody is there", soundPolicy, []string{"B1", "B2", "CATCH"}, people(nil),
			`policy/p.yml:49: scenarios.server.steps.told.if_nobody.template: unknown template "D4": known are B1, B2, CATCH`},
		{"unknown person", strings.Replace(soundPolicy, "[adm]", "[adn]", 1), templates, people(nil),
			`policy/p.yml:1: roles.admins.people: unknown person "adn": did you mean "adm"?`},
		{"a copy that reaches nobody", soundPolicy, templates, people(func(p map[string]*inventory.Person) { p["expert"].Email = "" }),
			`policy/p.yml:49: scenarios.server.steps.told.cc: step told is a written trace, but role queue reaches nobody: give its people an e-mail address in the inventory`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ps, err := loadText(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			err = ps[0].Check(tt.templates, tt.dir)
			if got := fmt.Sprint(err); got != tt.want && (err != nil || tt.want != "") {
				t.Errorf("says\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func FuzzLoadPolicies(f *testing.F) {
	f.Add([]byte(soundPolicy))
	for _, b := range badPolicies(f) {
		f.Add([]byte(strings.Replace(soundPolicy, b.old, b.new, 1)))
	}
	for _, name := range []string{"synomega/policy", "activeprolearn/policy"} {
		for _, file := range exampleFiles(f, name) {
			f.Add(file.Text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		ps, err := rules.LoadPolicies([]strict.File{{Name: "p.yml", Text: text}})
		if (err == nil) != (len(ps) > 0) {
			t.Errorf("%d policies with the error %v", len(ps), err)
		}
		for _, p := range ps {
			dir := &inventory.Directory{People: map[string]*inventory.Person{}}
			_ = p.Check([]string{"B1"}, dir)
		}
	})
}
