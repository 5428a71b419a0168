package locale

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Locale writes instants for people: in one zone, one language, and relative to
// the instant at which the message leaves. The zero time is written as "".
type Locale struct {
	*Language
	Zone *time.Location
	Ref  time.Time
	// Called says, in the reasons of a page, how the person of an id, or else what a
	// step of the policy does, is called; nil leaves the names as they are kept.
	Called func(kind, name string) string
	// stray tells that the zone is unknown, so instants are in UTC and say so.
	stray bool
}

// In returns the language for a zone, by its IANA name, and an instant of reference.
func (l *Language) In(zone string, ref time.Time) Locale {
	loc, err := time.LoadLocation(zone)
	f := Locale{Language: l, Zone: loc}
	if err != nil || zone == "" || zone == "Local" {
		f.Zone, f.stray = time.UTC, zone != "UTC"
	}
	f.Ref = ref.In(f.Zone)
	return f
}

// Clock is the hour: 14:32.
func (f Locale) Clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.In(f.Zone)
	s := t.Format("15:04")
	switch {
	case f.stray:
		s += " UTC"
	case twice(t):
		s += t.Format(" (UTC-07:00)")
	}
	return s
}

// twice tells whether the clock on the wall reads the same at another instant: in
// the hour that comes again when summer time ends.
func twice(t time.Time) bool {
	began, ends := t.ZoneBounds()
	back := func(from, to time.Time) time.Duration { // how far the clock goes back between the two
		_, a := from.Zone()
		_, b := to.Zone()
		return time.Duration(a-b) * time.Second
	}
	again := !ends.IsZero() && !t.Before(ends.Add(-back(t, ends)))
	before := !began.IsZero() && t.Before(began.Add(back(began.Add(-1), t)))
	return again || before
}

// Date is the day of a month: "7 mars", "7 March"; with the year when it is
// not the year of the message.
func (f Locale) Date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	if t.In(f.Zone).Year() != f.Ref.Year() {
		return f.write(f.rules.Dates.DateOfYear, t)
	}
	return f.write(f.rules.Dates.Date, t)
}

// write puts a date or an instant together as a pattern of the language says.
func (f Locale) write(pattern string, t time.Time, pairs ...string) string {
	t = t.In(f.Zone)
	day := strconv.Itoa(t.Day())
	if t.Day() == 1 && f.rules.FirstOfMonth != "" {
		day = f.rules.FirstOfMonth
	}
	return fill(pattern, append(pairs, "day", day, "dd", t.Format("02"), "mm", t.Format("01"), "year", t.Format("2006"),
		"month", f.rules.Months[t.Month()-1], "short_month", f.rules.ShortMonths[t.Month()-1])...)
}

// Month is a month with its year: "mars 2026", "March 2026".
func (f Locale) Month(t time.Time) string {
	t = t.In(f.Zone)
	return f.rules.Months[t.Month()-1] + " " + t.Format("2006")
}

// Hours is a length of time in hours and minutes, however many hours: working time
// has no days. A begun minute counts whole, so that what missed its target by a second
// is longer than the target; less than a minute is said in seconds.
func (f Locale) Hours(d time.Duration) string {
	if d > time.Minute {
		d = begun(d, time.Minute)
	}
	return f.hoursAndMinutes(d)
}

// hoursAndMinutes leaves out what is none; seconds are said only alone.
func (f Locale) hoursAndMinutes(d time.Duration) string {
	switch hours, minutes := int(d/time.Hour), int(d/time.Minute)%60; {
	case hours > 0 && minutes > 0:
		return f.Plural("hour", hours) + " " + f.Plural("minute", minutes)
	case hours > 0:
		return f.Plural("hour", hours)
	case minutes > 0:
		return f.Plural("minute", minutes)
	}
	return f.short(d)
}

// short is a length of time below a minute; nothing at all is said in the unit that
// the others are said in.
func (f Locale) short(d time.Duration) string {
	if seconds := int(d / time.Second); seconds > 0 {
		return f.Plural("second", seconds)
	}
	return f.Plural("minute", 0)
}

// Lasted is how long something lasted by the clock: as [Locale.Hours] below a day,
// in days of 24 hours and hours from then on, a begun hour whole: "29 j 12 h".
func (f Locale) Lasted(d time.Duration) string {
	if begun(d, time.Minute) < 24*time.Hour {
		return f.Hours(d)
	}
	hours := int(begun(d, time.Hour) / time.Hour)
	if hours%24 == 0 {
		return f.Plural("day", hours/24)
	}
	return f.Plural("day", hours/24) + " " + f.Plural("hour", hours%24)
}

