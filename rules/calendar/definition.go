package calendar

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// DefaultTimezone is the zone of a definition that names none.
const DefaultTimezone = "Europe/Paris"

// Definition is a calendar as people write it. [New] checks it and builds the
// calendar.
type Definition struct {
	Description string `json:"description,omitempty" yaml:"description,omitempty"`

	// Timezone is an IANA name; DefaultTimezone if empty.
	Timezone string `json:"timezone,omitempty" yaml:"timezone,omitempty"`

	// WeeklyWindows maps a weekday, "monday" to "sunday", to its windows, each
	// a pair of times from the opening until just before the closing. A weekday
	// without windows is closed.
	WeeklyWindows map[string][][2]string `json:"weekly_windows,omitempty" yaml:"weekly_windows,omitempty"`

	// PublicHolidays is the rule for the days that are closed whatever their
	// weekday: France, FranceAlsaceMoselle, or NoHolidays, also if empty.
	PublicHolidays string `json:"public_holidays,omitempty" yaml:"public_holidays,omitempty"`

	// DateExceptions maps a date to the windows it has, whatever its weekday
	// and even if it is a holiday. No window means closed.
	DateExceptions map[string][][2]string `json:"date_exceptions,omitempty" yaml:"date_exceptions,omitempty"`
}

// UnmarshalJSON reads a definition and insists that a window is a pair: left
// to itself encoding/json drops a third time without a word.
func (d *Definition) UnmarshalJSON(data []byte) error {
	type plain Definition
	written := struct {
		*plain
		WeeklyWindows  map[string][][]string `json:"weekly_windows"`
		DateExceptions map[string][][]string `json:"date_exceptions"`
	}{plain: (*plain)(d)}
	if err := json.Unmarshal(data, &written); err != nil {
		return err
	}
	weekly, wrongWeekly := pairs("weekly_windows", written.WeeklyWindows)
	dated, wrongDated := pairs("date_exceptions", written.DateExceptions)
	d.WeeklyWindows, d.DateExceptions = weekly, dated
	return errors.Join(wrongWeekly, wrongDated)
}

func pairs(key string, written map[string][][]string) (map[string][][2]string, error) {
	if written == nil {
		return nil, nil
	}
	read := make(map[string][][2]string, len(written))
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(written)) {
		windows := make([][2]string, len(written[name]))
		for i, window := range written[name] {
			if len(window) != 2 {
				wrong = append(wrong, fmt.Errorf(`%s.%s: window %d has %d times; write two, such as ["09:00", "19:00"]`, key, name, i+1, len(window)))
				continue
			}
			windows[i] = [2]string(window)
		}
		read[name] = windows
	}
	return read, errors.Join(wrong...)
}

// weekdayNames is indexed by time.Weekday.
var weekdayNames = [7]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

// New checks a definition and builds its calendar. The error joins everything
// that is wrong; each part names the key, what is wrong with it and the cure.
func New(d Definition) (*Calendar, error) {
	c := &Calendar{holidays: cmp.Or(d.PublicHolidays, NoHolidays)}
	var wrong []error
	note := func(err error) {
		if err != nil {
			wrong = append(wrong, err)
		}
	}

	var err error
	c.location, err = loadZone(cmp.Or(d.Timezone, DefaultTimezone))
	note(err)
	c.weekly, err = readWeek(d.WeeklyWindows)
	note(err)
	if !slices.Contains(holidayRules(), c.holidays) {
		note(fmt.Errorf("public_holidays: unknown rule %q; write one of %s", c.holidays, strings.Join(holidayRules(), ", ")))
	}
	c.exceptions, err = readExceptions(d.DateExceptions)
	note(err)

	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	return c.derive()
}

func loadZone(name string) (*time.Location, error) {
	// Go takes "Local" for the zone of the machine, which is no answer here.
	if name != "Local" {
		if zone, err := time.LoadLocation(name); err == nil {
			return zone, nil
		}
	}
	return nil, fmt.Errorf("timezone: unknown zone %q; write an IANA name such as %q", name, DefaultTimezone)
}

func readWeek(written map[string][][2]string) (week [7][]Window, err error) {
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(written)) {
		weekday := slices.Index(weekdayNames[:], name)
		if weekday < 0 {
			wrong = append(wrong, fmt.Errorf("weekly_windows.%s: unknown weekday; write one of monday, tuesday, wednesday, thursday, friday, saturday, sunday", name))
			continue
		}
		if week[weekday], err = readWindows(written[name]); err != nil {
			wrong = append(wrong, fmt.Errorf("weekly_windows.%s: %w", name, err))
		}
	}
	return week, errors.Join(wrong...)
}

func readExceptions(written map[string][][2]string) (map[dayNumber][]Window, error) {
	exceptions := make(map[dayNumber][]Window, len(written))
	var wrong []error
	for _, text := range slices.Sorted(maps.Keys(written)) {
		date, err := ParseDate(text)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("date_exceptions: %w", err))
			continue
		}
		if exceptions[date.number()], err = readWindows(written[text]); err != nil {
			wrong = append(wrong, fmt.Errorf("date_exceptions.%s: %w", text, err))
		}
	}
	return exceptions, errors.Join(wrong...)
}

func readWindows(written [][2]string) ([]Window, error) {
	windows := make([]Window, len(written))
	for i, pair := range written {
		opens, err := ParseTimeOfDay(pair[0])
		if err != nil {
			return nil, err
		}
		closes, err := ParseTimeOfDay(pair[1])
		if err != nil {
			return nil, err
		}
		windows[i] = Window{opens, closes}
	}
	return windows, checkWindows(windows)
}

// checkWindows finds the first thing wrong with the windows of one date.
func checkWindows(windows []Window) error {
	for i, window := range windows {
		switch {
		case window.Opens < Midnight || window.Closes > EndOfDay:
			return fmt.Errorf("window %s leaves the day; stay between 00:00 and 24:00", window)
		case window.Opens == window.Closes:
			return fmt.Errorf("window %s is empty; leave it out, or write 00:00-24:00 for the whole day", window)
		case window.Opens > window.Closes:
			return fmt.Errorf("window %s crosses midnight; write %s-24:00 here and 00:00-%s on the next day", window, window.Opens, window.Closes)
		case i > 0 && window.Opens < windows[i-1].Opens:
			return fmt.Errorf("window %s comes after %s; put them in order", window, windows[i-1])
		case i > 0 && window.Opens < windows[i-1].Closes:
			return fmt.Errorf("window %s overlaps %s; make one window of them", window, windows[i-1])
		}
	}
	return nil
}
