package message

import (
	"slices"
	"strconv"
	"time"

	"vigie/receiver/message/locale"
)

// failure is what is wrong with it, since when and how often.
type failure struct {
	*sheet
	subject
}

// kind is what is wrong, as a key: the sheet's kind, or offline.
func (i failure) kind() string {
	k := locale.KeyOf(i.f.Kind)
	if k == "" {
		k = "failed"
	}
	if i.Offline() && (k == "missed" || k == "failed") {
		return "offline"
	}
	if !i.Has("fact."+k) || k == "platform" || k == "many" {
		return "other"
	}
	return k
}

// Offline tells whether the machine was out of reach at its backup time. Of what
// runs day and night a missed backup does not say so.
func (i failure) Offline() bool { return i.f.Offline && i.Workstation() }

// Nth is "2ᵉ nuit": the how-manieth failure in a row; "" for the first.
func (i failure) Nth() string { return i.Night(i.f.Failures, i.f.Days, i.f.StartedAt) }

// Fact is what is wrong, for a subject: "sauvegarde Acronis en échec (2ᵉ nuit)".
func (i failure) Fact() string {
	if i.IsPlatform() || !i.isBackup() && i.f.Alertname != "" {
		return i.Alert()
	}
	s := i.Say("fact."+i.kind(), "backup", i.Noun(), "engine", i.Made())
	if n := i.Nth(); n != "" && i.kind() != "offline" {
		s += " (" + n + ")"
	}
	return s
}

// Sentence is what is wrong: "La sauvegarde Acronis du serveur SRV-AD a échoué
// (2ᵉ nuit)", without the full stop.
func (i failure) Sentence() string {
	s := i.Say("sentence."+i.kind(), "backup", i.Noun(), "engine", i.Made(), "of", i.OfMachine())
	if n := i.Nth(); n != "" && i.kind() != "offline" {
		s = i.Say("sentence.nth", "sentence", s, "nth", n)
	}
	return s
}

// Plans names the failing plans; one that is called like its product says nothing more.
func (i failure) Plans() string {
	var all []string
	for _, p := range i.f.Plans {
		if p.Plan != "" && locale.KeyOf(p.Plan) != locale.KeyOf(i.f.Engine) && !slices.Contains(all, p.Plan) {
			all = append(all, p.Plan)
		}
	}
	return i.few(all, 5)
}

// Plan is the first failing plan, in the quotation marks of the language.
func (i failure) Plan() string {
	if p := i.Plans(); p != "" {
		return i.Word("quote.open") + p + i.Word("quote.close")
	}
	return ""
}

// LastSuccess is the last good backup with its age; "" when not known.
func (i failure) LastSuccess() string { return i.MomentAgo(i.f.LastSuccess) }

// SinceDate is the day since which nothing is protected.
func (i failure) SinceDate() string { return i.Date(i.unprotectedSince()) }

