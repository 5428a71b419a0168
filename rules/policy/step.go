package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"vigie/internal/strict"
	"vigie/rules/calendar"
	"vigie/rules/inventory"
	"vigie/rules/model"
)

// Step is one rung of a scenario.
type Step struct {
	Name     string
	Template string
	// Channel is the way by which people are told who can be reached by it, the
	// others by e-mail; empty for e-mail.
	Channel string
	When    []Trigger
	// OnlyIf must all hold; until then the step waits.
	OnlyIf []string
	// Unless: any of them at the due instant drops the step for good.
	Unless []string
	// Rests: any of them at the due instant drops this occurrence only.
	Rests  []string
	To, Cc []string
	Trace  bool
	Task   string
	// Repeat makes it due again until an `unless` holds.
	Repeat *Delay
	// Between is the part of a service day in which it may leave.
	Between *Between
	// Raises are flags raised once the message was accepted.
	Raises []model.Flag
	State  model.State
	// DropActor removes the acting person from To: nobody is mailed what he
	// has just done himself.
	DropActor bool
	// Per splits the message: one per platform.
	Per string
	// Missing is told instead when To resolves to nobody.
	Missing *Missing
	// AnswerBy is until when whoever is told should answer; nil for no date.
	AnswerBy *AnswerBy
	// AtOnce is never held for bundling.
	AtOnce bool
	// Each makes the step occur once per trigger event instead of once per episode.
	Each bool
	At   strict.Position
}

// Once is true for a step that comes at most once in an episode.
func (st *Step) Once() bool {
	return !st.Each && st.Repeat == nil && !slices.ContainsFunc(st.When, Trigger.Recurs)
}

// Reminds tells the steps that come again and say the same as before.
func (st *Step) Reminds() bool {
	return st.Repeat != nil || slices.ContainsFunc(st.When, func(t Trigger) bool { return t.Kind == WhenOpening })
}

// ByClock tells the steps that only time calls for, never what just happened.
func (st *Step) ByClock() bool {
	return !slices.ContainsFunc(st.When, func(t Trigger) bool {
		return t.Kind == WhenAct || t.Kind == WhenFlag || t.Kind == WhenBreach || t.Kind == WhenShift || t.Kind == WhenMoment && t.Delay.IsZero()
	})
}

// TellsOfRefusal is true for the step that says that an address is dead.
func (st *Step) TellsOfRefusal() bool { return st.onMoment("address_refused") }

// OnJoining reports whether the step answers a person who reported what was known.
func (st *Step) OnJoining() bool { return st.onMoment("joined") }

// OnWorsening reports whether the step says that it is worse than thought.
func (st *Step) OnWorsening() bool { return st.onMoment("worsened") }

func (st *Step) onMoment(name string) bool {
	return slices.ContainsFunc(st.When, func(t Trigger) bool { return t.Kind == WhenMoment && t.Name == name })
}

// Missing is whom to tell when a step has nobody to tell.
type Missing struct {
	Template string
	To       []string
	Cc       []string
}

// AnswerBy is an hour so many service days after a message.
type AnswerBy struct {
	Calendar string
	Days     int
	Clock    calendar.TimeOfDay
}

// Between is a daily span on business days; Until is the closing when zero.
type Between struct {
	Calendar    string
	From, Until calendar.TimeOfDay
	AtClosing   bool
	// BeforeExpiry lets a message leave outside of it that would otherwise leave
	// when what it warns of has ended.
	BeforeExpiry bool
}

type stepDoc struct {
	strict.Position
	Name      string       `yaml:"name"`
	Template  string       `yaml:"template"`
	Channel   string       `yaml:"channel"`
	When      triggerDocs  `yaml:"when"`
	OnlyIf    []string     `yaml:"only_if"`
	Unless    []string     `yaml:"unless"`
	Rests     []string     `yaml:"rests_while"`
	To        []string     `yaml:"to"`
	Cc        []string     `yaml:"cc"`
	Trace     bool         `yaml:"trace"`
	Task      string       `yaml:"task"`
	Repeat    *delayDoc    `yaml:"then_every"`
	Between   *betweenDoc  `yaml:"leaves_between"`
	Raises    []model.Flag `yaml:"raises"`
	State     model.State  `yaml:"state"`
	DropActor bool         `yaml:"not_to_the_actor"`
	Per       string       `yaml:"per"`
	Missing   *missingDoc  `yaml:"if_nobody"`
	AnswerBy  *answerByDoc `yaml:"answer_by"`
	AtOnce    bool         `yaml:"at_once"`
	Each      bool         `yaml:"each_time"`
}

type missingDoc struct {
	strict.Position
	Template string   `yaml:"template"`
	To       []string `yaml:"to"`
	Cc       []string `yaml:"cc"`
}

