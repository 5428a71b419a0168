package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"vigie/rules/calendar"
	"vigie/rules/strict"
)

// defaultHold is how long notifications wait for others of their bundle.
const defaultHold = 60 * time.Second

// LoadPolicies reads policy files. Files with the same effective_from make one
// policy together; each such policy is complete in itself. All faults of all
// files are returned at once.
func LoadPolicies(files []SourceFile) ([]*Policy, error) {
	groups := map[string][]policyPart{}
	var faults strict.Faults
	for _, f := range files {
		var doc policyDoc
		if err := strict.Decode(f.Name, f.Text, &doc); err != nil {
			faults = append(faults, asFaults(f.Name, err)...)
			continue
		}
		if doc.Schema != 1 {
			faults = append(faults, strict.Fault{Position: strict.Position{File: f.Name, Line: max(doc.Line, 1)}, Path: "schema",
				What: fmt.Sprintf("schema %d is not known: write schema: 1", doc.Schema)})
			continue
		}
		k := doc.EffectiveFrom.Format(time.RFC3339)
		groups[k] = append(groups[k], policyPart{f, doc})
	}
	if len(faults) > 0 {
		return nil, faults
	}
	var policies []*Policy
	for _, k := range slices.Sorted(maps.Keys(groups)) {
		p, fs := buildPolicy(groups[k])
		faults = append(faults, fs...)
		policies = append(policies, p)
	}
	sort.SliceStable(faults, func(i, j int) bool {
		if faults[i].File != faults[j].File {
			return faults[i].File < faults[j].File
		}
		return faults[i].Line < faults[j].Line
	})
	if err := faults.Err(); err != nil {
		return nil, err
	}
	if len(policies) == 0 {
		return nil, errors.New("no policy file was found: check the globs under policy: in vigie.yml")
	}
	return policies, nil
}

func asFaults(file string, err error) strict.Faults {
	var fs strict.Faults
	if errors.As(err, &fs) {
		return fs
	}
	return strict.Faults{{Position: strict.Position{File: file, Line: 1}, What: err.Error()}}
}

type policyPart struct {
	file SourceFile
	doc  policyDoc
}

// builder turns documents into a policy and collects what is wrong.
type builder struct {
	p      *Policy
	faults strict.Faults
	leasts []least
}

// least is a severity that a cause names before the scenarios are known.
type least struct {
	at             strict.Position
	path, severity string
}

func (b *builder) fault(at strict.Position, path, format string, args ...any) {
	b.faults = append(b.faults, strict.Fault{Position: at, Path: path, What: fmt.Sprintf(format, args...)})
}

func buildPolicy(parts []policyPart) (*Policy, strict.Faults) {
	b := &builder{p: &Policy{
		Hold: defaultHold, MaintenanceNotice: time.Hour, Zone: time.UTC,
		Calendars: map[string]*calendar.Calendar{}, Roles: map[string]*Role{}, Causes: map[string]Cause{},
	}}
	hash := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(hash, "%s\x00%d\x00", baseName(part.file.Name), len(part.file.Text))
		hash.Write(part.file.Text)
		b.p.Source = append(b.p.Source, part.file)
	}
	b.p.Hash = hex.EncodeToString(hash.Sum(nil))[:16]
	for _, part := range parts {
		b.head(part.doc)
		b.calendars(part.doc)
		b.roles(part.doc)
	}
	for _, part := range parts {
		b.causes(part.doc)
		b.guarantees(part.doc)
		b.digest(part.doc.Digest)
	}
	for _, part := range parts {
		for _, s := range part.doc.Scenarios {
			b.scenario(s)
		}
	}
	for _, part := range parts {
		for _, c := range part.doc.Correlations {
			b.correlation(c)
		}
	}
	b.checkWhole(parts[0].doc.Position)
	return b.p, b.faults
}

