package message

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/receiver/message/locale"
	"vigie/rules"
)

// Alert is what is wrong with a platform: "cron arrêté".
func (i *item) Alert() string {
	if i.f.Alertname == "" {
		if i.f.Report != "" || i.f.Reporter != "" {
			return i.Word("platform.unknown")
		}
		return i.Word("fact.platform")
	}
	return i.NameOf("alert", i.f.Alertname)
}

// AlertOwn is what is wrong, of anything that is no machine's backup.
func (i *item) AlertOwn() string {
	if i.f.Alertname == "" {
		return i.Word("alert.unnamed")
	}
	return i.NameOf("alert", i.f.Alertname)
}

// Severity is "mineure", "majeure", "bloquante"; "" when not known.
func (i *item) Severity() string { return i.NameOf("severity", i.f.Severity) }

// Scope is how much is hit.
func (i *item) Scope() string { return i.NameOf("scope", i.f.Scope) }

// Level is 2 or 3.
func (i *item) Level() int { return i.f.Level }

// Provisional tells that no person has confirmed the qualification.
func (i *item) Provisional() bool { return i.f.Provisional }

// Entry is the door by which the first signal came.
func (i *item) Entry() string { return i.NameOf("entry", i.f.Entry) }

// Received is when the first signal came in.
func (i *item) Received() string {
	t := i.f.ReceivedAt
	if t.IsZero() {
		t = i.f.StartedAt
	}
	return i.Moment(t)
}

// ReceivedBrief is Received for a subject.
func (i *item) ReceivedBrief() string {
	return i.Stamp(i.f.ReceivedAt)
}

// Started is when the failure began.
func (i *item) Started() string { return i.Moment(i.f.StartedAt) }

// Guarantee is the level of service now: its code and words.
func (i *item) Guarantee() string {
	if i.f.Guarantee == "" {
		return ""
	}
	w := i.NameOf("guarantee", i.f.Guarantee)
	if t := i.f.GuaranteeText.In(i.Code); t != "" {
		w = t
	}
	if w == i.f.Guarantee {
		return w
	}
	return w + " (" + i.f.Guarantee + ")"
}

// Guaranteed tells whether somebody has to act now.
func (i *item) Guaranteed() bool { return i.f.Guarantee != "G3" }

// Reopens is when a better level of service begins.
func (i *item) Reopens() string { return i.DueAt(i.f.Reopens) }

// Cause is the cause in words; CauseClass says intrinsic or extrinsic.
func (i *item) Cause() string {
	if t := i.f.CauseText.In(i.Code); t != "" {
		return t
	}
	return i.NameOf("cause", i.f.Cause)
}

// CauseClass is "cause intrinsèque" or "cause extrinsèque"; "" when unknown.
func (i *item) CauseClass() string {
	class, _, _ := strings.Cut(i.f.Cause, ".")
	return i.Word("cause_class." + class)
}

// DataLoss is the answer about lost data, in words.
func (i *item) DataLoss() string { return i.NameOf("data_loss", i.f.DataLoss) }

// Workaround is the workaround as its author wrote it.
func (i *item) Workaround() string { return i.f.Workaround }

// Report is the report as it was received.
func (i *item) Report() string { return i.f.Report }

// Reporter is who reported.
func (i *item) Reporter() string { return i.f.Reporter }

// Percent is the share of a clock's time that has run.
func (i *item) Percent() int { return i.f.Percent }

// Breached tells that the whole time of a clock has run.
func (i *item) Breached() bool { return i.f.Percent >= 100 }

