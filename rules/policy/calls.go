package policy

import (
	"slices"

	"vigie/internal/strict"
	"vigie/rules/calendar"
)

// Calls is the follow-up of phone calls and answers.
type Calls struct {
	Outcomes   []string
	Reached    []string
	FollowUp   int                // days until the next look when nothing else was agreed
	Clock      calendar.TimeOfDay // hour of a follow-up
	Tries      int                // unsuccessful tries before somebody else is told
	RetryAfter int                // business days until the next try
}

type callsDoc struct {
	strict.Position
	Outcomes   []string           `yaml:"outcomes"`
	Reached    []string           `yaml:"reached"`
	FollowUp   int                `yaml:"follow_up_days"`
	Clock      calendar.TimeOfDay `yaml:"clock"`
	Tries      int                `yaml:"tries"`
	RetryAfter int                `yaml:"retry_after_service_days"`
}

func (d *callsDoc) load(l *loader, s *Scenario, path string) *Calls {
	if d.FollowUp <= 0 || d.Tries <= 0 || d.RetryAfter <= 0 {
		l.fault(d.Position, path, "follow_up_days, tries and retry_after_service_days must each be 1 or more")
	}
	if len(d.Outcomes) == 0 {
		l.fault(d.Position, path+".outcomes", "no outcome of a call is named: write e.g. [reached, voicemail]")
	}
	for _, o := range d.Reached {
		if !slices.Contains(d.Outcomes, o) {
			l.fault(d.Position, path+".reached", "%s", strict.Unknown("outcome", o, d.Outcomes))
		}
	}
	return &Calls{Outcomes: d.Outcomes, Reached: d.Reached, FollowUp: d.FollowUp, Clock: d.Clock, Tries: d.Tries, RetryAfter: d.RetryAfter}
}