func baseName(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

func (b *builder) head(d policyDoc) {
	if d.Policy != "" {
		b.p.Name = d.Policy
	}
	if d.Title != nil {
		b.p.Title = d.Title
	}
	b.p.EffectiveFrom = d.EffectiveFrom
	if d.Timezone != "" {
		zone, err := time.LoadLocation(d.Timezone)
		if err != nil || d.Timezone == "Local" {
			b.fault(d.Position, "timezone", "%q is not a time zone: write an IANA name such as Europe/Paris", d.Timezone)
		} else {
			b.p.Zone = zone
		}
	}
	if d.Hold != nil {
		b.p.Hold = *d.Hold
	}
	if d.MaintenanceNotice != nil {
		b.p.MaintenanceNotice = *d.MaintenanceNotice
	}
	b.p.Required = append(b.p.Required, d.TracesInclude...)
}

func (b *builder) calendars(d policyDoc) {
	for _, name := range slices.Sorted(maps.Keys(d.Calendars)) {
		doc := d.Calendars[name]
		if _, twice := b.p.Calendars[name]; twice {
			b.fault(doc.Position, "calendars."+name, "calendar %q is defined twice: keep one", name)
		}
		c, err := calendar.New(calendar.Definition{
			Description: doc.Description, Timezone: doc.Timezone, WeeklyWindows: doc.WeeklyWindows,
			PublicHolidays: doc.PublicHolidays, DateExceptions: doc.DateExceptions,
		})
		if err != nil {
			b.fault(doc.Position, "calendars."+name, "%s", strings.ReplaceAll(err.Error(), "\n", "; "))
			b.p.Calendars[name] = nil // known, so that what refers to it is not at fault
			continue
		}
		b.p.Calendars[name] = c
	}
}

func (b *builder) roles(d policyDoc) {
	for _, name := range slices.Sorted(maps.Keys(d.Roles)) {
		doc := d.Roles[name]
		if _, twice := b.p.Roles[name]; twice {
			b.fault(doc.Position, "roles."+name, "role %q is defined twice: keep one", name)
		}
		r := &Role{Name: name, People: doc.People, Rota: doc.Rota, Field: doc.Field, Otherwise: doc.Otherwise, Outside: doc.Outside}
		switch {
		case doc.Field != "" && (doc.Rota != "" || len(doc.People) > 0):
			b.fault(doc.Position, "roles."+name, "field stands beside rota or people: keep one, and name who fills in with otherwise:")
		case doc.Rota != "":
			r.Kind = RoleRota
		case doc.Field != "":
			r.Kind = RoleField
			if !slices.Contains(roleFields, doc.Field) {
				b.fault(doc.Position, "roles."+name+".field", "%s", unknown("field", doc.Field, roleFields))
			}
		default:
			r.Kind = RolePeople
			if len(doc.People) == 0 {
				b.fault(doc.Position, "roles."+name, "the role has neither people, nor rota, nor field: give one of them")
			}
		}
		b.p.Roles[name] = r
	}
}

func (b *builder) causes(d policyDoc) {
	for _, code := range slices.Sorted(maps.Keys(d.Causes)) {
		doc := d.Causes[code]
		if _, twice := b.p.Causes[code]; twice {
			b.fault(doc.Position, "causes."+code, "cause %q is defined twice: keep one", code)
		}
		b.leasts = append(b.leasts, least{doc.Position, "causes." + code + ".at_least", doc.MinSeverity})
		b.p.Causes[code] = Cause{Code: code, Text: doc.Text, Integrity: doc.Integrity, Customer: doc.Customer,
			MinSeverity: doc.MinSeverity, Alerts: doc.Alerts, Match: b.matchers(doc.Position, "causes."+code+".match", doc.Match)}
	}
}

// matchers reads optional matchers; none at all match nothing.
func (b *builder) matchers(at strict.Position, path string, texts []string) Matchers {
	ms, err := ParseMatchers(texts)
	if err != nil {
		b.fault(at, path, `%s: write matchers as in Alertmanager, e.g. 'recent_change="true"'`, err)
	}
	return ms
}

func (b *builder) guarantees(d policyDoc) {
	for _, doc := range d.Guarantees {
		b.calendarRef(doc.Position, "guarantees."+doc.Level+".calendar", doc.Calendar, true)
		b.p.Guarantees = append(b.p.Guarantees, Guarantee{Level: doc.Level, Calendar: doc.Calendar, Text: doc.Text})
	}
}

// calendarRef checks the name of a calendar.
func (b *builder) calendarRef(at strict.Position, path, name string, optional bool) {
	if name == "" && optional {
		return
	}
	if _, ok := b.p.Calendars[name]; !ok {
		b.fault(at, path, "%s", unknown("calendar", name, slices.Sorted(maps.Keys(b.p.Calendars))))
	}
}

// unknown words the error for a name that refers to nothing.
func unknown(kind, name string, known []string) string {
	switch {
	case len(known) == 0:
		return fmt.Sprintf("unknown %s %q: none is defined here", kind, name)
	case name == "":
		return fmt.Sprintf("a %s is missing: name one of %s", kind, strings.Join(known, ", "))
	}
	if near := strict.Nearest(name, known); near != "" {
		return fmt.Sprintf("unknown %s %q: did you mean %q?", kind, name, near)
	}
	return fmt.Sprintf("unknown %s %q: known are %s", kind, name, strings.Join(known, ", "))
}

func (b *builder) scenario(d scenarioDoc) {
	path := "scenarios." + d.Name
	s := &Scenario{}
	if d.Like != "" {
		base := b.p.Scenario(d.Like)
		if base == nil {
			b.fault(d.Position, path+".like", "there is no scenario %q above this one: define it before", d.Like)
		} else {
			copied := *base
			s = &copied
		}
	}
	if d.Name == "" {
		b.fault(d.Position, "scenarios", "a scenario has no name: add name:")
	} else if b.p.Scenario(d.Name) != nil {
		b.fault(d.Position, path, "there are two scenarios named %q: give each its own name", d.Name)
	}
	s.Name, s.At = d.Name, d.Position
	b.scenarioHead(s, d, path)
	b.scenarioParts(s, d, path)
	if len(d.Targets) > 0 {
		s.Targets = nil
		for _, t := range d.Targets {
			s.Targets = append(s.Targets, b.target(s, t, path+".targets."+t.name))
		}
	}
	if len(d.Steps) > 0 {
		s.Steps = nil
		for _, st := range d.Steps {
			s.Steps = append(s.Steps, b.step(s, st, path+".steps."+st.Name))
		}
	}
	b.crossCheck(s, path)
	b.p.Scenarios = append(b.p.Scenarios, s)
}

func (b *builder) scenarioHead(s *Scenario, d scenarioDoc, path string) {
	if d.Title != nil {
		s.Title = d.Title
	}
	if d.Match != nil || d.Like == "" {
		ms, err := ParseMatchers(d.Match)
		if err != nil {
			b.fault(d.Position, path+".match", `%s: write matchers as in Alertmanager, e.g. 'machine_class=~"server|nas"'`, err)
		}
		s.Match = ms
	}
	if d.Identity != nil {
		s.Identity = d.Identity
	}
	if len(s.Identity) == 0 && d.Ignores == "" {
		b.fault(d.Position, path+".identity", "no identity: name the labels that make two alerts the same incident, e.g. [customer, machine, backup_role]")
	}
	if d.Joins != nil {
		s.Joins = d.Joins
	}
	if d.Calendar != "" {
		s.Calendar = d.Calendar
	}
	if d.Ignores == "" {
		b.calendarRef(d.Position, path+".calendar", s.Calendar, false)
	}
	if d.EndedBy != "" {
		s.Proof = ProofKind(d.EndedBy)
	}
	if s.Proof == "" {
		s.Proof = ProofSuccess
	}
	if !slices.Contains([]ProofKind{ProofSuccess, ProofCleared, ProofPerson}, s.Proof) {
		b.fault(d.Position, path+".ended_by", "%q is not known: write success (a proven good backup), cleared (the probe is well) or person", s.Proof)
	}
	s.Ignores, s.Blinds, s.Absence = d.Ignores, s.Blinds || d.Blinds, s.Absence || d.Absence
	s.Resolve.Cause = s.Resolve.Cause || d.NeedsCause
	if d.Gate != nil {
		s.Gate = d.Gate
		for _, v := range d.Gate {
			if !slices.Contains(verbs, v) {
				b.fault(d.Position, path+".refused_while_other_backup_unknown", "%s", unknown("act", v, verbs))
			}
		}
	}
	if d.Reopens != nil {
		s.Reopen = d.Reopens.Delay
		b.positive(d.Reopens, path+".reopens_within", "24h")
		if s.Reopen.Calendar == "" {
			s.Reopen.Calendar = s.Calendar
		}
	}
}

func (b *builder) scenarioParts(s *Scenario, d scenarioDoc, path string) {
	if d.Severity != nil {
		s.Severity = SeverityRule{Label: d.Severity.Label, Alerts: d.Severity.Alerts, Default: d.Severity.Default, Order: d.Severity.Order}
		for _, name := range slices.Sorted(maps.Keys(d.Severity.Alerts)) {
			v := d.Severity.Alerts[name]
			if !slices.Contains(d.Severity.Order, v) {
				b.fault(d.Severity.Position, path+".severity.alerts."+name, "%s", unknown("severity", v, d.Severity.Order))
			}
		}
		if !slices.Contains(d.Severity.Order, d.Severity.Default) {
			b.fault(d.Severity.Position, path+".severity.default", "%s", unknown("severity", d.Severity.Default, d.Severity.Order))
		}
	}
	if d.Immediate != nil {
		s.Immediate = &Immediate{Alerts: d.Immediate.Alerts, Within: d.Immediate.Within, Calendar: d.Immediate.Calendar}
		b.calendarRef(d.Immediate.Position, path+".immediate.calendar", d.Immediate.Calendar, false)
		if d.Immediate.Within <= 0 {
			b.fault(d.Immediate.Position, path+".immediate.within", "no time is given: write e.g. within: 10m")
		}
	}
	if d.OtherBackup != nil {
		s.OtherBackup = &OtherBackup{Every: d.OtherBackup.Every, NoneIsKO: d.OtherBackup.NoneIsKO}
		if d.OtherBackup.Every <= 0 {
			b.fault(d.OtherBackup.Position, path+".other_backup.ask_every", "the time must be more than zero: write e.g. ask_every: 15m")
		}
	}
	if d.Handled != nil {
		s.Handled = &Handled{Told: Flag(d.Handled.Told), Acts: d.Handled.Acts}
		b.flags(d.Handled.Position, path+".handled.told", s.Handled.Told)
		for _, v := range d.Handled.Acts {
			if !slices.Contains(verbs, v) {
				b.fault(d.Handled.Position, path+".handled.and_one_act_of", "%s", unknown("act", v, verbs))
			}
		}
	}
	if c := d.Calls; c != nil {
		s.Calls = &Calls{Outcomes: c.Outcomes, Reached: c.Reached, FollowUp: c.FollowUp, Clock: c.Clock, Tries: c.Tries,
			RetryAfter: c.RetryAfter, Calendar: s.Calendar}
		if c.FollowUp <= 0 || c.Tries <= 0 || c.RetryAfter <= 0 {
			b.fault(c.Position, path+".calls", "follow_up_days, tries and retry_after_service_days must each be 1 or more")
		}
		if len(c.Outcomes) == 0 {
			b.fault(c.Position, path+".calls.outcomes", "no outcome of a call is named: write e.g. [reached, voicemail]")
		}
		for _, o := range c.Reached {
			if !slices.Contains(c.Outcomes, o) {
				b.fault(c.Position, path+".calls.reached", "%s", unknown("outcome", o, c.Outcomes))
			}
		}
	}
}

// positive refuses a delay of zero.
func (b *builder) positive(x *delayDoc, path, example string) {
	if x.IsZero() {
		b.fault(x.Position, path, "the delay is zero: write e.g. %s, or leave the key out", example)
	}
}

func (b *builder) flags(at strict.Position, path string, names ...Flag) {
	known := make([]string, len(flags))
	for i, f := range flags {
		known[i] = string(f)
	}
	for _, f := range names {
		if !slices.Contains(flags, f) {
			b.fault(at, path, "%s", unknown("flag", string(f), known))
		}
	}
}

func (b *builder) target(s *Scenario, t namedTargetDoc, path string) *Target {
	d := t.doc
	out := &Target{Name: t.name, From: d.From, MetBy: d.MetBy, OnlyIf: d.OnlyIf, At: d.Position, Pausable: true}
	if out.From == "" {
		out.From = "start"
	}
	if d.Pausable != nil {
		out.Pausable = *d.Pausable
	}
	b.moment(d.Position, path+".from", out.From)
	b.conditions(d.Position, path+".met_by", d.MetBy)
	b.conditions(d.Position, path+".only_if", d.OnlyIf)
	if len(d.MetBy) == 0 {
		b.fault(d.Position, path+".met_by", "nothing says when the target is met: name one or more of %s", strings.Join(conditionNames(), ", "))
	}
	delay := func(x *delayDoc, p string) *Delay {
		v := x.Delay
		if v.Calendar == "" {
			v.Calendar = d.Calendar
		}
		if v.Calendar == "" {
			v.Calendar = s.Calendar
		}
		b.calendarRef(x.Position, p+".calendar", v.Calendar, v.Business == nil)
		if v.IsZero() {
			b.fault(x.Position, p, "the delay is zero: write e.g. 2 business_hours")
		}
		return &v
	}
	switch {
	case d.Within != nil && len(d.BySeverity) > 0:
		b.fault(d.Position, path, "within and by_severity stand together: keep one")
	case d.AtLeast != nil && (d.Within == nil || d.Within.Business == nil || d.AtLeast.Business == nil):
		b.fault(d.AtLeast.Position, path+".at_least", "it goes with business units only, as in: within: close_of_business_day 0, at_least: 2 business_hours")
	}
	if d.Within != nil {
		if d.AtLeast != nil && d.Within.Business != nil && d.AtLeast.Business != nil {
			joined := *d.Within.Business
			joined.AtLeast = d.AtLeast.Business
			if err := joined.Validate(); err != nil {
				b.fault(d.AtLeast.Position, path+".at_least", "%s", err)
			}
			d.Within.Business = &joined
		}
		out.Default = delay(d.Within, path+".within")
	}
	if len(d.BySeverity) > 0 {
		out.BySeverity = map[string]*Delay{}
		for _, sev := range slices.Sorted(maps.Keys(d.BySeverity)) {
			x := d.BySeverity[sev]
			if x.Business == nil && !x.IsZero() {
				b.fault(x.Position, path+".by_severity."+sev, "%s is elapsed time, which a severity cannot have: write e.g. 2 business_hours", x.Elapsed)
			}
			if !slices.Contains(s.Severity.Order, sev) {
				b.fault(x.Position, path+".by_severity", "%s", unknown("severity", sev, s.Severity.Order))
			}
			out.BySeverity[sev] = delay(&x, path+".by_severity."+sev)
		}
	}
	if out.Default == nil && out.BySeverity == nil {
		b.fault(d.Position, path, "no delay: add within: or by_severity:")
	}
	if d.LateBelow != nil {
		out.LateBelow = delay(d.LateBelow, path+".late_below")
	}
	return out
}

func (b *builder) step(s *Scenario, d stepDoc, path string) *Step {
	st := &Step{Name: d.Name, Template: d.Template, OnlyIf: d.OnlyIf, Unless: d.Unless, Rests: d.Rests, To: d.To, Cc: d.Cc,
		Trace: d.Trace, Channel: d.Channel, Task: d.Task, Raises: d.Raises, State: d.State, DropActor: d.DropActor, Per: d.Per, AtOnce: d.AtOnce,
		Each: d.Each, At: d.Position}
	if d.Name == "" {
		b.fault(d.Position, strings.TrimSuffix(path, "."), "a step has no name: add name:")
	}
	for _, known := range s.Steps {
		if known.Name == d.Name {
			b.fault(d.Position, path, "there are two steps named %q in this scenario: give each its own name", d.Name)
		}
	}
	if d.Template == "" {
		b.fault(d.Position, path+".template", "no template: name one, such as B1")
	}
	if d.Channel == mailChannel {
		st.Channel = ""
	} else if d.Channel != "" && !channelName(d.Channel) {
		b.fault(d.Position, path+".channel", "%q is not a name of a channel: write it as under channels: in vigie.yml", d.Channel)
	}
	if len(d.When) == 0 {
		b.fault(d.Position, path+".when", "nothing makes the step due: add when:")
	}
	for i, t := range d.When {
		st.When = append(st.When, b.trigger(s, t, fmt.Sprintf("%s.when[%d]", path, i)))
	}
	b.conditions(d.Position, path+".only_if", d.OnlyIf)
	b.conditions(d.Position, path+".unless", d.Unless)
	b.conditions(d.Position, path+".rests_while", d.Rests)
	b.flags(d.Position, path+".raises", d.Raises...)
	if d.State != "" && !slices.Contains(stepStates, d.State) {
		b.fault(d.Position, path+".state", "%q is not a state that a step leads to: write one of taken, waiting, call_due", d.State)
	}
	if d.Task != "" && d.Task != "call" {
		b.fault(d.Position, path+".task", "%q is not known: only task: call", d.Task)
	}
	b.roleRefs(d.Position, path+".to", d.To)
	b.roleRefs(d.Position, path+".cc", d.Cc)
	if len(d.To) == 0 {
		b.fault(d.Position, path+".to", "nobody is told: name one or more roles")
	}
	if d.Per != "" && d.Per != LabelPlatform {
		b.fault(d.Position, path+".per", "%q is not known: only per: platform", d.Per)
	}
	if d.Repeat != nil {
		r := d.Repeat.Delay
		if r.Calendar == "" {
			r.Calendar = s.Calendar
		}
		if r.IsZero() {
			b.fault(d.Repeat.Position, path+".then_every", "the delay is zero: write e.g. 2 business_hours")
		}
		st.Repeat = &r
	}
	if d.Between != nil {
		st.Between = b.between(s, d.Between, path+".leaves_between")
	}
	if d.Missing != nil {
		st.Missing = &Missing{Template: d.Missing.Template, To: d.Missing.To, Cc: d.Missing.Cc}
		if d.Missing.Template == "" || len(d.Missing.To) == 0 {
			b.fault(d.Missing.Position, path+".if_nobody", "template and to are needed: what is told then, and to whom")
		}
		b.roleRefs(d.Missing.Position, path+".if_nobody.to", d.Missing.To)
		b.roleRefs(d.Missing.Position, path+".if_nobody.cc", d.Missing.Cc)
	}
	b.trace(st, path)
	return st
}

// stepStates are the states that a step may lead to; all others follow from
// signals, evidence or acts.
var stepStates = []State{Taken, Waiting, CallDue}

// trace refuses a written trace that does not reach those who must have it.
func (b *builder) trace(st *Step, path string) {
	if !st.Trace {
		return
	}
	if len(st.Cc) == 0 {
		b.fault(st.At, path+".cc", "a written trace needs somebody in copy: add cc:, or remove trace: true")
		return
	}
	for _, r := range b.p.Required {
		if !slices.Contains(st.Cc, r) && !slices.Contains(st.To, r) {
			b.fault(st.At, path+".cc", "a written trace must include %s (traces_include): add it to cc:", r)
		}
	}
}

func (b *builder) between(s *Scenario, d *betweenDoc, path string) *Between {
	out := &Between{Calendar: d.Calendar}
	if out.Calendar == "" {
		out.Calendar = s.Calendar
	}
	b.calendarRef(d.Position, path+".calendar", out.Calendar, false)
	var err error
	if out.From, err = calendar.ParseClock(d.From); err != nil {
		b.fault(d.Position, path+".from", "%s", err)
	}
	if d.Until == "closing" {
		out.AtClosing = true
	} else if out.Until, err = calendar.ParseClock(d.Until); err != nil {
		b.fault(d.Position, path+".until", "%s; or write closing", err)
	} else if out.Until <= out.From {
		b.fault(d.Position, path+".until", "%s is not after %s: write a later hour", d.Until, d.From)
	}
	return out
}

func (b *builder) trigger(s *Scenario, d triggerDoc, path string) Trigger {
	t := Trigger{If: d.If, Percent: d.Percent, Calendar: d.Calendar, Unless: d.Unless, At: d.Position}
	if t.Calendar == "" {
		t.Calendar = s.Calendar
	}
	b.calendarRef(d.Position, path+".calendar", t.Calendar, false)
	b.conditions(d.Position, path+".unless", d.Unless)
	b.conditions(d.Position, path+".hold_while", d.HoldWhile)
	if t.HoldWhile = d.HoldWhile; len(d.HoldWhile) > 0 {
		if d.HoldUntil == nil {
			b.fault(d.Position, path+".at_the_latest", `hold_while needs an end: add at_the_latest: "12:00"`)
		} else {
			t.HoldUntil = *d.HoldUntil
		}
	}
	kinds := []struct {
		kind TriggerKind
		name string
	}{{WhenMoment, d.At}, {WhenAct, d.Act}, {WhenFlag, d.Flag}, {WhenBefore, d.Before}, {WhenBreach, d.BreachOf},
		{WhenShare, d.ShareOf}, {WhenDayOf, d.OnDayOf}, {WhenDays, d.DaysAfter}, {WhenOpening, d.EachOpening}}
	for _, k := range kinds {
		if k.name == "" {
			continue
		}
		if t.Kind != "" {
			b.fault(d.Position, path, "%q and %q stand together: write them as two list items", t.Kind, k.kind)
		}
		t.Kind, t.Name = k.kind, k.name
	}
	b.triggerParts(&t, d, path)
	b.strayKeys(t.Kind, d, path)
	return t
}

// strayKeys refuses keys that the kind of trigger takes no notice of.
func (b *builder) strayKeys(kind TriggerKind, d triggerDoc, path string) {
	for _, k := range []struct {
		key   string
		given bool
		kinds []TriggerKind
	}{
		{"plus", d.Plus != nil, []TriggerKind{WhenMoment}}, {"by", d.By != nil, []TriggerKind{WhenBefore}},
		{"if", len(d.If) > 0, []TriggerKind{WhenAct}}, {"percent", d.Percent != 0, []TriggerKind{WhenShare}},
		{"clock", d.Clock != nil, []TriggerKind{WhenDayOf, WhenDays}}, {"days", d.Days != nil, []TriggerKind{WhenDays}},
		{"service_days", d.ServiceDays != nil, []TriggerKind{WhenDays}},
	} {
		if k.given && kind != "" && !slices.Contains(k.kinds, kind) {
			b.fault(d.Position, path+"."+k.key, "it means nothing beside %s: it goes with %s", kind, joinKinds(k.kinds))
		}
	}
	if d.HoldUntil != nil && len(d.HoldWhile) == 0 {
		b.fault(d.Position, path+".at_the_latest", "it means nothing without hold_while: add that, or leave it out")
	}
}

func joinKinds(kinds []TriggerKind) string {
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = string(k)
	}
	return strings.Join(words, " or ")
}