// begun is a length of time in units, the last one whole as soon as it has begun.
func begun(d, unit time.Duration) time.Duration { return (d + unit - 1) / unit * unit }

// Day is date with the day of the week: "mar. 10 mars".
func (f Locale) Day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return fill(f.rules.Dates.Weekday, "weekday", f.rules.ShortWeekdays[t.In(f.Zone).Weekday()], "date", f.Date(t))
}

// LongDay is day with the day of the week in full, for sentences.
func (f Locale) LongDay(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return fill(f.rules.Dates.Weekday, "weekday", f.rules.Weekdays[t.In(f.Zone).Weekday()], "date", f.Date(t))
}

// LongMoment is moment in full: "mardi 11 mars à 12:30".
func (f Locale) LongMoment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return f.Say("at", "day", f.LongDay(t), "clock", f.Clock(t))
}

// Moment is the full instant: "mar. 10 mars 14:32".
func (f Locale) Moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return f.Day(t) + " " + f.Clock(t)
}

// DueAt is an instant as a deadline is said in a sentence: the hour alone when it
// is today, else "mardi 11 mars à 18:00".
func (f Locale) DueAt(t time.Time) string {
	if hour, ok := f.hour(t); ok {
		return hour
	}
	return f.LongMoment(t)
}

// DueShort is due for a table: "mar. 11 mars 18:00".
func (f Locale) DueShort(t time.Time) string {
	if hour, ok := f.hour(t); ok {
		return hour
	}
	return f.Moment(t)
}

// hour is the hour alone of an instant of today; the midnight at which today ends is
// its 24:00, which nobody takes for tomorrow.
func (f Locale) hour(t time.Time) (string, bool) {
	if t.IsZero() || f.Today(t) {
		return f.Clock(t), true
	}
	return "24:00", f.ByTonight(t)
}

// ByTonight tells whether a deadline lies within today, whose end is a midnight.
func (f Locale) ByTonight(t time.Time) bool {
	return f.Today(t) || f.Today(t.Add(-time.Nanosecond)) && t.In(f.Zone).Format("15:04:05") == "00:00:00"
}

// Narrow is an instant for a column: "18:00", "mar. 1er déc. 18:00".
func (f Locale) Narrow(t time.Time) string {
	if hour, ok := f.hour(t); ok {
		return hour
	}
	pattern := f.rules.Dates.Date
	if t.In(f.Zone).Year() != f.Ref.Year() {
		pattern = f.rules.Dates.DateOfYear
	}
	date := f.write(strings.ReplaceAll(pattern, "{month}", "{short_month}"), t)
	return fill(f.rules.Dates.Weekday, "weekday", f.rules.ShortWeekdays[t.In(f.Zone).Weekday()], "date", date) + " " + f.Clock(t)
}

// Brief is due for a subject: "18:00", or "11/03 18:00".
func (f Locale) Brief(t time.Time) string {
	if hour, ok := f.hour(t); ok {
		return hour
	}
	return f.Stamp(t)
}

// Stamp is an instant for a subject, always with its day: "11/03 18:00", "11
// March 18:00".
func (f Locale) Stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return f.StampDay(t) + " " + f.Clock(t)
}

// StampDay is the day of Stamp: "11/03", "11 March"; with the year when it is
// not the year of the message.
func (f Locale) StampDay(t time.Time) string {
	if t.IsZero() || t.In(f.Zone).Year() != f.Ref.Year() {
		return f.Date(t)
	}
	return f.write(f.rules.Dates.Stamp, t)
}

// PageWord returns a text of the pages behind links, which forms share; "" when there
// is none.
func (f Locale) PageWord(key string) string { return f.Word(Pages + key) }

// PageSay fills in a text's parts, given as name, value, name, value.
func (f Locale) PageSay(key string, parts ...string) string { return f.Say(Pages+key, parts...) }

// PagePlural says how many.
func (f Locale) PagePlural(key string, n int) string { return f.Plural(Pages+key, n) }

// PageMoment is an instant on a page, which is read whenever: "11/03/2025 18:00".
func (f Locale) PageMoment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return f.write(f.rules.Dates.Page, t, "clock", f.Clock(t))
}

