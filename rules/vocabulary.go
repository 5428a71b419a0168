package rules

import (
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/rules/act"
	"vigie/rules/policy"
)

// verbs are the acts of a person.
var verbs = act.Verbs()

// Verbs returns the acts of a person, in the order of the handbook.
func Verbs() []string { return slices.Clone(verbs) }

// moments are what `at:` and `from:` may name beside act:, flag: and step:.
var moments = []string{
	"opening", "start", "first_failure", "reopened", "resolved", "closed", "unverified", "silence_ended",
	"waiting_over", "calls_exhausted", "address_refused", "immediate_over", "not_immediate", "kind_changed", "assigned", "emergency", "joined", "worsened", "call_wanted",
	"lapsed", "promise_passed",
}

// conditions are what `unless:`, `only_if:`, `met_by:` and `rests_while:` may
// name; each may be preceded by "not ". `severity NAME` is one as well.
var conditions = map[string]func(*decider) bool{
	"repaired":             func(d *decider) bool { return d.inc.State == Resolved },
	"ended":                func(d *decider) bool { return d.inc.State.Ended() },
	"handled":              (*decider).handled,
	"assigned":             func(d *decider) bool { return d.inc.Assignee != "" },
	"taken":                func(d *decider) bool { return !d.inc.TakenAt.IsZero() },
	"waiting":              func(d *decider) bool { return d.inc.State == Waiting },
	"unverified":           func(d *decider) bool { return d.inc.State == Unverified },
	"account_manager_told": func(d *decider) bool { return d.toldOrTelling(FlagAccountManagerTold) },
	"customer_told":        func(d *decider) bool { return d.toldOrTelling(FlagCustomerTold) },
	"acted_today":          func(d *decider) bool { return d.actedToday("note", "attempt", "forecast", "answer") },
	"forecast_yes_today":   (*decider).forecastYesToday,
	"answered":             func(d *decider) bool { return d.happened("act:answer") },
	"call_recorded":        (*decider).callRecorded,
	"silenced":             func(d *decider) bool { return d.inc.Flags[FlagSilenced] },
	"address_refused":      (*decider).addressRefused,
	"outage":               func(d *decider) bool { return d.inc.Flags[FlagOutage] },
	"source_down":          func(d *decider) bool { return d.inc.Flags[FlagSourceDown] },
	"offline":              func(d *decider) bool { return d.inc.Flags[FlagOffline] },
	"immediate":            func(d *decider) bool { return d.inc.Flags[FlagImmediate] },
	"double_failure":       func(d *decider) bool { return d.inc.Flags[FlagDoubleFailure] },
	"primary_open":         (*decider).primaryOpen,
	"sibling_told":         (*decider).siblingTold,
	"other_backup_works":   func(d *decider) bool { st, _ := d.proof().other(); return st.Functional() },
	"other_backup_unknown": func(d *decider) bool { st, _ := d.proof().other(); return st == EvidenceUnknown },
	"qualified":            func(d *decider) bool { return d.happened("act:qualify") },
	"workaround_proposed":  func(d *decider) bool { return d.happened("act:workaround") },
	"restore_verified":     (*decider).restoreVerified,
	"reported_by_person":   func(d *decider) bool { return len(d.inc.Reports) > 0 },
	"level_3":              func(d *decider) bool { return d.inc.Level == 3 },
	"duty_changed":         (*decider).dutyChanged,
	"nobody_to_tell":       (*decider).nobodyToTell,
	"staffed":              (*decider).staffed,
	"first_day":            (*decider).firstDay,
	"lapsed_today":         (*decider).lapsedToday,
}

// vocabulary is what a policy may name of what decisions know.
func vocabulary() policy.Vocabulary {
	return policy.Vocabulary{Acts: verbs, Moments: moments, Conditions: slices.Sorted(maps.Keys(conditions)), Fields: roleFields}
}

// holds evaluates one condition as written in a policy.
func (d *decider) holds(condition string) bool {
	bare, negated := strings.CutPrefix(condition, "not ")
	var v bool
	if severity, ok := strings.CutPrefix(bare, "severity "); ok {
		v = d.inc.Severity == severity
	} else if f := conditions[bare]; f != nil {
		v = f(d)
	}
	return v != negated
}

// firstHolding returns the first condition that holds, or "".
func (d *decider) firstHolding(names []string) string {
	for _, n := range names {
		if d.holds(n) {
			return n
		}
	}
	return ""
}

// firstLacking returns the first condition that does not hold, or "".
func (d *decider) firstLacking(names []string) string {
	for _, n := range names {
		if !d.holds(n) {
			return n
		}
	}
	return ""
}

func (d *decider) happened(moment string) bool { return d.inc.Raised[moment].Count > 0 }