func (b *builder) triggerParts(t *Trigger, d triggerDoc, path string) {
	delay := d.Plus
	if t.Kind == WhenBefore {
		if delay = d.By; delay == nil {
			b.fault(d.Position, path+".by", "how long before is missing: add by: 2 business_hours")
		}
	}
	if delay != nil {
		key := ".plus"
		if t.Kind == WhenBefore {
			key = ".by"
		}
		b.positive(delay, path+key, "2 business_hours")
		t.Delay = delay.Delay
		if t.Delay.Calendar == "" {
			t.Delay.Calendar = t.Calendar
		}
	}
	switch t.Kind {
	case "":
		b.fault(d.Position, path, "no trigger: write one of at, act, flag, before, breach_of, share_of, on_day_of, days_after, each_opening")
	case WhenMoment:
		b.moment(d.Position, path+".at", t.Name)
	case WhenAct:
		if !slices.Contains(verbs, t.Name) {
			b.fault(d.Position, path+".act", "%s", unknown("act", t.Name, verbs))
		}
	case WhenFlag:
		b.flags(d.Position, path+".flag", Flag(t.Name))
	case WhenShare:
		if t.Percent <= 0 || t.Percent >= 100 {
			b.fault(d.Position, path+".percent", "%d is not between 1 and 99", t.Percent)
		}
	case WhenDayOf, WhenDays:
		if d.Clock == nil {
			b.fault(d.Position, path+".clock", `the hour is missing: add clock: "09:30"`)
		} else {
			t.Clock = *d.Clock
		}
		switch {
		case t.Kind == WhenDayOf:
		case d.Days != nil && d.ServiceDays != nil:
			b.fault(d.Position, path, "days and service_days stand together: keep one")
		case d.ServiceDays != nil:
			t.Days, t.Business = *d.ServiceDays, true
		case d.Days != nil:
			t.Days = *d.Days
		default:
			b.fault(d.Position, path, "how many days is missing: add days: 7 or service_days: 1")
		}
		if t.Days < 0 {
			b.fault(d.Position, path, "%d days is negative: write zero or more", t.Days)
		}
	case WhenOpening:
		t.Calendar = t.Name
		b.calendarRef(d.Position, path+".each_opening", t.Name, false)
	}
}

