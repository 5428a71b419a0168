// Package zoneword reads the abbreviations of time zones that stand in dates.
//
// Go's time package knows those of the zone that a program happens to run in, and
// takes every other for UTC without an error: the same text is another instant on
// another machine. Here a word means the same everywhere, or nothing.
package zoneword

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Offset is how far a zone lies east of Greenwich. It knows the zones of RFC 5322
// (section 4.3) and those of Europe whose letters mean nothing else; false is any
// other, also one that means several (BST, IST).
func Offset(word string) (time.Duration, bool) {
	hours, ok := east[strings.ToUpper(word)]
	return time.Duration(hours) * time.Hour, ok
}

// east are the hours of [Offset].
var east = map[string]int{
	"UT": 0, "UTC": 0, "GMT": 0, "Z": 0,
	"EDT": -4, "EST": -5, "CDT": -5, "CST": -6, "MDT": -6, "MST": -7, "PDT": -7, "PST": -8,
	"WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3,
}

// blanks are what \s fits.
const blanks = " \t\n\f\r"

// A word at the end, which a comment may follow.
var last = regexp.MustCompile(`\s([A-Za-z]{1,5})(\s*\([^()]*\))?\s*$`)

// Numeric puts the offset (+0100) for the zone that ends a date, if a word does.
// It is false where that word is not known: nobody can tell the instant.
func Numeric(date string) (string, bool) {
	if !strings.ContainsAny(date, blanks) {
		return date, true // as nearly all that products write, by the hundred thousand
	}
	at := last.FindStringSubmatchIndex(date)
	if at == nil {
		return date, true
	}
	offset, ok := Offset(date[at[2]:at[3]])
	if !ok {
		return "", false
	}
	sign := '+'
	if offset < 0 {
		sign, offset = '-', -offset
	}
	return fmt.Sprintf("%s%c%02d00%s", date[:at[2]], sign, int(offset.Hours()), date[at[3]:]), true
}

// Settle gives the instant of what [time.ParseInLocation] read by a layout with
// MST and without a numeric offset: that of the word in the location where it is
// used there, else by [Offset]. GMT+3 is three hours east.
func Settle(t time.Time, loc *time.Location) (time.Time, bool) {
	if t.Location() == loc || t.Location() == time.UTC {
		return t, true
	}
	// Of any other word the clock was taken for that of UTC, also where the zone has
	// got an offset.
	word, seconds := t.Zone()
	if seconds != 0 {
		return t.Add(-time.Duration(seconds) * time.Second), true
	}
	offset, ok := Offset(word)
	return t.Add(-offset), ok
}
