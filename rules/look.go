package rules

import (
	"slices"
	"time"

	"vigie/rules/calendar"
	"vigie/rules/classify"
	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// Calendar is the calendar in which a scenario counts, with the closed days of
// the inventory; nil when policy or scenario is not known.
func (b *Book) Calendar(policy, scenario string) *calendar.Calendar {
	p := b.Policy(policy)
	if p == nil {
		return nil
	}
	s := p.Scenario(scenario)
	if s == nil {
		return nil
	}
	return b.Closures(p, s.Calendar)
}

// Trial is what would follow from a failure.
type Trial struct {
	Preview
	Labels  model.Labels `json:"labels"` // as the inventory names them
	Key     string       `json:"key,omitempty"`
	Policy  string       `json:"policy"`
	Ignored string       `json:"ignored,omitempty"`
	Refused string       `json:"refused,omitempty"`

	Refusal *incident.Refusal `json:"-"` // the same, to be said in a language
}

// Try tells what would follow if a failure with these labels began now: which
// scenario it falls under, who would be told, and when. It decides as [Book.Decide]
// does for a real one, and keeps nothing.
func (b *Book) Try(l model.Labels, now time.Time) Trial {
	s := model.Signal{Fingerprint: "trial", Labels: l.Clone(), StartsAt: now}
	c := b.Classify(s, now)
	t := Trial{Labels: c.Signal.Labels, Key: c.Key, Policy: c.Policy.Hash, Ignored: c.Ignored,
		Preview: Preview{Scenario: c.Scenario.Name, Title: c.Scenario.Title}}
	if c.Refusal != nil {
		t.Refused, t.Refusal = c.Refusal.Error(), c.Refusal
	}
	if t.Ignored == "" && t.Refused == "" {
		t.Preview = b.preview(c, "trial", now)
	}
	return t
}

// Lists reports whether a signal for which no incident is kept is named to people:
// because a scenario only lists it, or because nothing is owed yet. It then returns
// from when something is, in the policy's zone; zero for what a scenario lists.
func (b *Book) Lists(ignored string, l model.Labels, now time.Time) (owedFrom time.Time, listed bool) {
	p := b.InForce(now)
	if ignored == classify.NotCommissioned {
		at, _ := b.Directory.OwedFrom(l, now)
		return at.In(p.Zone), true
	}
	return time.Time{}, slices.ContainsFunc(p.Scenarios, func(s *policy.Scenario) bool { return s.Ignores != "" && s.Ignores == ignored })
}
