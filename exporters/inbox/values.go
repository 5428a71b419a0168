package inbox

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"vigie/internal/zoneword"
)

// frenchDates puts English words for the French ones, which Go's layouts do
// not know. Longer words stand first.
func frenchDates() *strings.Replacer {
	return strings.NewReplacer(
		"janvier", "January", "février", "February", "fevrier", "February", "mars", "March", "avril", "April", "juin", "June", "juillet", "July",
		"août", "August", "aout", "August", "septembre", "September", "octobre", "October", "novembre", "November", "décembre", "December", "decembre", "December",
		"janv.", "Jan", "févr.", "Feb", "fevr.", "Feb", "avr.", "Apr", "juil.", "Jul", "sept.", "Sep", "oct.", "Oct", "nov.", "Nov", "déc.", "Dec", "dec.", "Dec",
		"lundi", "Monday", "mardi", "Tuesday", "mercredi", "Wednesday", "jeudi", "Thursday", "vendredi", "Friday", "samedi", "Saturday", "dimanche", "Sunday",
		"lun.", "Mon", "mar.", "Tue", "mer.", "Wed", "jeu.", "Thu", "ven.", "Fri", "sam.", "Sat", "dim.", "Sun",
		"1er", "1",
	)
}

var frenchMai = regexp.MustCompile(`(?i)\bmai\b`)

// times reads the instants that a rule's patterns found.
type times struct {
	layouts []string
	zone    *time.Location
	order   order // of the numbers of dates, as far as the text tells it
}

// of is for one text, which tells how its dates are written.
func (t times) of(text string, sent time.Time) times {
	t.order = orderIn(text, sent)
	return t
}

func (t times) parse(s string) (time.Time, bool) {
	s = line(s)
	english := frenchMai.ReplaceAllString(frenchDates().Replace(strings.ToLower(s)), "May")
	for _, layout := range t.layouts {
		if t.order.contradicts(layout) {
			continue
		}
		for _, text := range []string{s, english} {
			if at, ok := readBy(layout, text, t.zone); ok {
				return first(at, layout), true
			}
		}
		if strings.Contains(layout, "Jan") {
			if at, ok := readBy(plainLayout(layout), dateWords(s), t.zone); ok {
				return first(at, layout), true
			}
		}
	}
	return time.Time{}, false
}

// readBy reads a text by a layout, in the zone where it names none.
func readBy(layout, text string, zone *time.Location) (time.Time, bool) {
	at, err := time.ParseInLocation(layout, text, zone)
	if err != nil || !strings.Contains(layout, "MST") || strings.Contains(layout, "-07") || strings.Contains(layout, "Z07") {
		return at, err == nil
	}
	return zoneword.Settle(at, zone)
}

// plainLayout is a layout for what dateWords gives.
func plainLayout(layout string) string {
	return line(strings.NewReplacer("Monday", "", "Mon", "", "January", "Jan", ",", "").Replace(layout))
}

// first is, of an hour that comes twice, its first coming: a success must not
// look later than it was. Layouts with an offset say which is meant.
func first(at time.Time, layout string) time.Time {
	if strings.Contains(layout, "-07") || strings.Contains(layout, "Z07") || strings.Contains(layout, "MST") {
		return at
	}
	for _, back := range []time.Duration{time.Hour, 30 * time.Minute} {
		if e := at.Add(-back); e.Format(time.DateTime) == at.Format(time.DateTime) {
			return e
		}
	}
	return at
}

// again is the second coming of an hour, of one that comes twice in autumn.
func (t times) again(at time.Time) (time.Time, bool) {
	for _, on := range []time.Duration{time.Hour, 30 * time.Minute} {
		if l := at.Add(on).In(t.zone); l.Format(time.DateTime) == at.In(t.zone).Format(time.DateTime) {
			return l, true
		}
	}
	return at, false
}

// notBefore takes an instant that was read from a clock for its second coming where
// the first lies before the beginning.
func (t times) notBefore(began, at time.Time) time.Time {
	if later, twice := t.again(at); twice && at.Before(began) && !later.Before(began) {
		return later
	}
	return at
}

