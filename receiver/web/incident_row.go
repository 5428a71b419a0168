package web

import (
	"cmp"
	"slices"
	"time"

	"vigie/receiver"
	"vigie/receiver/web/about"
	"vigie/receiver/web/query"
	"vigie/rules/act"
	"vigie/rules/model"
)

// incidentRow is what a list says of an incident.
type incidentRow struct {
	ID       string `json:"id"`
	Number   int    `json:"number"`
	Customer string `json:"customer,omitempty"`
	Machine  string `json:"machine,omitempty"`
	Platform string `json:"platform,omitempty"`
	// What is named when it is neither a machine nor a platform, Platforms when it is a
	// failure that several share, Troubles where it is no machine's backup.
	What      string `json:"what,omitempty"`
	identity  model.Labels
	Platforms []string        `json:"platforms,omitempty"`
	Troubles  []about.Trouble `json:"troubles,omitempty"`
	Role      string          `json:"backup_role,omitempty"`
	Class     string          `json:"machine_class,omitempty"`
	Engine    string          `json:"engine,omitempty"`
	Kind      string          `json:"kind,omitempty"`
	Scenario  string          `json:"scenario"`
	Policy    string          `json:"policy"`
	State     model.State     `json:"state"`
	Severity  string          `json:"severity,omitempty"`
	Level     int             `json:"level,omitempty"`
	Flags     []string        `json:"flags,omitempty"`
	Assignee  string          `json:"assignee,omitempty"`
	TakenAt   time.Time       `json:"taken_at,omitzero"`
	OpenedAt  time.Time       `json:"opened_at"`
	// StartedAt is when the failing state began, LastSuccess the newest good backup.
	StartedAt   time.Time     `json:"started_at,omitzero"`
	LastSuccess time.Time     `json:"last_success,omitzero"`
	Until       time.Time     `json:"until,omitzero"`
	ResolvedAt  time.Time     `json:"resolved_at,omitzero"`
	Deadline    time.Time     `json:"deadline,omitzero"`
	Target      string        `json:"target,omitempty"`
	Error       string        `json:"error,omitempty"`
	Report      string        `json:"report,omitempty"`
	Failures    int           `json:"failures,omitempty"`
	Other       *otherBackup  `json:"other_backup,omitempty"`
	Silence     *rowSilence   `json:"silence,omitempty"`
	Next        *plannedStep  `json:"next,omitempty"`
	FollowUp    time.Time     `json:"follow_up,omitzero"`
	Lines       int64         `json:"journal_lines"`
	Left        time.Duration `json:"-"` // working time to the deadline
}

// otherBackup is the state of a machine's other backup, with its proof.
type otherBackup struct {
	State       model.EvidenceState `json:"state"`
	Engine      string              `json:"engine,omitempty"`
	Plan        string              `json:"plan,omitempty"`
	LastSuccess time.Time           `json:"last_success,omitzero"`
	AskedAt     time.Time           `json:"asked_at,omitzero"`
	By          string              `json:"by,omitempty"`
	Note        string              `json:"note,omitempty"`
	Error       string              `json:"error,omitempty"`
}

type rowSilence struct {
	By      string    `json:"by"`
	Comment string    `json:"comment,omitempty"`
	Until   time.Time `json:"until"`
	Partly  bool      `json:"partly,omitempty"` // a part of the incident fires that no silence covers
}

// plannedStep is what comes next, if nobody does anything.
type plannedStep struct {
	Step     string    `json:"step"`
	Template string    `json:"template,omitempty"`
	At       time.Time `json:"at"`
	To       []string  `json:"to,omitempty"`
	Cc       []string  `json:"cc,omitempty"`
}