type answerByDoc struct {
	strict.Position
	Days  int                 `yaml:"service_days"`
	Clock *calendar.TimeOfDay `yaml:"clock"`
}

func (d *answerByDoc) load(l *loader, s *Scenario, path string) *AnswerBy {
	if d.Days < 0 || d.Clock == nil {
		l.fault(d.Position, path, `write the number of service days, zero or more, and the hour, as in {service_days: 1, clock: "12:00"}`)
		return nil
	}
	return &AnswerBy{Calendar: s.Calendar, Days: d.Days, Clock: *d.Clock}
}

type betweenDoc struct {
	strict.Position
	Calendar string `yaml:"calendar"`
	From     string `yaml:"from"`
	Until    string `yaml:"until"`
	Before   string `yaml:"before"`
}

func (d stepDoc) load(l *loader, s *Scenario, path string) *Step {
	st := &Step{Name: d.Name, Template: d.Template, OnlyIf: d.OnlyIf, Unless: d.Unless, Rests: d.Rests, To: d.To, Cc: d.Cc,
		Trace: d.Trace, Channel: d.Channel, Task: d.Task, Raises: d.Raises, State: d.State, DropActor: d.DropActor, Per: d.Per, AtOnce: d.AtOnce,
		Each: d.Each, At: d.Position}
	if d.Name == "" {
		l.fault(d.Position, strings.TrimSuffix(path, "."), "a step has no name: add name:")
	}
	for _, known := range s.Steps {
		if known.Name == d.Name {
			l.fault(d.Position, path, "there are two steps named %q in this scenario: give each its own name", d.Name)
		}
	}
	if d.Template == "" {
		l.fault(d.Position, path+".template", "no template: name one, such as B1")
	}
	if d.Channel == inventory.MailChannel {
		st.Channel = ""
	} else if d.Channel != "" && !inventory.ChannelName(d.Channel) {
		l.fault(d.Position, path+".channel", "%q is not a name of a channel: write it as under channels: in vigie.yml", d.Channel)
	}
	if len(d.When) == 0 {
		l.fault(d.Position, path+".when", "nothing makes the step due: add when:")
	}
	for i, t := range d.When {
		st.When = append(st.When, t.load(l, s, fmt.Sprintf("%s.when[%d]", path, i)))
	}
	d.check(l, path)
	if d.Repeat != nil {
		r := d.Repeat.Delay
		r.Calendar = cmp.Or(r.Calendar, s.Calendar)
		if r.IsZero() {
			l.fault(d.Repeat.Position, path+".then_every", "the delay is zero: write e.g. 2 business_hours")
		}
		st.Repeat = &r
	}
	if d.Between != nil {
		st.Between = d.Between.load(l, s, path+".leaves_between")
	}
	if d.AnswerBy != nil {
		st.AnswerBy = d.AnswerBy.load(l, s, path+".answer_by")
	}
	if d.Missing != nil {
		st.Missing = d.Missing.load(l, path+".if_nobody")
	}
	st.checkTrace(l, path)
	return st
}

// check looks at what a step refers to.
func (d stepDoc) check(l *loader, path string) {
	l.conditions(d.Position, path+".only_if", d.OnlyIf)
	l.conditions(d.Position, path+".unless", d.Unless)
	l.conditions(d.Position, path+".rests_while", d.Rests)
	l.flags(d.Position, path+".raises", d.Raises...)
	// All other states follow from signals, evidence or acts.
	if d.State != "" && !slices.Contains([]model.State{model.Taken, model.Waiting, model.CallDue}, d.State) {
		l.fault(d.Position, path+".state", "%q is not a state that a step leads to: write one of taken, waiting, call_due", d.State)
	}
	if d.Task != "" && d.Task != "call" {
		l.fault(d.Position, path+".task", "%q is not known: only task: call", d.Task)
	}
	l.roles(d.Position, path+".to", d.To)
	l.roles(d.Position, path+".cc", d.Cc)
	if len(d.To) == 0 {
		l.fault(d.Position, path+".to", "nobody is told: name one or more roles")
	}
	if d.Per != "" && d.Per != model.LabelPlatform {
		l.fault(d.Position, path+".per", "%q is not known: only per: platform", d.Per)
	}
}

func (d *missingDoc) load(l *loader, path string) *Missing {
	if d.Template == "" || len(d.To) == 0 {
		l.fault(d.Position, path, "template and to are needed: what is told then, and to whom")
	}
	l.roles(d.Position, path+".to", d.To)
	l.roles(d.Position, path+".cc", d.Cc)
	return &Missing{Template: d.Template, To: d.To, Cc: d.Cc}
}

