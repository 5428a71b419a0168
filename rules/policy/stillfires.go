package policy

import (
	"time"

	"vigie/internal/strict"
	"vigie/rules/calendar"
)

// StillFires is after how long an incident that a person ended is looked at again
// when its alert fires on.
type StillFires struct {
	Resolved Delay // by a person's word
	Closed   Delay // with a reason
}

type stillFiresDoc struct {
	strict.Position
	Resolved *delayDoc `yaml:"resolved"`
	Closed   *delayDoc `yaml:"closed"`
}

// defaultStillFires is what a policy means that does not say it.
func defaultStillFires(cal string) StillFires {
	one, _ := calendar.ParseAmount("1")
	return StillFires{
		Resolved: Delay{Elapsed: time.Hour, Calendar: cal},
		Closed:   Delay{Business: &calendar.Duration{Amount: one, Unit: calendar.BusinessDays}, Calendar: cal},
	}
}

func (d *stillFiresDoc) load(l *loader, s *Scenario, path string) {
	take := func(doc *delayDoc, key string, into *Delay) {
		if doc == nil {
			return
		}
		doc.positive(l, path+"."+key, "1 business_days")
		*into = doc.Delay
		if into.Calendar == "" {
			into.Calendar = s.Calendar
		} else {
			l.calendar(doc.Position, path+"."+key+".calendar", into.Calendar, false)
		}
	}
	take(d.Resolved, "resolved", &s.StillFires.Resolved)
	take(d.Closed, "closed", &s.StillFires.Closed)
}
