package rules_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vigie/internal/strict"
	"vigie/rules"
	"vigie/rules/incident"
	"vigie/rules/inventory"
	"vigie/rules/story"
)

// mutation is one change of one word of an example policy.
type mutation struct {
	file, line int
	old, new   string
	below      string // the nearest name above it
	text       []byte // the whole file after it
}

// change is a kind of mutation: what is looked for, and what becomes of it.
// Every match of the pattern's first group is a mutation of its own.
type change struct {
	pattern *regexp.Regexp
	become  func(old string) string
}

func plus(n int) func(string) string {
	return func(old string) string {
		v, _ := strconv.Atoi(old)
		return strconv.Itoa(v + n)
	}
}

func word(w string) func(string) string { return func(string) string { return w } }

// changes are the delays, hours, roles and names of a policy.
func changes() []change {
	return []change{
		{regexp.MustCompile(`(\d+) business_(?:hours|days)`), plus(1)},
		{regexp.MustCompile(`(close_of_business_day 0)`), word("3 business_hours")},
		{regexp.MustCompile(`[ :](\d+)[mhs]\b`), plus(3)},
		{regexp.MustCompile(`"(\d\d:\d\d)"`), func(old string) string {
			at, _ := time.Parse("15:04", old)
			return at.Add(47 * time.Minute).Format("15:04")
		}},
		{regexp.MustCompile(`(?:service_days|days|tries|machines|customers|retry_after_service_days|follow_up_days): (\d+)`), plus(1)},
		{regexp.MustCompile(`percent: (\d+)`), plus(9)},
		{regexp.MustCompile(`share: (\d+) %`), word("99")},
		{regexp.MustCompile(`template: (\w+)`), word("ZZ")},
		{regexp.MustCompile(`\b(?:to|cc): \[(\w+)`), word("stranger")},
		{regexp.MustCompile(`\b(?:to|cc): \[\w+, (\w+)`), word("stranger")},
		{regexp.MustCompile(`people: \[(\w+)`), word("nobody")},
		{regexp.MustCompile(`people: \[\w+, (\w+)`), word("nobody")},
		{regexp.MustCompile(`field: ([\w.]+)`), word("customer.it_contact")},
		{regexp.MustCompile(`name: (\w+)`), func(old string) string { return old + "_x" }},
		{regexp.MustCompile(`: (true)\b`), word("false")},
		{regexp.MustCompile(`ended_by: (success|cleared)`), word("person")},
		{regexp.MustCompile(`^ +\w+: (minor|major|blocking)$`), func(old string) string {
			if old == "minor" {
				return "blocking"
			}
			return "minor"
		}},
		{regexp.MustCompile(`public_holidays: (\w+)`), word("none")},
	}
}

func mutations(files []strict.File) []mutation {
	var out []mutation
	for f, file := range files {
		lines := strings.Split(string(file.Text), "\n")
		for i, line := range lines {
			if strings.HasPrefix(strings.TrimSpace(line), "#") || strings.Contains(line, "stranger@") {
				continue
			}
			for _, c := range changes() {
				for _, at := range c.pattern.FindAllStringSubmatchIndex(line, -1) {
					old := line[at[2]:at[3]]
					changed := slices.Clone(lines)
					changed[i] = line[:at[2]] + c.become(old) + line[at[3]:]
					out = append(out, mutation{f, i + 1, line, changed[i], nameAbove(lines[:i]), []byte(strings.Join(changed, "\n"))})
				}
			}
		}
	}
	return out
}

var named = regexp.MustCompile(`^ *-? *(?:&\w+)?(?:name: )(\w+)`)

func nameAbove(lines []string) string {
	for _, line := range slices.Backward(lines) {
		if m := named.FindStringSubmatch(line); m != nil {
			return m[1]
		}
	}
	return ""
}

// told is everything that a story comes to, as one text.
func told(book *rules.Book, s *story.Story) (string, error) {
	hs, err := story.Play(book, s, story.Options{Journal: true, Subject: func(ns []incident.Notification) string {
		n := ns[0]
		return fmt.Sprint(n.Data.PolicyStep, n.Trace, n.HoldUntil.Sub(n.DecidedAt), n.Data.Guarantee, n.Data.Cause, n.Data.AnswerBy)
	}})
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	for _, h := range hs {
		line, err := json.Marshal(h)
		if err != nil {
			return "", err
		}
		b.Write(line)
		b.WriteByte('\n')
	}
	return b.String(), nil
}

