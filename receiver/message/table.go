package message

import (
	"slices"
	"strconv"
	"unicode/utf8"
)

// table is the list of a bundle: one row an incident.
type table struct {
	Head []string
	Rows [][]cell
}

type cell struct {
	Text string
	URL  string
}

// Short tells that the text fits on one line of a column, so that neither a
// date nor "SRV-AD" is broken.
func (c cell) Short() bool { return utf8.RuneCountInString(c.Text) <= 16 }

// compact leaves out the columns that are empty in every row.
func (t *table) compact() *table {
	c := &table{Rows: make([][]cell, len(t.Rows))}
	for col, name := range t.Head {
		if !slices.ContainsFunc(t.Rows, func(row []cell) bool { return row[col].Text != "" }) {
			continue
		}
		c.Head = append(c.Head, name)
		for n, row := range t.Rows {
			c.Rows[n] = append(c.Rows[n], row[col])
		}
	}
	return c
}

// Table is the bundle for staff. One notification alone has no table.
func (v *view) Table() *table {
	if !v.many {
		return nil
	}
	return v.List()
}

// List is Table even for one notification.
func (v *view) List() *table {
	mixed := v.mixed()
	t := &table{Head: v.head("incident", "machine", "problem", "last_success", "other")}
	if v.IsPlatform() {
		t.Head = v.head("incident", "platform", "problem", "since", "severity")
	}
	for _, i := range v.Items {
		name := i.Thing()
		if mixed {
			name = joinNonEmpty(" – ", i.Customer(), name)
		}
		first := []cell{{Text: i.ID(), URL: i.links.url("incident")}, {Text: name}}
		if v.IsPlatform() {
			t.Rows = append(t.Rows, append(first, cell{Text: i.Alert()}, cell{Text: i.Started()}, cell{Text: i.Severity()}))
			continue
		}
		if !i.isBackup() && i.f.Alertname != "" {
			t.Rows = append(t.Rows, append(first, cell{Text: i.AlertOwn()}, cell{}, cell{}))
			continue
		}
		last := i.Moment(i.f.LastSuccess)
		if last == "" {
			last = i.Word("unknown")
		}
		t.Rows = append(t.Rows, append(first,
			cell{Text: joinNonEmpty(", ", i.Engine(), i.problemNth())},
			cell{Text: last},
			cell{Text: i.otherBrief()}))
	}
	return t.compact()
}

// mixed tells that the mail speaks of several customers.
func (v *view) mixed() bool {
	return slices.ContainsFunc(v.Items, func(i *item) bool { return i.Customer() != v.Customer() })
}

// CustomerTable is the bundle for a customer's own people: no error texts, no
// products; each row has its own link to answer.
func (v *view) CustomerTable() *table {
	t := &table{Head: v.head("machine", "last_success", "days", "seen", "cause")}
	answers := v.Linked("answer")
	if answers {
		t.Head = append(t.Head, v.Word("fact_name.answer"))
	}
	for _, i := range v.Items {
		last := i.Day(i.f.LastSuccess)
		if last == "" {
			last = i.Word("unknown")
		}
		days := ""
		if i.f.Days > 0 {
			days = strconv.Itoa(i.f.Days)
		}
		row := []cell{{Text: i.f.Machine}, {Text: last}, {Text: days}, {Text: i.Day(i.f.AgentLastSeen)}, {Text: i.PlainCause()}}
		if answers {
			row = append(row, cell{Text: i.Word("act.answer"), URL: i.links.url("answer")})
		}
		t.Rows = append(t.Rows, row)
	}
	return t.compact()
}

func (v *view) head(keys ...string) []string {
	head := make([]string, len(keys))
	for n, k := range keys {
		head[n] = v.Word("fact_name." + k)
	}
	return head
}

// CallTable lists whom to phone about what.
func (v *view) CallTable() *table {
	if !v.many {
		return nil
	}
	t := &table{Head: v.head("incident", "machine", "contact", "phone", "days")}
	for _, i := range v.Items {
		days := ""
		if i.f.Days > 0 {
			days = strconv.Itoa(i.f.Days)
		}
		t.Rows = append(t.Rows, []cell{
			{Text: i.ID(), URL: i.links.url("call")},
			{Text: joinNonEmpty(" – ", i.Customer(), i.Thing())},
			{Text: i.ContactName()}, {Text: i.contact.Phone}, {Text: days},
		})
	}
	return t.compact()
}

// StateTable lists incidents with where they stand, for a hand-over.
func (v *view) StateTable() *table {
	t := &table{Head: v.head("incident", "machine", "problem", "deadline", "state")}
	for _, i := range v.Items {
		t.Rows = append(t.Rows, []cell{
			{Text: i.ID(), URL: i.links.url("incident")},
			{Text: joinNonEmpty(" – ", i.Customer(), i.Thing())},
			{Text: i.Fact()}, {Text: i.DueShort(i.f.Deadline)},
			{Text: joinNonEmpty(", ", i.State(), i.f.Assignee)},
		})
	}
	return t.compact()
}

// PlatformTable lists resolved platforms for their customer.
func (v *view) PlatformTable() *table {
	t := &table{Head: v.head("incident", "platform", "problem", "repaired")}
	for _, i := range v.Items {
		repaired := i.Repaired()
		if i.Closed() || i.ByWord() {
			repaired = "" // nobody repaired it
		}
		t.Rows = append(t.Rows, []cell{{Text: i.ID()}, {Text: i.Platform()}, {Text: i.Alert()}, {Text: repaired}})
	}
	return t
}
