package policy

import (
	"strings"

	"vigie/internal/strict"
	"vigie/rules/calendar"
)

type calendarDoc struct {
	strict.Position
	Description    string                 `yaml:"description"`
	Timezone       string                 `yaml:"timezone"`
	WeeklyWindows  map[string][][2]string `yaml:"weekly_windows"`
	PublicHolidays string                 `yaml:"public_holidays"`
	DateExceptions map[string][][2]string `yaml:"date_exceptions"`
}

func (doc calendarDoc) load(l *loader, name string) {
	if _, twice := l.policy.Calendars[name]; twice {
		l.fault(doc.Position, "calendars."+name, "calendar %q is defined twice: keep one", name)
	}
	c, err := calendar.New(calendar.Definition{
		Description: doc.Description, Timezone: doc.Timezone, WeeklyWindows: doc.WeeklyWindows,
		PublicHolidays: doc.PublicHolidays, DateExceptions: doc.DateExceptions,
	})
	if err != nil {
		for each := range strings.SplitSeq(err.Error(), "\n") {
			key, what, _ := strings.Cut(each, ": ")
			l.fault(doc.Position, "calendars."+name+"."+key, "%s", what)
		}
		l.policy.Calendars[name] = nil // known, so that what refers to it is not at fault
		return
	}
	l.policy.Calendars[name] = c
}
