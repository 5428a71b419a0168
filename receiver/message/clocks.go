package message

import (
	"slices"
	"time"

	"vigie/rules/incident"
)

// clocks are the delays that run.
type clocks struct{ *sheet }

// Due is the day's deadline: "18:00", or with its day when it is not today.
func (i clocks) Due() string { return i.DueAt(i.f.Deadline) }

// DueAhead is Due while that is to come; "" afterwards.
func (i clocks) DueAhead() string { return i.DueAt(i.deadline()) }

// deadline is that of the day's duty while it is to come: nothing is asked for before an
// hour that is over.
func (i clocks) deadline() time.Time {
	if !i.f.Deadline.After(i.leaves()) {
		return time.Time{}
	}
	return i.f.Deadline
}

// DueTag is "À TRAITER AVANT 18:00".
func (i clocks) DueTag() string {
	if i.deadline().IsZero() {
		return i.Word("due_tag_none")
	}
	return i.Say("due_tag", "time", i.DueBrief())
}

// DueBrief is the deadline ahead for a subject.
func (i clocks) DueBrief() string { return i.Brief(i.deadline()) }

// NoRepairDue tells that no target asks for the repair itself by a time.
func (i clocks) NoRepairDue() bool { return i.f.NoRepairDue }

// RepairBrief is DueBrief where the repair itself is owed by a time.
func (i clocks) RepairBrief() string {
	if i.f.NoRepairDue {
		return ""
	}
	return i.DueBrief()
}

// ByDue is "aujourd'hui avant 18:00", "avant mardi 11 mars à 18:00" or "dans la
// journée", to end a sentence.
func (i clocks) ByDue() string {
	switch {
	case i.deadline().IsZero():
		return i.Word("by_none")
	case i.ByTonight(i.f.Deadline):
		return i.Say("by_today", "time", i.Due())
	}
	return i.Say("by_later", "time", i.Due())
}

// DueToday tells whether the deadline is today, or none is ahead.
func (i clocks) DueToday() bool { return i.deadline().IsZero() || i.ByTonight(i.f.Deadline) }

// DueStamp is the missed deadline for a subject: always with its day.
func (i clocks) DueStamp() string {
	if i.Breached() && len(i.targets()) > 0 {
		return i.Stamp(i.dueOf(i.targets()[0]))
	}
	return i.Stamp(i.f.Deadline)
}

// LateStart tells that the failure came late and its deadline stands.
func (i clocks) LateStart() bool { return i.f.LateStart }

// lateNote says what is to be known of the deadline beside its hour.
func (i clocks) lateNote() string {
	if !i.f.Deadline.IsZero() && i.f.Deadline.Before(i.leaves()) {
		return i.Word("deadline_passed")
	}
	if i.f.LateStart {
		return i.Word("late_start")
	}
	return ""
}

// NextStep is when the account manager will be told by itself; "" when that
// is past.
func (i clocks) NextStep() string {
	if !i.f.NextStepAt.After(i.leaves()) {
		return ""
	}
	return i.DueAt(i.f.NextStepAt)
}

// DueFor is when the named clock will be due; "" when it does not run, or is past.
func (i clocks) DueFor(target string) string { return i.DueAt(i.ahead(target)) }

// DueForBrief is DueFor for a subject.
func (i clocks) DueForBrief(target string) string { return i.Brief(i.ahead(target)) }

func (i clocks) ahead(target string) time.Time {
	for _, c := range i.f.Clocks {
		if sameTarget(c.Target, target) && c.MetAt.IsZero() && !c.Paused && c.Due.After(i.leaves()) {
			return c.Due
		}
	}
	return time.Time{}
}

// targets are the clocks that a message speaks of: those that it was decided for,
// and of a breach every other that was missed in the same second.
func (i clocks) targets() []string {
	all := slices.Clone(i.missed)
	if len(all) == 0 && i.f.Target != "" {
		all = []string{i.f.Target}
	}
	if !i.Breached() {
		return all
	}
	for _, c := range i.f.Clocks {
		if c.Late && c.MetAt.IsZero() && !slices.ContainsFunc(all, func(t string) bool { return sameTarget(t, c.Target) }) &&
			slices.ContainsFunc(all, func(t string) bool { return i.dueOf(t).Equal(c.Due) }) {
			all = append(all, c.Target)
		}
	}
	return all
}

// Speaks tells that a message speaks of the named clock.
func (i clocks) Speaks(target string) bool {
	return slices.ContainsFunc(i.targets(), func(t string) bool { return sameTarget(t, target) })
}

