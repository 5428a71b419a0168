package policy

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"vigie/internal/strict"
	"vigie/rules/model"
)

// Scenario is a named kind of failure and what follows from it.
type Scenario struct {
	Name     string
	Title    model.Text
	Match    model.Matchers
	Identity []string
	// Joins are identity labels that a signal may lack: it then joins the open
	// incident that agrees on the rest.
	Joins    []string
	Calendar string
	Proof    ProofKind
	Reopen   Delay
	// StillFires says when what fires on after an ending is looked at again.
	StillFires StillFires
	// WaitDays is for how many days a wait for the customer is left alone that has
	// no date; where customers are phoned, it is Calls.FollowUp.
	WaitDays int
	Severity SeverityRule
	// Immediate is the branch for what can be put right at once (S2.20).
	Immediate *Immediate
	// OtherBackup asks for the state of the machine's other backup.
	OtherBackup *OtherBackup
	// Handled says what satisfies the day's duty without a repair.
	Handled *Handled
	// Owner says when whoever has it does not have it any more; nil for never.
	Owner *Owner
	// Calls says how phone calls are followed up.
	Calls *Calls
	// Gate refuses acts while the other backup's state is not known.
	Gate []string
	// Blinds marks the scenario of a source that cannot be read: clients are
	// not told from stale data meanwhile.
	Blinds bool
	// Ignores drops signals that need no incident, with the reason given.
	Ignores string
	Resolve ResolveRule
	Absence bool // absences move what is owed to the customer's people
	Targets []*Target
	Steps   []*Step
	At      strict.Position
}

// For returns the scenario of a signal: the first that matches its labels. The
// last one matches everything, also in a policy built by hand.
func (p *Policy) For(l model.Labels) *Scenario {
	for _, s := range p.Scenarios {
		if s.Match.Match(l) {
			return s
		}
	}
	return p.Scenarios[len(p.Scenarios)-1]
}

// Identify picks the labels that make two signals the same incident. Of those
// that a signal may lack, it has only what is there.
func (s *Scenario) Identify(l model.Labels) model.Labels {
	identity := model.Labels{}
	for _, n := range s.Identity {
		if v := l[n]; v != "" || !slices.Contains(s.Joins, n) {
			identity[n] = v
		}
	}
	return identity
}

// MayReopen reports whether an incident of the scenario that ended at an instant
// may still go on.
func (p *Policy) MayReopen(s *Scenario, ended, now time.Time) bool {
	switch {
	case s.Reopen.IsZero():
		return false
	case s.Reopen.Business == nil:
		return !now.After(ended.Add(s.Reopen.Elapsed))
	}
	until, _, err := p.Calendars[s.Reopen.Calendar].Due(ended, *s.Reopen.Business, nil)
	return err == nil && !now.After(until)
}

// ProofKind says what ends an incident of a scenario.
type ProofKind string

// The kinds of proof.
const (
	ProofSuccess ProofKind = "success" // a proven success for every failing plan
	ProofCleared ProofKind = "cleared" // the probe is well again
	ProofPerson  ProofKind = "person"  // only a person ends it
)

// ResolveRule says what a person must answer to end an incident.
type ResolveRule struct {
	Cause bool // a cause is mandatory
}

