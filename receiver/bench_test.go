package receiver_test

import (
	"bytes"
	"fmt"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"vigie/receiver"
	"vigie/receiver/alertmanager"
	"vigie/receiver/store"
	"vigie/rules"
)

// clients post at the same time, as many Alertmanager groups do.
const clients = 32

// BenchmarkWebhook measures deliveries that are durably accepted: over HTTP,
// decoded, decided, committed with synchronous=FULL, answered after the commit.
// Every delivery opens a new incident. Right after it, the same rows go into a
// store of the same kind without HTTP and decisions; the ratio of the two is
// what does not depend on the machine.
func BenchmarkWebhook(b *testing.B) {
	for _, alerts := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("alerts=%d", alerts), func(b *testing.B) {
			r := newRig(b, 0)
			bodies := benchBodies(b.N, alerts)
			var next atomic.Int64
			b.SetParallelism(clients / 2)
			b.ReportAllocs()
			b.ResetTimer()
			begun := time.Now()
			b.RunParallel(func(pb *testing.PB) {
				hc := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
				defer hc.CloseIdleConnections()
				for pb.Next() {
					req, err := http.NewRequest(http.MethodPost, r.site.URL+"/api/v1/alertmanager", bytes.NewReader(bodies[next.Add(1)-1]))
					if err != nil {
						b.Error(err)
						return
					}
					req.Header.Set("Authorization", "Bearer "+hookToken)
					resp, err := hc.Do(req)
					if err != nil {
						b.Error(err)
						return
					}
					resp.Body.Close()
					if resp.StatusCode != http.StatusOK {
						b.Errorf("status %d", resp.StatusCode)
						return
					}
				}
			})
			b.StopTimer()
			served := float64(b.N) / time.Since(begun).Seconds()
			raw := rawStore(b, b.N, alerts)
			b.ReportMetric(served, "deliveries/s")
			b.ReportMetric(served*float64(alerts), "alerts/s")
			b.ReportMetric(raw, "raw_deliveries/s")
			b.ReportMetric(served/raw, "of_raw_store")
		})
	}
}

// BenchmarkRawStore measures the store alone: the rows of a delivery, group
// commit, no HTTP, no decoding, no decisions.
func BenchmarkRawStore(b *testing.B) {
	for _, alerts := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("alerts=%d", alerts), func(b *testing.B) {
			b.ReportMetric(rawStore(b, b.N, alerts), "deliveries/s")
		})
	}
}

func benchAlerts(delivery, alerts int) []alert {
	var all []alert
	for i := range alerts {
		a := backup("dupont", fmt.Sprintf("SRV-%06d", delivery), "primary")
		a["plan"] = fmt.Sprintf("plan-%d", i)
		a["job_id"] += a["plan"]
		all = append(all, a)
	}
	return all
}

func benchBodies(n, alerts int) [][]byte {
	bodies := make([][]byte, n)
	for i := range bodies {
		bodies[i] = delivery("firing", monday, time.Time{}, benchAlerts(i, alerts)...)
	}
	return bodies
}

// rawRows are the rows that one delivery leaves behind.
type rawRows struct {
	body     store.Body
	incident rules.Incident
	journal  []rules.Entry
	notify   []rules.Notification
}

// rawStore writes the rows of n deliveries and returns deliveries per second.
func rawStore(b *testing.B, n, alerts int) float64 {
	b.Helper()
	setup, err := receiver.Load("testdata/vigie.yml")
	if err != nil {
		b.Fatal(err)
	}
	db, err := store.Open(b.Context(), filepath.Join(b.TempDir(), "raw.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	rows := make([]rawRows, n)
	for i := range rows {
		rows[i] = decided(b, setup.Book, i, alerts)
	}
	var next atomic.Int64
	b.SetParallelism(clients / 2)
	begun := time.Now()
	done := make(chan error, clients)
	for range clients {
		go func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					done <- nil
					return
				}
				if err := db.Update(b.Context(), func(tx *store.Tx) error { return rows[i].write(tx) }); err != nil {
					done <- err
					return
				}
			}
		}()
	}
	for range clients {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	return float64(n) / time.Since(begun).Seconds()
}

// decided prepares the rows of one delivery ahead of the measurement.
func decided(b *testing.B, book *rules.Book, i, alerts int) rawRows {
	b.Helper()
	all := benchAlerts(i, alerts)
	body, err := store.NewBody(delivery("firing", monday, time.Time{}, all...), alerts)
	if err != nil {
		b.Fatal(err)
	}
	r := rawRows{body: body}
	for n, a := range all {
		s := alertmanager.Alert{Labels: a, StartsAt: monday}.Signal()
		c := book.Classify(s, monday)
		if n == 0 {
			r.incident = book.Begin(c, fmt.Sprintf("i%d", i+1), i+1, monday)
		}
		d := book.Decide(r.incident, rules.Fired{Signal: c.Signal}, rules.Facts{}, monday)
		r.incident = d.Incident
		r.journal, r.notify = append(r.journal, d.Journal...), append(r.notify, d.Notifications...)
	}
	return r
}

func (r *rawRows) write(tx *store.Tx) error {
	if err := tx.KeepBody(r.body, monday); err != nil {
		return err
	}
	if _, err := tx.NextNumber(); err != nil {
		return err
	}
	rec := store.NewRecord(r.incident)
	if err := tx.Append(rec, r.journal); err != nil {
		return err
	}
	if err := tx.Save(rec); err != nil {
		return err
	}
	for _, n := range r.notify {
		if err := tx.Notify(n); err != nil {
			return err
		}
	}
	return nil
}
