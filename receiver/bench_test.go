package receiver_test

import (
	"fmt"
	"runtime/debug"
	"testing"
	"time"

	"vigie/receiver"
)

// BenchmarkWebhook takes in deliveries over HTTP from 64 clients, each delivery
// of a new incident, for profiles; figures that compare come from TestSpeed.
func BenchmarkWebhook(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(receiver.GCPercent))
	for _, alerts := range []int{1, 10, 100} {
		for _, many := range []bool{false, true} {
			if alerts == 1 && many {
				continue
			}
			b.Run(fmt.Sprintf("alerts=%d/many=%t", alerts, many), func(b *testing.B) {
				r, l := newRig(b, 0), newLoad(alerts, many)
				b.ReportAllocs()
				b.ResetTimer()
				begun := time.Now()
				postAll(b, r.webhookURL(), 64, b.N, l)
				b.ReportMetric(float64(b.N)/time.Since(begun).Seconds(), "deliveries/s")
			})
		}
	}
}
