package message

import (
	"strconv"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

// face writes instants for people: in one zone, one language, and relative to
// the instant at which the message leaves. The zero time is written as "".
type face struct {
	*tongue
	zone  *time.Location
	ref   time.Time
	stray bool // the zone is unknown, so instants are in UTC and say so
}

func newFace(t *tongue, zone string, ref time.Time) face {
	loc, err := time.LoadLocation(zone)
	f := face{tongue: t, zone: loc}
	if err != nil || zone == "" || zone == "Local" {
		f.zone, f.stray = time.UTC, zone != "UTC"
	}
	f.ref = ref.In(f.zone)
	return f
}

// clock is the hour: 14:32.
func (f face) clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	s := t.In(f.zone).Format("15:04")
	if f.stray {
		s += " UTC"
	}
	return s
}

// date is the day of a month: "7 mars", "7 March"; with the year when it is
// not the year of the message.
func (f face) date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.In(f.zone)
	day := itoa(t.Day())
	if t.Day() == 1 && f.first != "" {
		day = f.first
	}
	s := day + " " + f.months[t.Month()-1]
	if t.Year() != f.ref.Year() {
		s += " " + itoa(t.Year())
	}
	return s
}

// day is date with the day of the week: "mar. 10 mars".
func (f face) day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return f.days[t.In(f.zone).Weekday()] + " " + f.date(t)
}

// longDay is day with the day of the week in full, for sentences.
func (f face) longDay(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return f.long[t.In(f.zone).Weekday()] + " " + f.date(t)
}

// longMoment is moment in full: "mardi 11 mars à 12:30".
func (f face) longMoment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return f.say("at", "day", f.longDay(t), "clock", f.clock(t))
}

// moment is the full instant: "mar. 10 mars 14:32".
func (f face) moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return f.day(t) + " " + f.clock(t)
}

// due is an instant as a deadline is said in a sentence: the hour alone when it
// is today, else "mardi 11 mars à 18:00".
func (f face) due(t time.Time) string {
	if t.IsZero() || f.today(t) {
		return f.clock(t)
	}
	return f.longMoment(t)
}

// dueShort is due for a table: "mar. 11 mars 18:00".
func (f face) dueShort(t time.Time) string {
	if t.IsZero() || f.today(t) {
		return f.clock(t)
	}
	return f.moment(t)
}

// brief is due for a subject: "18:00", or "11/03 18:00".
func (f face) brief(t time.Time) string {
	if t.IsZero() || f.today(t) {
		return f.clock(t)
	}
	return f.stamp(t)
}

// stamp is an instant for a subject, always with its day: "11/03 18:00", "11
// March 18:00".
func (f face) stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	if local := t.In(f.zone); f.code == "fr" && local.Year() == f.ref.Year() {
		return local.Format("02/01") + " " + f.clock(t)
	}
	return f.date(t) + " " + f.clock(t)
}

// today tells whether an instant lies on the day on which the message leaves.
func (f face) today(t time.Time) bool {
	a, b := t.In(f.zone), f.ref
	return a.Year() == b.Year() && a.YearDay() == b.YearDay()
}

// span is a length of time in its two largest units: "2 jours 4 h", "35 min".
func (f face) span(d time.Duration) string {
	if d < 0 {
		d = -d
	}
	minutes := int(d / time.Minute)
	days, hours := minutes/1440, minutes/60%24
	minutes %= 60
	switch {
	case days >= 7 || days > 0 && hours == 0:
		return f.count("day", days)
	case days > 0:
		return f.count("day", days) + " " + itoa(hours) + " h"
	case hours > 0 && minutes > 0:
		return itoa(hours) + " h " + itoa(minutes) + " min"
	case hours > 0:
		return itoa(hours) + " h"
	case minutes > 0:
		return itoa(minutes) + " min"
	}
	return itoa(int(d/time.Second)) + " s"
}

// ago says how long before the message an instant was; "" when it was not.
func (f face) ago(t time.Time) string {
	if t.IsZero() || !t.Before(f.ref) {
		return ""
	}
	return f.say("ago", "span", f.span(f.ref.Sub(t)))
}

// momentAgo is moment with its age in parentheses.
func (f face) momentAgo(t time.Time) string {
	if a := f.ago(t); a != "" {
		return f.moment(t) + " (" + a + ")"
	}
	return f.moment(t)
}

// night says the how-manieth failure this is: "2ᵉ nuit" when the failures came
// about one a night, "2ᵉ fois" otherwise; "" for the first.
func (f face) night(failures, days int, started time.Time) string {
	if failures < 2 {
		return ""
	}
	key := "nth.failure"
	if failures <= days+1 && days <= failures+1 && !started.IsZero() {
		key = "nth.day"
		if h := started.In(f.zone).Hour(); h < 9 || h >= 18 {
			key = "nth.night"
		}
	}
	return f.say(key, "nth", f.ordinal(failures))
}

func (f face) ordinal(n int) string {
	if f.code == "fr" {
		if n == 1 {
			return "1ʳᵉ"
		}
		return itoa(n) + "ᵉ"
	}
	switch {
	case n%100 >= 11 && n%100 <= 13:
		return itoa(n) + "th"
	case n%10 == 1:
		return itoa(n) + "st"
	case n%10 == 2:
		return itoa(n) + "nd"
	case n%10 == 3:
		return itoa(n) + "rd"
	}
	return itoa(n) + "th"
}

// size is an amount of data: "12,4 Go", "12.4 GB".
func (f face) size(bytes float64) string {
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
	if f.code == "fr" {
		s = commaFor(s)
	}
	return s + " " + f.word("unit."+itoa(unit))
}

func commaFor(s string) string {
	b := []byte(s)
	for i := range b {
		if b[i] == '.' {
			b[i] = ','
		}
	}
	return string(b)
}
