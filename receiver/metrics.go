package receiver

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"vigie/receiver/board"
	"vigie/receiver/chain"
	"vigie/receiver/config"
)

// metrics is what the receiver says about itself. No label names a person.
type metrics struct {
	opened         *prometheus.CounterVec
	breaches       *prometheus.CounterVec
	ignored        *prometheus.CounterVec
	sent           *prometheus.CounterVec
	evidence       *prometheus.CounterVec
	loopErrors     *prometheus.CounterVec
	faults         prometheus.Counter
	reconciled     *prometheus.GaugeVec
	alertmanagerUp *prometheus.GaugeVec
	calendarCopies *prometheus.GaugeVec
	alarms         *prometheus.CounterVec
	heartbeats     *prometheus.CounterVec
	heartbeatAt    prometheus.Gauge
	reloaded       prometheus.Gauge
	reloadedAt     prometheus.Gauge
}

func newMetrics(r prometheus.Registerer, c *core, open *board.Board) *metrics {
	f := promauto.With(r)
	m := &metrics{
		opened: f.NewCounterVec(prometheus.CounterOpts{Name: "vigie_incidents_opened_total",
			Help: "Incidents opened, and opened again, by scenario."}, []string{"scenario"}),
		breaches: f.NewCounterVec(prometheus.CounterOpts{Name: "vigie_sla_breaches_total",
			Help: "Targets that were not met in time."}, []string{"scenario", "clock"}),
		ignored: f.NewCounterVec(prometheus.CounterOpts{Name: "vigie_signals_ignored_total",
			Help: "Signals for which no incident is kept, by reason."}, []string{"reason"}),
		sent: f.NewCounterVec(prometheus.CounterOpts{Name: "vigie_notifications_sent_total",
			Help: "Transmissions to single recipients, by template and result."}, []string{"template", "result"}),
		evidence: f.NewCounterVec(prometheus.CounterOpts{Name: "vigie_evidence_questions_total",
			Help: "Questions to Prometheus, by whether they were answered."}, []string{"result"}),
		loopErrors: f.NewCounterVec(prometheus.CounterOpts{Name: "vigie_loop_errors_total",
			Help: "Turns of the engine's loops that failed."}, []string{"loop"}),
		faults: f.NewCounter(prometheus.CounterOpts{Name: "vigie_decision_faults_total",
			Help: "Incidents that could not be decided and are tried again."}),
		reconciled: f.NewGaugeVec(prometheus.GaugeOpts{Name: "vigie_reconcile_last_success_timestamp_seconds",
			Help: "When an Alertmanager last said what fires and what is silenced."}, []string{"alertmanager"}),
		alertmanagerUp: f.NewGaugeVec(prometheus.GaugeOpts{Name: "vigie_alertmanager_up",
			Help: "Whether an Alertmanager answered the latest reconciliation."}, []string{"alertmanager"}),
		calendarCopies: f.NewGaugeVec(prometheus.GaugeOpts{Name: "vigie_calendar_copy_used",
			Help: "Whether a calendar's iCalendar file is missing or broken, so that its last good copy is used."}, []string{"calendar"}),
	}
	m.alarms = f.NewCounterVec(prometheus.CounterOpts{Name: "vigie_alarm_calls_total",
		Help: "Calls on the second channel because the outbox does not empty, by result."}, []string{"result"})
	m.heartbeats = f.NewCounterVec(prometheus.CounterOpts{Name: "vigie_heartbeats_total",
		Help: "Heartbeats to the watcher elsewhere, by result; withheld while the receiver is not well."}, []string{"result"})
	m.heartbeatAt = f.NewGauge(prometheus.GaugeOpts{Name: "vigie_heartbeat_last_success_timestamp_seconds",
		Help: "When the watcher elsewhere last accepted a heartbeat; 0 before the first."})
	m.reloaded = f.NewGauge(prometheus.GaugeOpts{Name: "vigie_config_last_reload_successful",
		Help: "Whether the latest reading of the configuration was taken over."})
	m.reloadedAt = f.NewGauge(prometheus.GaugeOpts{Name: "vigie_config_last_reload_success_timestamp_seconds",
		Help: "When a configuration was last taken over."})
	if r != nil {
		r.MustRegister(&state{c, open})
	}
	return m
}

// NoteReload counts how a reading of the configuration went, and remembers it.
func (c *core) NoteReload(err error) {
	r := chain.Reload{At: c.now(), Taken: err == nil, Policy: c.Book().InForce(c.now()).Hash}
	if err != nil {
		r.Error = err.Error()
		c.metrics.reloaded.Set(0)
	} else {
		c.metrics.reloaded.Set(1)
		c.metrics.reloadedAt.Set(seconds(r.At))
	}
	if err := chain.KeepReload(c.store, r); err != nil {
		c.log.Error("a reading of the configuration is not remembered", "err", err)
	}
}

func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }

// NoteCalendars says by metric and log which calendars live on a copy.
func (c *core) NoteCalendars(files []config.CalendarFile) {
	c.metrics.calendarCopies.Reset()
	for _, f := range files {
		used := 0.0
		if f.Copy != "" {
			used = 1
			c.log.Warn("a calendar file is missing or broken; its last good copy is used", "calendar", f.Calendar, "copy", f.Copy, "err", f.Fault)
		}
		c.metrics.calendarCopies.WithLabelValues(f.Calendar).Set(used)
	}
}