func (b *builder) moment(at strict.Position, path, name string) {
	if slices.Contains(moments, name) {
		return
	}
	kind, rest, ok := strings.Cut(name, ":")
	switch {
	case ok && kind == "act" && slices.Contains(verbs, rest):
	case ok && kind == "flag" && slices.Contains(flags, Flag(rest)):
	case ok && (kind == "step" || kind == "due"):
	case ok:
		b.fault(at, path, "unknown moment %q: write act:VERB, flag:FLAG, step:NAME or due:NAME, or one of %s", name, strings.Join(moments, ", "))
	default:
		b.fault(at, path, "%s", unknown("moment", name, moments))
	}
}

func (b *builder) conditions(at strict.Position, path string, names []string) {
	for _, n := range names {
		bare := strings.TrimPrefix(n, "not ")
		if _, ok := conditions[bare]; ok {
			continue
		}
		if arg, ok := strings.CutPrefix(bare, "severity "); ok && arg != "" {
			continue
		}
		b.fault(at, path, "%s", unknown("condition", bare, conditionNames()))
	}
}

func (b *builder) roleRefs(at strict.Position, path string, names []string) {
	for _, n := range names {
		if _, ok := b.p.Roles[n]; !ok {
			b.fault(at, path, "%s", unknown("role", n, slices.Sorted(maps.Keys(b.p.Roles))))
		}
	}
}

