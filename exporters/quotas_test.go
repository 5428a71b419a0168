package exporters

import (
	"log/slog"
	"testing"
	"time"
)

func TestQuotasOfOneCustomerAreAddedUp(t *testing.T) {
	now := time.Date(2026, 3, 10, 8, 0, 0, 0, time.UTC)
	p, err := NewPoller(PollerOptions{Name: "s", Now: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	five, ten := 5.0, 10.0
	got := p.ownQuotas([]Quota{
		{CustomerKey: "k1", CustomerName: "Dupont SA", Item: "storage", Unit: "bytes", Used: 1, Limit: &five},
		{CustomerKey: "k1", CustomerName: "Dupont SA", Item: "storage", Unit: "bytes", Used: 2, Limit: &ten},
		{Customer: "martin", Item: "servers", Unit: "quantity", Used: 3, Limit: &ten},
		{Customer: "martin", Item: "servers", Unit: "quantity", Used: 4},
	})
	if len(got) != 2 || got[0].Customer != "dupont-sa" || got[0].Used != 3 || got[0].Limit == nil || *got[0].Limit != 15 ||
		got[1].Used != 7 || got[1].Limit != nil {
		t.Errorf("%+v", got)
	}
	if five != 5 {
		t.Error("the source's own number was changed")
	}
	licenses := p.ownLicenses([]License{{Customer: "d", Item: "trial", Expiry: now.Add(time.Hour)}, {Customer: "d", Item: "trial", Expiry: now}, {Customer: "d", Item: "trial"}})
	if len(licenses) != 1 || !licenses[0].Expiry.Equal(now) {
		t.Errorf("%+v", licenses)
	}
}

// What an incremental reading does not name was not missed by a listing.
func TestNothingDisappearsButAfterACompleteListing(t *testing.T) {
	now := time.Date(2026, 3, 10, 8, 0, 0, 0, time.UTC)
	p, err := NewPoller(PollerOptions{Name: "s", Now: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	read := func(incremental bool, ids ...string) int {
		s := Snapshot{Incremental: incremental}
		for _, id := range ids {
			s.Jobs = append(s.Jobs, Job{Customer: "c", ID: id, Machine: id})
		}
		p.succeeded(s, now, time.Second)
		return len(p.View().Jobs)
	}
	read(false, "a", "b")
	for range 2 * DefaultGrace {
		if n := read(true, "a"); n != 2 {
			t.Fatalf("%d jobs after an incremental reading", n)
		}
	}
	for range DefaultGrace {
		if n := read(false, "a"); n != 2 {
			t.Fatalf("%d jobs within the grace", n)
		}
	}
	if n := read(false, "a"); n != 1 {
		t.Errorf("%d jobs after the grace", n)
	}
}
