package rules_test

import (
	"encoding/json"
	"testing"
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
)

// busyServer is a server incident of the example that has come some way: it is
// taken, its other backup is known, several of its 11 steps are done.
func busyServer(t testing.TB) (*bench, time.Time) {
	book := exampleBook(t, "synomega")
	now := paris(t, "2026-03-09 07:10")
	b := opened(t, book, backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", now), now)
	b.answer(now, incident.PlanEvidence{Known: true, LastSuccess: now.Add(-24 * time.Hour), LastFailure: now}, model.EvidenceOK)
	for _, n := range b.notes {
		b.accept(n, now.Add(time.Minute))
	}
	now = paris(t, "2026-03-09 10:00")
	b.do(incident.Tick{}, now)
	b.act("take", "adm1", now)
	now = paris(t, "2026-03-09 16:00")
	b.answer(now, incident.PlanEvidence{Known: true, LastSuccess: now.Add(-24 * time.Hour), LastFailure: now}, model.EvidenceOK)
	for _, n := range b.notes {
		b.accept(n, now)
	}
	return b, now.Add(30 * time.Second)
}

// One decision for an incident with about 12 steps; the aim is 20 µs.
func BenchmarkDecide(b *testing.B) {
	server, now := busyServer(b)
	book, at := exampleBook(b, "activeprolearn"), paris(b, "2026-03-09 10:00")
	platform := opened(b, book, platformAlert("lms-A", "DiskFull", at), at)
	b.Run("server waits", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			server.book.Decide(server.inc, incident.Tick{}, incident.Circumstances{}, now)
		}
	})
	b.Run("platform waits", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			book.Decide(platform.inc, incident.Tick{}, incident.Circumstances{}, at)
		}
	})
	b.Run("server is taken over", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			server.book.Decide(server.inc, incident.Acted{Act: incident.Act{Verb: "take", By: "adm2", Force: true}}, incident.Circumstances{}, now)
		}
	})
	b.Run("server opens", func(b *testing.B) {
		b.ReportAllocs()
		start := paris(b, "2026-03-09 07:10")
		c := server.book.Classify(backupAlert("dupont", "SRV-AD", "server", "primary", "daily", "failed", start), start)
		for b.Loop() {
			server.book.Decide(server.book.Begin(c, "7", 7, start), incident.Fired{Signal: c.Signal}, incident.Circumstances{}, start)
		}
	})
	b.Run("only as JSON", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := json.Marshal(server.inc); err != nil {
				b.Fatal(err)
			}
		}
	})
}