// crossCheck looks at references inside one scenario.
func (b *builder) crossCheck(s *Scenario, path string) {
	targets, steps := map[string]bool{}, map[string]bool{}
	for _, t := range s.Targets {
		targets[t.Name] = true
	}
	for _, st := range s.Steps {
		steps[st.Name] = true
	}
	for _, st := range s.Steps {
		b.severities(s, st.At, path+".steps."+st.Name, st.OnlyIf, st.Unless, st.Rests)
		for i, t := range st.When {
			p := fmt.Sprintf("%s.steps.%s.when[%d]", path, st.Name, i)
			b.severities(s, t.At, p, t.Unless, t.HoldWhile)
			switch t.Kind {
			case WhenBefore, WhenBreach, WhenShare, WhenDayOf:
				if !targets[t.Name] {
					b.fault(t.At, p, "%s", unknown("target", t.Name, sortedKeys(targets)))
				}
			case WhenDays:
				if !steps[t.Name] && !slices.Contains(moments, t.Name) {
					b.fault(t.At, p, "%s", unknown("step or moment", t.Name, append(sortedKeys(steps), moments...)))
				}
			case WhenMoment:
				kind, rest, ok := strings.Cut(t.Name, ":")
				if ok && (kind == "step" || kind == "due") && !steps[rest] {
					b.fault(t.At, p, "%s", unknown("step", rest, sortedKeys(steps)))
				}
			}
		}
	}
	for _, t := range s.Targets {
		b.severities(s, t.At, path+".targets."+t.Name, t.MetBy, t.OnlyIf)
		kind, rest, ok := strings.Cut(t.From, ":")
		if ok && (kind == "step" || kind == "due") && !steps[rest] {
			b.fault(t.At, path+".targets."+t.Name+".from", "%s", unknown("step", rest, sortedKeys(steps)))
		}
	}
}

