package story

import (
	"slices"
	"sort"
	"strings"
	"time"

	"vigie/internal/strict"
	"vigie/rules"
	"vigie/rules/availability"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// Stage is the world around a receiver as a story has it: alerts and silences,
// what Prometheus would answer, mail server, inventory and people. [Play] lets
// the rules live in it by themselves; a Stage is for a runner that lets a whole
// receiver live in it. The runner moves the clock, takes the story's events one
// by one with [Stage.Happen], and asks the stage what its stand-ins for the
// outside servers have to answer.
type Stage struct {
	p            *player
	events       []*event
	start, until time.Time
}

// NewStage sets the stage for a story, before its first event.
func NewStage(book *rules.Book, s *Story) (*Stage, error) {
	p := newPlayer(book, s, Options{})
	events, start, until, err := p.script(s)
	if err != nil {
		return nil, err
	}
	return &Stage{p: p, events: events, start: start, until: until}, nil
}

// Start is when the story begins, Until when it ends, inclusive.
func (s *Stage) Start() time.Time { return s.start }

// Until is the last instant of the story.
func (s *Stage) Until() time.Time { return s.until }

// Book is what decisions are made from, with the inventory as it is by now.
func (s *Stage) Book() *rules.Book { return s.p.book }

// Next is when the next event happens; zero when none is left.
func (s *Stage) Next() time.Time {
	if len(s.events) == 0 {
		return time.Time{}
	}
	return s.events[0].At.in(s.p.zone)
}

// Minute is the next full minute at which reconciliation has something to
// notice; zero when there is none. [Stage.Reconciled] takes it off.
func (s *Stage) Minute() time.Time {
	var first time.Time
	for m := range s.p.minutes {
		if at := time.Unix(m, 0).In(s.p.zone); first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

// Machine names a machine as the inventory does.
type Machine struct{ Customer, Name string }

// Reconciled says that a full minute's look is being taken, and returns the
// machines of which Prometheus answers differently since the last one.
func (s *Stage) Reconciled(minute time.Time) []Machine {
	delete(s.p.minutes, minute.Unix())
	s.p.now = minute
	s.p.measureAgain()
	var news []Machine
	for m := range s.p.dirty {
		news = append(news, Machine{m.customer, m.name})
	}
	clear(s.p.dirty)
	sort.Slice(news, func(i, j int) bool {
		return news[i].Customer+"\x00"+news[i].Name < news[j].Customer+"\x00"+news[j].Name
	})
	return news
}

// Probed is what a platform's probes said until an instant.
func (s *Stage) Probed(platform string, now time.Time) []availability.Stretch {
	s.p.now = now
	return s.p.probed(platform)
}

// NoticeAt has reconciliation look at the first full minute from an instant on.
func (s *Stage) NoticeAt(at time.Time) { s.p.noticeAt(at) }

// Alert is an alert as Alertmanager holds it.
type Alert struct {
	Labels      model.Labels
	Annotations map[string]string
	StartsAt    time.Time
	Firing      bool
	SilencedBy  []string // ids of the silences that cover it now
}

// Act is what a person does to the incident that [Act.Selects].
type Act struct {
	incident.Act
	incident selector
}

// Selects reports whether it is that incident which the act is about.
func (a *Act) Selects(inc *incident.Incident) bool { return contains(inc, a.incident) }

// Report is what a person reports.
type Report struct {
	Kind, Platform, By, Severity, Text, Means string
	ReceivedAt                                time.Time // zero: as it is made
}

// News is what one event of a story comes to for those outside the receiver.
// At most one of its fields is set, beside Line.
type News struct {
	// Line is where the story tells it.
	Line strict.Position
	// Alerts have begun, failed again or ended.
	Alerts []Alert
	Act    *Act
	Report *Report
	// Inventory says that [Stage.Book] has changed.
	Inventory bool
	// Refuses is an address that the mail server refuses from now on.
	Refuses string
	// MailDownUntil and DeafUntil are until when the mail server, and
	// Alertmanager, cannot be reached.
	MailDownUntil, DeafUntil time.Time
}

// Happen lets the next event happen, at its own time.
func (s *Stage) Happen() (News, error) {
	e, p := s.events[0], s.p
	s.events = s.events[1:]
	p.now = e.At.in(p.zone)
	n := News{Line: e.Where}
	var err error
	switch {
	case e.Fires != nil:
		n.Alerts = s.show(p.begin(e.Fires))
	case e.Clears != nil:
		var ended []*alert
		ended, err = p.end(e)
		n.Alerts = s.show(ended...)
	case e.Act != nil:
		n.Act, err = s.act(e)
	case e.Report != nil:
		d := e.Report
		n.Report = &Report{Kind: d.Kind, Platform: d.Platform, By: d.By, Severity: d.Severity, Text: d.Text, Means: d.Means}
		if !d.ReceivedAt.isZero() {
			n.Report.ReceivedAt = d.ReceivedAt.in(p.zone)
		}
	case e.SMTP != nil:
		if n.Refuses = e.SMTP.Refuse; n.Refuses == "" {
			n.MailDownUntil = e.SMTP.DownUntil.in(p.zone)
		}
	case e.Alertmanager != nil:
		err = p.happen(e)
		n.DeafUntil = p.deaf
	default: // silences, and what Prometheus or the inventory say
		n.Inventory = e.Maintenance != nil || e.Absence != nil || e.Rota != nil || e.Contact != nil
		err = p.happen(e)
	}
	return n, err
}

func (s *Stage) act(e *event) (*Act, error) {
	by, err := s.p.person(e.Where, "act.by", e.Act.by)
	if err != nil {
		return nil, err
	}
	return &Act{incident: e.Act.incident, Act: incident.Act{
		Verb: e.Act.verb, By: by, Fields: s.p.actFields(e), Force: e.Act.force, External: e.Act.external,
	}}, nil
}

func (s *Stage) show(alerts ...*alert) []Alert {
	out := make([]Alert, len(alerts))
	for i, a := range alerts {
		out[i] = Alert{Labels: a.labels.Clone(), Annotations: a.annotations, StartsAt: a.startsAt, Firing: a.firing}
		for _, silence := range s.p.silences {
			if silence.active(s.p.now) && silence.matchers.Match(a.labels) {
				out[i].SilencedBy = append(out[i].SilencedBy, silence.ID)
			}
		}
	}
	return out
}

// Firing returns the alerts that fire at an instant.
func (s *Stage) Firing(now time.Time) []Alert {
	s.p.now = now
	return s.show(s.p.firing...)
}

// Silences returns the silences that are active at an instant.
func (s *Stage) Silences(now time.Time) []incident.Silence {
	var out []incident.Silence
	for _, silence := range s.p.silences {
		if silence.active(now) {
			out = append(out, silence.Silence)
		}
	}
	return out
}

// AddSilence puts a silence into Alertmanager, as somebody who acts does, and
// returns its id.
func (s *Stage) AddSilence(silence incident.Silence, now time.Time) (string, error) {
	s.p.now = now
	return s.p.addSilence(silence)
}

// Plan is what is true of one plan of a machine.
type Plan struct {
	Labels                   model.Labels
	LastSuccess, LastFailure time.Time
	// Known is false while its series is stale or absent.
	Known bool
	// State is that of all the machine's backups of the plan's role.
	State model.EvidenceState
}

// Plans returns the plans of which the story has spoken, and one without a plan's
// name for a backup that only the story knows of.
func (s *Stage) Plans() []Plan {
	var out []Plan
	told := map[*role]bool{}
	for _, p := range s.p.truth.ordered {
		r := s.p.truth.role(p.id.machineID, p.id.role)
		if !p.seen {
			continue
		}
		told[r] = true
		out = append(out, Plan{Labels: p.labels, LastSuccess: p.lastSuccess, LastFailure: p.lastFailure, Known: !p.unknown, State: r.state})
	}
	for id, roles := range s.p.truth.machines {
		for name, r := range roles {
			if r.state != "" && !told[r] {
				out = append(out, Plan{Known: r.state != model.EvidenceUnknown && r.state != model.EvidenceNone, State: r.state,
					Labels: model.Labels{model.LabelCustomer: id.customer, model.LabelMachine: id.name, model.LabelBackupRole: name}})
			}
		}
	}
	slices.SortFunc(out, func(a, b Plan) int { return strings.Compare(a.Labels.String(), b.Labels.String()) })
	return out
}
