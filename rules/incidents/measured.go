package incidents

import (
	"slices"
	"time"

	"vigie/rules/availability"
	"vigie/rules/incident"
	"vigie/rules/policy"
	"vigie/rules/report"
)

// Measured tells the incidents of a platform what its unavailability came to in the
// month that runs, and in the one that has just ended.
func (b *Batch) Measured(platform string, known []availability.Stretch) (latest availability.Figures, measured bool, err error) {
	p := b.Book.InForce(b.Now)
	terms, measured := b.Book.Terms(p, platform)
	if !measured {
		return latest, false, nil
	}
	for _, from := range terms.Due(b.Now) {
		_, until := terms.Month(from)
		if until.After(b.Now) {
			until = b.Now
		}
		if from, until = b.Book.Directory.Served(platform, from, until); !from.Before(until) {
			continue
		}
		latest = terms.Measure(known, b.Book.Announced(p, platform, from, until), from, until)
		if err := b.measure(platform, latest, terms); err != nil {
			return latest, true, err
		}
	}
	return latest, true, nil
}

// MonthOver is what the last month came to of which nothing more arrives, by the
// policy that was in force at its end, unless that month is written down already.
func (b *Batch) MonthOver(platform string, known []availability.Stretch, written string) (over report.Unavailability, ok bool) {
	terms, measured := b.Book.Terms(b.Book.InForce(b.Now), platform)
	if !measured {
		return over, false
	}
	from, until := terms.Settled(b.Now)
	if terms.Name(from) == written {
		return over, false
	}
	p := b.Book.InForce(until.Add(-time.Second))
	if from, until = b.Book.Directory.Served(platform, from, until); !from.Before(until) {
		return over, false
	}
	terms, measured = b.Book.Terms(p, platform)
	if !measured {
		return over, false
	}
	announced := b.Book.Announced(p, platform, from, until)
	f := terms.Measure(known, announced, from, until)
	return report.UnavailabilityOf(terms.Name(from), b.Book.Directory.Platforms[platform].Customer, platform, terms, f,
		terms.MayExceed(known, announced, from, until)), true
}

// measure tells the incidents of a platform what its unavailability came to. Each
// open one hears of it when that has changed. A tolerance that was exceeded is
// carried by one incident: the first that was open when it was used up, or opened
// after that; while there is none it waits for one until the month is over.
func (b *Batch) measure(platform string, f availability.Figures, terms availability.Terms) error {
	u := incident.Unavailability{Month: terms.Name(f.From), Until: f.Until, Down: f.Down, Unknown: f.Unknown, Worst: f.Worst, Tolerance: f.Tolerance, Per: terms.Per}
	found, err := b.Store.Candidates("", Place{Platform: platform}, f.From)
	if err != nil {
		return err
	}
	var concerned []*Tracked
	for _, r := range found {
		t := b.Track(r)
		if s := b.scenarioOf(t); s != nil && slices.ContainsFunc(s.Targets, func(x *policy.Target) bool { return x.Measured }) {
			concerned = append(concerned, t)
		}
	}
	carries := map[*Tracked][]time.Time{}
	for _, spent := range f.Spent {
		if t := carrier(concerned, platform, spent, terms); t != nil {
			carries[t] = append(carries[t], spent)
		}
	}
	for _, t := range concerned {
		if was, known := t.Measured[platform]; len(carries[t]) == 0 && (!t.open() || known && same(was, u)) {
			continue
		}
		if _, err := b.Apply(t, incident.Measured{Platform: platform, Unavailability: u, Spent: carries[t]}); err != nil {
			return err
		}
	}
	return nil
}

// scenarioOf is the scenario of an incident under the policy that it pinned.
func (b *Batch) scenarioOf(t *Tracked) *policy.Scenario {
	if p := b.Book.Policy(t.Policy); p != nil {
		return p.Scenario(t.Scenario)
	}
	return nil
}

// same reports whether nothing that people are told has changed much. What is not
// measured grows by the minute while Prometheus is away.
func same(a, b incident.Unavailability) bool {
	const little = 15 * time.Minute
	if (a.Unknown - b.Unknown).Abs() < little {
		a.Unknown = b.Unknown
	}
	a.Until = b.Until
	return a == b
}

// carrier is the incident that a tolerance used up then is to be told in; nil for
// none, and when one carries it already.
func carrier(found []*Tracked, platform string, spent time.Time, terms availability.Terms) *Tracked {
	for _, t := range found {
		if slices.ContainsFunc(t.Exceeded[platform], func(at time.Time) bool { return terms.SameTolerance(at, spent) }) {
			return nil
		}
	}
	for _, t := range found {
		if t.open() || !t.ResolvedAt.Before(spent) {
			return t
		}
	}
	return nil
}
