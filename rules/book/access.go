package book

import (
	"maps"
	"slices"

	"vigie/rules/act"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// Role is what a person may do: as the inventory names it under `access`, and
// else as customer for whom it knows only as one of a customer's own people, and
// as operator for everybody else.
func (b *Book) Role(id string) act.Role {
	if role, named := b.Directory.Access[id]; named {
		return role
	}
	if b.Directory.Contact(id) && !b.provider(id) {
		return act.Customer
	}
	return act.Operator
}

// provider reports whether inventory or policy name a person as one of ours.
func (b *Book) provider(id string) bool {
	for _, c := range b.Directory.Customers {
		if c.AccountManager == id {
			return true
		}
	}
	for _, p := range b.Directory.Platforms {
		if slices.Contains(slices.Concat(p.Operators, p.Level3, p.ServiceLead), id) {
			return true
		}
	}
	for _, p := range b.ordered {
		for _, r := range p.Roles {
			if slices.Contains(r.People, id) {
				return true
			}
		}
	}
	return slices.Contains(b.Directory.RotaPeople(""), id)
}

// Manages reports whether a person may change how Vigie itself works. While the
// inventory names no manager, every operator may.
func (b *Book) Manages(id string) bool {
	switch b.Role(id) {
	case act.Manager:
		return true
	case act.Operator:
		return !slices.Contains(slices.Collect(maps.Values(b.Directory.Access)), act.Manager)
	}
	return false
}

// Concerns reports whether an incident is of a customer's own person: of his
// company, his machine or one of his platforms, or reported by him.
func (b *Book) Concerns(inc *incident.Incident, id string) bool {
	for _, r := range inc.Reports {
		if r.By == id {
			return true
		}
	}
	platforms := b.Directory.Hit(inc.Platforms())
	if len(platforms) == 0 {
		return b.Directory.Answers(id, inc.Identity[model.LabelCustomer], inc.Identity[model.LabelMachine], "")
	}
	return slices.ContainsFunc(platforms, func(p string) bool { return b.Directory.Answers(id, "", "", p) })
}

// Confidential reports whether what was written about an incident is kept to
// those whom the inventory names: its cause, or one that somebody gave it, is
// confidential by the policy.
func (b *Book) Confidential(inc *incident.Incident) bool {
	p := b.policies[inc.Policy]
	if p == nil {
		return false
	}
	return p.Causes[inc.Cause].Confidential ||
		slices.ContainsFunc(inc.Acts, func(a incident.ActRecord) bool { return p.Causes[a.Fields["cause"]].Confidential })
}

// MayRead reports whether a person reads what was written about an incident. A
// confidential one is for those named in the inventory's `access`; while nobody
// is, for the service leads of its platforms.
func (b *Book) MayRead(inc *incident.Incident, id string) bool {
	if b.Role(id) == act.Customer {
		return false
	}
	if !b.Confidential(inc) {
		return true
	}
	if named := b.Directory.Confidential; len(named) > 0 {
		return slices.Contains(named, id)
	}
	return slices.ContainsFunc(b.Directory.Hit(inc.Platforms()), func(name string) bool {
		p := b.Directory.Platforms[name]
		return p != nil && slices.Contains(p.ServiceLead, id)
	})
}

// Seen returns an incident as a person may see it: a customer's own person is
// shown what concerns him alone, and of a confidential case nobody who is not
// named reads the words.
func (b *Book) Seen(inc incident.Incident, id string) incident.Incident {
	switch {
	case b.Role(id) == act.Customer:
		return b.forCustomer(inc, id)
	case b.MayRead(&inc, id):
		return inc
	}
	inc.Wording, inc.LastErr, inc.Reporter = "", "", ""
	inc.Progress.Reason, inc.Progress.Workaround, inc.Progress.OtherNote = "", "", ""
	acts := make([]incident.ActRecord, 0, len(inc.Acts))
	for _, a := range inc.Acts {
		a.Fields = nil
		acts = append(acts, a)
	}
	reports := make([]model.Signal, 0, len(inc.Reports))
	for _, r := range inc.Reports {
		r.Text, r.By, r.Annotations = "", "", nil
		reports = append(reports, r)
	}
	inc.Acts, inc.Reports = acts, reports
	return inc
}

// forCustomer keeps of an incident what its customer's own person may know.
func (b *Book) forCustomer(inc incident.Incident, id string) incident.Incident {
	own := func(platform string) bool {
		return platform == "" || b.Directory.Answers(id, "", "", platform)
	}
	out := incident.Incident{ID: inc.ID, Key: inc.Key, Identity: inc.Identity, Scenario: inc.Scenario, Policy: inc.Policy, Severity: inc.Severity,
		Level: inc.Level, Number: inc.Number, State: inc.State, Until: inc.Until, OpenedAt: inc.OpenedAt, StartedAt: inc.StartedAt,
		ResolvedAt: inc.ResolvedAt, Episode: inc.Episode, Alerts: map[string]*incident.Alert{}}
	for fp, a := range inc.Alerts {
		if !own(a.Labels[model.LabelPlatform]) {
			continue
		}
		labels := model.Labels{}
		for _, name := range []string{model.LabelAlertname, model.LabelCustomer, model.LabelMachine, model.LabelPlatform, model.LabelBackupRole, model.LabelKind, "probe", "item", "warn_days"} {
			if v := a.Labels[name]; v != "" {
				labels[name] = v
			}
		}
		said := model.Labels{}
		if v := a.Annotations["expires"]; v != "" {
			said["expires"] = v
		}
		out.Alerts[fp] = &incident.Alert{Labels: labels, Annotations: said, StartsAt: a.StartsAt, EndedAt: a.EndedAt, Firing: a.Firing, LastSuccess: a.LastSuccess}
	}
	for _, r := range inc.Reports {
		if r.By == id {
			out.Reports = append(out.Reports, r)
		}
	}
	for _, a := range inc.Acts {
		if a.By == id {
			out.Acts = append(out.Acts, a)
		}
	}
	return out
}

// AuthorOf is who made a silence: a person of the inventory, or as Alertmanager names him.
func (b *Book) AuthorOf(s incident.Silence) string {
	if p := b.Directory.Author(s.By); p != nil {
		return p.ID
	}
	return s.By
}