// Today tells whether an instant lies on the day on which the message leaves.
func (f Locale) Today(t time.Time) bool {
	a, b := t.In(f.Zone), f.Ref
	return a.Year() == b.Year() && a.YearDay() == b.YearDay()
}

// Span is a length of time in its two largest units: "2 jours 4 h", "35 min".
func (f Locale) Span(d time.Duration) string {
	if d < 0 {
		d = -d
	}
	switch days, hours := int(d/(24*time.Hour)), int(d/time.Hour)%24; {
	case days >= 7 || days > 0 && hours == 0:
		return f.Plural("day", days)
	case days > 0:
		return f.Plural("day", days) + " " + f.Plural("hour", hours)
	}
	return f.hoursAndMinutes(d)
}

// Exactly is a length of time to the second: "1 h 5 min", "10 min 30 s".
func (f Locale) Exactly(d time.Duration) string {
	seconds := int(max(d, 0).Round(time.Second) / time.Second)
	var parts []string
	for _, unit := range []struct {
		word string
		n    int
	}{{"hour", seconds / 3600}, {"minute", seconds / 60 % 60}, {"second", seconds % 60}} {
		if unit.n > 0 {
			parts = append(parts, f.Plural(unit.word, unit.n))
		}
	}
	if len(parts) == 0 {
		return f.short(0)
	}
	return strings.Join(parts, " ")
}

// Ago says how long before the message an instant was; "" when it was not.
func (f Locale) Ago(t time.Time) string {
	if t.IsZero() || !t.Before(f.Ref) {
		return ""
	}
	if f.Ref.Sub(t) >= 7*24*time.Hour { // said in days alone, which people count by their dates
		return f.Say("ago", "span", f.Plural("day", daysBetween(t.In(f.Zone), f.Ref)))
	}
	return f.Say("ago", "span", f.Span(f.Ref.Sub(t)))
}

// daysBetween counts from one date to another.
func daysBetween(from, to time.Time) int {
	noon := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 12, 0, 0, 0, time.UTC) }
	return int(noon(to).Sub(noon(from)) / (24 * time.Hour))
}

// MomentAgo is moment with its age in parentheses.
func (f Locale) MomentAgo(t time.Time) string {
	if a := f.Ago(t); a != "" {
		return f.Moment(t) + " (" + a + ")"
	}
	return f.Moment(t)
}

// Night says the how-manieth failure this is: "2ᵉ nuit" when the failures came
// about one a night, "2ᵉ fois" otherwise; "" for the first.
func (f Locale) Night(failures, days int, started time.Time) string {
	if failures < 2 {
		return ""
	}
	key := "nth.failure"
	if failures <= days+1 && days <= failures+1 && !started.IsZero() {
		key = "nth.day"
		if h := started.In(f.Zone).Hour(); h < 9 || h >= 18 {
			key = "nth.night"
		}
	}
	return f.Say(key, "nth", f.Ordinal(failures))
}

// Bytes is an amount of data: "12,4 Go", "12.4 GB".
func (f Locale) Bytes(bytes float64) string {
	if !(bytes > 0) || bytes > 1e24 {
		return ""
	}
	unit := 0
	for bytes >= 1000 && unit < 4 {
		bytes /= 1000
		unit++
	}
	s := strconv.FormatFloat(bytes, 'f', 1, 64)
	if unit == 0 || bytes >= 100 {
		s = strconv.FormatFloat(bytes, 'f', 0, 64)
	}
	s = strings.Replace(s, ".", f.rules.Decimal, 1)
	return s + " " + f.Word("unit."+strconv.Itoa(unit))
}

// DateText shows a date that came as text, or the text when it is not one.
func (l Locale) DateText(s string) string {
	if t, ok := l.ParseDate(s); ok {
		return l.LongDay(t)
	}
	return s
}

// ParseDate reads a date, or an instant, that came as text.
func (l Locale) ParseDate(s string) (time.Time, bool) {
	if t, err := time.ParseInLocation(time.DateOnly, s, l.Zone); err == nil {
		return t, true
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.In(l.Zone), true
	}
	return time.Time{}, false
}

// Threes sets a long list in rows of three; the last one is filled up.
func Threes(all []string) [][]string {
	var rows [][]string
	for row := range slices.Chunk(all, 3) {
		rows = append(rows, append(slices.Clip(row), make([]string, 3-len(row))...))
	}
	return rows
}
