package message

import (
	"slices"
	"time"

	"vigie/receiver/message/locale"
	"vigie/rules/model"
)

// ending is how it ended, or where it stands.
type ending struct {
	*sheet
	subject
	failure
	report
}

// State is where the incident stands, in words.
func (i ending) State() string { return i.NameOf("state", string(i.f.State)) }

// Closed tells that a person closed the incident without a proof of repair.
func (i ending) Closed() bool { return i.f.State == model.Closed }

// ByWord tells that a person resolved it while its alert fires on.
func (i ending) ByWord() bool { return i.f.State == model.Resolved && i.f.StillFires }

// StillFires tells that a person ended it and its alert fires on.
func (i ending) StillFires() bool { return i.f.StillFires }

// LooksAgain is when what fires on is looked at again.
func (i ending) LooksAgain() string { return i.Moment(i.f.AgainAt) }

// ended adds when it ended; as a repair, and with its length, only what is proven.
func (i ending) ended(fs *facts, style ...func(*fact)) {
	if i.Closed() || i.ByWord() {
		fs.add("ended", i.Moment(i.f.ResolvedAt))
		return
	}
	fs.add("repaired", i.Repaired(), style...)
}

// repairedAt is the instant of the repair: of a backup the end of the success that
// proves it, which is earlier than the alert's end; than its beginning, too, when a
// machine that was away tells late.
func (i ending) repairedAt() time.Time {
	if !i.isBackup() || i.Closed() || i.ByWord() {
		return i.f.ResolvedAt
	}
	var newest time.Time
	for _, p := range i.f.Plans {
		if p.State == model.EvidenceOK && p.LastSuccess.After(newest) {
			newest = p.LastSuccess
		}
	}
	if newest.IsZero() || newest.After(i.f.ResolvedAt) {
		return i.f.ResolvedAt
	}
	return newest
}

// Repaired is the instant of the repair.
func (i ending) Repaired() string { return i.Moment(i.repairedAt()) }

// RepairedLong is Repaired in a sentence.
func (i ending) RepairedLong() string { return i.LongMoment(i.repairedAt()) }

// RepairedBrief is Repaired for a subject: "10/03 14:32".
func (i ending) RepairedBrief() string { return i.Stamp(i.repairedAt()) }

// ReopensUntil is until when the same incident goes on if it fails again.
func (i ending) ReopensUntil() string { return i.DueAt(i.f.ReopensUntil) }

// EndedThing is what is over, of anything that is no machine's backup: "Santé de
// la supervision – courriels bloqués".
func (i ending) EndedThing() string {
	what := ""
	switch {
	case model.SignalKind(i.f.Entry) == model.CorrelatedSignal:
	case i.Engine() != "" || slices.Contains([]string{"source_down", "exporter_absent", "blind"}, i.f.Kind):
		what = i.Source()
	case i.f.Alertname != "":
		what = joinNonEmpty(", ", i.AlertOwn(), i.Where())
	}
	return joinNonEmpty(" – ", i.Scenario(), what)
}

// ResolvedWhen is "à 10:07", or "le 10/03 23:58" when that is not today.
func (i ending) ResolvedWhen() string {
	switch {
	case i.f.ResolvedAt.IsZero():
		return ""
	case i.Today(i.f.ResolvedAt):
		return i.Say("at_hour", "clock", i.Clock(i.f.ResolvedAt))
	}
	return i.Say("on_day", "stamp", i.Stamp(i.f.ResolvedAt))
}

// Size is the size of the proving backup.
func (i ending) Size() string { return i.Bytes(i.f.SizeBytes) }

// Duration is how long the failure lasted.
func (i ending) Duration() string {
	if i.Closed() || i.ByWord() {
		return ""
	}
	from := i.f.StartedAt
	if from.IsZero() {
		from = i.f.OpenedAt
	}
	if from.IsZero() || !i.repairedAt().After(from) {
		return ""
	}
	return i.Span(i.repairedAt().Sub(from))
}

// DataLoss is the answer about lost data, in words.
func (i ending) DataLoss() string { return i.NameOf("data_loss", i.f.DataLoss) }

// IntegrityOwed tells that somebody must still say whether data were lost.
func (i ending) IntegrityOwed() bool { return i.f.IntegrityOwed }

// LossOpen tells that nobody knows yet whether data were lost, LostData that they were.
func (i ending) LossOpen() bool { return locale.KeyOf(i.f.DataLoss) == "unknown" }

func (i ending) LostData() bool {
	return i.f.DataLoss != "" && locale.KeyOf(i.f.DataLoss) != "none" && !i.LossOpen()
}

// Proof is what shows that the backup works again.
func (i ending) Proof() []fact {
	fs := &facts{t: i.Language}
	fs.add("customer", i.Customer())
	fs.add("machine", i.machineFact())
	fs.add("backup", i.backup())
	fs.add("plan", i.Plans())
	i.ended(fs, strong)
	fs.add("size", i.Size())
	fs.add("duration", i.Duration())
	fs.add("cause", i.Cause())
	fs.add("assignee", i.f.Assignee)
	return fs.rows
}

// ResolutionFacts is what a customer is told at the end.
func (i ending) ResolutionFacts() []fact {
	fs := &facts{t: i.Language}
	fs.add("reference", i.ID())
	fs.add("platform", i.Platform())
	fs.add("problem", i.Alert())
	fs.add("since", i.Started())
	i.ended(fs)
	fs.add("duration", i.Duration())
	fs.add("cause", joinNonEmpty(i.Word("colon"), i.CauseClass(), i.likelyCause()))
	fs.add("data_loss", i.DataLoss())
	return fs.rows
}