// severities checks the names in conditions such as `severity blocking`.
func (b *builder) severities(s *Scenario, at strict.Position, path string, lists ...[]string) {
	for _, n := range slices.Concat(lists...) {
		if name, ok := strings.CutPrefix(strings.TrimPrefix(n, "not "), "severity "); ok && name != "" && !slices.Contains(s.Severity.Order, name) {
			b.fault(at, path, "%s", unknown("severity", name, s.Severity.Order))
		}
	}
}

func sortedKeys(m map[string]bool) []string {
	keys := slices.Collect(maps.Keys(m))
	sort.Strings(keys)
	return keys
}

func (b *builder) correlation(d correlationDoc) {
	path := "correlations." + d.Name
	ms, err := ParseMatchers(d.Match)
	if err != nil {
		b.fault(d.Position, path+".match", `%s: write matchers as in Alertmanager, e.g. 'kind=~"failed|missed"'`, err)
	}
	c := &Correlation{Name: d.Name, Match: ms, Within: d.Within, Machines: d.Machines, Customers: d.Customers, Same: d.Same,
		Labels: d.Raises, Marks: d.Marks, At: d.Position}
	if d.Share != "" {
		v, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(d.Share, "%")), 64)
		if err != nil || v <= 0 || v > 100 {
			b.fault(d.Position, path+".share", `%q is not a share: write e.g. "20 %%"`, d.Share)
		}
		c.Ratio = v / 100
	}
	if d.Name == "" || d.Within <= 0 || len(d.Raises) == 0 {
		b.fault(d.Position, path, "name, within and raises are needed: what is counted, in what time, and the labels of the signal that it raises")
	}
	for _, other := range b.p.Correlations {
		if other.Name == c.Name {
			b.fault(d.Position, path, "there are two correlations named %q: give each its own name", c.Name)
		}
	}
	b.p.Correlations = append(b.p.Correlations, c)
}