// instant reads a capture; one without a day is completed by that of another
// capture, which is the day on which the whole began: a time of day before the
// beginning is of the day after. Without a day it is the last such time before
// the mail was sent. What lies after that is another layout's.
func (t times) instant(value, day string, sent time.Time) (time.Time, bool) {
	if value == "" || t.zone == nil {
		return time.Time{}, false
	}
	_, clock := t.parseClock(value)
	if at, ok := t.whole(value, sent); ok && (!clock || day == "") {
		return at, believable(at)
	}
	if day != "" {
		if at, ok := t.onDay(value, day, sent); ok {
			return at, believable(at)
		}
	}
	hour, ok := t.parseClock(value)
	if !ok {
		return time.Time{}, false
	}
	at := t.on(sent.In(t.zone), hour)
	if at.After(sent.Add(startSlack)) {
		at = t.on(sent.In(t.zone).AddDate(0, 0, -1), hour)
	}
	return at, believable(at)
}

// whole reads an instant that has its day. 22.05.10 is a time of day in some
// languages and a day in others: one that is nowhere near to the mail is none.
func (t times) whole(value string, sent time.Time) (time.Time, bool) {
	if at, ok := t.past(value, sent); ok {
		return at, at.Year() > 1
	}
	at, ok := usual(value, t.zone, t.order, sent)
	if _, clock := t.parseClock(value); ok && clock && !near(at, sent) {
		return time.Time{}, false
	}
	return at, ok
}

// onDay puts a time of day on the day on which the whole began.
func (t times) onDay(value, day string, sent time.Time) (time.Time, bool) {
	began, whole := t.whole(day, sent)
	if hour, clock := t.parseClock(value); whole && clock && believable(began) {
		at := t.notBefore(began, t.on(began, hour))
		if began.Hour()+began.Minute()+began.Second() > 0 && at.Before(began.Add(-startSlack)) {
			at = t.on(began.AddDate(0, 0, 1), hour)
			return at, !at.After(sent.Add(startSlack))
		}
		return at, true
	}
	return t.parse(day + " " + value)
}

// startSlack is how far two clocks of one report may be apart.
const startSlack = 10 * time.Minute

func (t times) on(day, hour time.Time) time.Time {
	y, m, d := day.Date()
	return first(time.Date(y, m, d, hour.Hour(), hour.Minute(), hour.Second(), 0, t.zone), "")
}

// parseClock reads a time of day.
func (t times) parseClock(s string) (time.Time, bool) {
	f := fields(clockOnly, strings.TrimSpace(dateWords(s)))
	if f == nil {
		return time.Time{}, false
	}
	hour, minute, second, ok := clockOf(f)
	return time.Date(0, 1, 1, hour, minute, second, 0, time.UTC), ok
}

// past prefers a layout by which the instant is not after the mail.
func (t times) past(s string, sent time.Time) (time.Time, bool) {
	for i := range t.layouts {
		if at, ok := (times{layouts: t.layouts[i : i+1], zone: t.zone, order: t.order}).parse(s); ok && !at.After(sent.AddDate(0, 0, 1)) {
			return at, true
		}
	}
	return t.parse(s)
}

// halfApart is "p. m.", as Windows writes it in Spanish.
var halfApart = regexp.MustCompile(`(?i)\b([ap])\.\s+m\b\.?`)

// harmless words stand behind a time of day without another meaning, or name the zone of
// central Europe; the others may say which half of the day it is, in a language that
// nobody here reads, or a zone far away.
var harmless = regexp.MustCompile(`^\(?(?:(?i:uhr|uur|o'clock|h|hrs?|horas?|hours?|heures?|ore|locale?|time|standard|romance|de|paris|normale|d.(?:été|hiver|europe)|centrale|europe/paris|mes?z|mitteleuropäische|(?:sommer|normal)?zeit|г)|` + weekdayForm + `)\)?$`)