// Targets tells that a message speaks of more than one clock.
func (i clocks) Targets() bool { return len(i.targets()) > 1 }

// Target is the clock that a warning speaks of; of several "prise en compte et
// contournement".
func (i clocks) Target() string {
	var names []string
	for _, t := range i.targets() {
		names = append(names, i.NameOf("target", t))
	}
	return i.all(names)
}

// TargetDue is when the warned-of clocks are due: from the running clocks, or
// the sheet's deadline.
func (i clocks) TargetDue() string { return i.dues(i.DueAt) }

// TargetBrief is TargetDue for a subject.
func (i clocks) TargetBrief() string { return i.dues(i.Brief) }

func (i clocks) dues(say func(time.Time) string) string {
	var all []string
	for _, t := range i.targets() {
		if due := say(i.dueOf(t)); due != "" && !slices.Contains(all, due) {
			all = append(all, due)
		}
	}
	if len(i.targets()) == 0 {
		return say(i.f.Deadline)
	}
	return i.all(all)
}

func (i clocks) dueOf(target string) time.Time {
	for _, c := range i.f.Clocks {
		if sameTarget(c.Target, target) {
			return c.Due
		}
	}
	return i.f.Deadline
}

// NextNews is when a customer hears from us again: the nearest thing that is due.
func (i clocks) NextNews() string {
	if s := i.NextStep(); s != "" {
		return s
	}
	for _, target := range []string{"prequalification", "workaround", "resolve"} {
		if s := i.DueFor(target); s != "" {
			return s
		}
	}
	return ""
}

// Clocks are the delays with what became of each.
func (i clocks) Clocks() []fact {
	var rows []fact
	for _, c := range i.f.Clocks {
		if i.f.StillFires && c.MetAt.Equal(i.f.ResolvedAt) {
			continue // somebody's word alone kept it
		}
		row := fact{Name: upperFirst(i.NameOf("target", c.Target))}
		switch {
		case c.Excused:
			row.Value = i.Say("clock.excused", "moment", i.Moment(c.Due))
		case !c.MetAt.IsZero() && (c.Late || !c.Due.IsZero() && c.MetAt.After(c.Due)):
			row.Value = i.Say("clock.met_late", "moment", i.Moment(c.MetAt), "due", i.DueShort(c.Due))
		case !c.MetAt.IsZero():
			row.Value = i.Say("clock.met", "moment", i.Moment(c.MetAt))
		case c.Paused:
			row.Value = i.Word("clock.paused")
		case c.Due.IsZero():
			row.Value = i.Word("clock.running")
		case (c.Late || c.Due.Before(i.Ref)) && i.reader != incident.Team:
			row.Value = i.Say("clock.late_told", "moment", i.Moment(c.Due))
		case c.Late || c.Due.Before(i.Ref):
			row.Value, row.Strong = i.Say("clock.late", "moment", i.Moment(c.Due)), true
		default:
			row.Value = i.Say("clock.due", "moment", i.Moment(c.Due))
		}
		rows = append(rows, row)
	}
	return append(rows, i.unavailability()...)
}

// Percent is the share of a clock's time that has run.
func (i clocks) Percent() int { return i.f.Percent }

// Breached tells that the whole time of a clock has run.
func (i clocks) Breached() bool { return i.f.Percent >= 100 }

// TakeBy is when a person takes a request at the latest.
func (i clocks) TakeBy() string {
	if d := i.DueFor("take"); d != "" {
		return d
	}
	return i.DueAt(i.f.Deadline)
}

// sameTarget compares names of targets; resolution may be called resolve.
func sameTarget(a, b string) bool {
	return a == b || a+b == "resolveresolution" || a+b == "resolutionresolve"
}

// Expires is the day on which what is warned of ends, with its hour.
func (i clocks) Expires() string { return i.Moment(i.f.ExpiresAt) }

// AnswerDue is until when an answer is asked for.
func (i clocks) AnswerDue() string { return i.DueAt(i.f.AnswerBy) }

// MissedClocks names each clock that was missed where there is more than one.
func (v *view) MissedClocks() []fact {
	var rows []fact
	for _, i := range v.Items {
		for _, c := range i.f.Clocks {
			if c.Late && c.MetAt.IsZero() {
				row := fact{Name: upperFirst(i.NameOf("target", c.Target)), Value: i.Say("clock.late", "moment", i.Moment(c.Due)), Strong: true}
				if v.many {
					row.Value = joinNonEmpty(", ", row.Value, i.ID())
				}
				rows = append(rows, row)
			}
		}
	}
	if len(rows) <= len(v.Items) {
		return nil
	}
	return rows
}
