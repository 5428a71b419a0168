package inbox

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"vigie/internal/zoneword"
)

// order tells which of two numbers of a date is the day.
type order int

const (
	anyOrder order = iota
	dayFirst
	monthFirst
)

// farAhead is how far ahead of a report a date in it may lie: that of the next
// run of a plan.
const farAhead = 62 * 24 * time.Hour

var slashDate = regexp.MustCompile(`(?:^|[^\d/])(\d{1,2})[/-](\d{1,2})[/-](\d{4})(?:$|[^\d/])`)

// orderIn finds the order of the dates of a text that was sent then: one whose
// numbers go one way only tells it for all, and so does one that would lie far
// ahead the other way.
func orderIn(text string, sent time.Time) order {
	possible := map[order]bool{dayFirst: true, monthFirst: true}
	for _, m := range slashDate.FindAllStringSubmatch(text, 100) {
		a, b, year := atoi(m[1]), atoi(m[2]), atoi(m[3])
		for _, o := range []order{dayFirst, monthFirst} {
			day, month := a, b
			if o == monthFirst {
				day, month = b, a
			}
			at, ok := date(year, month, day)
			if year > 1 && (!ok || at.After(sent.Add(farAhead))) {
				possible[o] = false
			}
		}
	}
	switch {
	case possible[dayFirst] == possible[monthFirst]:
		return anyOrder
	case possible[dayFirst]:
		return dayFirst
	default:
		return monthFirst
	}
}

func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

func date(year, month, day int) (time.Time, bool) {
	at := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	return at, month >= 1 && month <= 12 && at.Month() == time.Month(month) && at.Day() == day
}

// contradicts tells a layout that reads numbers the other way round.
func (o order) contradicts(layout string) bool {
	day, month := strings.Contains(layout, "2/1/2006") || strings.Contains(layout, "02/01/2006") || strings.Contains(layout, "02-01-2006"),
		strings.Contains(layout, "1/2/2006") || strings.Contains(layout, "01/02/2006") || strings.Contains(layout, "01-02-2006")
	return o == dayFirst && month && !day || o == monthFirst && day && !month
}

var (
	usualForm = regexp.MustCompile(`^(?:(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})|(?P<a>\d{1,2})(?P<sep>[-/.])(?P<b>\d{1,2})[-/.](?P<y>\d{4}|\d{2})\.?` +
		`|(?P<d>\d{1,2})(?:st|nd|rd|th)?[- ](?P<word>[A-Z][a-z]{2})[- ](?P<y>\d{4})|(?P<word>[A-Z][a-z]{2}) (?P<d>\d{1,2})(?:st|nd|rd|th)? (?P<y>\d{4}))` +
		`(?:[ t]+` + usualClock + `)?(?: ?(?P<zone>z|(?:utc|gmt)?[+-]\d{2}:?\d{2}))?$`)
	clockOnly = regexp.MustCompile(`^` + usualClock + `$`)
)

const usualClock = `(?P<hour>\d{1,2})[:.h](?P<min>\d{2})(?:[:.](?P<sec>\d{2})(?:[.,]\d{1,9})?)?(?: ?(?P<half>[AaPp]\.?[Mm]\.?))?`

// fields are the named groups that took part.
func fields(re *regexp.Regexp, s string) map[string]string {
	match := re.FindStringSubmatch(s)
	if match == nil {
		return nil
	}
	out := map[string]string{}
	keep(re, match, out)
	return out
}

// usual reads an instant, or a day, in the forms that are in use: numbers in
// any order, months as words, twelve or twenty-four hours, with or without an
// offset. Where the text does not tell the order of the numbers, the day stands
// first unless the hours are twelve.
func usual(s string, zone *time.Location, o order, sent time.Time) (at time.Time, ok bool) {
	s, zone, told := zoneAtEnd(line(s), zone, sent)
	f := fields(usualForm, usualWords(s))
	if f == nil || !told {
		return time.Time{}, false
	}
	hour, minute, second, whole := clockOf(f)
	zone, known := zoneOf(f["zone"], zone)
	if !whole || !known {
		return time.Time{}, false
	}
	on := func(year, month, day int) (time.Time, bool) {
		if len(f["y"]) == 2 { // 0001 is the year in which nothing happened yet
			year += 2000
		}
		d, valid := date(year, month, day)
		return first(time.Date(d.Year(), d.Month(), d.Day(), hour, minute, second, 0, zone), ""), valid
	}
	switch {
	case f["word"] != "":
		month, err := time.Parse("Jan", f["word"])
		at, ok = on(atoi(f["y"]), int(month.Month()), atoi(f["d"]))
		ok = ok && err == nil
	case f["a"] == "":
		at, ok = on(atoi(f["y"]), atoi(f["m"]), atoi(f["d"]))
	default:
		months := o == monthFirst || o == anyOrder && f["sep"] == "/" && f["half"] != ""
		day, month := atoi(f["a"]), atoi(f["b"])
		if months {
			day, month = month, day
		}
		at, ok = on(atoi(f["y"]), month, day)
		if other, valid := on(atoi(f["y"]), day, month); o == anyOrder && valid && (!ok || at.After(sent.AddDate(0, 0, 1))) {
			at, ok = other, true
		}
	}
	return at, ok
}

