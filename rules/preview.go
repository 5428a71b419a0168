package rules

import (
	"slices"
	"sort"
	"time"

	"vigie/rules/classify"
	"vigie/rules/explain"
	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// Preview is what a scenario would do for a failure that began now.
type Preview struct {
	Scenario string              `json:"scenario"`
	Title    model.Text          `json:"title"`
	Steps    []explain.Explained `json:"steps"`
	Targets  []explain.Explained `json:"targets"`
}

// Preview shows each scenario with the deadlines and recipients that it would
// give now, for an example of the inventory that it fits, if there is one.
func (b *Book) Preview(now time.Time) []Preview {
	var out []Preview
	p := b.InForce(now)
	for _, s := range p.Scenarios {
		if s.Ignores != "" {
			out = append(out, Preview{Scenario: s.Name, Title: s.Title})
			continue
		}
		sig := b.example(s, now)
		c := classify.Classified{Signal: sig, Policy: p, Scenario: s, Identity: sig.Labels.Pick(s.Identity)}
		c.Key = c.Identity.String()
		out = append(out, b.preview(c, "example", now))
	}
	return out
}

// preview decides about a failure of which nothing but its labels is known.
func (b *Book) preview(c classify.Classified, id string, now time.Time) Preview {
	d := b.Decide(b.Begin(c, id, 0, now), incident.Fired{Signal: c.Signal}, incident.Circumstances{}, now)
	if d.Needs != nil { // nothing is known of an example's backups
		d = b.Decide(d.Incident, incident.Answered{AskedAt: now, Other: &incident.Evidence{State: model.EvidenceUnknown}}, incident.Circumstances{}, now)
	}
	e := b.Explain(d.Incident, incident.Circumstances{}, now)
	return Preview{Scenario: c.Scenario.Name, Title: c.Scenario.Title, Steps: e.Steps, Targets: e.Targets}
}

// example makes a signal that fits a scenario out of the inventory.
func (b *Book) example(s *policy.Scenario, now time.Time) model.Signal {
	l := s.Match.Equalities()
	for _, m := range b.Directory.Machines {
		try := l.Clone()
		try[model.LabelCustomer], try[model.LabelMachine], try[model.LabelMachineClass] = m.Customer, m.Name, m.Class
		if try[model.LabelKind] == "" {
			try[model.LabelKind] = "failed"
		}
		if s.Match.Match(try) && !slices.Contains(s.Identity, model.LabelPlatform) {
			l = try
			break
		}
	}
	if slices.Contains(s.Identity, model.LabelPlatform) || slices.Contains(s.Identity, "site") {
		ids := make([]string, 0, len(b.Directory.Platforms))
		for id := range b.Directory.Platforms {
			ids = append(ids, id)
		}
		sort.Strings(ids)
		if len(ids) > 0 {
			l[model.LabelPlatform] = ids[0]
		}
	}
	return model.Signal{Kind: model.BackupAlert, Fingerprint: "example", Labels: l, StartsAt: now}
}

// Explain tells the story of an incident so far and what comes next. It
// changes nothing.
func (b *Book) Explain(inc incident.Incident, around incident.Circumstances, now time.Time) explain.Explanation {
	return explain.Explain(b.Book, inc, around, now)
}
