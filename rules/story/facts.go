package story

import (
	"slices"

	"vigie/rules"
)

// siblings are the other open incidents of the same machine.
func (p *player) siblings(e *entry) []*entry {
	customer, machine := e.inc.Identity[rules.LabelCustomer], e.inc.Identity[rules.LabelMachine]
	if machine == "" {
		return nil
	}
	var found []*entry
	for _, o := range p.index[machineFile(customer, machine)] {
		if o != e && o.inc.State != "" && !o.inc.State.Ended() {
			found = append(found, o)
		}
	}
	return found
}

// facts are what a decision must know beside the incident.
func (p *player) facts(e *entry) rules.Facts {
	f := rules.Facts{SourceDown: p.sourceDown(e)}
	for _, o := range p.siblings(e) {
		f.Siblings = append(f.Siblings, rules.SiblingOf(o.inc))
	}
	if e.outage != nil && e.marked && !e.outage.inc.State.Ended() {
		f.Outage, f.OutageID = e.outage.inc.Key, e.outage.inc.ID
	}
	return f
}

// sourceDown reports whether what reads this machine's backups is blind.
func (p *player) sourceDown(e *entry) bool {
	return slices.ContainsFunc(p.open, func(o *entry) bool { return o != e && p.blinds(o) && e.inc.BlindedBy(o.inc) })
}

func (p *player) scenario(e *entry) *rules.Scenario {
	policy := p.book.Policy(e.inc.Policy)
	if policy == nil {
		return nil
	}
	return policy.Scenario(e.inc.Scenario)
}

func (p *player) blinds(e *entry) bool {
	s := p.scenario(e)
	return s != nil && s.Blinds
}

// need is what an incident would ask for if it asked now.
func (p *player) need(e *entry) rules.Need {
	n := rules.Need{Since: p.now, Alerts: e.inc.Alerts}
	if s := p.scenario(e); s != nil && s.OtherBackup != nil {
		id := e.inc.Identity
		n.Other = &rules.OtherNeed{Customer: id[rules.LabelCustomer], Machine: id[rules.LabelMachine], Role: id[rules.LabelBackupRole]}
		n.Other.Expected = p.book.Directory.ExpectsOther(n.Other.Customer, n.Other.Machine, n.Other.Role)
	}
	return n
}
