package policy

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"vigie/internal/strict"
	"vigie/rules/calendar"
	"vigie/rules/model"
)

// TriggerKind says what makes a step due.
type TriggerKind string

// The kinds of trigger.
const (
	WhenMoment  TriggerKind = "at"         // a moment of the incident, plus a delay
	WhenAct     TriggerKind = "act"        // a person's act
	WhenFlag    TriggerKind = "flag"       // a flag is raised
	WhenBefore  TriggerKind = "before"     // a delay before a target is due
	WhenBreach  TriggerKind = "breach_of"  // a target is missed
	WhenShare   TriggerKind = "share_of"   // a share of a target's time has run
	WhenDayOf   TriggerKind = "on_day_of"  // an hour on the day a target is due
	WhenDays    TriggerKind = "days_after" // so many days after a moment or step, at an hour
	WhenOpening TriggerKind = "each_opening"
	WhenShift   TriggerKind = "each_shift" // a rota role passes to somebody else
)

// Recurs is true for what comes again and again by itself.
func (t Trigger) Recurs() bool { return t.Kind == WhenOpening || t.Kind == WhenShift }

// Trigger is one reason for a step to become due.
type Trigger struct {
	Kind  TriggerKind
	Name  string // moment, act, flag, target or step
	Delay Delay
	// AfterOpening is the least time between the incident's opening and this.
	AfterOpening Delay
	Percent      int
	Days         int
	Business     bool // Days counts business days
	Clock        calendar.TimeOfDay
	Calendar     string
	If           map[string]string // fields of the act
	// Unless drops the step for this trigger only.
	Unless []string
	// HoldWhile postpones it, until AtTheLatest on the same day.
	HoldWhile   []string
	AtTheLatest calendar.TimeOfDay
	At          strict.Position
}

type triggerDoc struct {
	strict.Position
	At          string              `yaml:"at"`
	Plus        *delayDoc           `yaml:"plus"`
	Act         string              `yaml:"act"`
	If          map[string]string   `yaml:"if"`
	Flag        string              `yaml:"flag"`
	Before      string              `yaml:"before"`
	By          *delayDoc           `yaml:"by"`
	After       *delayDoc           `yaml:"after_opening"`
	BreachOf    string              `yaml:"breach_of"`
	ShareOf     string              `yaml:"share_of"`
	Percent     int                 `yaml:"percent"`
	OnDayOf     string              `yaml:"on_day_of"`
	Clock       *calendar.TimeOfDay `yaml:"clock"`
	DaysAfter   string              `yaml:"days_after"`
	Days        *int                `yaml:"days"`
	ServiceDays *int                `yaml:"service_days"`
	EachOpening string              `yaml:"each_opening"`
	EachShift   string              `yaml:"each_shift"`
	Calendar    string              `yaml:"calendar"`
	Unless      []string            `yaml:"unless"`
	HoldWhile   []string            `yaml:"hold_while"`
	AtTheLatest *calendar.TimeOfDay `yaml:"at_the_latest"`
}

// triggerDocs reads one trigger or a list of them.
type triggerDocs []triggerDoc

func (t *triggerDocs) UnmarshalStrict(n *yaml.Node, d *strict.Decoder) error {
	path := d.Path()
	if n.Kind == yaml.MappingNode {
		var one triggerDoc
		d.Into(n, &one, path)
		*t = triggerDocs{one}
		return nil
	}
	var many []triggerDoc
	d.Into(n, &many, path)
	*t = many
	return nil
}