// targets are the clocks that a message speaks of: those that it was decided for,
// and of a breach every other that was missed in the same second.
func (i *item) targets() []string {
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

// Targets tells that a message speaks of more than one clock.
func (i *item) Targets() bool { return len(i.targets()) > 1 }

// Target is the clock that a warning speaks of; of several "prise en compte et
// contournement".
func (i *item) Target() string {
	var names []string
	for _, t := range i.targets() {
		names = append(names, i.NameOf("target", t))
	}
	return i.all(names)
}

// all joins names as a sentence does: "a, b et c".
func (i *item) all(names []string) string {
	if last := len(names) - 1; last > 0 {
		return i.Say("and", "most", strings.Join(names[:last], ", "), "last", names[last])
	}
	return strings.Join(names, "")
}

// TargetDue is when the warned-of clocks are due: from the running clocks, or
// the sheet's deadline.
func (i *item) TargetDue() string { return i.dues(i.DueAt) }

// TargetBrief is TargetDue for a subject.
func (i *item) TargetBrief() string { return i.dues(i.Brief) }

func (i *item) dues(say func(time.Time) string) string {
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

// DueFor is when the named clock is due; "" when it does not run.
func (i *item) DueFor(target string) string {
	for _, c := range i.f.Clocks {
		if sameTarget(c.Target, target) && c.MetAt.IsZero() && !c.Paused {
			return i.DueAt(c.Due)
		}
	}
	return ""
}

// DueForBrief is DueFor for a subject.
func (i *item) DueForBrief(target string) string {
	for _, c := range i.f.Clocks {
		if sameTarget(c.Target, target) && c.MetAt.IsZero() && !c.Paused {
			return i.Brief(c.Due)
		}
	}
	return ""
}

// sameTarget compares names of targets; resolution may be called resolve.
func sameTarget(a, b string) bool {
	return a == b || a+b == "resolveresolution" || a+b == "resolutionresolve"
}

// NextNews is when a customer hears from us again: the nearest thing that is due.
func (i *item) NextNews() string {
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

func (i *item) dueOf(target string) time.Time {
	for _, c := range i.f.Clocks {
		if sameTarget(c.Target, target) {
			return c.Due
		}
	}
	return i.f.Deadline
}

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

// Clocks are the delays with what became of each.
func (i *item) Clocks() []fact {
	var rows []fact
	for _, c := range i.f.Clocks {
		row := fact{Name: upperFirst(i.NameOf("target", c.Target))}
		switch {
		case !c.MetAt.IsZero() && (c.Late || !c.Due.IsZero() && c.MetAt.After(c.Due)):
			row.Value = i.Say("clock.met_late", "moment", i.Moment(c.MetAt))
		case !c.MetAt.IsZero():
			row.Value = i.Say("clock.met", "moment", i.Moment(c.MetAt))
		case c.Paused:
			row.Value = i.Word("clock.paused")
		case c.Due.IsZero():
			row.Value = i.Word("clock.running")
		case c.Late || c.Due.Before(i.Ref):
			row.Value, row.Strong = i.Say("clock.late", "moment", i.Moment(c.Due)), true
		default:
			row.Value = i.Say("clock.due", "moment", i.Moment(c.Due))
		}
		rows = append(rows, row)
	}
	return rows
}

// Item is what expires: "certificat".
func (i *item) Item() string { return i.NameOf("item", i.f.Item) }

// WarnDays is in how many days it expires, as "7 jours".
func (i *item) WarnDays() string {
	if n, err := strconv.Atoi(i.f.WarnDays); err == nil && n >= 0 {
		return i.Plural("day", n)
	}
	return i.f.WarnDays
}

// Runbook is the runbook's address, when it is one that may be linked.
func (i *item) Runbook() string { return webURL(i.f.RunbookURL) }

// Measurement is the address of the graph behind the alert.
func (i *item) Measurement() string { return webURL(i.f.GeneratorURL) }

// PlatformUp is Platform at the beginning of a sentence; a name keeps its case.
func (i *item) PlatformUp() string {
	if i.IsPlatform() {
		return i.Platform()
	}
	return upperFirst(i.Platform())
}

// Immediate tells that the ten-minute branch is open.
func (i *item) Immediate() bool { return i.hasFlag(rules.FlagImmediate) }

// Unverified tells that somebody whom nobody knows reported, whose words are not
// passed on.
func (i *item) Unverified() bool { return i.f.Unverified }

// UnknownReporter tells that nobody knows who reported.
func (i *item) UnknownReporter() bool { return i.hasFlag(rules.FlagUnknownReporter) }

// FromPerson tells a person's report from a probe's alert.
func (i *item) FromPerson() bool {
	if i.f.Unverified {
		return false
	}
	switch rules.SignalKind(i.f.Entry) {
	case rules.InfraProbe, rules.FunctionalProbe, rules.BackupAlert, rules.CorrelatedSignal:
		return false
	}
	return i.f.Report != "" || i.f.Reporter != "" || i.f.Entry != ""
}

// LostData tells that data were lost.
func (i *item) LostData() bool {
	switch locale.KeyOf(i.f.DataLoss) {
	case "", "none", "unknown":
		return false
	}
	return true
}

// ResolvedWhen is "à 10:07", or "le 10/03 23:58" when that is not today.
func (i *item) ResolvedWhen() string {
	switch {
	case i.f.ResolvedAt.IsZero():
		return ""
	case i.Today(i.f.ResolvedAt):
		return i.Say("at_hour", "clock", i.Clock(i.f.ResolvedAt))
	}
	return i.Say("on_day", "stamp", i.Stamp(i.f.ResolvedAt))
}

// TakeBy is when a person takes a request at the latest.
func (i *item) TakeBy() string {
	if d := i.DueFor("take"); d != "" {
		return d
	}
	return i.DueAt(i.f.Deadline)
}

// ResolutionFacts is what a customer is told at the end.
func (i *item) ResolutionFacts() []fact {
	fs := &facts{t: i.Language}
	fs.add("reference", i.ID())
	fs.add("platform", i.Platform())
	fs.add("problem", i.Alert())
	fs.add("since", i.Started())
	i.ended(fs)
	fs.add("duration", i.Duration())
	fs.add("cause", joinNonEmpty(i.Word("colon"), i.CauseClass(), i.Cause()))
	fs.add("data_loss", i.DataLoss())
	return fs.rows
}

// PlatformTable lists resolved platforms for their customer.
func (v *view) PlatformTable() *table {
	t := &table{Head: v.head("incident", "platform", "problem", "repaired")}
	for _, i := range v.Items {
		repaired := i.Repaired()
		if i.Closed() || i.ByWord() {
			repaired = "" // nobody repaired it
		}
		t.Rows = append(t.Rows, []cell{{Text: i.ID()}, {Text: i.Platform()}, {Text: i.Alert()}, {Text: repaired}})
	}
	return t
}
