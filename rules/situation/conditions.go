package situation

import (
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/rules/act"
	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// moments are what `at:` and `from:` may name beside act:, flag: and step:.
var moments = []string{
	"opening", "start", "first_failure", "reopened", "resolved", "closed", "unverified", "silence_ended",
	"waiting_over", "calls_exhausted", "address_refused", "immediate_over", "not_immediate", "kind_changed", "assigned", "emergency", "joined", "worsened", "call_wanted", "disowned",
	"lapsed", "off_duty", "promise_passed", "double_failure_over",
}

// conditions are what `unless:`, `only_if:`, `met_by:` and `rests_while:` may
// name; each may be preceded by "not ". `severity NAME` is one as well.
var conditions = map[string]func(*Situation) bool{
	"repaired":             func(d *Situation) bool { return d.Incident.State == model.Resolved },
	"ended":                func(d *Situation) bool { return d.Incident.State.Ended() },
	"handled":              (*Situation).Handled,
	"assigned":             func(d *Situation) bool { return d.Incident.Assignee != "" },
	"taken":                func(d *Situation) bool { return !d.Incident.TakenAt.IsZero() },
	"waiting":              func(d *Situation) bool { return d.Incident.State == model.Waiting },
	"agreed_wait":          (*Situation).agreedWait,
	"unverified":           func(d *Situation) bool { return d.Incident.State == model.Unverified },
	"account_manager_told": func(d *Situation) bool { return d.toldOrTelling(model.FlagAccountManagerTold) },
	"customer_told":        func(d *Situation) bool { return d.toldOrTelling(model.FlagCustomerTold) },
	"acted_today":          func(d *Situation) bool { return d.actedToday("note", "attempt", "forecast", "answer") },
	"forecast_yes_today":   (*Situation).forecastYesToday,
	"answered":             (*Situation).answered,
	"joined_worse":         (*Situation).joinedWorse,
	"answer_noted":         func(d *Situation) bool { return d.isAnswer(d.LastAct("note")) },
	"call_recorded":        (*Situation).callRecorded,
	"silenced":             func(d *Situation) bool { return d.Incident.Flags[model.FlagSilenced] },
	"address_refused":      (*Situation).addressRefused,
	"outage":               func(d *Situation) bool { return d.Incident.Flags[model.FlagOutage] },
	"source_down":          func(d *Situation) bool { return d.Incident.Flags[model.FlagSourceDown] },
	"offline":              func(d *Situation) bool { return d.Incident.Flags[model.FlagOffline] },
	"immediate":            func(d *Situation) bool { return d.Incident.Flags[model.FlagImmediate] },
	"double_failure":       func(d *Situation) bool { return d.Incident.Flags[model.FlagDoubleFailure] },
	"primary_open":         (*Situation).primaryOpen,
	"sibling_told":         (*Situation).siblingTold,
	"other_backup_works":   func(d *Situation) bool { st, _ := d.OtherBackup(); return st.Functional() },
	"other_backup_unknown": func(d *Situation) bool { st, _ := d.OtherBackup(); return st == model.EvidenceUnknown },
	"qualified":            func(d *Situation) bool { return d.Happened("act:qualify") },
	"workaround_proposed":  func(d *Situation) bool { return d.Happened("act:workaround") },
	"restore_verified":     (*Situation).restoreVerified,
	"data_lost":            func(d *Situation) bool { return d.Incident.DataLoss != "" && d.Incident.DataLoss != "none" },
	"reported_by_person":   func(d *Situation) bool { return len(d.Incident.Reports) > 0 },
	"level_3":              func(d *Situation) bool { return d.Incident.Level == 3 },
	"duty_changed":         (*Situation).DutyChanged,
	"nobody_to_tell":       (*Situation).nobodyToTell,
	"staffed":              (*Situation).Staffed,
	"first_day":            (*Situation).firstDay,
	"lapsed_today":         (*Situation).lapsedToday,
	"in_maintenance":       (*Situation).InMaintenance,
}

// Vocabulary is what a policy may name of what decisions know.
func Vocabulary() policy.Vocabulary {
	return policy.Vocabulary{Acts: act.Verbs(), Moments: moments, Conditions: slices.Sorted(maps.Keys(conditions)), Fields: roleFields}
}

// holds evaluates one condition as written in a policy.
func (d *Situation) holds(condition string) bool {
	bare, negated := strings.CutPrefix(condition, "not ")
	var v bool
	if severity, ok := strings.CutPrefix(bare, "severity "); ok {
		v = d.Incident.Severity == severity
	} else if f := conditions[bare]; f != nil {
		v = f(d)
	}
	return v != negated
}

// FirstHolding returns the first condition that holds, or "".
func (d *Situation) FirstHolding(names []string) string {
	for _, n := range names {
		if d.holds(n) {
			return n
		}
	}
	return ""
}

// FirstLacking returns the first condition that does not hold, or "".
func (d *Situation) FirstLacking(names []string) string {
	for _, n := range names {
		if !d.holds(n) {
			return n
		}
	}
	return ""
}

// Handled is the day's duty done without a repair: the right person was told
// in writing and somebody did something (S1.6).
func (d *Situation) Handled() bool {
	h := d.Scenario.Handled
	if h == nil || !d.Incident.Flags[h.Told] {
		return false
	}
	for _, a := range d.Incident.Acts {
		if a.Episode == d.Incident.Episode && (slices.Contains(h.Acts, a.Verb) || slices.Contains(h.Acts, "answer") && d.isAnswer(&a)) {
			return true
		}
	}
	return false
}

// toldOrTelling is true as soon as the message is decided, so that nobody is
// told twice while the first message is under way.
func (d *Situation) toldOrTelling(f model.Flag) bool {
	if d.Incident.Flags[f] || d.Strict {
		return d.Incident.Flags[f]
	}
	for _, st := range d.Scenario.Steps {
		if !slices.Contains(st.Raises, f) {
			continue
		}
		for _, r := range d.Incident.Steps {
			if r.Step == st.Name && r.Episode == d.Incident.Episode && r.Status == incident.StepDecided && len(r.Refused) == 0 && len(r.Unfilled) == 0 {
				return true
			}
		}
	}
	return false
}

func (d *Situation) sameDate(a, b time.Time) bool {
	c := d.Calendar(d.Scenario.Calendar)
	return c.Date(a) == c.Date(b)
}

func (d *Situation) actedToday(verbs ...string) bool {
	for _, a := range d.Incident.Acts {
		if a.Episode == d.Incident.Episode && slices.Contains(verbs, a.Verb) && d.sameDate(a.At, d.Now) {
			return true
		}
	}
	return false
}

func (d *Situation) forecastYesToday() bool {
	a := d.LastAct("forecast")
	return a != nil && d.sameDate(a.At, d.Now) && a.Fields["today"] == "yes"
}

// answered reports whether the customer has said something since it was written to, and
// since a call to it fell due, that spares a call: not that it wants one, nor that somebody
// else should be asked.
func (d *Situation) answered() bool {
	a := d.LastAct("answer")
	switch {
	case a == nil || a.Fields["result"] == "call_me":
		return false
	case a.Fields["result"] == "not_mine" && d.wroteOutside(a.At):
		return false
	}
	return !a.At.Before(d.Incident.Raised["task"].At) && !d.toldFirst(a.At)
}

// toldFirst reports whether the customer was told for the first time after an instant.
func (d *Situation) toldFirst(after time.Time) bool {
	var first time.Time
	for _, st := range d.Scenario.Steps {
		if !slices.Contains(st.Raises, model.FlagCustomerTold) {
			continue
		}
		for _, r := range d.Incident.Steps {
			if r.Step == st.Name && r.Episode == d.Incident.Episode && (first.IsZero() || r.DecidedAt.Before(first)) {
				first = r.DecidedAt
			}
		}
	}
	return first.After(after)
}

// wroteOutside reports whether somebody outside was written to after an instant.
func (d *Situation) wroteOutside(since time.Time) bool {
	return slices.ContainsFunc(d.Scenario.Steps, func(st *policy.Step) bool {
		return d.Incident.Raised["step:"+st.Name].At.After(since) && slices.ContainsFunc(st.To, func(role string) bool {
			r := d.Policy.Roles[role]
			return r != nil && r.Outside
		})
	})
}

// callRecorded reports whether the newest call to make has been recorded.
func (d *Situation) callRecorded() bool {
	done := d.Incident.Raised["act:call"].At
	return !done.IsZero() && !done.Before(d.Incident.Raised["task"].At)
}

// primaryOpen is true while the machine's primary backup has an incident that
// tells of a double failure itself.
func (d *Situation) primaryOpen() bool {
	for _, s := range d.Circumstances.Siblings {
		if tells := d.Policy.Scenario(s.Scenario); s.Role == "primary" && !s.State.Ended() && tells != nil && tells.OtherBackup != nil {
			return true
		}
	}
	return false
}

func (d *Situation) siblingTold() bool {
	for _, s := range d.Circumstances.Siblings {
		if s.DoubleTold && !s.State.Ended() {
			return true
		}
	}
	return false
}

// DutyChanged is true when the person now on duty has not been told of this
// incident yet and somebody else has.
func (d *Situation) DutyChanged() bool {
	told := d.Incident.Progress.OnDuty
	if len(told) == 0 {
		return false
	}
	for _, r := range d.Policy.Roles {
		if r.Kind != policy.RoleRota || r.Name != d.Incident.Progress.OnDutyRole {
			continue
		}
		for _, party := range d.Contacts().Resolve(r.Name, "", d.Now) {
			if !slices.Contains(told, party.Person) {
				return true
			}
		}
	}
	return false
}

// addressRefused is true while a message waits for an address, or for itself,
// to be mended.
func (d *Situation) addressRefused() bool {
	for key, r := range d.Incident.Steps {
		if r.Episode == d.Incident.Episode && (r.Status == incident.StepDecided && len(r.Refused)+len(r.Deferred) > 0 || d.lacks(r, key.Platform)) {
			return true
		}
	}
	return false
}

// lacks is true while nobody fills a role that must have a message.
func (d *Situation) lacks(r *incident.StepRecord, platform string) bool {
	return (r.Status == incident.StepDecided || r.Status == incident.StepBlocked) && slices.ContainsFunc(r.Unfilled, func(role string) bool {
		return len(d.Contacts().Resolve(role, platform, d.Now)) == 0
	})
}

// restoreVerified is true once the newest restore was verified.
func (d *Situation) restoreVerified() bool {
	done := d.Incident.Raised["act:restore_verified"].At
	return !done.IsZero() && !done.Before(d.Incident.Raised["act:restore"].At)
}

// nobodyToTell is true while a step is blocked for want of a recipient.
func (d *Situation) nobodyToTell() bool {
	for _, r := range d.Incident.Steps {
		if r.Episode == d.Incident.Episode && r.Status == incident.StepBlocked {
			return true
		}
	}
	return false
}

// Staffed is true while somebody is there for the immediate branch.
func (d *Situation) Staffed() bool {
	return d.Scenario.Immediate != nil && d.Calendar(d.Scenario.Immediate.Calendar).IsOpen(d.Now)
}

// firstDay is true until the day is over on which the incident's first deadline
// lay: from then on it is asked about each day.
func (d *Situation) firstDay() bool {
	cal := d.Calendar(d.Scenario.Calendar)
	first, err := cal.BusinessDayOnOrAfter(cal.Date(d.Incident.OpenedAt))
	if r := d.Incident.Raised["opening"]; !r.At.IsZero() {
		first, err = cal.BusinessDayOnOrAfter(cal.Date(r.At))
	}
	if err != nil {
		return false
	}
	last := cal.At(first, 24*3600-1)
	if c := d.PrimaryClock(); c != nil {
		if due := cal.At(cal.Date(c.Due), 24*3600-1); due.After(last) {
			last = due
		}
	}
	return !d.Now.After(last)
}

// lapsedToday is true on the day on which it was given back.
func (d *Situation) lapsedToday() bool {
	at := d.Incident.Raised["lapsed"].At
	return !at.IsZero() && d.sameDate(at, d.Now)
}
