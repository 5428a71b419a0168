package classify

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/rules/incident"
	"vigie/rules/inventory"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// Correlated is a failure common to several incidents.
type Correlated struct {
	Signal  model.Signal // raises or keeps alive the common incident
	Members []string     // keys of the incidents that are part of it
	Marks   bool
}

// Look looks over the incidents that are open or were opened lately for every
// common failure that holds now (P16, S1.16). It is shown one after the other, in
// any order, and keeps of each only where it belongs: there may be tens of thousands.
type Look struct {
	Classifier
	now time.Time
	of  []sharing
}

// sharing is what incidents share by one rule of the policy.
type sharing struct {
	*policy.Correlation
	plain, causes, sources groups
}

// Look begins to look.
func (b Classifier) Look(now time.Time) *Look {
	l := &Look{Classifier: b, now: now}
	for _, c := range b.InForce(now).Correlations {
		l.of = append(l.of, sharing{c, groups{}, groups{}, groups{}})
	}
	return l
}

// Add shows it an incident.
func (l *Look) Add(i incident.Incident) {
	if i.State.Ended() {
		return
	}
	for _, s := range l.of {
		if m, ok := memberOf(s.Correlation, i, l.now); ok {
			s.add(m)
		}
	}
}

// Found returns every common failure among those that it was shown.
func (l *Look) Found() []Correlated {
	var out []Correlated
	for _, s := range l.of {
		out = append(out, l.found(s)...)
	}
	return out
}

// CorrelatedWithin is the longest time within which incidents must begin to
// have a failure in common. An older one counts only as part of one already.
func (b Classifier) CorrelatedWithin(now time.Time) time.Duration {
	var longest time.Duration
	for _, c := range b.InForce(now).Correlations {
		longest = max(longest, c.Within)
	}
	return longest
}

// group is what shares the same values.
type group struct {
	sample    member // the one that opened first
	members   []numbered
	machines  map[string]bool
	customers map[string]bool
}

type numbered struct {
	number int
	key    string
}

// groups collects members by what they share.
type groups map[string]*group

func (gs groups) add(name string, m member) {
	g := gs[name]
	if g == nil {
		g = &group{sample: m, machines: map[string]bool{}, customers: map[string]bool{}}
		gs[name] = g
	}
	if m.number < g.sample.number {
		g.sample = m
	}
	g.members = append(g.members, m.numbered)
	g.machines[m.identity[model.LabelCustomer]+"/"+m.identity[model.LabelMachine]] = true
	g.customers[m.identity[model.LabelCustomer]] = true
}

// member is an incident that may be part of a common failure.
type member struct {
	numbered
	identity model.Labels
	labels   model.Labels // of its alert
	same     model.Labels
	cause    string // what its error is known by; "" when nothing is known
	error    string
}

func (s sharing) add(m member) {
	if !s.Marks {
		s.plain.add(m.same.String(), m)
		return
	}
	of := m.same.String() + "|" + m.labels[model.LabelSource]
	if m.cause != "" {
		s.causes.add(of+"|"+m.cause, m)
	}
	m.cause, m.error = "", ""
	s.sources.add(of, m)
}

func (l *Look) found(s sharing) []Correlated {
	out := l.holding(s.Correlation, s.plain, l.enough)
	out = append(out, l.holding(s.Correlation, s.causes, l.enough)...)
	told := map[string]bool{}
	for _, found := range out {
		for _, key := range found.Members {
			told[key] = true
		}
	}
	for _, whole := range l.holding(s.Correlation, s.sources, l.mostOfSource) {
		if slices.ContainsFunc(whole.Members, func(key string) bool { return !told[key] }) {
			out = append(out, whole)
		}
	}
	return out
}

// holding returns the groups that are a common failure now.
func (b Classifier) holding(c *policy.Correlation, gs groups, holds func(*policy.Correlation, *group) bool) []Correlated {
	var out []Correlated
	for _, k := range slices.Sorted(maps.Keys(gs)) {
		if g := gs[k]; len(g.machines) >= c.Machines && len(g.customers) >= c.Customers && holds(c, g) {
			out = append(out, Correlated{Signal: g.signal(c), Members: g.keys(), Marks: c.Marks})
		}
	}
	return out
}

// keys are those of the members, in the order in which they opened.
func (g *group) keys() []string {
	slices.SortFunc(g.members, func(a, b numbered) int { return cmp.Compare(a.number, b.number) })
	keys := make([]string, len(g.members))
	for n, m := range g.members {
		keys[n] = m.key
	}
	return keys
}

// enough reports whether the share of all machines is reached.
func (b Classifier) enough(c *policy.Correlation, g *group) bool {
	all := len(b.Directory.Machines) + b.strangers(g)
	return float64(len(g.machines)) >= c.Ratio*float64(all)
}

