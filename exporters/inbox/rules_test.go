package inbox

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"vigie/exporters"
)

// load writes a file of rules and the mail of its example.
func load(t *testing.T, rules, mail string) (*Rules, error) {
	t.Helper()
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "example.eml"), []byte(mail), 0o600))
	file := filepath.Join(dir, "rules.yml")
	check(t, os.WriteFile(file, []byte(rules), 0o600))
	rs, err := LoadRules([]string{file})
	if err != nil {
		err = &strippedError{strings.ReplaceAll(err.Error(), dir+"/", "")}
	}
	return rs, err
}

type strippedError struct{ s string }

func (e *strippedError) Error() string { return e.s }

// Every mistake is told with file, line and cure.
func TestMistakesInRules(t *testing.T) {
	change := func(old, new string) string {
		if !strings.Contains(testRules, old) {
			t.Fatalf("no %q in the rules", old)
		}
		return strings.Replace(testRules, old, new, 1)
	}
	for _, c := range []struct{ name, rules, want string }{
		{"no YAML", "rules: [", "rules.yml:1: not valid YAML: did not find expected node content; check indentation"},
		{"no mapping", "- a\n", "rules.yml:1: not a mapping; begin with schema: 1"},
		{"another schema", change("schema: 1", "schema: 2"), "rules.yml:1: schema: 2 is not read by this program; write schema: 1"},
		{"unknown key", change("    subject:", "    betreff:"), "rules.yml:5: rules[0].betreff: unknown key; known here are body, claims, drop, ends_whole, examples, fails, from"},
		{"unknown key below", change("machine_class: server", "class: server"), "rules.yml:10: rules[0].set.class: unknown key; known here are backup_role"},
		{"bad pattern", change(`(?P<machine>\S+)`, `(?P<machine>\S+`), "rules.yml:5: rule test: subject: missing closing ): "},
		{"unknown capture", change("?P<error>", "?P<reason>"), `rules.yml:6: rule test: body: nothing is called "reason"; known names are customer, machine`},
		{"no machine", change("?P<machine>", "?:"), "rules.yml:4: rule test: no machine; capture one as (?P<machine>…)"},
		{"no result", change("?P<result>", "?:"), "rules.yml:4: rule test: no result; capture one"},
		{"two results", change("plan: files", "plan: files, result: failed"), "rules.yml:10: rule test: set.result: given beside a captured result"},
		{"no words", change("results: {good: success, so so: warning, bad: failed, skipped: missed}", "results: {}"), "rules.yml:9: rule test: results: missing; write what the captured words mean"},
		{"bad meaning", change("good: success", "good: fine"), `rules.yml:9: rule test: results.good: "fine" is no result; known are success`},
		{"the same word twice", change("so so: warning", "GOOD: warning"), "the same word twice"},
		{"unknown is good", change("    set:", "    otherwise: success\n    set:"), `rules.yml:10: rule test: otherwise: "success" for words that nobody knows; known are failed, cancelled, missed`},
		{"no engine", change("engine: robocopy, ", ""), "rules.yml:10: rule test: set.engine: missing; write the product"},
		{"bad class", change("machine_class: server", "machine_class: laptop"), `set.machine_class: "laptop" is no class; known are server, nas, workstation, other`},
		{"bad role", change("plan: files", "backup_role: main"), `set.backup_role: "main" is no role`},
		{"no layout", change("times: {layouts: ['2006-01-02 15:04:05']}", "times: {}"), "rules.yml:11: rule test: times.layouts: missing, though an instant is captured"},
		{"bad layout", change("'2006-01-02 15:04:05'", "'YYYY-MM-DD'"), `rules.yml:11: rule test: times.layouts: "YYYY-MM-DD" is no layout; write how 2 January 2006`},
		{"no zone", change("timezone: Europe/Paris\n", ""), "times.timezone: missing, though an instant is captured; write the zone"},
		{"bad zone", change("Europe/Paris", "Europe/Pariss"), `"Europe/Pariss" is no time zone`},
		{"fits everything", "schema: 1\nrules:\n- name: a\n  ignore: true\n", "rules.yml:3: rule a: it fits every mail; add a pattern"},
		{"name twice", testRules + strings.Split(testRules, "rules:\n")[1], `"test" is also the name of a rule in`},
		{"no name", change("name: test", "name: ''"), `rules.yml:4: rule : name: "" is no name`},
		{"count without rows", change(`^Ended (?P<ended>.+)$`, `^Ended (?P<count>.+)$`), "a captured count without rows"},
		{"no example", change("    examples:\n      - {mail: example.eml, results: [{machine: M, result: success}]}\n", ""), "rules.yml:4: rule test: examples: none; add a mail that the rule reads"},
		{"no mail", change("example.eml", "nowhere.eml"), "rules.yml:12: rule test: examples: example 1 (nowhere.eml): no mail to read"},
		{"wrong machine", change("machine: M,", "machine: N,"), `example 1 (example.eml): result 1: machine is "M", not "N"; mend the pattern, or what the example expects`},
		{"wrong result", change("result: success}", "result: failed}"), `result is "success", not "failed"`},
		{"wrong number", change("result: success}", "result: success}, {machine: M, result: success}"), "1 results instead of 2"},
		{"wrong end", change("result: success}", "result: success, ended: 2026-03-09T22:00:01+01:00}"), "ended is 2026-03-09T22:00:00+01:00, not 2026-03-09T22:00:01+01:00"},
		{"does not fit", change("Backup of", "Backups of"), "example 1 (example.eml): no rule reads it"},
		{"expects nothing", change("result: success}", "}"), "result 1 expects no machine or no result; write both"},
		{"another rule was first", change("rules:\n", "rules:\n  - name: first\n    subject: '^Backup of (?P<machine>\\S+): (?P<result>.+)$'\n    results: {good: success}\n    set: {engine: x}\n    examples: [{mail: example.eml, results: [{machine: M, result: success}]}]\n"), "it is read by rule first; make one of the two narrower"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, c.rules, exampleMail)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if err != nil && !regexp.MustCompile(`^rules.yml:.*; `).MatchString(err.Error()) {
				t.Errorf("no file or no cure: %v", err)
			}
		})
	}
	if _, err := load(t, testRules, exampleMail); err != nil {
		t.Error(err)
	}
	if _, err := load(t, change("^Backup of", "^(?:«\\b|(?:–|-)\\b)?Backup of"), exampleMail); err != nil {
		t.Errorf("a boundary beside a mark that is no letter: %v", err)
	}
}

