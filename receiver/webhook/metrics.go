package webhook

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	requests  *prometheus.CounterVec
	alerts    *prometheus.CounterVec
	duration  prometheus.Histogram
	truncated prometheus.Counter
	oversize  prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	f := promauto.With(r)
	return &metrics{
		requests: f.NewCounterVec(prometheus.CounterOpts{Name: "vigie_webhook_requests_total",
			Help: "Deliveries of Alertmanager, by the status they were answered with."}, []string{"code"}),
		alerts: f.NewCounterVec(prometheus.CounterOpts{Name: "vigie_webhook_alerts_total",
			Help: "Alerts in accepted deliveries."}, []string{"status"}),
		duration: f.NewHistogram(prometheus.HistogramOpts{Name: "vigie_webhook_duration_seconds",
			Help: "Time until a delivery was answered.", Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}}),
		truncated: f.NewCounter(prometheus.CounterOpts{Name: "vigie_webhook_truncated_alerts_total",
			Help: "Alerts that Alertmanager left out of its deliveries."}),
		oversize: f.NewCounter(prometheus.CounterOpts{Name: "vigie_webhook_oversize_total",
			Help: "Deliveries that were too large."}),
	}
}