// dateWords gives a date in English, with short months and without days of
// the week. What it does not know behind a time, or in other letters, it leaves.
func dateWords(s string) string {
	var out []string
	behind := false
	s = apart.ReplaceAllString(halfApart.ReplaceAllString(line(s), "${1}m"), "${1}h$2")
	for w := range strings.FieldsSeq(strings.ToLower(s)) {
		w = strings.Trim(w, ",")
		bare := strings.TrimRight(w, ".")
		switch {
		case w == "de" || w == "del" || w == "":
			continue
		case monthOf(bare) != "":
			w = monthOf(bare)
		case w == "am" || w == "pm" || w == "a.m." || w == "p.m.":
			w = strings.ToUpper(strings.ReplaceAll(w, ".", ""))
		case !strings.ContainsAny(w, "0123456789") && (harmless.MatchString(bare) || !behind && !strings.ContainsFunc(bare, foreign)):
			continue // a day of the week
		case w == "1er":
			w = "1"
		case len(bare) <= 2:
			w = bare
		}
		behind = behind || strings.Contains(w, ":")
		out = append(out, w)
	}
	return strings.Join(out, " ")
}

// foreign tells letters of other scripts than ours.
func foreign(r rune) bool { return unicode.IsLetter(r) && !unicode.Is(unicode.Latin, r) }

// monthOf knows the months in English, French, German, Spanish, Italian,
// Portuguese and Dutch by their beginnings.
func monthOf(w string) string {
	for _, m := range []struct{ short, beginnings string }{
		{"Jan", "jan ene gen"}, {"Feb", "feb fév fev"}, {"Mar", "mar mär maart mrt"}, {"Apr", "apr avr abr"}, {"May", "may mai mei mag"}, {"Jun", "jun juin giu"},
		{"Jul", "jul juil lug"}, {"Aug", "aug aoû aou ago"}, {"Sep", "sep set"}, {"Oct", "oct okt ott out"}, {"Nov", "nov"}, {"Dec", "dec déc dez dic"},
	} {
		for b := range strings.FieldsSeq(m.beginnings) {
			if strings.HasPrefix(w, b) && !weekday(w) {
				return m.short
			}
		}
	}
	return ""
}

func weekday(w string) bool {
	switch w {
	case "mardi", "martes", "martedì", "mar-feira":
		return true
	}
	return false
}

func believable(at time.Time) bool { return at.Year() >= 2000 && at.Year() <= 2200 }

var amount = regexp.MustCompile(`^([0-9][0-9 .,'’]*)\s*([A-Za-z]*)$`)

// bytesOf reads sizes such as "120.5 GB", "1 234,5 Mo" or "1,234 KB". A unit
// is 1024 times the one before, as backup products count. A single separator
// with three digits after it is a thousands separator only if another one
// shows it, since 1.234 GB is more usual than 1234 GB.
func bytesOf(s string) (int64, bool) {
	m := amount.FindStringSubmatch(line(s))
	if m == nil {
		return 0, false
	}
	factor, ok := unit(m[2])
	if !ok {
		return 0, false
	}
	digits := strings.NewReplacer(" ", "", "'", "", "’", "").Replace(m[1])
	point := max(strings.LastIndexByte(digits, '.'), strings.LastIndexByte(digits, ','))
	whole, fraction := digits, ""
	if point >= 0 {
		whole, fraction = digits[:point], digits[point+1:]
		if strings.IndexByte(whole, digits[point]) >= 0 {
			whole, fraction = digits, "" // the same separator twice: thousands
		} else if factor == 1 && len(fraction) == 3 {
			whole, fraction = digits, "" // there is no thousandth of a byte
		}
	}
	whole = strings.NewReplacer(".", "", ",", "").Replace(whole)
	n, err := strconv.ParseFloat(whole+"."+fraction+"0", 64)
	if err != nil || n*factor >= math.MaxInt64/2 {
		return 0, false
	}
	return int64(math.Round(n * factor)), true
}

func unit(name string) (float64, bool) {
	name = strings.ToLower(name)
	switch name {
	case "", "b", "o", "byte", "bytes", "octet", "octets":
		return 1, true
	}
	at := strings.IndexByte("kmgtp", name[0])
	switch name[1:] {
	case "", "b", "o", "ib", "io":
	default:
		return 0, false
	}
	if at < 0 {
		return 0, false
	}
	return math.Pow(1024, float64(at+1)), true
}
