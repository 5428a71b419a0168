// Package reportpages answers what people ask for reports: the same answer is the
// JSON of the API, the data of a page and the rows of a CSV file.
package reportpages

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"vigie/receiver"
	"vigie/receiver/reports"
	"vigie/receiver/web/query"
	"vigie/rules/act"
	"vigie/rules/incident"
	"vigie/rules/report"
)

// Pages is where reports are asked for.
type Pages struct {
	Engine *receiver.Engine
	Now    func() time.Time
}

// asked is a question for a report, whose right has been checked.
type asked struct {
	month   report.Month
	running bool // the month is not over
	since   time.Time
	scope   report.Scope
	outside bool // one of a customer's own people asks
	csv     bool
	reads   reports.Reader
	// Language is what a file is written in.
	language string
}

// ask reads what is asked for. Without a month it is the one before this.
func (d *Pages) ask(r *http.Request, who string) (asked, error) {
	q := r.URL.Query()
	book, now := d.Engine.Book(), d.Now()
	a := asked{scope: report.Scope{Customer: q.Get("customer"), Platform: q.Get("platform")}, outside: book.Role(who) == act.Customer, csv: q.Get("format") == "csv",
		reads: d.Engine.Reports().ReadBy(who)}
	zone := d.Engine.Reports().Zone(now)
	var err error
	if a.month = report.MonthBefore(now, zone); q.Get("month") != "" {
		if a.month, err = report.MonthOf(q.Get("month"), zone); err != nil || a.month.From.After(now) {
			return a, incident.Refuse(http.StatusUnprocessableEntity, "month {quoted} is none that has begun: write 2026-03", "quoted", q.Get("month")).About("month")
		}
	}
	if a.since, err = d.Engine.Reports().Unwatched(r.Context(), a.month); err != nil {
		return a, err
	}
	a.month, a.running = a.month.AsFarAs(now)
	a.language = d.language(r, q)
	return a, d.may(a, who)
}

// language is the one that is asked for, or the browser's.
func (d *Pages) language(r *http.Request, q url.Values) string {
	return cmp.Or(q.Get("language"), d.Engine.Languages().Accepting(r.Header.Get("Accept-Language")).Code)
}

// may refuses what is unknown, and to a customer's own people what is not theirs.
func (d *Pages) may(a asked, who string) error {
	dir := d.Engine.Book().Directory
	c, p := a.scope.Customer, a.scope.Platform
	if a.outside {
		theirs := c != "" || p != ""
		if c != "" {
			theirs = dir.Answers(who, c, "", "") || p != "" && dir.Platforms[p] != nil && dir.Platforms[p].Customer == c
		}
		if p != "" {
			theirs = theirs && dir.Answers(who, "", "", p)
		}
		if !theirs {
			return incident.Refuse(http.StatusForbidden, "{who} may read only the reports of his own company or platform: name it as customer= or platform=", "who", who)
		}
	}
	return query.Named(url.Values{"customer": {c}, "platform": {p}}, d.Engine.Book(), who)
}

// scopes are what somebody may ask for: customers first, then platforms.
func (d *Pages) scopes(who string) (out []report.Scope) {
	book := d.Engine.Book()
	outside := book.Role(who) == act.Customer
	dir := book.Directory
	for _, id := range slices.Sorted(maps.Keys(dir.Customers)) {
		if !outside || dir.Answers(who, id, "", "") {
			out = append(out, report.Scope{Customer: id})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(dir.Platforms)) {
		if !outside || dir.Answers(who, "", "", id) {
			out = append(out, report.Scope{Platform: id})
		}
	}
	return out
}

// File is an answer to be kept.
type File struct {
	Name, Type string
	Body       []byte
}

// Serve writes the file, to be kept and not to be shown.
func (f *File) Serve(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", f.Type)
	h.Set("Content-Disposition", `attachment; filename="`+f.Name+`"`)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(f.Body) // the client went away
}

// Report is what is the same whenever it is asked for.
type Report interface{ AsOf() time.Time }

// fileName is the name of a report's file, of letters that every system takes.
func fileName(kind string, a asked) string {
	clean := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' {
				return r
			}
			return '-'
		}, s)
	}
	parts := []string{"vigie", kind, a.month.Name}
	for _, x := range []string{a.scope.Customer, a.scope.Platform} {
		if x != "" {
			parts = append(parts, clean(x))
		}
	}
	return strings.Join(parts, "-") + ".csv"
}
