package inbox

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"

	"vigie/exporters"
	"vigie/internal/clip"
	"vigie/internal/strict"
)

// The bounds of rule files.
const (
	rulesSchema  = 1
	maxRuleFile  = 1 << 20
	maxRules     = 500
	maxPattern   = 4 << 10
	maxRuleNames = 100
)

// Rules are all rules, in the order in which they are tried. They do not
// change once loaded, and may be used at once.
type Rules struct {
	list   []*rule
	sum    string
	faults []error // of rules that are set aside
}

// rule is one kind of report.
type rule struct {
	Name string `yaml:"name"`
	// From, To and Subject are patterns (RE2) of one address and of the
	// subject; what is left out fits everything.
	From    string `yaml:"from"`
	To      string `yaml:"to"`
	Subject string `yaml:"subject"`
	// Body are patterns that all have to fit the text, unless optional.
	Body []pattern `yaml:"body"`
	// Rows fits once for each result of a mail that has several.
	Rows string `yaml:"rows"`
	// Claims keeps a mail that it fits from all rules behind: what this one
	// does not read then, nobody reads.
	Claims string `yaml:"claims"`
	// EndsWhole says that a mail whose rows are all good also ends a failure that
	// an earlier mail told of the plan as a whole, before it came to its machines:
	// that of the machine that is called like the plan, or as whole captures it.
	EndsWhole bool `yaml:"ends_whole"`
	// Drop are patterns that are cut out of the names of machines and plans.
	Drop []string `yaml:"drop"`
	// Warns and Fails take away from a success what they fit in the text.
	Warns []string `yaml:"warns"`
	Fails []string `yaml:"fails"`
	// State says that the mail tells how the last run ended, whenever it was:
	// the mail's own date is no run.
	State bool `yaml:"state"`
	// Never fits a state in which nothing was ever saved.
	Never string `yaml:"never"`
	// Results say what the captured words mean, without regard to case.
	Results map[string]string `yaml:"results"`
	// Otherwise is what all other words mean: failed, cancelled or missed.
	// Without it another word is an unknown result, and counted.
	Otherwise string `yaml:"otherwise"`
	// Ignore drops the mails, and counts them.
	Ignore   bool      `yaml:"ignore"`
	Set      fixed     `yaml:"set"`
	Times    ruleTimes `yaml:"times"`
	Examples []example `yaml:"examples"`

	file     string
	node     *yaml.Node
	aside    error          // what keeps it from being relied on; it reads nothing
	from, to *regexp.Regexp // nil: everything fits
	subject  *regexp.Regexp
	rows     *regexp.Regexp
	claims   *regexp.Regexp
	never    *regexp.Regexp
	drop     []*regexp.Regexp
	warns    []*regexp.Regexp
	fails    []*regexp.Regexp
	words    map[string]string
	inNames  []*regexp.Regexp // words that no name may hold
	clock    times
}

// halfBoundary finds a \b beside a letter that is not ASCII, also that of a choice:
// it never fits as meant. Such a rule is set aside; without its boundaries it fits
// what it was meant for, and more, so that no rule behind reads these mails.
var halfBoundary = regexp.MustCompile(`\\b(?:\(\?:(?:[^()|]*\|)*)?[^\x00-\x7F\p{P}\p{S}\p{Z}]|[^\x00-\x7F\p{P}\p{S}\p{Z}](?:(?:\|[^()|]*)*\))?\\b`)

var boundary = regexp.MustCompile(`(^|[^\\])((?:\\\\)*)\\b`)

// pattern is a text, or a mapping with the key optional beside it.
type pattern struct {
	Pattern  string `yaml:"pattern"`
	Optional bool   `yaml:"optional"`

	re *regexp.Regexp
}

// UnmarshalStrict reads both forms.
func (p *pattern) UnmarshalStrict(node *yaml.Node, d *strict.Decoder) error {
	if node.Kind == yaml.ScalarNode {
		p.Pattern = node.Value
		return nil
	}
	type plain pattern
	d.Into(node, (*plain)(p), d.Path())
	return nil
}

// fixed are values that a rule gives to all its results.
type fixed struct {
	Customer         string          `yaml:"customer"`
	Machine          string          `yaml:"machine"`
	MachineClass     exporters.Class `yaml:"machine_class"`
	BackupRole       exporters.Role  `yaml:"backup_role"`
	Engine           string          `yaml:"engine"`
	Plan             string          `yaml:"plan"`
	ObjectType       string          `yaml:"object_type"`
	Result           string          `yaml:"result"`
	Error            string          `yaml:"error"`
	ExpectedInterval string          `yaml:"expected_interval"`
}

type ruleTimes struct {
	Layouts  []string `yaml:"layouts"`
	Timezone string   `yaml:"timezone"`
}

