package exporters

import (
	"bytes"
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"vigie/internal/zoneword"
)

// Instant is a point in time as products write it. Decoding never fails: what
// cannot be read is the zero time with Bad set, so that one odd value does not
// cost a whole listing.
type Instant struct {
	time.Time
	Bad bool
	// Zoneless marks a text without offset; it was read as UTC.
	Zoneless bool
}

// UnmarshalJSON reads the texts and numbers that ParseInstant knows.
func (i *Instant) UnmarshalJSON(data []byte) error {
	*i = Instant{}
	data = bytes.TrimSpace(data)
	if len(data) == 0 || bytes.Equal(data, []byte("null")) {
		return nil
	}
	s := string(data)
	if data[0] == '"' {
		if err := json.Unmarshal(data, &s); err != nil {
			return err
		}
	}
	*i = ParseInstant(s)
	return nil
}

var dotNetDate = regexp.MustCompile(`^/Date\((-?\d{1,17})(?:[+-]\d{4})?\)/$`)

// ParseInstant reads RFC 3339 with any number of fraction digits and with or
// without offset, RFC 1123, "2023/12/18 14:51", "/Date(ms)/" and unix seconds,
// milliseconds, microseconds and nanoseconds. The dates by which systems mean "never" (year
// 1900 and before, unix zero) are the zero time.
func ParseInstant(s string) Instant {
	s = strings.TrimSpace(s)
	if s == "" {
		return Instant{}
	}
	if m := dotNetDate.FindStringSubmatch(s); m != nil {
		ms, err := strconv.ParseInt(m[1], 10, 64)
		return believable(time.UnixMilli(ms), err == nil, false)
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil && !math.IsNaN(n) {
		return believable(fromUnix(s, n), true, false)
	}
	numeric, ok := zoneword.Numeric(s)
	if !ok {
		return Instant{Bad: true}
	}
	for _, layout := range []string{time.RFC3339Nano, time.RFC1123Z, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05.999999999Z0700"} {
		if t, err := time.Parse(layout, numeric); err == nil {
			return believable(t, true, false)
		}
	}
	for _, layout := range []string{"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006/01/02 15:04:05", "2006/01/02 15:04", "2006-01-02 15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			return believable(t, true, true)
		}
	}
	return Instant{Bad: true}
}

// fromUnix tells seconds, milliseconds, microseconds and nanoseconds apart by size.
func fromUnix(text string, n float64) time.Time {
	switch {
	case n > 1e17:
		ns, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			ns = int64(n)
		}
		return time.Unix(0, ns)
	case n > 1e14:
		return time.UnixMicro(int64(n))
	case n > 1e11:
		return time.UnixMilli(int64(n))
	case n > -1e11:
		sec := int64(n)
		return time.Unix(sec, int64((n-float64(sec))*1e9))
	default:
		return time.Time{}
	}
}

func believable(t time.Time, ok, zoneless bool) Instant {
	switch {
	case !ok || t.Year() > 9999:
		return Instant{Bad: true}
	case t.Year() <= 1970 && t.Unix() <= 24*3600:
		return Instant{}
	default:
		return Instant{Time: t, Zoneless: zoneless}
	}
}

// In reads the wall clock of a zoneless instant in loc. Of an hour that comes
// twice it takes the first: a success must not look later than it was.
func (i Instant) In(loc *time.Location) time.Time { return i.From(loc, time.Time{}) }

// Coming reads it like In, of what has not happened yet: of an hour that comes
// twice it takes the one that is still to come.
func (i Instant) Coming(loc *time.Location, now time.Time) time.Time { return i.From(loc, now.Add(1)) }

// From reads it like In, where it is known not to lie before an instant, as an end does
// not before its start: of an hour that comes twice it takes the first that fits.
func (i Instant) From(loc *time.Location, earliest time.Time) time.Time {
	if !i.Zoneless || i.IsZero() {
		return i.Time
	}
	t := i.Time
	at := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), loc)
	for _, apart := range []time.Duration{time.Hour, 30 * time.Minute} {
		for _, first := range []time.Time{at.Add(-apart), at} {
			second := first.Add(apart)
			switch {
			case first.Format(time.DateTime) != second.Format(time.DateTime):
			case first.Before(earliest) && !second.Before(earliest):
				return second
			default:
				return first
			}
		}
	}
	return at
}

// Text is a string that some services write as a number or a boolean. Numbers
// keep all their digits.
type Text string

// UnmarshalJSON accepts any scalar; null is empty.
func (t *Text) UnmarshalJSON(data []byte) error {
	data = bytes.TrimSpace(data)
	*t = ""
	switch {
	case len(data) == 0 || bytes.Equal(data, []byte("null")):
		return nil
	case data[0] == '"':
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return err
		}
		*t = Text(s)
	case data[0] == '{' || data[0] == '[':
		return nil // a shape nobody told of says nothing
	default:
		whole, zeros, _ := strings.Cut(string(data), ".")
		if strings.Trim(zeros, "0") != "" {
			whole = string(data)
		}
		*t = Text(whole) // 7.0 is the id 7
	}
	return nil
}

// Number is a number that some services write as a text. Decoding never fails:
// what is no number was not told.
type Number struct {
	Value float64
	Told  bool
}

// UnmarshalJSON reads a number, bare or in quotes.
func (n *Number) UnmarshalJSON(data []byte) error {
	*n = Number{}
	var t Text
	if err := t.UnmarshalJSON(data); err != nil {
		return err
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(string(t)), 64)
	if err == nil && !math.IsNaN(v) && !math.IsInf(v, 0) {
		*n = Number{Value: v, Told: true}
	}
	return nil
}

// Int is the whole part, 0 if nothing was told.
func (n Number) Int() int { return int(max(math.MinInt32, min(n.Value, math.MaxInt32))) }

// Amount is the number of bytes or files that it tells.
func (n Number) Amount() Amount {
	if !n.Told || n.Value > math.MaxInt64/2 {
		return Amount{}
	}
	return Told(int64(n.Value))
}

// Flag is a yes or no that some services write as a text or a number. Decoding
// never fails: what is neither was not told.
type Flag struct{ On, Told bool }

// UnmarshalJSON reads true and false, bare or in quotes, and 1 and 0.
func (f *Flag) UnmarshalJSON(data []byte) error {
	var t Text
	if err := t.UnmarshalJSON(data); err != nil {
		return err
	}
	switch strings.TrimSpace(t.Lower()) {
	case "true", "1", "yes":
		*f = Flag{On: true, Told: true}
	case "false", "0", "no":
		*f = Flag{Told: true}
	default:
		*f = Flag{}
	}
	return nil
}

// Off tells that the product said no.
func (f Flag) Off() bool { return f.Told && !f.On }

// Pointer is nil if the product did not tell.
func (f Flag) Pointer() *bool {
	if !f.Told {
		return nil
	}
	return &f.On
}

// Lower gives the text for comparing ids whose case differs between services.
func (t Text) Lower() string { return strings.ToLower(string(t)) }