// row makes the row of an incident as somebody may see it.
func (s *site) row(d receiver.Detail, who string) incidentRow {
	book := s.o.Engine.Book()
	full := d.Incident
	i := book.Seen(full, who)
	x := incidentRow{ID: i.ID, Number: i.Number, Customer: i.Identity[model.LabelCustomer], Machine: i.Identity[model.LabelMachine],
		Platform: i.Identity[model.LabelPlatform], Role: i.Identity[model.LabelBackupRole], Scenario: i.Scenario, Policy: i.Policy,
		State: i.State, Severity: i.Severity, Level: i.Level, Assignee: i.Assignee, TakenAt: i.TakenAt, OpenedAt: i.OpenedAt,
		StartedAt: i.StartedAt, Until: i.Until, ResolvedAt: i.ResolvedAt, Deadline: d.Deadline, Error: i.LastErr, Report: i.Wording, Failures: i.Failures, FollowUp: i.Progress.FollowUp, Lines: d.Lines}
	if x.Machine == "" || len(about.Alerts(&i)) > 0 {
		x.Troubles = about.Troubles(&i)
	}
	if x.Machine == "" && x.Platform == "" {
		x.What, x.Platforms, x.identity = about.What(i.Identity), i.Platforms(), i.Identity
	}
	for _, a := range i.Alerts {
		x.Engine, x.Kind, x.Class = cmp.Or(x.Engine, a.Labels[model.LabelEngine]), cmp.Or(x.Kind, a.Labels[model.LabelKind]), cmp.Or(x.Class, a.Labels[model.LabelMachineClass])
		for _, at := range []time.Time{a.LastSuccess, a.SuccessBefore} {
			if at.After(x.LastSuccess) {
				x.LastSuccess = at
			}
		}
	}
	for f, on := range i.Flags {
		if on {
			x.Flags = append(x.Flags, string(f))
		}
	}
	slices.Sort(x.Flags)
	if book.Role(who) == act.Customer { // our own clocks and steps are not his matter
		x.Deadline = time.Time{}
		return x
	}
	for name, c := range i.Targets {
		if c.Due.Equal(x.Deadline) && c.MetAt.IsZero() && !x.Deadline.IsZero() {
			x.Target = name
		}
	}
	s.rowEvidence(&x, d)
	if si, partly := i.SilencedUntil(); si != nil {
		x.Silence = &rowSilence{si.By, si.Comment, si.EndsAt, partly}
	}
	if cal := book.Calendar(i.Policy, i.Scenario); cal != nil && !x.Deadline.IsZero() {
		x.Left = cal.OpenTime(s.o.Now(), x.Deadline, i.Pauses)
	}
	x.Next = s.next(d)
	return x
}

// rowEvidence takes what is known of the machine's other backup, where the
// scenario asks for it.
func (s *site) rowEvidence(x *incidentRow, d receiver.Detail) {
	e := d.Explanation.Evidence
	if p := s.o.Engine.Book().Policy(d.Incident.Policy); e.State == "" || e.By == "" && e.AskedAt.IsZero() && p != nil &&
		(p.Scenario(d.Incident.Scenario) == nil || p.Scenario(d.Incident.Scenario).OtherBackup == nil) {
		return
	}
	x.Other = &otherBackup{State: e.State, Engine: e.Engine, Plan: e.Plan, LastSuccess: e.LastSuccess, AskedAt: e.AskedAt, By: e.By, Note: e.Note, Error: e.Error}
}

// next is the step that comes first.
func (s *site) next(d receiver.Detail) *plannedStep {
	var out *plannedStep
	names := s.names()
	for _, e := range d.Explanation.Steps {
		if e.Status != "due" || e.Due.IsZero() || out != nil && !e.Due.Before(out.At) {
			continue
		}
		out = &plannedStep{Step: e.Name, Template: e.Template, At: e.Due, To: names.All(e.To), Cc: names.All(e.Cc)}
	}
	return out
}

func (s *site) names() *about.Names {
	if n := s.named.Load(); n != nil && n.Book == s.o.Engine.Book() {
		return n
	}
	n := about.NamesOf(s.o.Engine.Book())
	s.named.Store(n)
	return n
}

// perPage is how many rows a page has.
const perPage = 50

// paging says which part of a list is shown.
type paging = query.Page
