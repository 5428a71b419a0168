package message

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"vigie/rules/model"
)

// item is one notification as a template sees it: the views over its sheet. Their
// exported methods are the templates' words.
type item struct {
	*sheet
	subject
	failure
	report
	clocks
	evidence
	people
	ending
	customer
	history
	buttons
}

func newItem(s *sheet) *item {
	about := subject{s}
	wrong := failure{s, about}
	said := report{s}
	due := clocks{s}
	proof := evidence{s, about, due}
	return &item{s, about, wrong, said, due, proof, people{s}, ending{s, about, wrong, said}, customer{s, about, wrong}, history{s}, buttons{s, proof}}
}

func (i *item) backupFacts() []fact {
	fs := &facts{t: i.Language}
	fs.add("customer", i.Customer())
	fs.add("machine", i.machineFact())
	fs.add("backup", i.backup())
	key := "plan"
	if len(i.f.Plans) > 1 {
		key = "plans"
	}
	fs.add(key, i.Plans())
	if i.isBackup() {
		fs.add("problem", i.problem())
	}
	if !i.isBackup() || i.foreign() {
		fs.add("alert", i.alertNamed())
		fs.add("severity", i.Severity())
		fs.add("item", i.f.Item)
	}
	if i.foreign() {
		fs.add("summary", i.f.Summary, code)
		fs.add("labels", strings.Join(i.f.Labels, ", "), code)
	}
	fs.add("since", i.Moment(i.f.StartedAt))
	if i.isBackup() {
		last := i.LastSuccess()
		switch {
		case last == "" && i.kind() == "never_ran":
			last = i.Word("never")
		case last == "":
			last = i.Word("unknown")
		}
		fs.add("last_success", last)
		fs.add("failures", joinNonEmpty(", ", i.Failures(), i.daysWithout()))
	}
	fs.add("error", i.f.Error, code)
	if i.isBackup() {
		fs.add("last_seen", i.Seen())
	}
	fs.add("next_run", i.NextRun())
	fs.add("assignee", i.f.Assignee)
	if i.f.SilenceUntil.After(i.leaves()) {
		fs.add("silence", i.Say("silenced_by", "who", i.f.SilenceBy, "moment", i.Moment(i.f.SilenceUntil)))
	}
	fs.add("deadline", joinNonEmpty(", ", i.DueShort(i.f.Deadline), i.lateNote()), strong)
	fs.add("runbook", i.Runbook(), linked)
	if !i.isBackup() {
		fs.add("source", i.Measurement(), linked)
	}
	return fs.rows
}

func (i *item) platformFacts() []fact {
	fs := &facts{t: i.Language}
	if len(i.f.Platforms) > 1 {
		fs.add("platforms", strings.Join(i.f.Platforms, ", "))
	} else {
		fs.add("platform", i.Platform())
	}
	fs.add("customer", i.Customer())
	fs.add("problem", i.Alert())
	fs.add("since", i.Started())
	fs.add("received", i.Moment(i.f.ReceivedAt))
	fs.add("entry", i.Entry())
	fs.add("reporter", i.Reporter())
	fs.add("severity", i.provisional(i.Severity()), strong)
	fs.add("scope", i.scope())
	if i.f.Level > 0 {
		fs.add("level", strconv.Itoa(i.f.Level))
	}
	fs.add("cause", i.likelyCause())
	fs.add("guarantee", i.Guarantee())
	fs.add("error", i.f.Error, code)
	fs.add("assignee", i.f.Assignee)
	fs.rows = append(fs.rows, i.Clocks()...)
	fs.add("runbook", i.Runbook(), linked)
	fs.add("source", i.Measurement(), linked)
	return fs.rows
}

// CustomerFacts are those facts that a platform's customer reads.
func (i *item) CustomerFacts() []fact {
	fs := &facts{t: i.Language}
	fs.add("reference", i.ID())
	fs.add("platform", i.Platform())
	fs.add("received", i.Moment(i.f.ReceivedAt))
	fs.add("entry", i.Entry())
	fs.add("severity", i.provisional(i.Severity()))
	fs.add("scope", i.scope())
	fs.add("cause", i.likelyCause())
	fs.add("guarantee", i.Guarantee())
	return fs.rows
}

// scope is how much is hit; after a reopening, what was said of it the last time.
func (i *item) scope() string {
	if i.Reopened() {
		return i.provisional(i.Scope())
	}
	return i.Scope()
}

// provisional marks what no person has confirmed yet.
func (i *item) provisional(said string) string {
	if said == "" || !i.f.Provisional || i.f.State.Ended() {
		return said
	}
	return said + " (" + i.Word("fact_name.provisional") + ")"
}

// digestSection says in which section an incident belongs; a blank item (the
// digest's own) in none.
func (i *item) digestSection() string {
	switch {
	case i.n.IncidentID == "" && i.f.Number == 0 && i.f.State == "":
		return ""
	case i.f.State == model.CallDue:
		return "calls"
	case i.f.State == model.Waiting, i.f.State == model.Unverified, i.f.State == model.WorkedAround, i.f.State.Ended():
		return "watched"
	case i.Workstation() && i.hasFlag(model.FlagCustomerTold):
		return "watched"
	case i.Workstation():
		return "clients"
	}
	return "due"
}

// sameTale tells two notifications that differ in nothing that a person wrote.
func (i *item) sameTale(o *item) bool {
	a, b := i.f, o.f
	return i.n.IncidentID != "" && i.n.IncidentID == o.n.IncidentID && i.n.Episode == o.n.Episode &&
		a.Platform == b.Platform && a.Item == b.Item && a.Reason == b.Reason && a.Workaround == b.Workaround && a.Report == b.Report &&
		maps.Equal(a.Call, b.Call) && slices.Equal(a.Refused, b.Refused)
}