var (
	joinedDate = regexp.MustCompile(`\b(\d{1,2})[-/](\p{L}{3,})[-/](\d{4})\b`)
	shortYear  = regexp.MustCompile(`^(\d{1,2})-(\p{L}{3,})-(\d{2})\b`)
	universal  = regexp.MustCompile(`(?i)\s(?:UTC|GMT)$`)
	// unixDate is what date(1) writes, compact what stands in names of files.
	unixDate = regexp.MustCompile(`^(?:\p{L}{2,4}\.?,? )?(\p{L}{3,}\.?) (\d{1,2}) (\d{1,2}:\d{2}(?::\d{2})?) (\d{4})$`)
	compact  = regexp.MustCompile(`^(\d{4})-?(\d\d)-?(\d\d)[-_T ](\d\d)[-:]?(\d\d)[-:]?(\d\d)$`)
	apart    = regexp.MustCompile(`\b(\d{1,2}) h (\d{2})\b`)
	lastWord = regexp.MustCompile(`\s([A-Z]{2,5})(\s\d{4})?$`)
)

// zoneAtEnd takes the word for a zone off an instant. The zone of the rule keeps its
// own words, winter's and summer's; a word that nobody knows leaves the instant untold.
func zoneAtEnd(s string, zone *time.Location, sent time.Time) (string, *time.Location, bool) {
	at := lastWord.FindStringSubmatch(s)
	if at == nil || at[1] == "AM" || at[1] == "PM" || monthOf(strings.ToLower(at[1])) != "" || universal.MatchString(s) {
		return s, zone, true
	}
	s = strings.TrimSuffix(s, at[0]) + at[2]
	for _, month := range []time.Month{time.January, time.July} {
		if zone != nil && time.Date(sent.Year(), month, 1, 0, 0, 0, 0, zone).Format("MST") == at[1] {
			return s, zone, true
		}
	}
	offset, known := zoneword.Offset(at[1])
	return s, time.FixedZone(at[1], int(offset.Seconds())), known
}

// usualWords is dateWords without the marks that some write between its parts.
func usualWords(s string) string {
	s = unixDate.ReplaceAllString(compact.ReplaceAllString(line(s), "$1-$2-$3 $4:$5:$6"), "$2 $1 $4 $3")
	s = joinedDate.ReplaceAllString(shortYear.ReplaceAllString(s, "$1-$2-20$3"), "$1 $2 $3")
	s = universal.ReplaceAllString(s, "Z")
	return strings.NewReplacer(" - ", " ", "[", "", "]", "").Replace(dateWords(s))
}

func clockOf(f map[string]string) (hour, minute, second int, ok bool) {
	hour, minute, second = atoi(f["hour"]), atoi(f["min"]), atoi(f["sec"])
	if half := strings.ToLower(f["half"]); half != "" {
		if hour < 1 || hour > 12 {
			return 0, 0, 0, false
		}
		hour %= 12
		if half[0] == 'p' {
			hour += 12
		}
	}
	return hour, minute, second, hour < 24 && minute < 60 && second < 60
}

// zoneOf reads an offset; without one it is that of the rule.
func zoneOf(s string, zone *time.Location) (*time.Location, bool) {
	s = strings.TrimPrefix(strings.TrimPrefix(s, "utc"), "gmt")
	switch {
	case s == "z":
		return time.UTC, true
	case len(s) < 5:
		return zone, zone != nil
	}
	digits := strings.ReplaceAll(s[1:], ":", "")
	seconds := atoi(digits[:2])*3600 + atoi(digits[2:])*60
	if s[0] == '-' {
		seconds = -seconds
	}
	return time.FixedZone("", seconds), seconds <= 14*3600 && seconds >= -14*3600
}
