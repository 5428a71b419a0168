package rules

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"vigie/rules/incident"
	"vigie/rules/inventory"
	"vigie/rules/model"
	"vigie/rules/policy"
	"vigie/rules/report"
	"vigie/rules/situation"
)

// Monthly is what is sent of a month, and since when it is due.
type Monthly struct {
	Month report.Month
	Due   time.Time
	Mails []MonthlyMail
}

// MonthlyMail is one report for those who read one language.
type MonthlyMail struct {
	Report   string // statement or dossier
	Scope    report.Scope
	Language string
	To       []incident.Party
}

// Monthly returns what is to be sent of the month before: from its hour on the first
// service day of the present month on, as long as that lasts, so that a receiver that
// was down on that day sends it all the same. Whether it was sent the shell knows.
func (b *Book) Monthly(now time.Time) (Monthly, bool) {
	p := b.InForce(now)
	if p.Reports == nil {
		return Monthly{}, false
	}
	d := &situation.Situation{Book: b.Book, Policy: p, Scenario: &policy.Scenario{}, Incident: &incident.Incident{}, Now: now}
	cal := d.Calendar(p.Reports.Calendar)
	out := Monthly{Month: report.MonthBefore(now, p.Zone)}
	first, err := cal.BusinessDayOnOrAfter(cal.Date(out.Month.To.Add(12 * time.Hour)))
	if err != nil {
		return Monthly{}, false
	}
	if out.Due = cal.At(first, p.Reports.At); now.Before(out.Due) {
		return Monthly{}, false
	}
	for _, x := range p.Reports.Send {
		for _, scope := range b.scopes(x.Per) {
			out.Mails = append(out.Mails, b.monthlyMails(p, x, scope, out.Month, now)...)
		}
	}
	return out, true
}

// scopes are what a report is made about, one mail for each.
func (b *Book) scopes(per string) (out []report.Scope) {
	switch per {
	case policy.PerCustomer:
		for _, id := range slices.Sorted(maps.Keys(b.Directory.Customers)) {
			out = append(out, report.Scope{Customer: id})
		}
	case policy.PerPlatform:
		for _, id := range slices.Sorted(maps.Keys(b.Directory.Platforms)) {
			out = append(out, report.Scope{Platform: id})
		}
	default:
		out = append(out, report.Scope{})
	}
	return out
}

// monthlyMails are the mails of one report, one for each language of its readers.
func (b *Book) monthlyMails(p *policy.Policy, x policy.Dispatch, scope report.Scope, month report.Month, now time.Time) (out []MonthlyMail) {
	inc := &incident.Incident{Identity: model.Labels{}}
	customer, of := scope.Customer, b.Directory.Platforms[scope.Platform]
	if of != nil {
		inc.Identity[model.LabelPlatform] = scope.Platform
		customer = cmp.Or(customer, of.Customer)
	}
	if customer != "" {
		inc.Identity[model.LabelCustomer] = customer
	}
	if c := b.Directory.Customers[customer]; c != nil && !c.Serves(month.From, month.To) || of != nil && !of.Serves(month.From, month.To) {
		return nil
	}
	d := &situation.Situation{Book: b.Book, Policy: p, Scenario: &policy.Scenario{}, Incident: inc, Now: now}
	var to []incident.Party
	for _, role := range x.To {
		to = append(to, d.Contacts().Resolve(role, scope.Platform, now)...)
	}
	by := map[string][]incident.Party{}
	for _, party := range withAddress(situation.Unique(to)) {
		by[party.Language] = append(by[party.Language], party)
	}
	for _, language := range slices.Sorted(maps.Keys(by)) {
		out = append(out, MonthlyMail{x.Report, scope, language, by[language]})
	}
	return out
}

// RestoreEvery is within what time a machine's restore must be tried again: by the
// inventory, else by the policy for its class; 0 where nobody asks for it.
func (b *Book) RestoreEvery(m *inventory.Machine, now time.Time) time.Duration {
	if m.RestoreEvery > 0 {
		return m.RestoreEvery
	}
	if r := b.InForce(now).RestoreTests; r != nil {
		return r.Every[m.Class]
	}
	return 0
}

// Reminder is when overdue restore tests are told, and of which week.
type Reminder struct {
	Week string // the date of its first service day
	Due  time.Time
}

// Remind returns the reminder of the present week once its hour has come: on its
// first service day, or later in it when nothing ran then.
func (b *Book) Remind(now time.Time) (Reminder, bool) {
	p := b.InForce(now)
	if p.RestoreTests == nil || len(p.RestoreTests.To) == 0 {
		return Reminder{}, false
	}
	d := &situation.Situation{Book: b.Book, Policy: p, Scenario: &policy.Scenario{}, Incident: &incident.Incident{}, Now: now}
	cal := d.Calendar(p.RestoreTests.Calendar)
	monday := cal.Date(now)
	for monday.Weekday() != time.Monday {
		monday = monday.AddDays(-1)
	}
	first, err := cal.BusinessDayOnOrAfter(monday)
	if err != nil {
		return Reminder{}, false
	}
	r := Reminder{first.String(), cal.At(first, p.RestoreTests.At)}
	return r, !now.Before(r.Due) && first.Compare(monday.AddDays(7)) < 0
}

// Reminded are those who are told that a machine's test is overdue.
func (b *Book) Reminded(customer, machine string, now time.Time) []incident.Party {
	p := b.InForce(now)
	d := &situation.Situation{Book: b.Book, Policy: p, Scenario: &policy.Scenario{}, Incident: &incident.Incident{Identity: model.Labels{model.LabelCustomer: customer, model.LabelMachine: machine}}, Now: now}
	var to []incident.Party
	for _, role := range p.RestoreTests.To {
		to = append(to, d.Contacts().Resolve(role, "", now)...)
	}
	return withAddress(situation.Unique(to))
}