// unprotectedSince is zero for what was never backed up.
func (i failure) unprotectedSince() time.Time {
	if i.kind() == "never_ran" {
		return i.f.LastSuccess
	}
	for _, t := range []time.Time{i.f.LastSuccess, i.f.StartedAt, i.f.OpenedAt} {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// Days is "11 jours", the days without a backup; "" for none, and before one is over.
func (i failure) Days() string {
	if since := i.unprotectedSince(); i.f.Days <= 0 || since.IsZero() || i.Ref.Sub(since) < 24*time.Hour {
		return ""
	}
	return i.Plural("day", i.f.Days)
}

// Failures is "2 échecs de suite"; "" when not counted.
func (i failure) Failures() string {
	if i.f.Failures <= 0 {
		return ""
	}
	return i.Plural("failures", i.f.Failures)
}

// Error is the product's own message; "" when there is none.
func (i failure) Error() string { return i.f.Error }

// Seen is when the machine was last online.
func (i failure) Seen() string { return i.MomentAgo(i.f.AgentLastSeen) }

// SeenLong is the day of Seen, in a sentence.
func (i failure) SeenLong() string { return i.LongDay(i.f.AgentLastSeen) }

// NextRun is when the next backup is due, unless that is past.
func (i failure) NextRun() string {
	if !i.f.NextRun.After(i.Ref) {
		return ""
	}
	return i.Moment(i.f.NextRun)
}

// NextRunLong is NextRun in a sentence: "mardi 11 mars à 12:30".
func (i failure) NextRunLong() string {
	if !i.f.NextRun.After(i.Ref) {
		return ""
	}
	return i.LongMoment(i.f.NextRun)
}

func (i failure) problem() string {
	if i.kind() == "other" && i.f.Kind != "" {
		return i.NameOf("kind", i.f.Kind)
	}
	return i.Word("kind." + i.kind())
}

// Problem is what is wrong, as a noun: "échec".
func (i failure) Problem() string { return i.problem() }

// problemNth is the problem with its count: "échec (2ᵉ nuit)".
func (i failure) problemNth() string {
	if n := i.Nth(); n != "" && i.kind() != "offline" {
		return i.problem() + " (" + n + ")"
	}
	return i.problem()
}

func (i failure) daysWithout() string {
	if i.Days() == "" {
		return ""
	}
	return i.Say("days.without", "days", i.Days())
}

// PlainCause is the cause in a customer's words.
func (i failure) PlainCause() string {
	switch {
	case i.Offline():
		return i.Word("plain.offline")
	case i.Reached():
		return i.Word("plain.error")
	}
	return i.Word("plain.unseen")
}

// Reached tells that the machine could be reached, as a run of its backup shows. What
// did not run, never ends or is gone says nothing of that.
func (i failure) Reached() bool {
	return !i.Offline() && slices.Contains([]string{"failed", "cancelled", "corrupted", "suspicious"}, i.kind())
}

// Since is how long the failure has lasted: "45 min".
func (i failure) Since() string {
	if i.f.StartedAt.IsZero() || i.Ref.Sub(i.f.StartedAt) < time.Minute {
		return "" // it is only just known
	}
	return i.Span(i.Ref.Sub(i.f.StartedAt))
}

// Started is when the failure began.
func (i failure) Started() string { return i.Moment(i.f.StartedAt) }

// Alert is what is wrong with a platform: "cron arrêté".
func (i failure) Alert() string {
	if i.f.Alertname == "" {
		if i.f.Report != "" || i.f.Reporter != "" {
			return i.Word("platform.unknown")
		}
		return i.Word("fact.platform")
	}
	return i.Trouble(i.f.Alertname, i.f.Parts)
}

// AlertOwnUp is AlertOwn at the beginning of a sentence.
func (i failure) AlertOwnUp() string { return upperFirst(i.AlertOwn()) }

// alertNamed is what is wrong in words, with the alert's own name.
func (i failure) alertNamed() string {
	if words := i.AlertOwn(); i.f.Alertname != "" && words != i.f.Alertname {
		return words + " (" + i.f.Alertname + ")"
	}
	return i.f.Alertname
}

// foreign tells an alert for which there are no words here: what its author wrote
// is all that is known.
func (i failure) foreign() bool {
	name := i.f.Alertname
	return name != "" && !i.Has("alert."+name) && !i.Has("alert."+locale.KeyOf(name))
}

// AlertOwn is what is wrong, of anything that is no machine's backup.
func (i failure) AlertOwn() string {
	if i.f.Alertname == "" {
		return i.Word("alert.unnamed")
	}
	return i.NameOf("alert", i.f.Alertname)
}

// WarnDays is in how many days it expires, as "7 jours": those of which the alert
// warns, or what is left when the mail comes later, as over a holiday.
func (i failure) WarnDays() string {
	n, err := strconv.Atoi(i.f.WarnDays)
	if err != nil || n < 0 {
		return i.f.WarnDays
	}
	ends, now := i.f.ExpiresAt.In(i.Zone), i.Ref
	if i.f.ExpiresAt.IsZero() || !ends.After(now) {
		return i.Plural("day", n)
	}
	day := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC) }
	switch left := int(day(ends).Sub(day(now)).Hours() / 24); {
	case left < 1 && n > 0:
		return i.Span(ends.Sub(now))
	case left < n:
		return i.Plural("day", left)
	}
	return i.Plural("day", n)
}

// ErrorFacts is the error that many machines share.
func (i failure) ErrorFacts() []fact {
	fs := &facts{t: i.Language}
	fs.add("engine", i.Source())
	fs.add("since", i.Moment(i.f.StartedAt))
	fs.add("error", i.f.Error, code)
	return fs.rows
}