// handled is the day's duty done without a repair: the right person was told
// in writing and somebody did something (S1.6).
func (d *decider) handled() bool {
	h := d.s.Handled
	if h == nil || !d.inc.Flags[h.Told] {
		return false
	}
	for _, a := range d.inc.Acts {
		if a.Episode == d.inc.Episode && slices.Contains(h.Acts, a.Verb) {
			return true
		}
	}
	return false
}

// toldOrTelling is true as soon as the message is decided, so that nobody is
// told twice while the first message is under way.
func (d *decider) toldOrTelling(f Flag) bool {
	if d.inc.Flags[f] || d.strict {
		return d.inc.Flags[f]
	}
	for _, st := range d.s.Steps {
		if !slices.Contains(st.Raises, f) {
			continue
		}
		for _, r := range d.inc.Steps {
			if r.Step == st.Name && r.Episode == d.inc.Episode && r.Status == StepDecided && len(r.Refused) == 0 && len(r.Unfilled) == 0 {
				return true
			}
		}
	}
	return false
}

func (d *decider) sameDate(a, b time.Time) bool {
	c := d.calendar(d.s.Calendar)
	return c.Date(a) == c.Date(b)
}

func (d *decider) actedToday(verbs ...string) bool {
	for _, a := range d.inc.Acts {
		if a.Episode == d.inc.Episode && slices.Contains(verbs, a.Verb) && d.sameDate(a.At, d.now) {
			return true
		}
	}
	return false
}

func (d *decider) forecastYesToday() bool {
	a := d.lastAct("forecast")
	return a != nil && d.sameDate(a.At, d.now) && a.Fields["today"] == "yes"
}

// lastAct returns the newest act of that verb in this episode, or nil.
func (d *decider) lastAct(verb string) *ActRecord {
	for i := len(d.inc.Acts) - 1; i >= 0; i-- {
		if a := &d.inc.Acts[i]; a.Verb == verb && a.Episode == d.inc.Episode {
			return a
		}
	}
	return nil
}

// callRecorded reports whether the newest call to make has been recorded.
func (d *decider) callRecorded() bool {
	done := d.inc.Raised["act:call"].At
	return !done.IsZero() && !done.Before(d.inc.Raised["task"].At)
}

// primaryOpen is true while the machine's primary backup has an incident that
// tells of a double failure itself.
func (d *decider) primaryOpen() bool {
	for _, s := range d.facts.Siblings {
		if tells := d.p.Scenario(s.Scenario); s.Role == "primary" && !s.State.Ended() && tells != nil && tells.OtherBackup != nil {
			return true
		}
	}
	return false
}

func (d *decider) siblingTold() bool {
	for _, s := range d.facts.Siblings {
		if s.DoubleTold && !s.State.Ended() {
			return true
		}
	}
	return false
}

// dutyChanged is true when the person now on duty has not been told of this
// incident yet and somebody else has.
func (d *decider) dutyChanged() bool {
	told := d.inc.Progress.OnDuty
	if len(told) == 0 {
		return false
	}
	for _, r := range d.p.Roles {
		if r.Kind != RoleRota || r.Name != d.inc.Progress.OnDutyRole {
			continue
		}
		for _, party := range d.contacts().resolve(r.Name, "", d.now) {
			if !slices.Contains(told, party.Person) {
				return true
			}
		}
	}
	return false
}

// addressRefused is true while a message waits for an address, or for itself,
// to be mended.
func (d *decider) addressRefused() bool {
	for _, r := range d.inc.Steps {
		if r.Episode == d.inc.Episode && (r.Status == StepDecided && len(r.Refused)+len(r.Held) > 0 || d.lacks(r)) {
			return true
		}
	}
	return false
}

// lacks is true while nobody fills a role that must have a message.
func (d *decider) lacks(r *StepRecord) bool {
	return (r.Status == StepDecided || r.Status == StepBlocked) && slices.ContainsFunc(r.Unfilled, func(role string) bool {
		return len(d.contacts().resolve(role, "", d.now)) == 0
	})
}

// restoreVerified is true once the newest restore was verified.
func (d *decider) restoreVerified() bool {
	done := d.inc.Raised["act:restore_verified"].At
	return !done.IsZero() && !done.Before(d.inc.Raised["act:restore"].At)
}

// nobodyToTell is true while a step is blocked for want of a recipient.
func (d *decider) nobodyToTell() bool {
	for _, r := range d.inc.Steps {
		if r.Episode == d.inc.Episode && r.Status == StepBlocked {
			return true
		}
	}
	return false
}

// staffed is true while somebody is there for the immediate branch.
func (d *decider) staffed() bool {
	return d.s.Immediate != nil && d.calendar(d.s.Immediate.Calendar).IsOpen(d.now)
}