func (d triggerDoc) load(l *loader, s *Scenario, path string) Trigger {
	t := Trigger{If: d.If, Percent: d.Percent, Calendar: d.Calendar, Unless: d.Unless, At: d.Position}
	if t.Calendar == "" {
		t.Calendar = s.Calendar
	}
	l.calendar(d.Position, path+".calendar", t.Calendar, false)
	l.conditions(d.Position, path+".unless", d.Unless)
	l.conditions(d.Position, path+".hold_while", d.HoldWhile)
	if t.HoldWhile = d.HoldWhile; len(d.HoldWhile) > 0 {
		if d.AtTheLatest == nil {
			l.fault(d.Position, path+".at_the_latest", `hold_while needs an end: add at_the_latest: "12:00"`)
		} else {
			t.AtTheLatest = *d.AtTheLatest
		}
	}
	kinds := []struct {
		kind TriggerKind
		name string
	}{{WhenMoment, d.At}, {WhenAct, d.Act}, {WhenFlag, d.Flag}, {WhenBefore, d.Before}, {WhenBreach, d.BreachOf},
		{WhenShare, d.ShareOf}, {WhenDayOf, d.OnDayOf}, {WhenDays, d.DaysAfter}, {WhenOpening, d.EachOpening}, {WhenShift, d.EachShift}}
	for _, k := range kinds {
		if k.name == "" {
			continue
		}
		if t.Kind != "" {
			l.fault(d.Position, path, "%q and %q stand together: write them as two list items", t.Kind, k.kind)
		}
		t.Kind, t.Name = k.kind, k.name
	}
	d.delay(l, &t, path)
	d.kind(l, &t, path)
	d.strayKeys(l, t.Kind, path)
	return t
}

// strayKeys refuses keys that the kind of trigger takes no notice of.
func (d triggerDoc) strayKeys(l *loader, kind TriggerKind, path string) {
	for _, k := range []struct {
		key   string
		given bool
		kinds []TriggerKind
	}{
		{"plus", d.Plus != nil, []TriggerKind{WhenMoment}}, {"by", d.By != nil, []TriggerKind{WhenBefore}},
		{"after_opening", d.After != nil, []TriggerKind{WhenBefore}},
		{"if", len(d.If) > 0, []TriggerKind{WhenAct}}, {"percent", d.Percent != 0, []TriggerKind{WhenShare}},
		{"clock", d.Clock != nil, []TriggerKind{WhenDayOf, WhenDays}}, {"days", d.Days != nil, []TriggerKind{WhenDays}},
		{"service_days", d.ServiceDays != nil, []TriggerKind{WhenDays}},
	} {
		if k.given && kind != "" && !slices.Contains(k.kinds, kind) {
			l.fault(d.Position, path+"."+k.key, "it means nothing beside %s: it goes with %s", kind, joinKinds(k.kinds))
		}
	}
	if d.AtTheLatest != nil && len(d.HoldWhile) == 0 {
		l.fault(d.Position, path+".at_the_latest", "it means nothing without hold_while: add that, or leave it out")
	}
}

func joinKinds(kinds []TriggerKind) string {
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = string(k)
	}
	return strings.Join(words, " or ")
}

// delay takes how long after or before its moment a trigger comes.
func (d triggerDoc) delay(l *loader, t *Trigger, path string) {
	delay := d.Plus
	if t.Kind == WhenBefore {
		if delay = d.By; delay == nil {
			l.fault(d.Position, path+".by", "how long before is missing: add by: 2 business_hours")
		}
	}
	if d.After != nil {
		d.After.positive(l, path+".after_opening", "30m")
		t.AfterOpening = d.After.Delay
		t.AfterOpening.Calendar = cmp.Or(t.AfterOpening.Calendar, t.Calendar)
	}
	if delay != nil {
		key := ".plus"
		if t.Kind == WhenBefore {
			key = ".by"
		}
		delay.positive(l, path+key, "2 business_hours")
		t.Delay = delay.Delay
		if t.Delay.Calendar == "" {
			t.Delay.Calendar = t.Calendar
		}
	}
}

// kind checks and takes what goes with a trigger's kind.
func (d triggerDoc) kind(l *loader, t *Trigger, path string) {
	switch t.Kind {
	case "":
		l.fault(d.Position, path, "no trigger: write one of at, act, flag, before, breach_of, share_of, on_day_of, days_after, each_opening, each_shift")
	case WhenMoment:
		l.moment(d.Position, path+".at", t.Name)
	case WhenAct:
		l.acts(d.Position, path+".act", t.Name)
	case WhenFlag:
		l.flags(d.Position, path+".flag", model.Flag(t.Name))
	case WhenShare:
		if t.Percent <= 0 || t.Percent >= 100 {
			l.fault(d.Position, path+".percent", "%d is not between 1 and 99", t.Percent)
		}
	case WhenDayOf, WhenDays:
		d.days(l, t, path)
	case WhenOpening:
		t.Calendar = t.Name
		l.calendar(d.Position, path+".each_opening", t.Name, false)
	}
}

