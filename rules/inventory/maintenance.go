package inventory

import (
	"fmt"
	"time"

	"vigie/internal/fleet"
	"vigie/internal/strict"
	"vigie/rules/model"
)

// Maintenance is work that was announced before it began (S2.2): once, from From to
// Until, or again and again. What comes again begins from From and before Until,
// which are zero for no bound.
type Maintenance struct {
	Platform, Customer, Machine string
	From, Until                 time.Time
	DeclaredAt                  time.Time
	Every                       *Recurrence // nil for once
}

type maintenanceEntry struct {
	At         strict.Position
	Platform   string       `yaml:"platform"`
	Customer   string       `yaml:"customer"`
	Machine    string       `yaml:"machine"`
	From       fleet.Moment `yaml:"from"`
	Until      fleet.Moment `yaml:"until"`
	DeclaredAt fleet.Moment `yaml:"declared_at"`

	Every *recurrenceEntry `yaml:"every"`
}

func (l *loader) maintenance(entries []maintenanceEntry) {
	for i, e := range entries {
		where := fmt.Sprintf("maintenance[%d]", i)
		if e.Platform == "" && e.Customer == "" && e.Machine == "" {
			l.fault(e.At, where, "covers everything: name a platform, a customer or a machine")
		}
		if e.Platform != "" {
			known(l, e.At, where+".platform", "platform", e.Platform, l.dir.Platforms)
		}
		if e.Customer != "" {
			l.customer(e.At, where+".customer", e.Customer)
			l.machine(e.At, where+".machine", e.Customer, e.Machine)
		} else if e.Machine != "" {
			l.fault(e.At, where+".customer", "missing: names of machines repeat, write the customer too")
		}
		if e.Every == nil {
			l.bounded(e.At, where, e.From, e.Until)
		}
		l.seemly(e.At, where, e.DeclaredAt)
		from, until := l.span(e.At, where, e.From, e.Until)
		l.dir.Maintenance = append(l.dir.Maintenance, Maintenance{
			Platform: e.Platform, Customer: e.Customer, Machine: e.Machine,
			From: from, Until: until, DeclaredAt: e.DeclaredAt.Start(l.location), Every: l.recurrence(e.Every, where+".every"),
		})
	}
}

// InMaintenance returns the end of an announced maintenance that covers the
// instant. One declared less than notice before its start does not count.
func (d *Directory) InMaintenance(l model.Labels, at time.Time, notice time.Duration) (time.Time, bool) {
	var until time.Time
	for _, m := range d.Maintenance {
		if m.Platform != "" && m.Platform != l[model.LabelPlatform] ||
			m.Customer != "" && m.Customer != l[model.LabelCustomer] ||
			m.Machine != "" && m.Machine != l[model.LabelMachine] {
			continue
		}
		for _, o := range m.Occurrences(at, at.Add(1)) {
			if o.inTime(notice) && o.Until.After(until) {
				until = o.Until
			}
		}
	}
	return until, !until.IsZero()
}

// inTime reports whether it was declared so long before its start.
func (m Maintenance) inTime(notice time.Duration) bool {
	return m.DeclaredAt.IsZero() || m.From.Sub(m.DeclaredAt) >= notice
}

// Announced are the maintenances of a whole platform, or of all that its customer
// has, which were declared in time and touch a span of time, each by itself.
func (d *Directory) Announced(platform string, notice time.Duration, from, until time.Time) []Maintenance {
	customer := ""
	if p := d.Platforms[platform]; p != nil {
		customer = p.Customer
	}
	var out []Maintenance
	for _, m := range d.Maintenance {
		if m.Machine != "" || m.Platform != platform && (m.Platform != "" || m.Customer != customer || customer == "") {
			continue
		}
		for _, o := range m.Occurrences(from, until) {
			if o.inTime(notice) {
				out = append(out, o)
			}
		}
	}
	return out
}
