package rules

import (
	"fmt"
	"slices"
	"time"
	"vigie/rules/incident"
)

// measured takes in what a platform's unavailability came to. A tolerance that is
// exceeded breaches the target, also when the service works again by the time that
// it is known: then the incident has ended, and still carries it.
func (d stopwatch) measured(e incident.Measured) {
	i := d.Incident
	if !slices.Contains(d.Contacts().Platforms(), e.Platform) {
		return
	}
	if i.Measured == nil {
		i.Measured = map[string]incident.Unavailability{}
	}
	i.Measured[e.Platform] = e.Unavailability
	for _, spent := range e.Spent {
		if slices.ContainsFunc(i.Exceeded[e.Platform], spent.Equal) {
			continue
		}
		if i.Exceeded == nil {
			i.Exceeded = map[string][]time.Time{}
		}
		i.Exceeded[e.Platform] = append(slices.Clone(i.Exceeded[e.Platform]), spent)
		d.note("note", "unavailability", "", fmt.Sprintf("%s was down longer than %s per %s", e.Platform, e.Tolerance, e.Per))
		for _, t := range d.Scenario.Targets {
			if t.Measured {
				c := &incident.Clock{Target: t.Name, Episode: i.Episode, Start: spent}
				i.Targets[t.Name] = c
				d.over(t, c, spent)
			}
		}
	}
}