type scenarioDoc struct {
	strict.Position
	Name        string          `yaml:"name"`
	Like        string          `yaml:"like"`
	Title       model.Text      `yaml:"title"`
	Match       []string        `yaml:"match"`
	Identity    []string        `yaml:"identity"`
	Joins       []string        `yaml:"joins"`
	Calendar    string          `yaml:"calendar"`
	EndedBy     string          `yaml:"ended_by"`
	Reopens     *delayDoc       `yaml:"reopens_within"`
	StillFires  *stillFiresDoc  `yaml:"still_fires"`
	WaitDays    *int            `yaml:"wait_days"`
	Severity    *severityDoc    `yaml:"severity"`
	Immediate   *immediateDoc   `yaml:"immediate"`
	OtherBackup *otherDoc       `yaml:"other_backup"`
	Handled     *handledDoc     `yaml:"handled"`
	Calls       *callsDoc       `yaml:"calls"`
	Owner       *ownerDoc       `yaml:"owner"`
	Gate        []string        `yaml:"refused_while_other_backup_unknown"`
	NeedsCause  bool            `yaml:"resolve_needs_cause"`
	Blinds      bool            `yaml:"blinds"`
	Ignores     string          `yaml:"ignores"`
	Absence     bool            `yaml:"absences_move_appointments"`
	Targets     namedTargetDocs `yaml:"targets"`
	Steps       []stepDoc       `yaml:"steps"`
	Without     []string        `yaml:"without"`
}

func (d scenarioDoc) load(l *loader) {
	path := "scenarios." + d.Name
	d = d.filledIn(l, path)
	l.like = d.Like != ""
	defer func() { l.like = false }()
	s := &Scenario{}
	if d.Name == "" {
		l.fault(d.Position, "scenarios", "a scenario has no name: add name:")
	} else if l.policy.Scenario(d.Name) != nil {
		l.fault(d.Position, path, "there are two scenarios named %q: give each its own name", d.Name)
	}
	s.Name, s.At = d.Name, d.Position
	d.head(l, s, path)
	d.proof(l, s, path)
	d.stillFires(l, s, path)
	d.waits(l, s, path)
	d.optional(l, s, path)
	for _, t := range d.Targets {
		s.Targets = append(s.Targets, t.load(l, s, path+".targets."+t.name))
	}
	for _, st := range d.Steps {
		s.Steps = append(s.Steps, st.load(l, s, path+".steps."+st.Name))
	}
	s.checkReferences(l, path)
	l.policy.Scenarios = append(l.policy.Scenarios, s)
	l.keep(d)
}

// head takes what says which failures these are.
func (d scenarioDoc) head(l *loader, s *Scenario, path string) {
	if d.Title != nil {
		s.Title = d.Title
	}
	ms, err := model.ParseMatchers(d.Match)
	if err != nil {
		l.fault(d.Position, path+".match", `%s: write matchers as in Alertmanager, e.g. 'machine_class=~"server|nas"'`, err)
	}
	s.Match = ms
	if d.Identity != nil {
		s.Identity = d.Identity
	}
	if len(s.Identity) == 0 && d.Ignores == "" {
		l.fault(d.Position, path+".identity", "no identity: name the labels that make two alerts the same incident, e.g. [customer, machine, backup_role]")
	}
	if d.Joins != nil {
		s.Joins = d.Joins
	}
	if d.Calendar != "" {
		s.Calendar = d.Calendar
	}
	if d.Ignores == "" {
		l.calendar(d.Position, path+".calendar", s.Calendar, false)
	}
}

// proof takes what says how an incident ends and whether it reopens.
func (d scenarioDoc) proof(l *loader, s *Scenario, path string) {
	if d.EndedBy != "" {
		s.Proof = ProofKind(d.EndedBy)
	}
	if s.Proof == "" {
		s.Proof = ProofSuccess
	}
	if !slices.Contains([]ProofKind{ProofSuccess, ProofCleared, ProofPerson}, s.Proof) {
		l.fault(d.Position, path+".ended_by", "%q is not known: write success (a proven good backup), cleared (the probe is well) or person", s.Proof)
	}
	s.Ignores, s.Blinds, s.Absence = d.Ignores, s.Blinds || d.Blinds, s.Absence || d.Absence
	s.Resolve.Cause = s.Resolve.Cause || d.NeedsCause
	if d.Gate != nil {
		s.Gate = d.Gate
		l.acts(d.Position, path+".refused_while_other_backup_unknown", d.Gate...)
	}
	if d.Reopens != nil {
		s.Reopen = d.Reopens.Delay
		d.Reopens.positive(l, path+".reopens_within", "24h")
		if s.Reopen.Calendar == "" {
			s.Reopen.Calendar = s.Calendar
		}
	}
}