func TestPatternsOverLines(t *testing.T) {
	for pattern, want := range map[string]string{
		`with errors`: `with[ \n]errors`, `^error *: *x`: `^error *: *x`, `none [^e]`: `none [^e]`, `a[ \t]b [^ c]`: `a[ \t]b [^ c]`, `été annulée, le`: `été[ \n]annulée,[ \n]le`, `a\[ b`: `a\[[ \n]b`, `\\[a b] c`: `\\[a b][ \n]c`,
	} {
		if got := overLines(pattern); got != want {
			t.Errorf("%s: %s, want %s", pattern, got, want)
		}
	}
}

const tableRules = `schema: 1
timezone: Europe/Paris
rules:
  - name: table
    subject: '^Report of (?P<customer>\S+), (?P<count>\d+) machines'
    body: ['^Day (?P<day>\S+)$']
    rows: '^(?P<machine>[^\t\n]+)\t(?P<result>[^\t\n]+)\t(?P<started>[^\t\n]*)\t(?P<ended>[^\t\n]*)\t(?P<size>[^\t\n]*)(?:\t(?P<error>[^\n]*))?$'
    results: {ok: success, ko: failed}
    set: {engine: robocopy}
    times: {layouts: ['02/01/2006 15:04']}
    examples: [{mail: example.eml, results: [{customer: dupont, machine: A, result: success, started: 2026-03-09T22:00:00+01:00, ended: 2026-03-10T00:10:00+01:00, size_bytes: 1024}]}]
`

const tableHead = "From: a@dupont.example\nDate: Tue, 10 Mar 2026 01:00:00 +0100\nSubject: Report of dupont, %d machines\n\nDay 09/03/2026\n"

func TestTables(t *testing.T) {
	one := strings.Replace(tableHead, "%d", "1", 1) + "A\tok\t22:00\t00:10\t1 KB\n"
	rs, err := load(t, tableRules, one)
	check(t, err)
	at := time.Date(2026, 3, 10, 1, 0, 0, 0, time.UTC)
	verdict := func(count, rows string) Verdict {
		m := read(t, strings.Replace(tableHead, "%d", count, 1)+rows)
		return rs.Read(&m, at)
	}
	v := verdict("3", "A\tok\t22:00\t00:10\t1 KB\nB\tKO\t22:00\t22:30\t\tdisk full\nB\tstrange\t?\t??\tmany\n")
	if len(v.Readings) != 3 || v.Problem != "" {
		t.Fatalf("%+v", v)
	}
	b, c := v.Readings[1], v.Readings[2]
	if b.Report.Result != "failed" || b.Report.Error != "disk full" || !b.Report.Ended.Equal(time.Date(2026, 3, 9, 21, 30, 0, 0, time.UTC)) || b.Customer != "dupont" || len(b.Unknown) != 0 {
		t.Errorf("%+v", b)
	}
	// What cannot be read is counted, and the mail's own date taken.
	if c.Report.Result != "unknown" || strings.Join(c.Unknown, " ") != "result started ended size" || !c.Report.Ended.Equal(time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", c)
	}
	// A row that the pattern does not fit would go silent: it is told, beside the others.
	if v := verdict("2", "A\tok\t22:00\t00:10\t1 KB\nB ko\n"); v.Problem != "" || strings.Join(v.Unread, "") != "the mail counts 2 results, the pattern rows finds 1" || len(v.Readings) != 1 {
		t.Errorf("%+v", v)
	}
	if v := verdict("1001", strings.Repeat("A\tok\t22:00\t00:10\t1 KB\n", 1001)); !strings.Contains(v.Problem, "more than 1000 results") {
		t.Errorf("%+v", v.Problem)
	}
	if v := verdict("0", "nothing\n"); v.Problem != "no rule reads it" {
		t.Errorf("%+v", v)
	}
}

