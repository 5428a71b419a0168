// Package promised tells Prometheus what inventory and policy say must be: which
// sources are read, which probes look, by when a restore is tried, which level of
// service holds. So the rules need not remember what once was.
package promised

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vigie/rules"
	"vigie/rules/availability"
	"vigie/rules/copies"
	"vigie/rules/report"
)

var (
	guaranteeLevel = prometheus.NewDesc("vigie_guarantee_level", "1 for the level of service that holds now, 0 for the policy's others.", []string{"policy", "level"}, nil)
	guaranteeOpen  = prometheus.NewDesc("vigie_guarantee_window_open", "Whether the first level of service, the window that is guaranteed, holds now.", []string{"policy"}, nil)
	expectedSource = prometheus.NewDesc("backup_inventory_source_expected", "A source that the inventory names: some exporter must read it.", []string{"source", "exporter"}, nil)
	restoreDue     = prometheus.NewDesc("backup_inventory_restore_test_due_timestamp_seconds", "When a machine's next test of a restore is due by inventory, policy and register; 0 if none was ever made.", []string{"customer", "machine", "machine_class"}, nil)
	expectedCopies = prometheus.NewDesc("vigie_copies_expected", "Copies of a machine's data that the inventory expects: all of them, or on how many media, how many that it says lie off-site or are immutable.", []string{"customer", "machine", "machine_class", "property"}, nil)
	goodCopies     = prometheus.NewDesc("vigie_copies_good", "Those of them that are proven good, the last success of their plans not being overdue; absent where nobody could say it lately.", []string{"customer", "machine", "machine_class", "property"}, nil)
	guaranteed     = prometheus.NewDesc("vigie_platform_guaranteed_seconds", "Guaranteed hours of the running month so far, by what probes said: up, down, unknown, or announced for work.", []string{"platform", "state"}, nil)
	unavailable    = prometheus.NewDesc("vigie_platform_unavailability_seconds", "How long a platform was down in guaranteed hours, as it stands against what is tolerated: in the running month, or at most on a day or at a time of it.", []string{"platform"}, nil)
	tolerated      = prometheus.NewDesc("vigie_platform_unavailability_tolerance_seconds", "How long a platform may be down.", []string{"platform"}, nil)
	expectedProbe  = prometheus.NewDesc("vigie_platform_probe_expected", "A probe that a platform of the inventory must have.", []string{"platform", "site", "probe"}, nil)
)

// Collector reads, at each scrape, what is in force.
type Collector struct {
	Book func() *rules.Book
	Now  func() time.Time
	// Tests says by when each machine's next restore test is due; what it cannot say is
	// left out.
	Tests func() []report.TestDue
	// Copies says which copies of each machine, by customer and name, are good.
	Copies func() map[[2]string]copies.Copies
	// Measured is what platforms' unavailability came to so far; nil for not measured.
	Measured func() map[string]availability.Figures
}

// Describe sends the descriptions of what is collected.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{guaranteeLevel, guaranteeOpen, expectedSource, expectedProbe, restoreDue, expectedCopies, goodCopies, guaranteed, unavailable, tolerated} {
		ch <- d
	}
}

// Collect asks the book.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	c.inventory(gauge)
	c.copies(gauge)
	c.guarantees(gauge)
	for platform, f := range c.Measured() {
		for state, span := range map[string]time.Duration{"up": f.Up, "down": f.Down, "unknown": f.Unknown, "announced": f.Announced} {
			gauge(guaranteed, span.Seconds(), platform, state)
		}
		gauge(unavailable, f.Worst.Seconds(), platform)
		gauge(tolerated, f.Tolerance.Seconds(), platform)
	}
}

// inventory tells what must be watched.
func (c *Collector) inventory(gauge func(*prometheus.Desc, float64, ...string)) {
	d := c.Book().Directory
	for source, exporter := range d.Sources {
		gauge(expectedSource, 1, source, exporter)
	}
	for _, t := range c.Tests() {
		due := 0.0
		if !t.Due.IsZero() {
			due = seconds(t.Due)
		}
		gauge(restoreDue, due, t.Customer, t.Machine, t.Class)
	}
	for id, p := range d.Platforms {
		site := p.Host
		if site == "" {
			site = id
		}
		for _, probe := range p.Probes {
			gauge(expectedProbe, 1, id, site, probe)
		}
	}
}

// copies tells how many copies there must be of each machine, and are.
func (c *Collector) copies(gauge func(*prometheus.Desc, float64, ...string)) {
	d, now, known := c.Book().Directory, c.Now(), c.Copies()
	for _, m := range d.Machines {
		if len(m.Copies) == 0 || !d.Owes(m, now) {
			continue
		}
		tell := func(desc *prometheus.Desc, n copies.Counts) {
			for property, v := range map[string]int{"all": n.Copies, "media": n.Media, "offsite": n.Offsite, "immutable": n.Immutable} {
				gauge(desc, float64(v), m.Customer, m.Name, m.Class, property)
			}
		}
		tell(expectedCopies, copies.Of(m, nil).Expected)
		if x, is := known[[2]string{m.Customer, m.Name}]; is && x.Unknown < x.Expected.Copies {
			tell(goodCopies, x.Good)
		}
	}
}

// guarantees tells which level of service the policy in force promises now, by its
// calendars with today's closures.
func (c *Collector) guarantees(gauge func(*prometheus.Desc, float64, ...string)) {
	now, book := c.Now(), c.Book()
	p := book.InForce(now)
	held := p.LevelInForce(func(name string) bool { return book.Closures(p, name).IsOpen(now) })
	for i, g := range p.Guarantees {
		gauge(guaranteeLevel, one(i == held), p.Name, g.Level)
		if i == 0 {
			gauge(guaranteeOpen, one(i == held), p.Name)
		}
	}
}

func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