// stillFires takes when a person's word is looked at again.
func (d scenarioDoc) stillFires(l *loader, s *Scenario, path string) {
	if s.StillFires == (StillFires{}) {
		s.StillFires = defaultStillFires(s.Calendar)
	}
	if d.StillFires != nil {
		d.StillFires.load(l, s, path+".still_fires")
	}
}

// Tells reports whether something comes of an act: a step waits for it, or it counts
// for the day's duty.
func (s *Scenario) Tells(verb string) bool {
	return s.Handled != nil && slices.Contains(s.Handled.Acts, verb) || slices.ContainsFunc(s.Steps, func(st *Step) bool {
		return slices.ContainsFunc(st.When, func(t Trigger) bool { return t.Kind == WhenAct && t.Name == verb })
	})
}

// OwesRepair reports whether a target asks for the repair itself, by a time.
func (s *Scenario) OwesRepair() bool {
	return slices.ContainsFunc(s.Targets, func(t *Target) bool { return slices.Contains(t.MetBy, "repaired") })
}

// DaysToWait is for how many days a wait for the customer is left alone that has no date.
func (s *Scenario) DaysToWait() int {
	if s.Calls != nil {
		return s.Calls.FollowUp
	}
	return s.WaitDays
}

// waits takes for how long a customer is waited for.
func (d scenarioDoc) waits(l *loader, s *Scenario, path string) {
	s.WaitDays = cmp.Or(s.WaitDays, 7)
	if d.WaitDays == nil {
		return
	}
	if s.WaitDays = *d.WaitDays; s.WaitDays < 1 || s.WaitDays > 366 {
		l.fault(d.Position, path+".wait_days", "%d: write 1 to 366 days", s.WaitDays)
	}
}

// optional takes what a scenario may have or not.
func (d scenarioDoc) optional(l *loader, s *Scenario, path string) {
	if d.Severity != nil {
		s.Severity = d.Severity.load(l, path+".severity")
	}
	if d.Immediate != nil {
		s.Immediate = d.Immediate.load(l, path+".immediate")
	}
	if d.OtherBackup != nil {
		s.OtherBackup = d.OtherBackup.load(l, path+".other_backup")
	}
	if d.Handled != nil {
		s.Handled = d.Handled.load(l, path+".handled")
	}
	if d.Owner != nil {
		s.Owner = d.Owner.load(l, s, path+".owner")
	}
	if d.Calls != nil {
		s.Calls = d.Calls.load(l, s, path+".calls")
	}
}

// checkReferences looks at what refers to the scenario's own targets, steps and
// severities.
func (s *Scenario) checkReferences(l *loader, path string) {
	var targets, steps []string
	for _, t := range s.Targets {
		targets = append(targets, t.Name)
	}
	for _, st := range s.Steps {
		steps = append(steps, st.Name)
	}
	slices.Sort(targets)
	slices.Sort(steps)
	for _, st := range s.Steps {
		s.checkSeverities(l, st.At, path+".steps."+st.Name, st.OnlyIf, st.Unless, st.Rests)
		for i, t := range st.When {
			t.checkReferences(l, s, fmt.Sprintf("%s.steps.%s.when[%d]", path, st.Name, i), targets, steps)
		}
	}
	for _, t := range s.Targets {
		s.checkSeverities(l, t.At, path+".targets."+t.Name, t.MetBy, t.OnlyIf)
		l.stepOf(t.At, path+".targets."+t.Name+".from", t.From, steps)
	}
}

// raises reports whether any step raises the flag.
func (s *Scenario) raises(f model.Flag) bool {
	return slices.ContainsFunc(s.Steps, func(st *Step) bool { return slices.Contains(st.Raises, f) })
}