// A customer that nobody knows keeps its own results out, not those of others.
func TestMailOfSeveralCustomers(t *testing.T) {
	rs, err := load(t, strings.Replace(strings.Replace(tableRules, "(?P<customer>\\S+)", "\\S+", 1), "(?P<machine>[^\\t\\n]+)\\t", "(?P<customer>[a-z]+)-(?P<machine>[^\\t\\n]+)\\t", 1), strings.Replace(tableHead, "%d", "1", 1)+"dupont-A\tok\t22:00\t00:10\t1 KB\n")
	check(t, err)
	c := &Config{rules: rs, Customers: map[string]*Customer{"dupont": {}, "martin": {}}}
	sort := func(rows string) sorted {
		return c.sort(envelope{Received: time.Date(2026, 3, 10, 1, 0, 0, 0, time.UTC)}, []byte(strings.Replace(tableHead, "%d", "2", 1)+rows))
	}
	s := sort("dupont-A\tok\t22:00\t00:10\t1 KB\nmartin-A\tko\t22:00\t00:10\t1 KB\n")
	if len(s.reports["dupont"]) != 1 || len(s.reports["martin"]) != 1 || s.problem != "" {
		t.Errorf("%+v", s)
	}
	s = sort("dupont-A\tok\t22:00\t00:10\t1 KB\ndurand-A\tko\t22:00\t00:10\t1 KB\n")
	if len(s.reports["dupont"]) != 1 || len(s.reports) != 1 || s.problem != "" || s.partly != `rule table: the other results were read; not read: no customer is called "durand"` {
		t.Errorf("%+v", s)
	}
	s = sort("durand-A\tok\t22:00\t00:10\t1 KB\ndurand-B\tko\t22:00\t00:10\t1 KB\n")
	if len(s.reports) != 0 || s.problem != `rule table: no customer is called "durand"` {
		t.Errorf("%+v", s)
	}
}

func TestJobIDs(t *testing.T) {
	seen := map[string]bool{}
	for _, parts := range [][]string{{"e", "a/b", "c"}, {"e", "a", "b/c"}, {"e", "a%2Fb", "c"}, {"e", "A b", "c"}, {"e", "A-b", "c"}, {"e", strings.Repeat("é", 100), "c"}, {"e", strings.Repeat("é", 100), "d"}} {
		id := jobID(parts...)
		if seen[id] || len(id) > 128 || strings.ToValidUTF8(id, "") != id {
			t.Errorf("%q of %q", id, parts)
		}
		seen[id] = true
	}
	if jobID("e", "SRV-AD", "Daily") != jobID("e", "srv-ad", "daily") {
		t.Error("case matters")
	}
}

// Arbitrary rules load, or are refused with a place; they never end badly.
func FuzzRules(f *testing.F) {
	f.Add([]byte(testRules), exampleMail)
	f.Add([]byte(tableRules), tableHead)
	for _, name := range shippedRules(f) {
		text, err := os.ReadFile(name)
		check(f, err)
		f.Add(text, exampleMail)
	}
	at := time.Date(2026, 3, 10, 7, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text []byte, mail string) {
		list, err := parseRules("rules.yml", text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "rules.yml") {
				t.Errorf("no place: %v", err)
			}
			return
		}
		m, err := ReadMail([]byte(mail))
		if err != nil {
			return
		}
		v := (&Rules{list: list}).Read(&m, at)
		for _, r := range v.Readings {
			r.Report.RunID = "x"
			if err := r.Report.Check(); err == nil && r.Report.Result == exporters.Success.String() && r.Report.Error != "" {
				t.Errorf("a success with an error: %+v", r)
			}
		}
	})
}

// A rule for what is passed on may write the mark in any way; one that begins with
// anything is for none.
func TestRulesForWhatIsPassedOn(t *testing.T) {
	mail := strings.Replace(exampleMail, "Subject: ", "Subject: TR : ", 1)
	for subject, read := range map[string]bool{
		`(?i)^(?:RE|FW|TR)\s?:\s*`: true, `^[Tt][Rr] ?: `: true, `^(?:TR : )?`: true, `^TR : `: true, `^(?:TR : )?.*`: true,
		`^.*`: false, `^[^:]+: `: false, ``: false,
	} {
		rules := strings.Replace(testRules, "^Backup", subject+"Backup", 1)
		_, err := load(t, rules, mail)
		if (err == nil) != read {
			t.Errorf("%s: %v", subject, err)
		}
	}
}