// days takes the hour, and after how many days.
func (d triggerDoc) days(l *loader, t *Trigger, path string) {
	if d.Clock == nil {
		l.fault(d.Position, path+".clock", `the hour is missing: add clock: "09:30"`)
	} else {
		t.Clock = *d.Clock
	}
	switch {
	case t.Kind == WhenDayOf:
	case d.Days != nil && d.ServiceDays != nil:
		l.fault(d.Position, path, "days and service_days stand together: keep one")
	case d.ServiceDays != nil:
		t.Days, t.Business = *d.ServiceDays, true
	case d.Days != nil:
		t.Days = *d.Days
	default:
		l.fault(d.Position, path, "how many days is missing: add days: 7 or service_days: 1")
	}
	if t.Days < 0 {
		l.fault(d.Position, path, "%d days is negative: write zero or more", t.Days)
	}
}

// checkReferences looks at the targets, steps and severities that a trigger names.
func (t Trigger) checkReferences(l *loader, s *Scenario, path string, targets, steps []string) {
	s.checkSeverities(l, t.At, path, t.Unless, t.HoldWhile)
	switch t.Kind {
	case WhenBefore, WhenBreach, WhenShare, WhenDayOf:
		i := slices.IndexFunc(s.Targets, func(x *Target) bool { return x.Name == t.Name })
		if i < 0 {
			l.fault(t.At, path, "%s", strict.Unknown("target", t.Name, targets))
		} else if s.Targets[i].Measured && t.Kind != WhenBreach {
			l.fault(t.At, path, "target %s is measured and never due: it goes with breach_of only", t.Name)
		}
	case WhenDays:
		if all := slices.Concat(steps, l.known.Moments); !slices.Contains(all, t.Name) {
			l.fault(t.At, path, "%s", strict.Unknown("step or moment", t.Name, all))
		}
	case WhenShift:
		if l.roles(t.At, path+".each_shift", []string{t.Name}); l.policy.Roles[t.Name] != nil && l.policy.Roles[t.Name].Kind != RoleRota {
			l.fault(t.At, path+".each_shift", "role %s is filled by no rota and never changes hands: name a role with rota:", t.Name)
		}
	case WhenMoment:
		l.stepOf(t.At, path, t.Name, steps)
	}
}

// neverTriggers says why a trigger cannot come in this scenario, or "".
func (s *Scenario) neverTriggers(t Trigger) string {
	name := t.Name
	switch {
	case t.Kind == WhenFlag && name == string(model.FlagDoubleFailure) && s.OtherBackup == nil:
		return "the scenario does not ask for the other backup (other_backup:)"
	case t.Kind == WhenFlag && name == string(model.FlagAccountManagerTold) && !s.raises(model.FlagAccountManagerTold),
		t.Kind == WhenFlag && name == string(model.FlagCustomerTold) && !s.raises(model.FlagCustomerTold):
		return "it waits for " + name + ", which no step of the scenario says that it does (raises:)"
	case t.Kind == WhenMoment && (name == "immediate_over" || name == "not_immediate") && s.Immediate == nil:
		return "the scenario has no immediate branch (immediate:)"
	case t.Kind == WhenMoment && name == "calls_exhausted" && s.Calls == nil,
		t.Kind == WhenAct && name == "call" && s.Calls == nil:
		return "the scenario has no phone calls (calls:)"
	case t.Kind == WhenMoment && name == "unverified" && s.Proof == ProofCleared && s.Immediate == nil:
		return "nothing is left unverified when the probe alone ends the incident"
	case t.Kind == WhenAct && slices.Contains([]string{"qualify", "workaround", "cascade", "immediate"}, name) && s.Immediate == nil:
		return "act " + name + " belongs to scenarios with an immediate branch (immediate:)"
	}
	return ""
}
