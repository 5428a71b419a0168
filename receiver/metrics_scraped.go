package receiver

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigie/receiver/board"
	"vigie/receiver/store"
)

// state reads, at each scrape, what the store and the engine know.
type state struct {
	*core
	open *board.Board
}

// maxCounted bounds the open incidents whose targets a scrape goes through.
const maxCounted = 20000

var (
	incidentsOpen  = prometheus.NewDesc("vigie_incidents_open", "Open incidents, by scenario and state.", []string{"scenario", "state"}, nil)
	incidentsSince = prometheus.NewDesc("vigie_incidents_oldest_opened_timestamp_seconds", "When the oldest of these open incidents was opened.", []string{"scenario", "state"}, nil)
	targetsRunning = prometheus.NewDesc("vigie_targets_running", "Targets of open incidents that still run, those overdue included; paused ones are not. Absent beyond 20,000 open incidents.", []string{"scenario", "clock"}, nil)
	targetsOverdue = prometheus.NewDesc("vigie_targets_overdue", "Targets of open incidents that are not met though their time has passed.", []string{"scenario", "clock"}, nil)
	targetNextDue  = prometheus.NewDesc("vigie_target_next_due_timestamp_seconds", "When the next of these targets is due; absent without any that is not overdue.", []string{"scenario", "clock"}, nil)
	outboxPending  = prometheus.NewDesc("vigie_notification_outbox_pending",
		"Notifications whose hold has ended and transmissions that are not accepted yet.", nil, nil)
	outboxOldest = prometheus.NewDesc("vigie_notification_outbox_oldest_timestamp_seconds",
		"Since when the oldest of them could have left; absent without any.", nil, nil)
	dataQuality = prometheus.NewDesc("vigie_data_quality_issues", "Firing signals with a fault in their data, by fault.", []string{"issue"}, nil)
	watchdogAt  = prometheus.NewDesc("vigie_watchdog_last_received_timestamp_seconds",
		"When the watchdog alert was last received; absent before the first.", nil, nil)
	loopTurned = prometheus.NewDesc("vigie_loop_last_turn_timestamp_seconds", "When a loop of the engine last began a turn, or got on with a long one.", []string{"loop"}, nil)
	leading    = prometheus.NewDesc("vigie_leading", "Whether this receiver decides, asks and sends: of those that share a database one does; 1 where there is no other.", nil, nil)
	diskFree   = prometheus.NewDesc("vigie_store_disk_free_bytes", "Room left on the file system of the database.", nil, nil)
	diskSize   = prometheus.NewDesc("vigie_store_disk_size_bytes", "Size of the file system of the database.", nil, nil)
	storeUp    = prometheus.NewDesc("vigie_store_up", "Whether the store answered this scrape.", nil, nil)
)

// Describe sends the descriptions of what is collected.
func (s *state) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{incidentsOpen, incidentsSince, targetsRunning, targetsOverdue, targetNextDue, outboxPending, outboxOldest, dataQuality, watchdogAt, loopTurned, leading, diskFree, diskSize, storeUp} {
		ch <- d
	}
}

// scrapeWithin bounds what a scrape asks the store.
const scrapeWithin = 5 * time.Second

// Collect asks the store and the engine.
func (s *state) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for issue, n := range s.issues.Counts() {
		gauge(dataQuality, float64(n), issue)
	}
	s.watch.mu.Lock()
	last := s.watch.last
	s.watch.mu.Unlock()
	if !last.IsZero() {
		gauge(watchdogAt, seconds(last))
	}
	s.turns.Each(func(name string, at time.Time) { gauge(loopTurned, seconds(at), name) })
	if _, leads := s.Alone(context.Background()); leads {
		gauge(leading, 1)
	} else {
		gauge(leading, 0)
	}
	if d, err := s.store.Disk(); err == nil {
		gauge(diskFree, float64(d.Free))
		gauge(diskSize, float64(d.Size))
	} else {
		s.log.Error("the room on the disk is not known", "err", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), scrapeWithin)
	defer cancel()
	var counts []store.Count
	var backlog store.Backlog
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		if counts, err = tx.Counts(); err != nil {
			return err
		}
		backlog, err = tx.Backlog(s.now())
		return err
	})
	if err != nil {
		s.log.Error("the store did not answer a scrape", "err", err)
		gauge(storeUp, 0)
		return
	}
	gauge(storeUp, 1)
	open := 0
	for _, c := range counts {
		gauge(incidentsOpen, float64(c.N), c.Scenario, c.State)
		gauge(incidentsSince, seconds(c.Oldest), c.Scenario, c.State)
		open += c.N
	}
	s.targets(ctx, open, gauge)
	gauge(outboxPending, float64(backlog.Pending))
	if !backlog.Oldest.IsZero() {
		gauge(outboxOldest, seconds(backlog.Oldest))
	}
}

// targets tells how the clocks of the open incidents stand, together for all
// incidents of a scenario.
func (s *state) targets(ctx context.Context, open int, gauge func(*prometheus.Desc, float64, ...string)) {
	if open > maxCounted {
		return
	}
	rows, err := s.open.Rows(ctx)
	if err != nil {
		s.log.Error("the targets of open incidents are not known", "err", err)
		return
	}
	type kind struct{ scenario, clock string }
	running, overdue, next := map[kind]int{}, map[kind]int{}, map[kind]time.Time{}
	now := s.now()
	for _, r := range rows {
		for clock, due := range r.Running() {
			k := kind{r.Scenario(), clock}
			running[k]++
			if now.After(due) {
				overdue[k]++
			} else if next[k].IsZero() || due.Before(next[k]) {
				next[k] = due
			}
		}
	}
	for k, n := range running {
		gauge(targetsRunning, float64(n), k.scenario, k.clock)
		gauge(targetsOverdue, float64(overdue[k]), k.scenario, k.clock)
		if due := next[k]; !due.IsZero() {
			gauge(targetNextDue, seconds(due), k.scenario, k.clock)
		}
	}
}
