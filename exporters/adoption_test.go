package exporters

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"
)

// scripted is a source that says what a test tells it, and a clock.
type scripted struct {
	now      time.Time
	snapshot Snapshot
	poller   *Poller
}

func newScripted(t *testing.T) *scripted {
	s := &scripted{now: time.Date(2026, 3, 9, 8, 0, 0, 0, time.UTC)}
	var err error
	s.poller, err = NewPoller(PollerOptions{Name: "test", Engine: "test", Source: s, Interval: time.Minute, Timeout: time.Minute, WarningIsSuccess: true,
		StateFile: filepath.Join(t.TempDir(), "state.json"), Now: func() time.Time { return s.now }, Logger: slog.New(slog.NewTextHandler(new(bytes.Buffer), nil))})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *scripted) Fetch(context.Context) (Snapshot, error) {
	out := s.snapshot
	out.Jobs = append([]Job(nil), s.snapshot.Jobs...)
	for i := range out.Jobs {
		out.Jobs[i].Runs = append([]Run(nil), out.Jobs[i].Runs...)
	}
	return out, nil
}

func (s *scripted) refresh(t *testing.T, jobs ...Job) map[string]Job {
	t.Helper()
	s.snapshot.Jobs = jobs
	if err := s.poller.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	out := map[string]Job{}
	for _, j := range s.poller.View().Jobs {
		out[j.Customer+"/"+j.ID] = *j
	}
	return out
}

func ran(customer, id string, r Result, end time.Time) Job {
	return Job{Customer: customer, ID: id, Machine: "M", Runs: []Run{{ID: customer + end.String(), End: end, Result: r}}}
}

// Where ids belong to a customer, one customer's job never takes over what
// another's job of the same id had.
func TestNoHistoryPassesBetweenCustomers(t *testing.T) {
	s := newScripted(t)
	s.snapshot.PerCustomerIDs = true
	s.refresh(t, ran("dupont", "home", Success, s.now.Add(-time.Hour)))
	got := s.refresh(t, ran("martin", "home", Failed, s.now))
	if j := got["martin/home"]; !j.LastSuccess.IsZero() || j.LastResult != Failed {
		t.Errorf("martin's first run failed, and yet %s, success %v", j.LastResult, j.LastSuccess)
	}
}

// A job whose customer got another id keeps its history; two that could claim
// it do not end the exporter.
func TestTwoClaimToOneHistory(t *testing.T) {
	s := newScripted(t)
	success := s.now.Add(-time.Hour)
	s.refresh(t, ran("dupont", "home", Success, success))
	got := s.refresh(t, ran("martin", "home", Failed, s.now), ran("durand", "home", Failed, s.now))
	heirs := 0
	for _, name := range []string{"martin/home", "durand/home"} {
		if got[name].LastSuccess.Equal(success) {
			heirs++
		}
	}
	if heirs != 0 {
		t.Errorf("%d jobs took a history that may be the other's", heirs)
	}
	s = newScripted(t)
	s.refresh(t, ran("dupont", "home", Success, success))
	if got = s.refresh(t, ran("dupont-sa", "home", Failed, s.now)); !got["dupont-sa/home"].LastSuccess.Equal(success) {
		t.Error("the only heir lost the history")
	}
}

// Several runs that lie in the future are believed once, as of now, and do not
// take turns in looking new.
func TestSeveralRunsInTheFuture(t *testing.T) {
	s := newScripted(t)
	var job Job
	for day := 1; day <= 5; day++ {
		job.Runs = append(job.Runs, Run{ID: fmt.Sprint(day), End: s.now.AddDate(0, 0, day), Result: Success})
	}
	job.Customer, job.ID, job.Machine = "dupont", "home", "M"
	first := s.now
	for range 5 {
		if j := s.refresh(t, job)["dupont/home"]; !j.LastSuccess.Equal(first) {
			t.Fatalf("success moved from %v to %v though nothing ran", first, j.LastSuccess)
		}
		s.now = s.now.Add(time.Hour)
	}
	job.Runs = append(job.Runs, Run{ID: "6", End: s.now.AddDate(0, 0, 6), Result: Failed})
	if j := s.refresh(t, job)["dupont/home"]; j.LastResult != Failed || j.Failures != 1 || !j.LastSuccess.Equal(first) {
		t.Errorf("a new run by the same clock: %s, %d failures, success %v", j.LastResult, j.Failures, j.LastSuccess)
	}
}