// checkTrace refuses a written trace that does not reach those who must have it.
func (st *Step) checkTrace(l *loader, path string) {
	if !st.Trace {
		return
	}
	if len(st.Cc) == 0 {
		l.fault(st.At, path+".cc", "a written trace needs somebody in copy: add cc:, or remove trace: true")
		return
	}
	for _, r := range l.policy.Required {
		if !slices.Contains(st.Cc, r) && !slices.Contains(st.To, r) {
			l.fault(st.At, path+".cc", "a written trace must include %s (traces_include): add it to cc:", r)
		}
	}
}

func (d *betweenDoc) load(l *loader, s *Scenario, path string) *Between {
	out := &Between{Calendar: d.Calendar}
	if out.Calendar == "" {
		out.Calendar = s.Calendar
	}
	l.calendar(d.Position, path+".calendar", out.Calendar, false)
	if out.BeforeExpiry = d.Before == "expiry"; d.Before != "" && !out.BeforeExpiry {
		l.fault(d.Position, path+".before", "%q is not known: only before: expiry, the end that the alert warns of", d.Before)
	}
	var err error
	if out.From, err = calendar.ParseTimeOfDay(d.From); err != nil {
		l.fault(d.Position, path+".from", "%s", err)
	}
	if d.Until == "closing" {
		out.AtClosing = true
	} else if out.Until, err = calendar.ParseTimeOfDay(d.Until); err != nil {
		l.fault(d.Position, path+".until", "%s; or write closing", err)
	} else if out.Until <= out.From {
		l.fault(d.Position, path+".until", "%s is not after %s: write a later hour", d.Until, d.From)
	}
	return out
}

// check compares a step with the templates that exist (nil: not known) and with
// the people whom its copies must reach: a written trace needs them (S1.11).
func (st *Step) check(p *Policy, path string, templates []string, dir *inventory.Directory) strict.Faults {
	var faults strict.Faults
	add := func(key, what string) {
		faults = append(faults, strict.Fault{Position: st.At, Path: path + key, What: what})
	}
	if templates != nil && !slices.Contains(templates, st.Template) {
		add(".template", strict.Unknown("template", st.Template, templates))
	}
	if st.Missing != nil && templates != nil && !slices.Contains(templates, st.Missing.Template) {
		add(".if_nobody.template", strict.Unknown("template", st.Missing.Template, templates))
	}
	return append(faults, st.checkRoles(p, path, dir, time.Time{})...)
}

// checkRoles refuses a written trace of which a role reaches nobody. Where
// if_nobody says who is told instead, that is looked at in place of to:.
func (st *Step) checkRoles(p *Policy, path string, dir *inventory.Directory, now time.Time) strict.Faults {
	var faults strict.Faults
	if !st.Trace {
		return nil
	}
	look := func(key string, roles []string) {
		for _, role := range roles {
			if what := p.unfilled(role, dir, now); what != "" {
				faults = append(faults, strict.Fault{Position: st.At, Path: path + key,
					What: fmt.Sprintf("step %s is a written trace, but role %s reaches %s", st.Name, role, what)})
			}
		}
	}
	if st.Missing != nil {
		look(".if_nobody.to", st.Missing.To)
	} else {
		look(".to", st.To)
	}
	look(".cc", st.Cc)
	return faults
}

// neverRuns says why a step cannot happen, or "".
func (s *Scenario) neverRuns(st *Step) string {
	for _, c := range st.OnlyIf {
		if slices.Contains(st.Unless, c) {
			return "only_if and unless both name " + c + ", so it must hold and must not"
		}
		if sev, ok := strings.CutPrefix(c, "severity "); ok && !slices.Contains(s.Severity.Order, sev) {
			return "severity " + sev + " is not among the severities of this scenario (severity: order:)"
		}
		if why := s.neverHolds(c); why != "" {
			return why
		}
	}
	why := ""
	for _, t := range st.When {
		if why = s.neverTriggers(t); why == "" {
			return ""
		}
	}
	return why
}

// neverHolds says why a condition cannot hold in this scenario, or "".
func (s *Scenario) neverHolds(condition string) string {
	switch condition {
	case "customer_told":
		if !s.raises(model.FlagCustomerTold) {
			return "it waits for customer_told, which no step of the scenario says that it does (raises:)"
		}
	case "account_manager_told":
		if !s.raises(model.FlagAccountManagerTold) {
			return "it waits for account_manager_told, which no step of the scenario says that it does (raises:)"
		}
	case "double_failure", "other_backup_works":
		if s.OtherBackup == nil {
			return "the scenario does not ask for the other backup (other_backup:)"
		}
	case "handled":
		if s.Handled == nil {
			return "the scenario does not say what handles it (handled:)"
		}
	case "immediate", "staffed":
		if s.Immediate == nil {
			return "the scenario has no immediate branch (immediate:)"
		}
	}
	return ""
}