// mostOfSource reports whether so many of one source's machines fail that the
// source itself is the cause, whatever they say. Of a source of which the
// inventory knows no machine no share can be told.
func (b Classifier) mostOfSource(c *policy.Correlation, g *group) bool {
	known := 0
	for _, m := range b.Directory.Machines {
		if ofSource(c, g, m) {
			known++
		}
	}
	all := known + b.strangers(g)
	return known > 0 && len(g.machines) >= c.Floor && float64(len(g.machines)) > c.SourceShare*float64(all)
}

// ofSource reports whether a machine of the inventory is backed up by the source
// that the members of a group have in common.
func ofSource(c *policy.Correlation, g *group, m *inventory.Machine) bool {
	source, named, ours := g.sample.labels[model.LabelSource], false, false
	for _, alias := range m.Aliases {
		if prefix, _, is := strings.Cut(alias, ":"); is {
			named, ours = true, ours || prefix == source
		}
	}
	if named && !ours {
		return false // its names are those of other sources
	}
	return slices.ContainsFunc(m.Plans, func(p inventory.ExpectedPlan) bool {
		l := g.sample.labels.Clone()
		l[model.LabelCustomer], l[model.LabelMachine], l[model.LabelMachineClass] = m.Customer, m.Name, m.Class
		l[model.LabelBackupRole], l[model.LabelPlan] = p.Role, p.Plan
		return (p.Engine == "" || p.Engine == g.sample.labels[model.LabelEngine]) && c.Match.Match(l)
	})
}

// memberOf tells whether an incident began within the correlation's time, and
// what it shares with others.
func memberOf(c *policy.Correlation, i incident.Incident, now time.Time) (member, bool) {
	// What was marked as part of it stays so for as long as it fails.
	if !(c.Marks && i.Flags[model.FlagOutage]) && now.Sub(i.Raised["opening"].At) > c.Within {
		return member{}, false
	}
	for _, f := range incident.SortedAlerts(i.Alerts) {
		a := i.Alerts[f]
		if !a.Firing || !c.Match.Match(a.Labels) {
			continue
		}
		m := member{numbered: numbered{i.Number, i.Key}, identity: i.Identity, labels: a.Labels, same: model.Labels{}}
		for _, n := range c.Same {
			if v := a.Says(n); v != "" {
				m.same[n] = v
			}
		}
		for _, n := range c.Cause {
			text := a.Says(n)
			if m.cause = text; n == "error" {
				m.cause = errorPattern(text, a.Labels)
			}
			if m.cause != "" {
				m.error = text
				break
			}
		}
		return m, true
	}
	return member{}, false
}

// strangers is the number of machines of a group that the inventory does not know.
func (b Classifier) strangers(g *group) int {
	n := 0
	for k := range g.machines {
		customer, name, _ := strings.Cut(k, "/")
		if b.Directory.Machine(customer, name) == nil {
			n++
		}
	}
	return n
}

func (g *group) signal(c *policy.Correlation) model.Signal {
	l := model.Labels{}
	maps.Copy(l, c.Labels)
	for k, v := range g.sample.same {
		if l[k] == "" {
			l[k] = v
		}
	}
	l[model.LabelSignal] = string(model.CorrelatedSignal)
	print := "correlated:" + c.Name + l.String()
	if c.Marks {
		print += g.sample.labels[model.LabelSource] + g.sample.cause
	}
	annotations := map[string]string{"affected": strings.Join(slices.Sorted(maps.Keys(g.machines)), ", ")}
	switch {
	case g.sample.error != "":
		annotations["error"] = g.sample.error
	case !c.Marks:
		annotations["error"] = fmt.Sprintf("%d machines of %d customers", len(g.machines), len(g.customers))
	}
	return model.Signal{Kind: model.CorrelatedSignal, Fingerprint: print, Labels: l, Annotations: annotations}
}

// StillCommon reports whether what still fails, of those that were part of a
// common failure, is common to several yet.
func (b Classifier) StillCommon(common incident.Incident, failing []incident.Incident, now time.Time) bool {
	machines, customers := map[string]bool{}, map[string]bool{}
	for _, i := range failing {
		machines[i.Identity[model.LabelCustomer]+"/"+i.Identity[model.LabelMachine]] = true
		customers[i.Identity[model.LabelCustomer]] = true
	}
	return len(machines) > 1 && (len(customers) > 1 || !b.ofSeveral(common, now))
}

// ofSeveral reports whether a common failure is one of several customers.
func (b Classifier) ofSeveral(common incident.Incident, now time.Time) bool {
	return slices.ContainsFunc(b.InForce(now).Correlations, func(c *policy.Correlation) bool {
		for fingerprint := range common.Alerts {
			if c.Customers > 1 && strings.HasPrefix(fingerprint, "correlated:"+c.Name+"{") {
				return true
			}
		}
		return false
	})
}
