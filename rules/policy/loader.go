package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"vigie/internal/strict"
	"vigie/rules/model"
)

// Vocabulary is what a policy may name beside what it defines itself: the words
// that decisions know how to follow.
type Vocabulary struct {
	Acts       []string // verbs of a person's acts
	Moments    []string // what `at:` and `from:` name, beside act:, flag:, step: and due:
	Conditions []string // what `unless:`, `only_if:`, `met_by:` and `rests_while:` name
	Fields     []string // fields of inventory and incident that a role names
}

// loader turns the documents of one policy into a [Policy] and collects what is
// wrong with them. Each kind of document loads itself; what they refer to is
// checked here.
type loader struct {
	known    Vocabulary
	defaults defaults
	policy   *Policy
	faults   strict.Faults
	docs     map[string]scenarioDoc // those read so far, as others may be like them
	like     bool                   // the scenario that is read is like another one
}

func (l *loader) fault(at strict.Position, path, format string, args ...any) {
	f := strict.Fault{Position: at, Path: path, What: fmt.Sprintf(format, args...)}
	// What a scenario has from the one that it is like was complained of there.
	if l.like && slices.ContainsFunc(l.faults, func(o strict.Fault) bool { return o.Position == f.Position && o.What == f.What }) {
		return
	}
	l.faults = append(l.faults, f)
}

// calendar checks the name of a calendar.
func (l *loader) calendar(at strict.Position, path, name string, optional bool) {
	if name == "" && optional {
		return
	}
	if _, ok := l.policy.Calendars[name]; !ok {
		l.fault(at, path, "%s", strict.Unknown("calendar", name, slices.Sorted(maps.Keys(l.policy.Calendars))))
	}
}

func (l *loader) roles(at strict.Position, path string, names []string) {
	for _, n := range names {
		if _, ok := l.policy.Roles[n]; !ok {
			l.fault(at, path, "%s", strict.Unknown("role", n, slices.Sorted(maps.Keys(l.policy.Roles))))
		}
	}
}

func (l *loader) acts(at strict.Position, path string, verbs ...string) {
	for _, v := range verbs {
		if !slices.Contains(l.known.Acts, v) {
			l.fault(at, path, "%s", strict.Unknown("act", v, l.known.Acts))
		}
	}
}

// stepOf checks the step that a moment such as step:NAME speaks of.
func (l *loader) stepOf(at strict.Position, path, moment string, steps []string) {
	kind, name, ok := strings.Cut(moment, ":")
	if ok && (kind == "step" || kind == "due") && !slices.Contains(steps, name) {
		l.fault(at, path, "%s", strict.Unknown("step", name, steps))
	}
}

func (l *loader) flags(at strict.Position, path string, names ...model.Flag) {
	flags := model.Flags()
	known := make([]string, len(flags))
	for i, f := range flags {
		known[i] = string(f)
	}
	for _, f := range names {
		if !slices.Contains(flags, f) {
			l.fault(at, path, "%s", strict.Unknown("flag", string(f), known))
		}
	}
}

func (l *loader) moment(at strict.Position, path, name string) {
	if slices.Contains(l.known.Moments, name) {
		return
	}
	kind, rest, ok := strings.Cut(name, ":")
	switch {
	case ok && kind == "act" && slices.Contains(l.known.Acts, rest):
	case ok && kind == "flag" && slices.Contains(model.Flags(), model.Flag(rest)):
	case ok && (kind == "step" || kind == "due"):
	case ok:
		l.fault(at, path, "unknown moment %q: write act:VERB, flag:FLAG, step:NAME or due:NAME, or one of %s", name, strings.Join(l.known.Moments, ", "))
	default:
		l.fault(at, path, "%s", strict.Unknown("moment", name, l.known.Moments))
	}
}

func (l *loader) conditions(at strict.Position, path string, names []string) {
	for _, n := range names {
		bare := strings.TrimPrefix(n, "not ")
		if slices.Contains(l.known.Conditions, bare) {
			continue
		}
		if arg, ok := strings.CutPrefix(bare, "severity "); ok && arg != "" {
			continue
		}
		l.fault(at, path, "%s", strict.Unknown("condition", bare, l.known.Conditions))
	}
}

// matchers reads optional matchers; none at all match nothing.
func (l *loader) matchers(at strict.Position, path string, texts []string) model.Matchers {
	ms, err := model.ParseMatchers(texts)
	if err != nil {
		l.fault(at, path, `%s: write matchers as in Alertmanager, e.g. 'recent_change="true"'`, err)
	}
	return ms
}

// oneOf refuses a word that is none of those known.
func (l *loader) oneOf(at strict.Position, path, word string, known ...string) {
	if !slices.Contains(known, word) {
		l.fault(at, path, "%s", strict.Unknown("word", word, known))
	}
}
