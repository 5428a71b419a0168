package config

import "time"

// Timings are the engine's own paces; zero values take the default.
type Timings struct {
	// Tick is how often due incidents and the outbox are looked at; 1 s. A
	// reload does not change this one nor the next.
	Tick time.Duration
	// Reconcile is how often Alertmanager is asked; 1 min.
	Reconcile time.Duration
	// AbsentFor is how long an alert must be absent from every Alertmanager
	// before its ending is believed without a proven success; and be there, untold by
	// any webhook, before it is taken in where some are muted at some hours; 150 s.
	AbsentFor time.Duration
	// Settled is how long an Alertmanager must have run before its silence about
	// an alert says anything; 5 min.
	Settled time.Duration
	// Unreachable is how long an Alertmanager may not answer before that is told; 3 min.
	Unreachable time.Duration
	// Watchdog is how long the watchdog alert may be missing before monitoring
	// counts as blind; 15 min.
	Watchdog time.Duration
	// Ask bounds a question to Prometheus; 30 s.
	Ask time.Duration
	// RetryFirst, RetryMost and GiveUp pace a message that is refused for now:
	// 1 min, doubling up to 15 min, for 72 h.
	RetryFirst, RetryMost, GiveUp time.Duration
	// Retention is how long an incident is kept after the last that was written
	// about it; 730 days.
	Retention time.Duration
}

// WithDefaults fills in what is left out.
func (t Timings) WithDefaults() Timings {
	d := DefaultTimings()
	for _, x := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&t.Tick, time.Second}, {&t.Reconcile, d.Reconcile}, {&t.AbsentFor, d.AbsentFor}, {&t.Settled, d.Settled},
		{&t.Unreachable, d.Unreachable}, {&t.Watchdog, d.Watchdog}, {&t.Ask, d.Ask},
		{&t.RetryFirst, d.RetryFirst}, {&t.RetryMost, d.RetryMost}, {&t.GiveUp, d.GiveUp},
		{&t.Retention, d.Retention},
	} {
		if *x.field == 0 {
			*x.field = x.value
		}
	}
	return t
}
