package story

import (
	"cmp"
	"hash/fnv"
	"io"
	"strconv"
	"time"

	"vigie/internal/fleet"
	"vigie/rules/incident"
	"vigie/rules/inventory"
	"vigie/rules/model"
)

// alert is an alert as Alertmanager holds it, beside what the receiver has
// heard of it.
type alert struct {
	fingerprint string
	labels      model.Labels
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

func (a *alert) signal() model.Signal {
	kind := model.SignalKind(a.labels[model.LabelSignal])
	if kind != model.InfraProbe && kind != model.FunctionalProbe {
		kind = model.BackupAlert
	}
	return model.Signal{Kind: kind, Fingerprint: a.fingerprint, Labels: a.labels.Clone(), Annotations: a.annotations, StartsAt: a.startsAt}
}

// complete fills in what an alert's label set has by default.
func complete(l model.Labels) model.Labels {
	l = l.Clone()
	if l[model.LabelJobID] == "" && l[model.LabelPlan] != "" {
		l[model.LabelJobID] = l[model.LabelPlan]
	}
	if l[model.LabelSource] == "" && l[model.LabelEngine] != "" {
		l[model.LabelSource] = l[model.LabelEngine]
	}
	return l
}

func fingerprint(l model.Labels) string {
	h := fnv.New64a()
	io.WriteString(h, l.String())
	return strconv.FormatUint(h.Sum64(), 16)
}

// silence is one in Alertmanager: active from its start until before its end.
type silence struct {
	incident.Silence
	matchers model.Matchers
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
	labels      model.Labels
	lastSuccess time.Time
	lastFailure time.Time
	failing     bool // its newest run failed
	seen        bool // a story event spoke of it
	unknown     bool // its series is stale
}

// role is the state of a machine's backups of one role, as its newest event left it.
type role struct {
	state       model.EvidenceState
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
	dir      *inventory.Directory
}

// learn begins with the plans that the inventory expects and those of every
// alert of the story: a plan exists before it fails.
func learn(dir *inventory.Directory, s *Story) *truth {
	t := &truth{plans: map[planID]*plan{}, customer: map[string][]*plan{}, machines: map[machineID]map[string]*role{}, known: map[machineID]bool{}, dir: dir}
	for _, m := range dir.Machines {
		t.known[machineID{m.Customer, m.Name}] = true
		for _, p := range m.Plans {
			t.plan(complete(model.Labels{
				model.LabelCustomer: m.Customer, model.LabelMachine: m.Name, model.LabelMachineClass: m.Class,
				model.LabelBackupRole: p.Role, model.LabelEngine: p.Engine, model.LabelPlan: p.Plan,
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
func (t *truth) machine(l model.Labels) machineID {
	id := machineID{l[model.LabelCustomer], l[model.LabelMachine]}
	if m := t.dir.Canonical(id.customer, l[model.LabelSource], id.name, l[model.LabelJobID]); m != nil {
		id.name = m.Name
	}
	return id
}

// plan finds or adds the plan that an alert's labels speak of; nil when they
// speak of none.
func (t *truth) plan(l model.Labels) *plan {
	if l[model.LabelMachine] == "" || l[model.LabelBackupRole] == "" {
		return nil
	}
	id := planID{t.machine(l), l[model.LabelBackupRole], l[model.LabelSource], l[model.LabelJobID]}
	p := t.plans[id]
	if p == nil {
		p = &plan{id: id}
		p.called(l)
		t.plans[id] = p
		t.ordered = append(t.ordered, p)
		t.customer[id.customer] = append(t.customer[id.customer], p)
		t.known[id.machineID] = true
	}
	return p
}

// called gives the plan the names that an alert calls it by: a job may be renamed.
func (p *plan) called(l model.Labels) {
	p.labels = l.Clone()
	p.labels[model.LabelMachine] = p.id.name
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
	if want[model.LabelMachine] != "" && want[model.LabelCustomer] != "" {
		want[model.LabelMachine] = t.machine(want).name
	}
	var found []*plan
	among := t.ordered
	if c := want[model.LabelCustomer]; c != "" {
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
func (t *truth) failed(l model.Labels, now time.Time) (machineID, bool) {
	p := t.plan(l)
	if p == nil {
		return machineID{}, false
	}
	p.called(l)
	r := t.role(p.id.machineID, p.id.role)
	p.seen, p.unknown, r.plan, r.lastRun = true, false, p, now
	if l[model.LabelKind] == "warning" {
		r.state = model.EvidenceDegraded
	} else {
		r.state, p.lastFailure, p.failing = model.EvidenceKO, now, true
	}
	return p.id.machineID, true
}

// succeeded notes a successful run.
func (t *truth) succeeded(p *plan, now time.Time) {
	r := t.role(p.id.machineID, p.id.role)
	p.seen, p.unknown, p.failing, p.lastSuccess = true, false, false, now
	*r = role{state: model.EvidenceOK, lastSuccess: now, lastRun: now, plan: p}
}

// stated notes what a story says of a role outright.
func (t *truth) stated(m machineID, name string, p *plan, state model.EvidenceState) {
	r := t.role(m, name)
	r.state, r.plan = state, p
	if p != nil {
		p.seen, p.unknown = true, state == model.EvidenceUnknown || state == model.EvidenceNone
	}
}

// query marks evidence that comes from a story and not from Prometheus.
const query = "story"

// planEvidence answers for one failing alert.
func (t *truth) planEvidence(l model.Labels) incident.PlanEvidence {
	p := t.plan(complete(l))
	if p == nil || !p.seen {
		return incident.PlanEvidence{Query: query}
	}
	e := incident.PlanEvidence{Known: !p.unknown, LastSuccess: p.lastSuccess, Query: query}
	if p.failing {
		e.LastFailure = p.lastFailure // once the newest run is good nothing says when another one failed
	}
	return e
}

// worth orders the states of several other backups.
func worth(s model.EvidenceState) int {
	switch s {
	case model.EvidenceOK:
		return 5
	case model.EvidenceDegraded:
		return 4
	case model.EvidenceUnknown:
		return 3
	case model.EvidenceKO:
		return 2
	}
	return 1
}

// otherEvidence answers for the machine's backups in other roles.
func (t *truth) otherEvidence(n incident.OtherNeed, now time.Time) incident.Evidence {
	e := incident.Evidence{State: model.EvidenceNone, AskedAt: now, Query: query}
	if n.Expected {
		e.State = model.EvidenceUnknown
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
			e.Engine, e.Plan = r.plan.labels[model.LabelEngine], r.plan.labels[model.LabelPlan]
		}
	}
	e.Value = string(e.State)
	return e
}