// captures are the names that patterns may give to what they find.
func captures() []string {
	return []string{"customer", "machine", "plan", "object_type", "target", "result", "started", "ended", "day", "last_success", "size", "error", "count", "overall", "whole"}
}

func resultWords() []string {
	return []string{"success", "warning", "failed", "cancelled", "missed"}
}

// LoadRules reads the files in their order and tries every rule on its own
// examples, with all rules in force but those that are set aside.
func LoadRules(files []string) (*Rules, error) {
	out := &Rules{}
	sum := sha256.New()
	for _, file := range files {
		data, err := readBounded(file, maxRuleFile)
		if err != nil {
			return nil, &exporters.ConfigError{Key: "rules", What: err.Error(), Cure: "name files that the exporter can read"}
		}
		_, _ = sum.Write(data)
		_, _ = sum.Write([]byte{0})
		list, err := parseRules(file, data)
		if err != nil {
			return nil, err
		}
		for _, r := range list {
			if i := slices.IndexFunc(out.list, func(o *rule) bool { return o.Name == r.Name }); i >= 0 {
				return nil, r.bad("name", fmt.Sprintf("%q is also the name of a rule in %s", r.Name, out.list[i].file), "give each rule a name of its own")
			}
			out.list = append(out.list, r)
		}
	}
	if len(out.list) == 0 || len(out.list) > maxRules {
		return nil, &exporters.ConfigError{Key: "rules", What: fmt.Sprintf("%d rules", len(out.list)), Cure: fmt.Sprintf("write from 1 to %d", maxRules)}
	}
	out.sum = hex.EncodeToString(sum.Sum(nil))
	relied := Rules{}
	for _, r := range out.list {
		if r.aside != nil {
			out.faults = append(out.faults, r.aside)
			continue
		}
		relied.list = append(relied.list, r)
	}
	for _, r := range relied.list {
		if err := relied.try(r); err != nil {
			return nil, err
		}
		if err := relied.tryPairs(r); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func readBounded(file string, limit int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s: longer than %d bytes", file, limit)
	}
	return data, err
}

// parseRules reads one file without its examples.
func parseRules(file string, data []byte) ([]*rule, error) {
	root, err := exporters.Mapping(file, data, "schema: 1")
	if err != nil {
		return nil, err
	}
	var top struct {
		Schema   int         `yaml:"schema"`
		Timezone string      `yaml:"timezone"`
		Rules    []yaml.Node `yaml:"rules"`
	}
	if err := exporters.DecodeStrict(file, "", root, &top); err != nil {
		return nil, err
	}
	if top.Schema != rulesSchema {
		return nil, &exporters.ConfigError{File: file, Line: max(1, exporters.LineOf(root, "schema")), Key: "schema", What: fmt.Sprintf("%d is not read by this program", top.Schema), Cure: "write schema: 1"}
	}
	if len(top.Rules) > maxRules {
		return nil, &exporters.ConfigError{File: file, Key: "rules", What: fmt.Sprintf("%d rules", len(top.Rules)), Cure: fmt.Sprintf("write at most %d", maxRules)}
	}
	var out []*rule
	for i := range top.Rules {
		r := &rule{file: file, node: &top.Rules[i]}
		if r.node.Kind != yaml.MappingNode {
			return nil, r.bad("", "not a mapping", "write name and patterns")
		}
		if err := exporters.DecodeStrict(file, fmt.Sprintf("rules[%d]", i), r.node, r); err != nil {
			return nil, err
		}
		if err := r.compile(top.Timezone); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// bad says what is wrong with a key of the rule.
func (r *rule) bad(key, what, cure string) error {
	line := r.node.Line
	if at := exporters.LineOf(r.node, key); key != "" && at > 0 {
		line = at
	}
	at := "rule " + r.Name
	if key != "" {
		at += ": " + key
	}
	return &exporters.ConfigError{File: r.file, Line: line, Key: at, What: what, Cure: cure}
}

func (r *rule) compile(timezone string) error {
	if r.Name == "" || len(r.Name) > maxRuleNames || r.Name != exporters.CleanName(r.Name) {
		return r.bad("name", fmt.Sprintf("%q is no name", clip.Bytes(r.Name, maxRuleNames)), "give the rule a short name of its own")
	}
	if r.From == "" && r.To == "" && r.Subject == "" && len(r.Body) == 0 && r.Rows == "" {
		return r.bad("", "it fits every mail", "add a pattern: from, to, subject, body or rows")
	}
	found, err := r.compilePatterns()
	if err != nil {
		return err
	}
	if r.Ignore {
		return nil
	}
	if err := r.compileResults(found); err != nil {
		return err
	}
	if err := r.checkSet(found); err != nil {
		return err
	}
	return r.compileTimes(found, timezone)
}

// compilePatterns gives the names of all captures.
func (r *rule) compilePatterns() (map[string]bool, error) {
	found := map[string]bool{}
	one := func(key, text, flags string) (*regexp.Regexp, error) {
		if text == "" {
			return nil, nil
		}
		if len(text) > maxPattern {
			return nil, r.bad(key, fmt.Sprintf("a pattern of %d bytes", len(text)), fmt.Sprintf("use at most %d", maxPattern))
		}
		if strings.Contains(text, resultsMark) && len(r.Results) == 0 {
			return nil, r.bad(key, resultsMark+" stands for the words of results, of which there are none", "write results, such as {completed: success, failed: failed}")
		}
		if halfBoundary.MatchString(text) {
			r.aside = cmp.Or(r.aside, r.bad(key, `\b beside a letter with an accent never fits as meant: it knows ASCII letters only`, `write (?:^|[^\p{L}]) before it and (?:$|[^\p{L}]) behind it`))
			text = boundary.ReplaceAllString(text, "$1$2")
		}
		re, err := regexp.Compile(flags + r.expand(text))
		if err != nil {
			return nil, r.bad(key, strings.TrimPrefix(err.Error(), "error parsing regexp: "), "write a regular expression as RE2 knows them, in single quotes")
		}
		for _, n := range re.SubexpNames() {
			if n != "" && !slices.Contains(captures(), n) {
				return nil, r.bad(key, fmt.Sprintf("nothing is called %q", n), "known names are "+strings.Join(captures(), ", "))
			}
			found[n] = true
		}
		return re, nil
	}
	var err error
	if r.from, err = one("from", r.From, "(?i)"); err != nil {
		return nil, err
	}
	if r.to, err = one("to", r.To, "(?i)"); err != nil {
		return nil, err
	}
	if r.subject, err = one("subject", r.Subject, ""); err != nil {
		return nil, err
	}
	for i := range r.Body {
		if r.Body[i].Pattern == "" {
			return nil, r.bad("body", "an empty pattern", "write a regular expression, or take it out")
		}
		if r.Body[i].re, err = one("body", r.Body[i].Pattern, "(?m)"); err != nil {
			return nil, err
		}
	}
	if r.rows, err = one("rows", r.Rows, "(?m)"); err != nil {
		return nil, err
	}
	return found, r.compileBeside(one)
}

// compileBeside compiles the patterns that find no values.
func (r *rule) compileBeside(one func(key, text, flags string) (*regexp.Regexp, error)) error {
	var err error
	if r.claims, err = one("claims", r.Claims, "(?m)"); err != nil {
		return err
	}
	if r.never, err = one("never", r.Never, "(?m)"); err != nil {
		return err
	}
	for _, l := range []struct {
		key   string
		texts []string
		into  *[]*regexp.Regexp
	}{{"drop", r.Drop, &r.drop}, {"warns", r.Warns, &r.warns}, {"fails", r.Fails, &r.fails}} {
		for _, text := range l.texts {
			if text == "" {
				return r.bad(l.key, "an empty pattern", "write a regular expression, or take it out")
			}
			if l.key != "drop" {
				text = overLines(text)
			}
			re, err := one(l.key, text, "(?m)")
			if err != nil {
				return err
			}
			*l.into = append(*l.into, re)
		}
	}
	return nil
}

// overLines lets the blanks between the words of a pattern fit the end of a line as
// well, where mail programs break a sentence. Those of a class stay as they are.
func overLines(pattern string) string {
	var out strings.Builder
	class, escaped, text := false, false, []rune(pattern)
	for i, r := range text {
		switch {
		case escaped:
			escaped = false
		case r == '\\':
			escaped = true
		case r == '[':
			class = true
		case r == ']':
			class = false
		case r == ' ' && !class && i > 0 && i+1 < len(text) && unicode.IsLetter(text[i+1]):
			out.WriteString(`[ \n]`)
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}

func (r *rule) compileResults(found map[string]bool) error {
	switch {
	case r.Set.Result == "" && !found["result"]:
		return r.bad("", "no result", "capture one as (?P<result>…), or write set: {result: failed}")
	case r.Set.Result != "" && found["result"]:
		return r.bad("set.result", "given beside a captured result", "keep one of them")
	case found["result"] && len(r.Results) == 0:
		return r.bad("results", "missing", "write what the captured words mean, such as {Success: success, Failed: failed}")
	case r.Set.Result != "" && !slices.Contains(resultWords(), r.Set.Result):
		return r.bad("set.result", fmt.Sprintf("%q is no result", r.Set.Result), "known are "+strings.Join(resultWords(), ", "))
	}
	switch r.Otherwise {
	case "", "failed", "cancelled", "missed":
	default:
		return r.bad("otherwise", fmt.Sprintf("%q for words that nobody knows", r.Otherwise), "known are failed, cancelled, missed: an unknown word is never good")
	}
	r.words = map[string]string{}
	for word, meaning := range r.Results {
		if !slices.Contains(resultWords(), meaning) {
			return r.bad("results."+word, fmt.Sprintf("%q is no result", meaning), "known are "+strings.Join(resultWords(), ", "))
		}
		key := wordKey(word)
		if other, twice := r.words[key]; key == "" || twice && other != meaning {
			return r.bad("results."+word, "empty, or the same word twice", "write each word once; case does not matter")
		}
		r.words[key] = meaning
	}
	r.inNames = resultWordsInNames(r.words)
	return nil
}

// wordKey makes words alike that differ by case, blanks or the apostrophe.
func wordKey(s string) string {
	return strings.ToLower(strings.ReplaceAll(line(s), "\u2019", "'"))
}

func (r *rule) checkSet(found map[string]bool) error {
	s := &r.Set
	switch {
	case s.Machine == "" && !found["machine"]:
		return r.bad("", "no machine", "capture one as (?P<machine>…), or write set: {machine: SRV-AD}")
	case s.Engine == "":
		return r.bad("set.engine", "missing", "write the product, such as veeam, windows_server_backup, arcserve, synology")
	case !engineName.MatchString(s.Engine):
		return r.bad("set.engine", fmt.Sprintf("%q is no word for an engine", s.Engine), "use lower-case letters, digits and underscores")
	}
	if s.MachineClass != "" {
		if err := (exporters.Intervals{s.MachineClass: exporters.Duration(time.Hour)}).Check("set.machine_class"); err != nil {
			return r.bad("set.machine_class", fmt.Sprintf("%q is no class", s.MachineClass), "known are server, nas, workstation, other")
		}
	}
	if s.BackupRole != "" && exporters.CheckRole(s.BackupRole) != nil {
		return r.bad("set.backup_role", fmt.Sprintf("%q is no role", s.BackupRole), "known are primary, local")
	}
	if d, err := model.ParseDuration(s.ExpectedInterval); s.ExpectedInterval != "" && (err != nil || d == 0) {
		return r.bad("set.expected_interval", "not a duration", "write for example 24h or 7d")
	}
	switch {
	case r.State && r.rows == nil && !found["ended"]:
		return r.bad("state", "no instant of the last run is captured", "capture it as (?P<ended>…): the mail's date is none")
	case r.Never != "" && !r.State:
		return r.bad("never", "the rule tells no state", "write state: true as well, or take it out")
	case found["last_success"] && !r.State:
		return r.bad("state", "missing, though the last success is captured", "write state: true as well, or take last_success out")
	}
	if found["whole"] && r.rows == nil {
		return r.bad("", "a captured whole without rows", "whole names what the mail is about beside its rows")
	}
	if found["overall"] && r.rows == nil {
		return r.bad("", "a captured overall without rows", "overall is the result of the whole, beside those of its rows")
	}
	if found["count"] && r.rows == nil {
		return r.bad("", "a captured count without rows", "count is the number of rows that there must be")
	}
	return nil
}

var engineName = regexp.MustCompile(`^[a-z0-9][a-z0-9_]{0,63}$`)

func (r *rule) compileTimes(found map[string]bool, timezone string) error {
	if !found["started"] && !found["ended"] && !found["day"] && !found["last_success"] {
		return nil
	}
	if len(r.Times.Layouts) == 0 {
		return r.bad("times.layouts", "missing, though an instant is captured", "write how 2 January 2006 15:04:05 would look in the mail, such as 02/01/2006 15:04:05")
	}
	known := time.Date(2006, 1, 2, 15, 4, 5, 0, time.UTC)
	for _, l := range r.Times.Layouts {
		if at, err := time.Parse(l, known.Format(l)); err != nil || at.Equal(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)) || l == known.AddDate(1, 1, 1).Add(time.Hour).Format(l) {
			return r.bad("times.layouts", fmt.Sprintf("%q is no layout", l), "write how 2 January 2006 15:04:05 would look in the mail, such as 02/01/2006 15:04:05")
		}
	}
	if r.Times.Timezone != "" {
		timezone = r.Times.Timezone
	}
	if timezone == "" {
		return r.bad("times.timezone", "missing, though an instant is captured", "write the zone of the machine that sends, such as Europe/Paris")
	}
	zone, err := time.LoadLocation(timezone)
	if err != nil || timezone == "Local" {
		return r.bad("times.timezone", fmt.Sprintf("%q is no time zone", timezone), "write a name such as Europe/Paris or UTC")
	}
	r.clock = times{layouts: r.Times.Layouts, zone: zone}
	return nil
}

// beside makes a file name relative to the rule's file.
func (r *rule) beside(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(r.file), name)
}