// unseen are the words that no story shows, with the reason; it may only
// become shorter.
var unseen = map[string]map[string]bool{
	"synomega": {
		": supervisor: {rota: supervisor, people: [nobody], otherwise: admins}": true, // the default of a rota that the inventory fills
		": told_client: {field: incident.told_customer, outside: false}":        true, // nothing but told_customer looks at it
		": - name: heartbeat_x":                                            true, // a name of something that leaves no trace of its own
		"site_note: - name: warning_x":                                     true, // a name of something that leaves no trace of its own
		"server: other_backup: {ask_every: 18m, none_is_ko: true}":         true, // a story tells of changes itself, so nothing is asked in between
		"urgency_over: each_time: false":                                   true, // no story is that particular yet
		"no_backup_works: each_time: false":                                true, // no story is that particular yet
		"account_manager: not_to_the_actor: false":                         true, // no story is that particular yet
		"silence_over: each_time: false":                                   true, // no story is that particular yet
		`: digest: {at: "09:47", calendar: service_day, to: [supervisor]}`: true, // TestBriefing looks at it
		`: digest: {at: "09:00", calendar: service_day, to: [stranger]}`:   true, // TestBriefing looks at it
		`: at: "09:47"`: true, // TestMonthlyOfTheExamples looks at it
		": - {report: statement, per: all, to: [stranger]}":       true, // TestMonthlyOfTheExamples looks at it
		": - {report: dossier, per: customer, to: [stranger]}":    true, // TestMonthlyOfTheExamples looks at it
		"address_refused: then_every: 2 business_days":            true, // no story is that particular yet
		"answer_told: each_time: false":                           true, // no story is that particular yet
		"unreachable: each_time: false":                           true, // no story is that particular yet
		"local: other_backup: {ask_every: 18m, none_is_ko: true}": true, // a story tells of changes itself, so nothing is asked in between
		"no_other_works: each_time: false":                        true, // no story is that particular yet
		"still_unclassified: - name: vendor_outage_x":             true, // a name of something that leaves no trace of its own
		"vendor_outage: within: 5h":                               true, // no story is that particular yet
		"vendor_outage: - name: site_offline_x":                   true, // a name of something that leaves no trace of its own
		"site_offline: within: 4h":                                true, // no story is that particular yet
	},
	"activeprolearn": {
		": last_reporter: {field: incident.last_reporter, outside: false}": true, // TestASecondReporterReadsHisOwnWords looks at it
		`: digest: {at: "09:47", calendar: assistance, to: [duty]}`:        true, // TestBriefing looks at it
		`: digest: {at: "09:00", calendar: assistance, to: [stranger]}`:    true, // TestBriefing looks at it
		`: at: "09:47"`: true, // TestMonthlyOfTheExamples looks at it
		": - {report: statement, per: platform, to: [stranger]}":                 true, // TestMonthlyOfTheExamples looks at it
		": maintenance_notice: 4h":                                               true, // no story is that particular yet
		": public_holidays: none":                                                true, // no story is that particular yet
		": managers: {field: platform.managers, outside: false}":                 true, // nothing but told_customer looks at it
		": reporter: {field: incident.reporter, outside: false}":                 true, // nothing but told_customer looks at it
		": told_in_copy: {field: customer.it_contact}":                           true, // no story is that particular yet
		": integrity: false":                                                     true, // no story ends with this cause yet
		": customer: false":                                                      true, // nothing looks at it yet
		": confidential: false":                                                  true, // TestAccessMatrix looks at it
		": - name: heartbeat_x":                                                  true, // a name of something that leaves no trace of its own
		"blind: blinds: false":                                                   true, // no story is that particular yet
		"expiry: ended_by: person":                                               true, // no story is that particular yet
		"platform: major: {within: 2 business_hours, calendar: intervention}":    true, // no story is that particular yet
		"platform: blocking: {within: 2 business_hours, calendar: intervention}": true, // no story is that particular yet
		"platform: blocking: 3 business_hours":                                   true, // no story is that particular yet
		"prequalified: each_time: false":                                         true, // no story is that particular yet
		"workaround: each_time: false":                                           true, // no story is that particular yet
		"silence_over: each_time: false":                                         true, // no story is that particular yet
		"address_refused: each_time: false":                                      true, // no story is that particular yet
	},
}

// covers: T11, S1.5 to S1.33, S2.1 to S2.40 as policy: nothing of the examples
// is compiled in, and nothing in them is ignored. Each delay, hour, role and
// name is changed by itself; then some story must end otherwise, or the policy
// must be refused.
func TestEveryWordOfTheExamplesCounts(t *testing.T) {
	for _, example := range []string{"synomega", "activeprolearn"} {
		t.Run(example, func(t *testing.T) { everyWordCounts(t, example) })
	}
}

type playable struct {
	name  string
	story *story.Story
	comes string
	spent time.Duration
}

func everyWordCounts(t *testing.T, example string) {
	policy, inventory := exampleFiles(t, example+"/policy"), exampleFiles(t, example+"/inventory")
	// Somebody whom no scenario names takes the place of whoever is replaced.
	policy[0].Text = []byte(strings.Replace(string(policy[0].Text), "\nroles:\n", "\nroles:\n  stranger: {people: [stranger@msp.example]}\n", 1))
	book := loadBook(t, policy, inventory)
	var plays []playable
	paths, _ := filepath.Glob(filepath.Join("..", "deploy", "examples", example, "stories", "*.yml"))
	own, _ := filepath.Glob(filepath.Join("testdata", "stories", example, "*.yml"))
	for _, p := range append(paths, own...) {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		s, err := story.Parse(p, text)
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		comes, err := told(book, s)
		if err != nil {
			t.Fatalf("%s: %v", p, err)
		}
		plays = append(plays, playable{p, s, comes, time.Since(begin)})
	}
	slices.SortFunc(plays, func(a, b playable) int { return int(a.spent - b.spent) })
	for n, m := range mutations(policy) {
		if testing.Short() && n%10 != 0 {
			continue
		}
		if !counts(t, policy, inventory, plays, m) && !unseen[example][m.below+": "+strings.TrimSpace(m.new)] {
			t.Errorf("%s:%d: no story notices that\n  %s\nbecomes\n  %s\n(%q)", policy[m.file].Name, m.line, m.old, m.new, m.below+": "+strings.TrimSpace(m.new))
		}
	}
}

// counts reports whether a mutation is refused, or changes a story. The story
// that noticed the last one is tried first.
func counts(t *testing.T, policy, files []strict.File, plays []playable, m mutation) bool {
	changed := slices.Clone(policy)
	changed[m.file].Text = m.text
	ps, err := rules.LoadPolicies(changed)
	if err != nil {
		return true
	}
	dir, err := inventory.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	book, err := rules.NewBook(dir, ps...)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range plays {
		comes, err := told(book, p.story)
		if err != nil || comes != p.comes {
			copy(plays[1:i+1], plays[:i])
			plays[0] = p
			return true
		}
	}
	return false
}
