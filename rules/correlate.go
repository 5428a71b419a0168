package rules

import (
	"fmt"
	"sort"
	"strings"
	"time"
)

// Correlated is a failure common to several incidents.
type Correlated struct {
	Signal  Signal   // raises or keeps alive the common incident
	Members []string // keys of the incidents that are part of it
	Marks   bool
}

// Correlate looks over the incidents that are open or were opened lately and
// returns every common failure that holds now (P16, S1.16).
func (b *Book) Correlate(open []Incident, now time.Time) []Correlated {
	var out []Correlated
	p := b.InForce(now)
	for _, c := range p.Correlations {
		out = append(out, b.correlate(c, open, now)...)
	}
	return out
}

// CorrelatedWithin is the longest time within which incidents must begin to
// have a failure in common. An older one counts only as part of one already.
func (b *Book) CorrelatedWithin(now time.Time) time.Duration {
	var longest time.Duration
	for _, c := range b.InForce(now).Correlations {
		longest = max(longest, c.Within)
	}
	return longest
}

// group is what shares the same values.
type group struct {
	same      Labels
	keys      []string
	machines  map[string]bool
	customers map[string]bool
}

func (b *Book) correlate(c *Correlation, open []Incident, now time.Time) []Correlated {
	groups := map[string]*group{}
	for _, i := range open {
		if i.State.Ended() {
			continue
		}
		l, ok := memberOf(c, i, now)
		if !ok {
			continue
		}
		k := l.String()
		g := groups[k]
		if g == nil {
			g = &group{same: l, machines: map[string]bool{}, customers: map[string]bool{}}
			groups[k] = g
		}
		g.keys = append(g.keys, i.Key)
		g.machines[i.Identity[LabelCustomer]+"/"+i.Identity[LabelMachine]] = true
		g.customers[i.Identity[LabelCustomer]] = true
	}
	var out []Correlated
	names := make([]string, 0, len(groups))
	for k := range groups {
		names = append(names, k)
	}
	sort.Strings(names)
	for _, k := range names {
		g := groups[k]
		if len(g.machines) < c.Machines || len(g.customers) < c.Customers || float64(len(g.machines)) < c.Ratio*float64(b.fleet(g)) {
			continue
		}
		out = append(out, Correlated{Signal: g.signal(c), Members: g.keys, Marks: c.Marks})
	}
	return out
}

// memberOf tells whether an incident began within the correlation's time, and
// what it shares with others.
func memberOf(c *Correlation, i Incident, now time.Time) (Labels, bool) {
	// What was marked as part of it stays so for as long as it fails.
	if !(c.Marks && i.Flags[FlagOutage]) && now.Sub(i.Raised["opening"].At) > c.Within {
		return nil, false
	}
	for _, f := range sortedAlerts(i.Alerts) {
		a := i.Alerts[f]
		if !a.Firing || !c.Match.Match(a.Labels) {
			continue
		}
		same := Labels{}
		for _, n := range c.Same {
			if v := a.Labels[n]; v != "" {
				same[n] = v
			} else if v := a.Annotations[n]; v != "" {
				same[n] = v
			}
		}
		return same, true
	}
	return nil, false
}

// fleet is the number of machines known: the inventory's, and those of the
// group that it does not know.
func (b *Book) fleet(g *group) int {
	n := len(b.Directory.Machines)
	for k := range g.machines {
		customer, name, _ := strings.Cut(k, "/")
		if b.Directory.Machine(customer, name) == nil {
			n++
		}
	}
	return n
}

func (g *group) signal(c *Correlation) Signal {
	l := Labels{}
	for k, v := range c.Labels {
		l[k] = v
	}
	for k, v := range g.same {
		if l[k] == "" {
			l[k] = v
		}
	}
	l[LabelSignal] = string(CorrelatedSignal)
	machines := make([]string, 0, len(g.machines))
	for m := range g.machines {
		machines = append(machines, m)
	}
	sort.Strings(machines)
	return Signal{Kind: CorrelatedSignal, Fingerprint: "correlated:" + c.Name + l.String(), Labels: l, Annotations: map[string]string{
		"affected": strings.Join(machines, ", "),
		"error":    fmt.Sprintf("%d machines of %d customers", len(g.machines), len(g.customers)),
	}}
}
