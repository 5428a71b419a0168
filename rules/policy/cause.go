package policy

import (
	"slices"

	"vigie/internal/strict"
	"vigie/rules/model"
)

// Cause is one code of the taxonomy of causes (S2.3).
type Cause struct {
	Text model.Text
	// Integrity demands an answer about lost data at resolution (S2.30).
	Integrity bool
	// Customer marks causes that the customer answers for (S2.11).
	Customer bool
	// MinSeverity is the least severity that this cause implies (S2.10).
	MinSeverity string
	// Confidential keeps what was written about the case to those whom the
	// inventory names (S2.10).
	Confidential bool
	// Alerts propose this cause by their name, Match by other labels. A
	// proposal is shown and never overrules a person.
	Alerts []string
	Match  model.Matchers
	// Platforms of one host that fail together propose this cause; 0 for never.
	Platforms int
}

type causeDoc struct {
	strict.Position
	Text        model.Text `yaml:"text"`
	Integrity   bool       `yaml:"integrity"`
	Customer    bool       `yaml:"customer"`
	MinSeverity string     `yaml:"at_least"`
	Hidden      bool       `yaml:"confidential"`
	Alerts      []string   `yaml:"alerts"`
	Match       []string   `yaml:"match"`
	Platforms   *int       `yaml:"platforms"`
}

func (doc causeDoc) load(l *loader, code string) {
	if _, twice := l.policy.Causes[code]; twice {
		l.fault(doc.Position, "causes."+code, "cause %q is defined twice: keep one", code)
	}
	l.policy.Causes[code] = Cause{Text: doc.Text, Integrity: doc.Integrity, Customer: doc.Customer,
		MinSeverity: doc.MinSeverity, Confidential: doc.Hidden, Alerts: doc.Alerts, Match: l.matchers(doc.Position, "causes."+code+".match", doc.Match),
		Platforms: doc.platforms(l, code)}
}

// platforms is how many platforms of one host propose the cause.
func (doc causeDoc) platforms(l *loader, code string) int {
	if doc.Platforms == nil {
		return l.defaults.Causes[code].Platforms
	}
	if *doc.Platforms == 1 || *doc.Platforms < 0 {
		l.fault(doc.Position, "causes."+code+".platforms", "%d platforms are nothing in common: write 2 or more, or 0 for never", *doc.Platforms)
	}
	return *doc.Platforms
}

// checkSeverity refuses a cause that implies a severity that no scenario has.
func (doc causeDoc) checkSeverity(l *loader, code string) {
	if known := l.policy.severities(); doc.MinSeverity != "" && !slices.Contains(known, doc.MinSeverity) {
		l.fault(doc.Position, "causes."+code+".at_least", "%s", strict.Unknown("severity", doc.MinSeverity, known))
	}
}
