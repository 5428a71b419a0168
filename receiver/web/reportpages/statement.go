package reportpages

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"vigie/internal/sheet"
	"vigie/receiver/message/locale"
	"vigie/rules/inventory"
	"vigie/rules/report"
)

// Statement is a month's statement with what it is called.
type Statement struct {
	*report.Statement
	Name string `json:"name,omitempty"`
	// Running says that the month is not over: figures still change.
	Running bool `json:"month_running,omitempty"`
	// Since is since when a receiver has watched, unless it watched all of the month.
	Since time.Time `json:"watched_since,omitzero"`
}

// Statement answers a month's statement, as data or as a file.
func (d *Pages) Statement(r *http.Request, who string) (any, error) {
	a, err := d.ask(r, who)
	if err != nil {
		return nil, err
	}
	made, err := d.Engine.Reports().Statement(r.Context(), a.month, a.scope, a.reads)
	if err != nil {
		return nil, err
	}
	s := &Statement{made, d.Engine.Reports().Name(a.scope), a.running, a.since}
	if a.csv {
		l := d.speech(a)
		return &File{fileName("statement", a), "text/csv; charset=utf-8", sheet.Write(l.headed(s.rows(l), a), separator(l))}, nil
	}
	return s, nil
}

// Took is a length of working time in words; a dash where none is known.
func (s *Statement) Took(l locale.Locale, seconds *float64) string { return took(l, seconds) }

func took(l locale.Locale, seconds *float64) string {
	if seconds == nil {
		return "–"
	}
	return l.Hours(lasting(*seconds))
}

// lasting is a length of time in whole seconds.
func lasting(seconds float64) time.Duration {
	return time.Duration(seconds * float64(time.Second)).Round(time.Second)
}

// Held is how long a level of service held.
func (s *Statement) Held(l locale.Locale, seconds float64) string { return took(l, &seconds) }

// Lead is where the report is, with parameters changed: a file, or a month.
func (s *Statement) Lead(path string, pairs ...string) string {
	q := s.Query(s.Month)
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return path + "?" + q.Encode()
}

// speech speaks the language that is asked for.
func (d *Pages) speech(a asked) speech {
	return speech{locale.Locale{Language: d.Engine.Languages().Find(a.language), Zone: a.month.From.Location(), Ref: a.month.To}, d.Engine.Book().Directory}
}

// separator is what a reader's office program takes between cells.
func separator(l speech) rune {
	if l.DecimalMark() == "," {
		return ';'
	}
	return ','
}

// speech speaks the language of a file, and calls things by their names.
type speech struct {
	locale.Locale
	dir *inventory.Directory
}

// headed puts what restricts a file's figures above its rows, each in the first cell of
// a row of its own: since when somebody watched, and that the month is not over.
func (s speech) headed(rows [][]string, a asked) [][]string {
	var above [][]string
	say := func(text string) { above = append(above, append([]string{text}, make([]string, len(rows[0])-1)...)) }
	if !a.since.IsZero() {
		say(s.Say(locale.Site+"report.since", "when", s.LongDay(a.since)))
	}
	if a.running {
		say(s.T("report.running"))
	}
	return slices.Insert(rows, 1, above...)
}

func (s speech) cause(id string) string { return s.NameOf("cause", id) }

// within says what a target promises as the policy writes it: "2 business_hours".
func (s speech) within(delay string) string {
	if said, ok := s.Delay(delay); ok {
		return said
	}
	return delay
}

// T is a word of the pages.
func (s speech) T(key string) string { return s.Word(locale.Site + key) }

// rows are the statement as a table: first how each target was kept, then each that
// was not.
func (s *Statement) rows(l speech) [][]string {
	var head []string
	for _, column := range []string{"row", "incident", "customer", "machine", "platform", "scenario", "target", "severity", "level", "within", "met", "missed", "excused_n", "used_median", "used_longest",
		"due", "done", "cause"} {
		head = append(head, l.T("report.column."+column))
	}
	out := [][]string{head}
	for _, t := range s.Targets {
		out = append(out, []string{l.T("report.row.target"), "", l.dir.CustomerName(s.Customer), "", l.dir.PlatformName(s.Platform), s.Title(l.Code, t.Scenario), l.NameOf("target", t.Target), l.NameOf("severity", t.Severity), t.Level,
			l.within(t.Within), strconv.Itoa(t.Met), strconv.Itoa(t.Missed), strconv.Itoa(t.Excused), clock(t.Median), clock(t.Longest), "", "", ""})
	}
	for _, list := range []struct {
		row      string
		breaches []report.Breach
	}{{"breach", s.Breaches}, {"excuse", s.Excuses}} {
		for _, b := range list.breaches {
			out = append(out, []string{l.T("report.row." + list.row), "#" + strconv.Itoa(b.Number), l.dir.CustomerName(b.Customer), b.Machine, l.dir.PlatformName(b.Platform), s.Title(l.Code, b.Scenario), l.NameOf("target", b.Target),
				l.NameOf("severity", b.Severity), b.Level, "", "", "", "", "", clock(b.Used), stamp(b.Due), stamp(b.Done), l.cause(b.Cause)})
		}
	}
	for _, r := range s.Restorations {
		out = append(out, []string{l.T("report.row.restoration"), "#" + strconv.Itoa(r.Number), l.dir.CustomerName(r.Customer), r.Machine, l.dir.PlatformName(r.Platform), "", l.NameOf("target", "restoration"), "", "", "", "", "", "", "",
			clock(r.Seconds), stamp(r.Due), stamp(r.Verified), ""})
	}
	for _, x := range s.Integrity.Lost {
		out = append(out, []string{l.T("report.row.loss"), "#" + strconv.Itoa(x.Number), l.dir.CustomerName(s.Customer), "", l.dir.PlatformName(s.Platform), "", "", "", "", "", "", "", "", "", "", "", stamp(x.At), x.What})
	}
	for _, g := range s.Guarantees {
		held := g.Seconds
		out = append(out, []string{l.T("report.row.guarantee"), "", l.dir.CustomerName(s.Customer), "", l.dir.PlatformName(s.Platform), g.Text(l.Code), "", "", g.Level, "", "", "", "", "", clock(&held), "", "", ""})
	}
	for _, u := range s.Unavailability {
		for _, part := range []struct {
			name    string
			seconds float64
		}{{"down", u.Down}, {"unmeasured", u.Unknown}, {"announced", u.Announced}, {"longest", u.Longest}} {
			row := []string{l.T("report.row.unavailability"), "", l.dir.CustomerName(u.Customer), "", l.dir.PlatformName(u.Platform), l.T("report." + part.name), "", "", "", "", "", "", "", "", clock(&part.seconds), "", "", ""}
			if part.name == "down" {
				row[9], row[11] = clock(seconds(u.Allowed())), strconv.Itoa(u.Exceeded)
				if u.Outcome() == "unknown" {
					row[11] = l.T("report.unknown")
				}
			}
			out = append(out, row)
		}
	}
	return out
}

// clock is a length of time that a spreadsheet adds up: hours, minutes and seconds.
func clock(seconds *float64) string {
	if seconds == nil {
		return ""
	}
	d := lasting(*seconds)
	two := func(n int) string {
		if n < 10 {
			return "0" + strconv.Itoa(n)
		}
		return strconv.Itoa(n)
	}
	return strconv.Itoa(int(d.Hours())) + ":" + two(int(d.Minutes())%60) + ":" + two(int(d.Seconds())%60)
}

func seconds(d time.Duration) *float64 { s := d.Seconds(); return &s }

// stamp is an instant that a spreadsheet knows as one.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("2006-01-02 15:04:05")
}
