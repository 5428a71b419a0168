package reportpages

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"vigie/rules/incident"
	"vigie/rules/report"
)

const (
	// indexMonths is how many months can be chosen.
	indexMonths = 25
	// maxIndex bounds the rows of one page.
	maxIndex = 500
)

// Index is what the page Reports shows: a month at a glance, and what can be read
// of it.
type Index struct {
	Month  string    `json:"month"`
	Begins time.Time `json:"from"`
	Over   bool      `json:"over"` // false: the month still runs
	// Since is since when a receiver has watched, unless it watched all of the month.
	Since  time.Time  `json:"watched_since,omitzero"`
	Months []string   `json:"months"`
	Query  string     `json:"q,omitempty"`
	Rows   []IndexRow `json:"reports"`
	// More is how many rows are left out; a search finds them.
	More int `json:"left_out,omitempty"`
}

// IndexRow is one customer or one platform in the month.
type IndexRow struct {
	report.Scope
	Name    string `json:"name"`
	Opened  int    `json:"incidents_opened"`
	Open    int    `json:"incidents_open_at_end"`
	Met     int    `json:"targets_met"`
	Missed  int    `json:"targets_missed"`
	Excused int    `json:"targets_excused"`
	Lost    int    `json:"data_losses"`
}

// Index answers which reports there are, with their first figures.
func (d *Pages) Index(r *http.Request, who string) (any, error) {
	q := r.URL.Query()
	now := d.Now()
	zone := d.Engine.Reports().Zone(now)
	month := report.MonthBefore(now, zone)
	var err error
	if text := q.Get("month"); text != "" {
		if month, err = report.MonthOf(text, zone); err != nil || month.From.After(now) {
			return nil, incident.Refuse(http.StatusUnprocessableEntity, "month {quoted} is none that has begun: write 2026-03", "quoted", text).About("month")
		}
	}
	since, err := d.Engine.Reports().Unwatched(r.Context(), month)
	if err != nil {
		return nil, err
	}
	month, running := month.AsFarAs(now)
	x := &Index{Month: month.Name, Begins: month.From, Over: !running, Since: since, Query: strings.ToValidUTF8(q.Get("q")[:min(100, len(q.Get("q")))], ""), Rows: []IndexRow{}}
	for at := now.In(zone); len(x.Months) < indexMonths; at = time.Date(at.Year(), at.Month()-1, 1, 0, 0, 0, 0, zone) {
		x.Months = append(x.Months, at.Format("2006-01"))
	}
	scopes := slices.DeleteFunc(d.scopes(who), func(s report.Scope) bool {
		return !strings.Contains(strings.ToLower(s.Customer+" "+s.Platform+" "+d.Engine.Reports().Name(s)), strings.ToLower(x.Query))
	})
	if len(scopes) > maxIndex {
		x.More, scopes = len(scopes)-maxIndex, scopes[:maxIndex]
	}
	all, err := d.Engine.Reports().Statements(r.Context(), month, scopes, d.Engine.Reports().ReadBy(who))
	if err != nil {
		return nil, err
	}
	for i, s := range all {
		x.Rows = append(x.Rows, IndexRow{Scope: scopes[i], Name: d.Engine.Reports().Name(scopes[i]), Opened: s.Opened, Open: s.Open, Met: s.Met, Missed: s.Missed, Excused: s.Excused,
			Lost: len(s.Integrity.Lost)})
	}
	return x, nil
}

// Option is a month that can be chosen.
type Option struct {
	Value  string
	At     time.Time
	Chosen bool
}

// Options are the months that can be chosen, the newest first.
func (x *Index) Options() (out []Option) {
	for _, m := range x.Months {
		at, _ := time.ParseInLocation("2006-01", m, x.Begins.Location()) // our own
		out = append(out, Option{m, at, m == x.Month})
	}
	return out
}

// Lead is where a row's report is.
func (x *Index) Lead(path string, r IndexRow) string {
	return (&Statement{Statement: &report.Statement{Month: x.Month, Scope: r.Scope}}).Lead(path)
}
