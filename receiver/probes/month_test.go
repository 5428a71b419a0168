package probes_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"vigie/deploy/exampletest"
	"vigie/receiver/evidence"
	"vigie/receiver/probes"
	"vigie/receiver/store"
	"vigie/rules"
	"vigie/rules/availability"
	"vigie/rules/incidents"
	"vigie/rules/report"
)

// measurer measures the platforms of a book at the time that now gives.
func measurer(db *store.Store, book *rules.Book, client *evidence.Client, now func() time.Time) *probes.Measurer {
	return &probes.Measurer{Keeper: probes.Keeper{Prometheus: func() *evidence.Client { return client }}, Store: db,
		Book: func() *rules.Book { return book }, Now: now,
		Move: func(ctx context.Context, work func(*incidents.Batch, *store.Tx) error) error {
			return db.Update(ctx, func(tx *store.Tx) error {
				b := incidents.New(incidents.Options{Book: book, Store: tx, Now: now()})
				if err := work(b, tx); err != nil {
					return err
				}
				return b.Flush()
			})
		}}
}

// opened is a store of the test's own.
func opened(t *testing.T) *store.Store {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "vigie.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// covers: S2.29, S2.30; what a month came to is written into the journal once, an hour
// after it is over, for the reports of that month.
func TestAMonthThatIsOverIsWrittenDown(t *testing.T) {
	ctx, book, db := t.Context(), exampletest.Book(t, "activeprolearn"), opened(t)
	zone := book.InForce(time.Date(2026, 3, 31, 0, 0, 0, 0, time.UTC)).Zone
	at := func(text string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", text, zone)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	known := []availability.Stretch{
		{From: at("2026-03-03 00:00"), Until: at("2026-03-10 10:00"), State: availability.Up},
		{From: at("2026-03-10 10:00"), Until: at("2026-03-10 10:25"), State: availability.Down},
		{From: at("2026-03-10 10:25"), Until: at("2026-04-01 00:30"), State: availability.Up},
	}
	text, err := json.Marshal(map[string]any{"asked": at("2026-04-01 00:30"), "known": known})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(ctx, func(tx *store.Tx) error { return tx.SetValue("probes/lms-A", string(text)) }); err != nil {
		t.Fatal(err)
	}
	now := at("2026-04-01 00:30")
	m := measurer(db, book, nil, func() time.Time { return now })
	lines := func() (found []store.Line) {
		err := db.View(ctx, func(tx *store.Tx) (err error) {
			found, err = store.Past{Tx: tx}.System("note", report.UnavailabilityLine)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	for _, step := range []struct {
		at    string
		lines int
	}{{"2026-04-01 00:30", 0}, {"2026-04-01 01:01", 1}, {"2026-04-01 01:02", 1}, {"2026-04-20 12:00", 1}} {
		now = at(step.at)
		if err := m.Turn(ctx); err != nil {
			t.Fatal(err)
		}
		if n := len(lines()); n != step.lines {
			t.Errorf("at %s %d lines, want %d", step.at, n, step.lines)
		}
	}
	u, err := report.ReadUnavailability(lines()[0].Reason)
	if err != nil {
		t.Fatal(err)
	}
	if u.Month != "2026-03" || u.Platform != "lms-A" || u.Down != 1500 || u.Outages != 1 || u.Exceeded != 1 || u.Up <= 0 || u.Unknown <= 0 || u.Customer != book.Directory.Platforms["lms-A"].Customer {
		t.Errorf("written is %+v", u)
	}
}

// covers: S2.29; of a platform that nobody measured the month is written down, too, as
// not measured; but not of a month before the first start, nor of time before the
// platform's first day or after its last.
func TestAMonthThatNobodyMeasured(t *testing.T) {
	ctx, book, db := t.Context(), exampletest.Book(t, "activeprolearn"), opened(t)
	now := time.Date(2026, 3, 9, 8, 0, 0, 0, time.UTC)
	if err := db.Update(ctx, func(tx *store.Tx) error { return tx.KeepPolicy("h", nil, now) }); err != nil {
		t.Fatal(err)
	}
	book.Directory.Platforms["lms-B"].Commissioned = time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	book.Directory.Platforms["lms-C"].Commissioned = time.Date(2026, 3, 30, 0, 0, 0, 0, time.UTC)
	m := measurer(db, book, nil, func() time.Time { return now })
	for _, step := range []struct {
		at    time.Time
		month string
	}{{now, ""}, {now.AddDate(0, 0, 24), "2026-03"}} {
		now = step.at
		if err := m.Turn(ctx); err != nil {
			t.Fatal(err)
		}
		var found []store.Line
		if err := db.View(ctx, func(tx *store.Tx) (err error) {
			found, err = store.Past{Tx: tx}.System("note", report.UnavailabilityLine)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if step.month == "" {
			if len(found) != 0 {
				t.Errorf("of the month before the first start: %s", found[0].Reason)
			}
			continue
		}
		if len(found) != 2 {
			t.Fatalf("%d lines for two platforms of that month", len(found))
		}
		if late, err := report.ReadUnavailability(found[1].Reason); err != nil || late.Platform != "lms-C" || late.Unknown <= 0 || late.Unknown > 48*3600 {
			t.Errorf("of its first two days: %+v, %v", late, err)
		}
		u, err := report.ReadUnavailability(found[0].Reason)
		if err != nil || u.Month != step.month || u.Unknown == 0 || !u.Unmeasured() || u.Outcome() != "unknown" {
			t.Errorf("%+v, %v", u, err)
		}
	}
}

// covers: what the probes said is written down when it changes, and not each minute.
func TestNothingNewIsNotWrittenEachMinute(t *testing.T) {
	ctx, book, db := t.Context(), exampletest.Book(t, "activeprolearn"), opened(t)
	now, up := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC), true
	prometheus := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var values []any
		value := map[bool]string{true: "1", false: "0"}[up]
		for at := now.Add(-5 * time.Minute); !at.After(now); at = at.Add(30 * time.Second) {
			values = append(values, []any{at.Unix(), value})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": map[string]any{"resultType": "matrix",
			"result": []any{map[string]any{"metric": map[string]string{"platform": "lms-A", "probe": "login"}, "values": values}}}}) // the client says so
	}))
	defer prometheus.Close()
	client, err := evidence.New(evidence.Options{URL: prometheus.URL, HTTP: prometheus.Client()})
	if err != nil {
		t.Fatal(err)
	}
	m := measurer(db, book, client, func() time.Time { return now })
	text := func() (s string) {
		if err := errors.Join(m.Turn(ctx), db.View(ctx, func(tx *store.Tx) (err error) {
			s, err = tx.Value("probes/lms-A")
			return err
		})); err != nil {
			t.Fatal(err)
		}
		return s
	}
	text()
	now = now.Add(10 * time.Minute) // the first stretch is known
	before := text()
	for minute := range 5 {
		now = now.Add(time.Minute)
		if after := text(); after != before {
			t.Errorf("minute %d: written again:\n%s\n%s", minute, before, after)
		}
	}
	now, up = now.Add(time.Minute), false
	after := text()
	if after == before {
		t.Error("what changed was not written")
	}
	now = now.Add(time.Hour)
	if text() == after {
		t.Error("not written for an hour")
	}
}