func (b *builder) checkWhole(at strict.Position) {
	if len(b.p.Scenarios) == 0 {
		b.fault(at, "scenarios", "there is no scenario: add at least one that matches everything")
		return
	}
	last := b.p.Scenarios[len(b.p.Scenarios)-1]
	if len(last.Match) > 0 || last.Ignores != "" {
		b.fault(last.At, "scenarios."+last.Name+".match", "the last scenario must match everything, so that no alert is lost: add one with match: []")
	}
	for _, name := range slices.Sorted(maps.Keys(b.p.Roles)) {
		if o := b.p.Roles[name].Otherwise; o != "" && b.p.Roles[o] == nil {
			b.fault(at, "roles."+name+".otherwise", "%s", unknown("role", o, slices.Sorted(maps.Keys(b.p.Roles))))
		}
	}
	b.roleRefs(at, "traces_include", b.p.Required)
	b.circles(at)
	b.causeSeverities()
}

// circles refuses roles that fall back on each other for ever.
func (b *builder) circles(at strict.Position) {
	for _, name := range slices.Sorted(maps.Keys(b.p.Roles)) {
		seen := map[string]bool{}
		for r := b.p.Roles[name]; r != nil; r = b.p.Roles[r.Otherwise] {
			if seen[r.Name] {
				b.fault(at, "roles."+name+".otherwise", "the roles fall back on each other in a circle: let the last one name people")
				break
			}
			seen[r.Name] = true
		}
	}
}

