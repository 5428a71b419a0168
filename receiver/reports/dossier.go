package reports

import (
	"context"
	"slices"
	"strings"
	"time"

	"vigie/receiver/nights"
	"vigie/receiver/store"
	"vigie/rules/copies"
	"vigie/rules/inventory"
	"vigie/rules/report"
)

// Dossier is a customer's dossier of a month.
func (m *Maker) Dossier(ctx context.Context, month report.Month, customer string, reads Reader) (*report.Dossier, error) {
	g, err := m.gather(ctx, month, report.Scope{Customer: customer}, reads)
	if err != nil {
		return nil, err
	}
	mails, err := m.mails(ctx, month)
	if err != nil {
		return nil, err
	}
	tests, err := m.Tests(ctx)
	if err != nil {
		return nil, err
	}
	d := report.DossierOf(month, customer, g.cases, mails, g.from)
	for _, t := range tests {
		if t.Customer == customer && strings.HasPrefix(t.Day, month.Name) {
			d.Tests = append(d.Tests, t)
		}
	}
	for _, due := range report.TestsDue(m.Tested(month.To), tests, month.To, month.From.Location()) {
		if due.Customer == customer && due.Overdue {
			d.Overdue = append(d.Overdue, due)
		}
	}
	for _, x := range m.machines(customer, month.To) {
		if len(x.Plans) == 0 {
			d.Unprotected = append(d.Unprotected, x.Name)
		}
	}
	slices.Sort(d.Unprotected)
	m.backups(ctx, month, customer, &d.Backups)
	m.copies(ctx, month, customer, d)
	return d, nil
}

// Noise is what each person got in a month: of what is in the scope, or of all.
func (m *Maker) Noise(ctx context.Context, month report.Month, scope report.Scope) ([]report.PersonNoise, error) {
	g, err := m.gather(ctx, month, scope, m.ReadBy(""))
	if err != nil {
		return nil, err
	}
	mails, err := m.mails(ctx, month)
	if err != nil {
		return nil, err
	}
	if scope != (report.Scope{}) {
		mails = slices.DeleteFunc(mails, func(x report.Mail) bool {
			return !slices.ContainsFunc(x.Incidents, func(id string) bool { return g.records[id] != nil })
		})
	}
	return report.NoiseOf(month, g.cases, mails), nil
}

// mails are the messages that were accepted in a month.
func (m *Maker) mails(ctx context.Context, month report.Month) (out []report.Mail, err error) {
	dir := m.Book().Directory
	err = m.Store.View(ctx, func(tx *store.Tx) error {
		all, err := store.Past{Tx: tx}.Delivered(month.From, month.To)
		for _, d := range all {
			x := report.Mail{ID: d.ID, Address: d.Address, At: d.At, Incidents: d.Incidents}
			_, bare := inventory.SplitAddress(d.Address)
			if p := dir.Person(bare); p != nil {
				x.Person = p.ID
			}
			out = append(out, x)
		}
		return err
	})
	return out, err
}

// machines are a customer's machines that are in service.
func (m *Maker) machines(customer string, at time.Time) (out []*inventory.Machine) {
	dir := m.Book().Directory
	for _, x := range dir.Machines {
		if (customer == "" || x.Customer == customer) && dir.Owes(x, at) {
			out = append(out, x)
		}
	}
	slices.SortFunc(out, func(a, b *inventory.Machine) int {
		return strings.Compare(a.Customer+"\x00"+a.Name, b.Customer+"\x00"+b.Name)
	})
	return out
}

// protected are those of them of which a backup is expected.
func (m *Maker) protected(customer string, at time.Time) []*inventory.Machine {
	return slices.DeleteFunc(m.machines(customer, at), func(x *inventory.Machine) bool { return len(x.Plans) == 0 })
}

// copies counts the copies of each machine as they stood at the end of the month.
func (m *Maker) copies(ctx context.Context, month report.Month, customer string, d *report.Dossier) {
	all := m.protected(customer, month.To)
	each, err := m.Nights.Copies(ctx, m.Book().Directory, all, month.To, month.To)
	d.Backups.Fault = d.Backups.Fault || err != nil
	for i, x := range all {
		d.Copies = append(d.Copies, copies.Machine{Machine: x.Name, Class: x.Class, Copies: each[i]})
	}
}

// atOnce is how many machines Prometheus is asked for in one question.
const atOnce = 50

// backups counts the days of a month from what the rules recorded in Prometheus.
func (m *Maker) backups(ctx context.Context, month report.Month, customer string, b *report.Backups) {
	dir, all := m.Book().Directory, m.protected(customer, month.To)
	var days []nights.Day
	for at := month.From; at.Before(month.To); at = at.AddDate(0, 0, 1) {
		days = append(days, nights.Day{Date: at.Format(time.DateOnly), At: at.AddDate(0, 0, 1)})
	}
	for chunk := range slices.Chunk(all, atOnce) {
		ask := make([]nights.Machine, len(chunk))
		for i, x := range chunk {
			ask[i] = nights.MachineOf(dir, x)
		}
		strips, err := m.Nights.Strips(ctx, ask, days, month.To)
		b.Fault = b.Fault || err != nil
		for i, x := range chunk {
			for _, s := range strips[i] {
				n := report.MachineNights{Machine: x.Name, Class: x.Class, Role: s.Role, Nights: counted(s.Cells)}
				b.All.Add(n.Nights)
				b.Machines = append(b.Machines, n)
			}
		}
	}
	if rate, known := b.All.Rate(); known {
		b.Rate = &rate
	}
}

func counted(cells []nights.Outcome) (n report.Nights) {
	for _, c := range cells {
		switch c {
		case nights.Success:
			n.Success++
		case nights.Warning:
			n.Warning++
		case nights.Failure:
			n.Failure++
		case nights.Nothing:
			n.Nothing++
		case nights.Excused:
			n.Excused++
		default:
			n.Unknown++
		}
	}
	return n
}
