package report

import (
	"fmt"
	"net/url"
	"time"
)

// Month is a calendar month in a zone.
type Month struct {
	Name     string // 2026-03
	From, To time.Time
}

// MonthOf reads a month as it is written, 2026-03, in a zone.
func MonthOf(name string, zone *time.Location) (Month, error) {
	at, err := time.ParseInLocation("2006-01", name, zone)
	if err != nil || at.Year() < 2000 {
		return Month{}, fmt.Errorf("month %q: write it as 2026-03", name)
	}
	return monthAt(at), nil
}

// MonthBefore is the whole month before an instant.
func MonthBefore(now time.Time, zone *time.Location) Month {
	y, m, _ := now.In(zone).Date()
	return monthAt(time.Date(y, m-1, 1, 0, 0, 0, 0, zone))
}

func monthAt(at time.Time) Month {
	return Month{at.Format("2006-01"), at, at.AddDate(0, 1, 0)}
}

// AsFarAs is the month up to an instant within it: nothing is counted before it has
// come about. It tells whether the month still runs then.
func (m Month) AsFarAs(now time.Time) (Month, bool) {
	if runs := now.Before(m.To); runs {
		m.To = now.In(m.From.Location())
		return m, true
	}
	return m, false
}

// Scope is what a report is about; empty stands for all.
type Scope struct {
	Customer string `json:"customer,omitempty"`
	Platform string `json:"platform,omitempty"`
}

// Has reports whether a case is in the scope.
func (s Scope) Has(c Case) bool {
	return (s.Customer == "" || s.Customer == c.Customer) && (s.Platform == "" || s.Platform == c.Platform)
}

// Query names a month of the scope in an address.
func (s Scope) Query(month string) url.Values {
	q := url.Values{"month": {month}}
	if s.Customer != "" {
		q.Set("customer", s.Customer)
	}
	if s.Platform != "" {
		q.Set("platform", s.Platform)
	}
	return q
}