// causeSeverities checks the severities that causes imply.
func (b *builder) causeSeverities() {
	var known []string
	for _, s := range b.p.Scenarios {
		for _, name := range s.Severity.Order {
			if !slices.Contains(known, name) {
				known = append(known, name)
			}
		}
	}
	for _, l := range b.leasts {
		if l.severity != "" && !slices.Contains(known, l.severity) {
			b.fault(l.at, l.path, "%s", unknown("severity", l.severity, known))
		}
	}
}

// Scenario returns the scenario of that name; nil when there is none.
func (p *Policy) Scenario(name string) *Scenario {
	for _, s := range p.Scenarios {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Check compares the policy with what only the shell knows: the templates and
// the persons that exist.
func (p *Policy) Check(templates []string, dir *Directory) error {
	var faults strict.Faults
	add := func(at strict.Position, path, format string, args ...any) {
		faults = append(faults, strict.Fault{Position: at, Path: path, What: fmt.Sprintf(format, args...)})
	}
	for _, s := range p.Scenarios {
		for _, st := range s.Steps {
			path := "scenarios." + s.Name + ".steps." + st.Name
			if templates != nil && !slices.Contains(templates, st.Template) {
				add(st.At, path+".template", "%s", unknown("template", st.Template, templates))
			}
			if st.Missing != nil && templates != nil && !slices.Contains(templates, st.Missing.Template) {
				add(st.At, path+".if_nobody.template", "%s", unknown("template", st.Missing.Template, templates))
			}
			p.checkTrace(st, dir, path, add)
		}
	}
	known := slices.Sorted(maps.Keys(dir.People))
	for _, name := range slices.Sorted(maps.Keys(p.Roles)) {
		for _, person := range p.Roles[name].People {
			if dir.People[person] == nil {
				add(p.position(), "roles."+name+".people", "%s", unknown("person", person, known))
			}
		}
	}
	return faults.Err()
}

// checkTrace refuses a written trace whose copies reach nobody (S1.11).
func (p *Policy) checkTrace(st *Step, dir *Directory, path string, add func(strict.Position, string, string, ...any)) {
	if !st.Trace {
		return
	}
	for _, cc := range st.Cc {
		r := p.Roles[cc]
		if r == nil || r.Kind == RoleField {
			continue
		}
		reached := false
		people := slices.Clone(r.People)
		for _, entry := range dir.Rotas {
			if r.Kind == RoleRota && entry.Role == r.Rota {
				people = append(people, entry.Person)
			}
		}
		for _, person := range people {
			reached = reached || dir.People[person] != nil && dir.People[person].Reachable()
		}
		if !reached {
			add(st.At, path+".cc", "step %s is a written trace, but role %s reaches nobody: give its people an e-mail address in the inventory", st.Name, cc)
		}
	}
}

func (p *Policy) position() strict.Position {
	if len(p.Source) == 0 {
		return strict.Position{File: "policy", Line: 1}
	}
	return strict.Position{File: p.Source[0].Name, Line: 1}
}
