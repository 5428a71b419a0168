package model

import (
	"maps"
	"regexp/syntax"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/prometheus/alertmanager/matcher/parse"
	"github.com/prometheus/alertmanager/pkg/labels"
)

// Labels is a set of label names and values, as Prometheus uses them.
type Labels map[string]string

// Names of the labels that design and alerting rules agree on.
const (
	LabelAlertname    = "alertname"
	LabelCustomer     = "customer"
	LabelMachine      = "machine"
	LabelMachineClass = "machine_class"
	LabelBackupRole   = "backup_role"
	LabelEngine       = "engine"
	LabelPlan         = "plan"
	LabelSource       = "source"
	LabelExporter     = "exporter"
	LabelJobID        = "job_id"
	LabelKind         = "kind"
	LabelSeverity     = "severity"
	LabelSignal       = "signal"
	LabelPlatform     = "platform"
	LabelHost         = "host"
)

// UnknownPlatform is the platform of reports about what is none of the inventory.
const UnknownPlatform = "unknown"

// UnknownReporter stands for a caller of the emergency entry without a code. It is nobody's
// address, so that the entry cannot be used to write to strangers.
const UnknownReporter = "unknown"

// Clone returns an independent copy.
func (l Labels) Clone() Labels {
	c := make(Labels, len(l))
	maps.Copy(c, l)
	return c
}

// Contains reports whether l has every label of sub with the same value.
func (l Labels) Contains(sub Labels) bool {
	for k, v := range sub {
		if l[k] != v {
			return false
		}
	}
	return true
}

// OfBackup reports whether labels tell of a backup: they say its role, name a job and
// whose it is, or have a name of the shipped rules. A machine alone proves nothing: its
// full disk is no failed backup, and neither is a batch job or a database engine on it.
func (l Labels) OfBackup() bool {
	return l[LabelBackupRole] != "" || l.NamesJob() && (l[LabelEngine] != "" || l[LabelSource] != "") || strings.HasPrefix(l[LabelAlertname], "Backup")
}

// NamesJob reports whether labels name a job, by its id or its name.
func (l Labels) NamesJob() bool { return l[LabelJobID] != "" || l[LabelPlan] != "" }

// Pick returns the named labels; a label that is missing is left out.
func (l Labels) Pick(names []string) Labels {
	p := Labels{}
	for _, n := range names {
		if v, ok := l[n]; ok {
			p[n] = v
		}
	}
	return p
}

// String prints the set in Prometheus's notation, sorted by name:
// {backup_role="primary",customer="dupont"}. It identifies the set.
func (l Labels) String() string {
	names := make([]string, 0, len(l))
	for k := range l {
		names = append(names, k)
	}
	sort.Strings(names)
	var b strings.Builder
	b.WriteByte('{')
	for i, n := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(n)
		b.WriteByte('=')
		b.WriteString(strconv.Quote(l[n]))
	}
	b.WriteByte('}')
	return b.String()
}

// Matchers are Alertmanager's label matchers; all must match. A label that is
// missing matches as an empty value, as in Alertmanager.
type Matchers []*labels.Matcher

// ParseMatchers reads matchers in Alertmanager's notation, one per string:
// `machine_class=~"server|nas"`.
func ParseMatchers(texts []string) (Matchers, error) {
	ms := make(Matchers, 0, len(texts))
	for _, t := range texts {
		m, err := parseMatcher(t)
		if err != nil {
			return nil, err
		}
		ms = append(ms, m)
	}
	return ms, nil
}

// parseMatcher reads one matcher; a quoted label name may be any UTF-8, as in
// "service.name"="shop".
func parseMatcher(text string) (*labels.Matcher, error) {
	if strings.HasPrefix(strings.TrimSpace(text), `"`) {
		return parse.Matcher(text)
	}
	return labels.ParseMatcher(text)
}

// Match reports whether every matcher accepts the label set.
func (ms Matchers) Match(l Labels) bool {
	for _, m := range ms {
		if !m.Matches(l[m.Name]) {
			return false
		}
	}
	return true
}

// Equalities returns the labels that the matchers fix to one value.
func (ms Matchers) Equalities() Labels {
	l := Labels{}
	for _, m := range ms {
		if m.Type == labels.MatchEqual {
			l[m.Name] = m.Value
		}
	}
	return l
}

// CoverAll reports whether every signal that narrow matches is matched too. It
// may miss such a case, but never claims a false one.
func (ms Matchers) CoverAll(narrow Matchers) bool {
	for _, m := range ms {
		if !slices.ContainsFunc(narrow, func(n *labels.Matcher) bool { return n.Name == m.Name && implies(n, m) }) {
			return false
		}
	}
	return true
}

// implies reports whether what n accepts is accepted by m.
func implies(n, m *labels.Matcher) bool {
	if n.String() == m.String() {
		return true
	}
	switch n.Type {
	case labels.MatchEqual:
		return m.Matches(n.Value)
	case labels.MatchRegexp:
		words, ok := alternatives(n.Value)
		return ok && !slices.ContainsFunc(words, func(w string) bool { return !m.Matches(w) })
	}
	return false
}

// alternatives lists the words of a pattern such as server|nas.
func alternatives(pattern string) ([]string, bool) {
	words := strings.Split(pattern, "|")
	for _, w := range words {
		re, err := syntax.Parse(w, syntax.Perl)
		if err != nil || re.Op != syntax.OpLiteral && re.Op != syntax.OpEmptyMatch {
			return nil, false
		}
	}
	return words, true
}
