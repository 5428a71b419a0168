package policy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"vigie/internal/strict"
)

// Target is what must be done by when.
type Target struct {
	Name string
	// From is the moment its clock starts.
	From string
	// Default applies to every severity without an own entry.
	Default    *Delay
	BySeverity map[string]*Delay
	MetBy      []string // conditions, any of them
	OnlyIf     []string
	// LateBelow marks the incident late_start when less business time than
	// this is left at the clock's start.
	LateBelow *Delay
	Pausable  bool
	// Measured is a target that has no clock: what is measured breaches it.
	Measured bool
	At       strict.Position
}

// Stopwatch is true for a target whose clock can stand still.
func (t *Target) Stopwatch() bool {
	if t.Default != nil {
		return t.Default.Business != nil && t.Default.Business.Unit.Pausable()
	}
	for _, x := range t.BySeverity {
		if x.Business != nil && x.Business.Unit.Pausable() {
			return true
		}
	}
	return false
}

type targetDoc struct {
	strict.Position
	Measured   string              `yaml:"measured"`
	From       string              `yaml:"from"`
	Within     *delayDoc           `yaml:"within"`
	Calendar   string              `yaml:"calendar"`
	AtLeast    *delayDoc           `yaml:"at_least"`
	BySeverity map[string]delayDoc `yaml:"by_severity"`
	MetBy      []string            `yaml:"met_by"`
	OnlyIf     []string            `yaml:"only_if"`
	LateBelow  *delayDoc           `yaml:"late_below"`
	Pausable   *bool               `yaml:"pausable"`
}

// namedTargetDocs keeps the order of the file, which decides the order of
// breaches at one instant.
type namedTargetDocs []namedTargetDoc

type namedTargetDoc struct {
	name string
	doc  targetDoc
}

// Shape is what stands below the name of a target.
func (namedTargetDocs) Shape() any { return map[string]targetDoc(nil) }

func (t *namedTargetDocs) UnmarshalStrict(n *yaml.Node, d *strict.Decoder) error {
	path := d.Path()
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("expected target names with their delays below them")
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i].Value
		for _, known := range *t {
			if known.name == name {
				d.Fault(n.Content[i], path, "target %q stands twice: keep one", name)
			}
		}
		var doc targetDoc
		d.Into(n.Content[i+1], &doc, path+"."+name)
		*t = append(*t, namedTargetDoc{name, doc})
	}
	return nil
}

func (t namedTargetDoc) load(l *loader, s *Scenario, path string) *Target {
	d := t.doc
	out := &Target{Name: t.name, From: d.From, MetBy: d.MetBy, OnlyIf: d.OnlyIf, At: d.Position, Pausable: true}
	if d.Measured != "" {
		t.measured(l, out, path)
		return out
	}
	if out.From == "" {
		out.From = "start"
	}
	if d.Pausable != nil {
		out.Pausable = *d.Pausable
	}
	l.moment(d.Position, path+".from", out.From)
	l.conditions(d.Position, path+".met_by", d.MetBy)
	l.conditions(d.Position, path+".only_if", d.OnlyIf)
	if len(d.MetBy) == 0 {
		l.fault(d.Position, path+".met_by", "nothing says when the target is met: name one or more of %s", strings.Join(l.known.Conditions, ", "))
	}
	d.delays(l, s, out, path)
	if out.Default == nil && out.BySeverity == nil {
		l.fault(d.Position, path, "no delay: add within: or by_severity:")
	}
	if d.LateBelow != nil {
		out.LateBelow = d.delay(l, s, d.LateBelow, path+".late_below")
	}
	return out
}

// delays takes the one delay of a target, or those by severity.
func (d targetDoc) delays(l *loader, s *Scenario, out *Target, path string) {
	switch {
	case d.Within != nil && len(d.BySeverity) > 0:
		l.fault(d.Position, path, "within and by_severity stand together: keep one")
	case d.AtLeast != nil && (d.Within == nil || d.Within.Business == nil || d.AtLeast.Business == nil):
		l.fault(d.AtLeast.Position, path+".at_least", "it goes with business units only, as in: within: close_of_business_day 0, at_least: 2 business_hours")
	}
	if d.Within != nil {
		if d.AtLeast != nil && d.Within.Business != nil && d.AtLeast.Business != nil {
			joined := *d.Within.Business
			joined.AtLeast = d.AtLeast.Business
			if err := joined.Validate(); err != nil {
				l.fault(d.AtLeast.Position, path+".at_least", "%s", err)
			}
			d.Within.Business = &joined
		}
		out.Default = d.delay(l, s, d.Within, path+".within")
	}
	for _, name := range slices.Sorted(maps.Keys(d.BySeverity)) {
		x := d.BySeverity[name]
		if x.Business == nil && !x.IsZero() {
			l.fault(x.Position, path+".by_severity."+name, "%s is elapsed time, which a severity cannot have: write e.g. 2 business_hours", x.Elapsed)
		}
		if !slices.Contains(s.Severity.Order, name) {
			l.fault(x.Position, path+".by_severity", "%s", strict.Unknown("severity", name, s.Severity.Order))
		}
		if out.BySeverity == nil {
			out.BySeverity = map[string]*Delay{}
		}
		out.BySeverity[name] = d.delay(l, s, &x, path+".by_severity."+name)
	}
}

// delay gives a delay the calendar that it does not name itself.
func (d targetDoc) delay(l *loader, s *Scenario, x *delayDoc, path string) *Delay {
	v := x.Delay
	v.Calendar = cmp.Or(v.Calendar, d.Calendar, s.Calendar)
	l.calendar(x.Position, path+".calendar", v.Calendar, v.Business == nil)
	if v.IsZero() {
		l.fault(x.Position, path, "the delay is zero: write e.g. 2 business_hours")
	}
	return &v
}