// What is still to come is in the second of the hours that come twice, once the first
// has passed. What has passed in both stays where it was.
func TestNextRunInAnHourThatComesTwice(t *testing.T) {
	for _, c := range []struct{ zone, wall, now, want string }{
		{"Europe/Paris", "2026-10-25 02:00", "2026-10-24T23:05:00Z", "2026-10-25T00:00:00Z"},
		{"Europe/Paris", "2026-10-25 02:00", "2026-10-25T00:05:00Z", "2026-10-25T01:00:00Z"},
		{"Europe/Paris", "2026-10-25 02:00", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"},
		{"Europe/Paris", "2026-10-25 02:00", "2026-10-25T01:00:00Z", "2026-10-25T00:00:00Z"},
		{"Europe/Paris", "2026-10-25 03:00", "2026-10-25T02:05:00Z", "2026-10-25T02:00:00Z"},
		{"Europe/Paris", "2026-10-25T02:00:00+02:00", "2026-10-25T00:05:00Z", "2026-10-25T00:00:00Z"},
		{"America/New_York", "2026-11-01 01:30", "2026-11-01T05:45:00Z", "2026-11-01T06:30:00Z"},
		{"Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04T14:50:00Z", "2026-04-04T15:15:00Z"},
	} {
		loc, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		if got := ParseInstant(c.wall).Coming(loc, now).UTC().Format(time.RFC3339); got != c.want {
			t.Errorf("%s in %s at %s is %s, want %s", c.wall, c.zone, c.now, got, c.want)
		}
	}
}

// What is known not to lie before an instant is of the second pass if it must be.
func TestHourThatComesTwiceAfterAnother(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ wall, earliest, want string }{
		{"2026-10-25 02:10", "2026-10-25T00:05:00Z", "2026-10-25T00:10:00Z"},
		{"2026-10-25 02:10", "2026-10-25T00:50:00Z", "2026-10-25T01:10:00Z"},
		{"2026-10-25 02:10", "2026-10-25T01:50:00Z", "2026-10-25T00:10:00Z"}, // neither fits: the first, as without
		{"2026-10-25 03:10", "2026-10-25T05:00:00Z", "2026-10-25T02:10:00Z"},
		{"2026-10-25T02:10:00+02:00", "2026-10-25T00:50:00Z", "2026-10-25T00:10:00Z"}, // it tells its offset
		{"", "2026-10-25T00:50:00Z", "0001-01-01T00:00:00Z"},
	} {
		earliest, err := time.Parse(time.RFC3339, c.earliest)
		if err != nil {
			t.Fatal(err)
		}
		if got := ParseInstant(c.wall).From(paris, earliest).UTC().Format(time.RFC3339); got != c.want {
			t.Errorf("%s, not before %s, is %s, want %s", c.wall, c.earliest, got, c.want)
		}
	}
}

// Of an hour that comes twice the first is taken, east and west of Greenwich.
func TestHourThatComesTwice(t *testing.T) {
	for _, c := range []struct{ zone, wall, want string }{
		{"Europe/Paris", "2026-10-25 02:30", "2026-10-25T00:30:00Z"}, {"Europe/Paris", "2026-10-25 03:00", "2026-10-25T02:00:00Z"},
		{"America/New_York", "2026-11-01 01:30", "2026-11-01T05:30:00Z"}, {"Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04T14:45:00Z"},
	} {
		loc, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := ParseInstant(c.wall).In(loc).UTC().Format(time.RFC3339); got != c.want {
			t.Errorf("%s in %s is %s, want %s", c.wall, c.zone, got, c.want)
		}
	}
}
