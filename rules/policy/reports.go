package policy

import (
	"maps"
	"slices"
	"time"

	"vigie/internal/fleet"
	"vigie/internal/strict"
	"vigie/rules/calendar"
)

// Reports are what is sent of the month before on the first service day of each.
type Reports struct {
	// At is the hour, on the first day of the month on which Calendar is open.
	At       calendar.TimeOfDay
	Calendar string
	Send     []Dispatch
}

// Dispatch is one report and who reads it.
type Dispatch struct {
	Report string // statement or dossier
	Per    string // all, customer or platform: one mail for each
	To     []string
}

// The reports, and what one may be about.
const (
	ReportStatement = "statement"
	ReportDossier   = "dossier"
	PerAll          = "all"
	PerCustomer     = "customer"
	PerPlatform     = "platform"
)

type reportsDoc struct {
	strict.Position
	At       *calendar.TimeOfDay `yaml:"at"`
	Calendar string              `yaml:"calendar"`
	Send     []dispatchDoc       `yaml:"send"`
}

type dispatchDoc struct {
	strict.Position
	Report string   `yaml:"report"`
	Per    string   `yaml:"per"`
	To     []string `yaml:"to"`
}

func (d *reportsDoc) load(l *loader) {
	if l.policy.Reports != nil {
		l.fault(d.Position, "reports", "it is defined twice: keep one")
		return
	}
	l.calendar(d.Position, "reports.calendar", d.Calendar, false)
	if d.At == nil {
		l.fault(d.Position, "reports.at", `the hour is missing: add at: "09:00"`)
		return
	}
	r := &Reports{At: *d.At, Calendar: d.Calendar}
	if len(d.Send) == 0 {
		l.fault(d.Position, "reports.send", "missing: name a report and who reads it, such as {report: statement, per: customer, to: [account_manager]}")
	}
	for _, x := range d.Send {
		r.Send = append(r.Send, x.load(l))
	}
	l.policy.Reports = r
}

func (d dispatchDoc) load(l *loader) Dispatch {
	if d.Per == "" {
		d.Per = PerAll
	}
	l.oneOf(d.Position, "reports.send.report", d.Report, ReportStatement, ReportDossier)
	l.oneOf(d.Position, "reports.send.per", d.Per, PerAll, PerCustomer, PerPlatform)
	if d.Report == ReportDossier && d.Per != PerCustomer {
		l.fault(d.Position, "reports.send.per", "a dossier is one customer's: write per: customer")
	}
	l.roles(d.Position, "reports.send.to", d.To)
	if len(d.To) == 0 {
		l.fault(d.Position, "reports.send.to", "missing: name the roles that read it, such as [account_manager]")
	}
	return Dispatch{d.Report, d.Per, slices.Clone(d.To)}
}

// RestoreTests are how often restores are tried, and who is reminded of those that
// are overdue.
type RestoreTests struct {
	// Every is the time within which one must be tried again, by class of machine;
	// the inventory's own word for a machine comes first.
	Every map[string]time.Duration
	// At is the hour of the reminder, on the first day of each week on which Calendar
	// is open.
	At       calendar.TimeOfDay
	Calendar string
	To       []string // roles
}

type restoreTestsDoc struct {
	strict.Position
	Every    map[string]time.Duration `yaml:"every"`
	At       *calendar.TimeOfDay      `yaml:"at"`
	Calendar string                   `yaml:"calendar"`
	To       []string                 `yaml:"to"`
}

func (d *restoreTestsDoc) load(l *loader) {
	if l.policy.RestoreTests != nil {
		l.fault(d.Position, "restore_tests", "it is defined twice: keep one")
		return
	}
	for _, class := range slices.Sorted(maps.Keys(d.Every)) {
		l.oneOf(d.Position, "restore_tests.every", class, fleet.Classes()...)
		if d.Every[class] < 24*time.Hour {
			l.fault(d.Position, "restore_tests.every."+class, "shorter than a day: write how often a restore is tried, such as 2160h, 90 days")
		}
	}
	r := &RestoreTests{Every: d.Every, Calendar: d.Calendar, To: d.To}
	if len(d.To) > 0 {
		l.roles(d.Position, "restore_tests.to", d.To)
		l.calendar(d.Position, "restore_tests.calendar", d.Calendar, false)
		if d.At == nil {
			l.fault(d.Position, "restore_tests.at", `the hour of the reminder is missing: add at: "09:00"`)
			return
		}
		r.At = *d.At
	}
	l.policy.RestoreTests = r
}
