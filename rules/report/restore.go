package report

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The results of a restore test. Only the first counts as one.
const (
	TestOK      = "ok"
	TestPartial = "partial"
	TestFailed  = "failed"
)

// TestResults are the results that a test may have.
func TestResults() []string { return []string{TestOK, TestPartial, TestFailed} }

// RestoreTest is one try to restore something from a backup, as the register has it:
// a line of the journal.
type RestoreTest struct {
	Customer string `json:"customer"`
	Machine  string `json:"machine"`
	Day      string `json:"tested_on"` // 2026-03-09
	Result   string `json:"result"`    // ok, partial or failed
	// Minutes is how long it took.
	Minutes int       `json:"took_minutes,omitempty"`
	Scope   string    `json:"scope,omitempty"` // what was restored, in words
	Note    string    `json:"note,omitempty"`
	By      string    `json:"by,omitempty"`
	At      time.Time `json:"recorded_at,omitzero"`
}

// TestLine is what the journal calls a line of the register.
const TestLine = "restore_test"

// Line is the test as the journal keeps it: what is hashed for ever, and apart from
// it the words, which can be erased.
func (t RestoreTest) Line() (reason, personal string) {
	q := url.Values{"customer": {t.Customer}, "machine": {t.Machine}, "day": {t.Day}, "result": {t.Result}}
	if t.Minutes > 0 {
		q.Set("took", (time.Duration(t.Minutes) * time.Minute).String())
	}
	if t.Scope == "" && t.Note == "" {
		return q.Encode(), ""
	}
	words, _ := json.Marshal([]string{t.Scope, t.Note}) // texts always can be
	return q.Encode(), string(words)
}

// TestOf reads a line of the register.
func TestOf(reason, personal, by string, at time.Time) (RestoreTest, error) {
	q, err := url.ParseQuery(reason)
	if err != nil || q.Get("machine") == "" {
		return RestoreTest{}, errors.New("not a line of the register of restore tests")
	}
	t := RestoreTest{Customer: q.Get("customer"), Machine: q.Get("machine"), Day: q.Get("day"), Result: q.Get("result"), By: by, At: at}
	if took, err := time.ParseDuration(q.Get("took")); err == nil {
		t.Minutes = int(took / time.Minute)
	}
	var words []string
	if json.Unmarshal([]byte(personal), &words) == nil && len(words) == 2 {
		t.Scope, t.Note = words[0], words[1]
	}
	return t, nil
}

// TestDue is by when a machine's next restore test is due.
type TestDue struct {
	Customer string    `json:"customer"`
	Machine  string    `json:"machine"`
	Class    string    `json:"machine_class,omitempty"`
	Every    float64   `json:"every_seconds"`
	Last     string    `json:"last_tested_on,omitempty"` // absent: never
	Due      time.Time `json:"due,omitzero"`             // absent: at once
	Overdue  bool      `json:"overdue"`
}

// Tested is a machine for which restore tests are asked.
type Tested struct {
	Customer, Machine, Class string
	Every                    time.Duration
	Last                     time.Time // by the inventory, the end of that day; zero for never
	// Due is by when, of a machine of which no more than that is said; 1970 for at once.
	Due time.Time
}

// TestsDue says of each machine by when its next test is due, those that are longest
// overdue first. Of the tests those count that were made before now and went well.
func TestsDue(machines []Tested, tests []RestoreTest, now time.Time, zone *time.Location) []TestDue {
	newest := map[[2]string]time.Time{}
	for _, t := range tests {
		at, err := time.ParseInLocation(time.DateOnly, t.Day, zone)
		k := [2]string{t.Customer, strings.ToLower(t.Machine)}
		if end := at.AddDate(0, 0, 1); err == nil && t.Result == TestOK && at.Before(now) && end.After(newest[k]) {
			newest[k] = end
		}
	}
	out := []TestDue{}
	for _, m := range machines {
		d := TestDue{Customer: m.Customer, Machine: m.Machine, Class: m.Class, Every: m.Every.Seconds(), Overdue: true}
		last := m.Last
		if own := newest[[2]string{m.Customer, strings.ToLower(m.Machine)}]; own.After(last) {
			last = own
		}
		switch {
		case m.Every == 0 && m.Due.Unix() > 0:
			d.Due, d.Overdue = m.Due.In(zone), now.After(m.Due)
		case m.Every > 0 && !last.IsZero():
			d.Last, d.Due = last.Add(-time.Second).In(zone).Format(time.DateOnly), last.Add(m.Every).In(zone)
			d.Overdue = now.After(d.Due)
		}
		out = append(out, d)
	}
	slices.SortStableFunc(out, func(a, b TestDue) int {
		return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.Customer, b.Customer), cmp.Compare(a.Machine, b.Machine))
	})
	return out
}
