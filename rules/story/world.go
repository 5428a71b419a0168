package story

import (
	"cmp"
	"hash/fnv"
	"io"
	"strconv"
	"time"

	"vigie/internal/fleet"
	"vigie/rules"
)

// alert is an alert as Alertmanager holds it, beside what the receiver has
// heard of it.
type alert struct {
	fingerprint string
	labels      rules.Labels
	annotations map[string]string
	startsAt    time.Time
	firing      bool
	changed     int // order of its latest change, so that late news keep it

	believed bool      // the receiver thinks that it fires
	heard    time.Time // startsAt as the receiver knows it
}

// news reports whether the receiver's picture of the alert is out of date.
func (a *alert) news() bool {
	return a.firing != a.believed || a.firing && !a.startsAt.Equal(a.heard)
}

func (a *alert) signal() rules.Signal {
	kind := rules.SignalKind(a.labels[rules.LabelSignal])
	if kind != rules.InfraProbe && kind != rules.FunctionalProbe {
		kind = rules.BackupAlert
	}
	return rules.Signal{Kind: kind, Fingerprint: a.fingerprint, Labels: a.labels.Clone(), Annotations: a.annotations, StartsAt: a.startsAt}
}

// complete fills in what an alert's label set has by default.
func complete(l rules.Labels) rules.Labels {
	l = l.Clone()
	if l[rules.LabelJobID] == "" && l[rules.LabelPlan] != "" {
		l[rules.LabelJobID] = l[rules.LabelPlan]
	}
	if l[rules.LabelSource] == "" && l[rules.LabelEngine] != "" {
		l[rules.LabelSource] = l[rules.LabelEngine]
	}
	return l
}

func fingerprint(l rules.Labels) string {
	h := fnv.New64a()
	io.WriteString(h, l.String())
	return strconv.FormatUint(h.Sum64(), 16)
}

// silence is one in Alertmanager: active from its start until before its end.
type silence struct {
	rules.Silence
	matchers rules.Matchers
}

func (s *silence) active(at time.Time) bool {
	return !at.Before(s.StartsAt) && at.Before(s.EndsAt)
}

type machineID struct{ customer, name string }

// planID is one plan of a machine, under the machine's canonical name.
type planID struct {
	machineID
	role, source, job string
}

// plan is what Prometheus knows of one plan.
type plan struct {
	id          planID
	labels      rules.Labels
	lastSuccess time.Time
	lastFailure time.Time
	failing     bool // its newest run failed
	seen        bool // a story event spoke of it
	unknown     bool // its series is stale
}

// role is the state of a machine's backups of one role, as its newest event left it.
type role struct {
	state       rules.EvidenceState
	lastSuccess time.Time
	lastRun     time.Time
	plan        *plan
}

// truth is what Prometheus would answer: plans and roles of every machine.
type truth struct {
	plans    map[planID]*plan
	ordered  []*plan
	customer map[string][]*plan // the same, by customer
	machines map[machineID]map[string]*role
	known    map[machineID]bool
	dir      *rules.Directory
}

// learn begins with the plans that the inventory expects and those of every
// alert of the story: a plan exists before it fails.
func learn(dir *rules.Directory, s *Story) *truth {
	t := &truth{plans: map[planID]*plan{}, customer: map[string][]*plan{}, machines: map[machineID]map[string]*role{}, known: map[machineID]bool{}, dir: dir}
	for _, m := range dir.Machines {
		t.known[machineID{m.Customer, m.Name}] = true
		for _, p := range m.Plans {
			t.plan(complete(rules.Labels{
				rules.LabelCustomer: m.Customer, rules.LabelMachine: m.Name, rules.LabelMachineClass: m.Class,
				rules.LabelBackupRole: p.Role, rules.LabelEngine: p.Engine, rules.LabelPlan: p.Plan,
			}))
		}
	}
	for _, e := range s.Events {
		if e.Fires != nil {
			t.plan(complete(e.Fires.labels))
		}
	}
	return t
}

// machine is the canonical machine that labels speak of.
func (t *truth) machine(l rules.Labels) machineID {
	id := machineID{l[rules.LabelCustomer], l[rules.LabelMachine]}
	if m := t.dir.Canonical(id.customer, l[rules.LabelSource], id.name, l[rules.LabelJobID]); m != nil {
		id.name = m.Name
	}
	return id
}

