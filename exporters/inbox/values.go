package inbox

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
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
}

func (t times) parse(s string) (time.Time, bool) {
	s = line(s)
	english := frenchMai.ReplaceAllString(frenchDates().Replace(strings.ToLower(s)), "May")
	for _, layout := range t.layouts {
		for _, text := range []string{s, english} {
			if at, err := time.ParseInLocation(layout, text, t.zone); err == nil {
				return first(at, layout), true
			}
		}
	}
	return time.Time{}, false
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

// instant reads a capture; one without a day is completed by that of another
// capture.
func (t times) instant(value, day string) (time.Time, bool) {
	if at, ok := t.parse(value); ok && at.Year() > 1 {
		return at, believable(at)
	}
	if day != "" {
		if at, ok := t.parse(day + " " + value); ok {
			return at, believable(at)
		}
	}
	return time.Time{}, false
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