// plan finds or adds the plan that an alert's labels speak of; nil when they
// speak of none.
func (t *truth) plan(l rules.Labels) *plan {
	if l[rules.LabelMachine] == "" || l[rules.LabelBackupRole] == "" {
		return nil
	}
	id := planID{t.machine(l), l[rules.LabelBackupRole], l[rules.LabelSource], l[rules.LabelJobID]}
	p := t.plans[id]
	if p == nil {
		l = l.Clone()
		l[rules.LabelMachine] = id.name
		p = &plan{id: id, labels: l}
		t.plans[id] = p
		t.ordered = append(t.ordered, p)
		t.customer[id.customer] = append(t.customer[id.customer], p)
		t.known[id.machineID] = true
	}
	return p
}

// role finds or adds the state of a machine's role.
func (t *truth) role(m machineID, name string) *role {
	if t.machines[m] == nil {
		t.machines[m] = map[string]*role{}
	}
	r := t.machines[m][name]
	if r == nil {
		r = &role{}
		t.machines[m][name] = r
	}
	return r
}

// match lists the plans that contain a selector, under the machine's canonical
// or any of its product names.
func (t *truth) match(s selector) []*plan {
	want := complete(s.labels())
	// A default may only add to what was asked for, never narrow it.
	for name := range want {
		if _, given := s[name]; !given {
			delete(want, name)
		}
	}
	if want[rules.LabelMachine] != "" && want[rules.LabelCustomer] != "" {
		want[rules.LabelMachine] = t.machine(want).name
	}
	var found []*plan
	among := t.ordered
	if c := want[rules.LabelCustomer]; c != "" {
		among = t.customer[c]
	}
	for _, p := range among {
		if p.labels.Contains(want) {
			found = append(found, p)
		}
	}
	return found
}

// failed notes a failing run.
func (t *truth) failed(l rules.Labels, now time.Time) (machineID, bool) {
	p := t.plan(l)
	if p == nil {
		return machineID{}, false
	}
	r := t.role(p.id.machineID, p.id.role)
	p.seen, p.unknown, r.plan, r.lastRun = true, false, p, now
	if l[rules.LabelKind] == "warning" {
		r.state = rules.EvidenceDegraded
	} else {
		r.state, p.lastFailure, p.failing = rules.EvidenceKO, now, true
	}
	return p.id.machineID, true
}

// succeeded notes a successful run.
func (t *truth) succeeded(p *plan, now time.Time) {
	r := t.role(p.id.machineID, p.id.role)
	p.seen, p.unknown, p.failing, p.lastSuccess = true, false, false, now
	*r = role{state: rules.EvidenceOK, lastSuccess: now, lastRun: now, plan: p}
}

// stated notes what a story says of a role outright.
func (t *truth) stated(m machineID, name string, p *plan, state rules.EvidenceState) {
	r := t.role(m, name)
	r.state, r.plan = state, p
	if p != nil {
		p.seen, p.unknown = true, state == rules.EvidenceUnknown || state == rules.EvidenceNone
	}
}

// query marks evidence that comes from a story and not from Prometheus.
const query = "story"

// planEvidence answers for one failing alert.
func (t *truth) planEvidence(l rules.Labels) rules.PlanEvidence {
	p := t.plan(complete(l))
	if p == nil || !p.seen {
		return rules.PlanEvidence{Query: query}
	}
	e := rules.PlanEvidence{Known: !p.unknown, LastSuccess: p.lastSuccess, Query: query}
	if p.failing {
		e.LastFailure = p.lastFailure // once the newest run is good nothing says when another one failed
	}
	return e
}

// worth orders the states of several other backups.
func worth(s rules.EvidenceState) int {
	switch s {
	case rules.EvidenceOK:
		return 5
	case rules.EvidenceDegraded:
		return 4
	case rules.EvidenceUnknown:
		return 3
	case rules.EvidenceKO:
		return 2
	}
	return 1
}

// otherEvidence answers for the machine's backups in other roles.
func (t *truth) otherEvidence(n rules.OtherNeed, now time.Time) rules.Evidence {
	e := rules.Evidence{State: rules.EvidenceNone, AskedAt: now, Query: query}
	if n.Expected {
		e.State = rules.EvidenceUnknown
	}
	found := false
	for name, r := range t.machines[machineID{n.Customer, n.Machine}] {
		if name == n.Role || r.state == "" || !fleet.IsBackup(name) {
			continue
		}
		if found && cmp.Or(cmp.Compare(worth(r.state), worth(e.State)), cmp.Compare(e.Role, name)) < 0 {
			continue
		}
		found = true
		e.State, e.Role, e.LastSuccess, e.LastRun = r.state, name, r.lastSuccess, r.lastRun
		e.Engine, e.Plan = "", ""
		if r.plan != nil {
			e.Engine, e.Plan = r.plan.labels[rules.LabelEngine], r.plan.labels[rules.LabelPlan]
		}
	}
	e.Value = string(e.State)
	return e
}
