package message

import (
	"cmp"
	"slices"

	"vigie/receiver/message/locale"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// evidence is what is known of the machine's other backup, and of all of them.
type evidence struct {
	*sheet
	subject
	clocks
}

// OtherName is what the machine's other backup is called: "Sauvegarde locale".
func (i evidence) OtherName() string {
	if w := i.Word("other_role." + locale.KeyOf(i.f.Other.Role)); w != "" && i.f.Other.Role != i.f.BackupRole {
		return w
	}
	return cmp.Or(i.Word("other."+locale.KeyOf(i.f.BackupRole)), i.Word("other."))
}

// OtherNameLow is OtherName inside a sentence: "sauvegarde locale".
func (i evidence) OtherNameLow() string { return lowerFirst(i.OtherName()) }

// OtherState is "OK", "EN ÉCHEC", "AUCUNE" or "INCONNUE – à vérifier avant 18:00".
func (i evidence) OtherState() string {
	s := i.NameOf("evidence", string(i.f.Other.State))
	if s == "" || i.f.Other.State == model.EvidenceUnknown {
		s = i.Word("evidence.unknown") + " – " + i.Word("evidence.check")
		if due := i.DueAhead(); due != "" {
			s = i.Word("evidence.unknown") + " – " + i.Say("evidence.check_by", "time", due)
		}
	}
	return s
}

// OtherGood, OtherBad and OtherOpen say what is known of the other backup.
func (i evidence) OtherGood() bool { return i.f.Other.State.Functional() }

// OtherBad tells that it is known not to work, or not to exist.
func (i evidence) OtherBad() bool {
	return i.f.Other.State == model.EvidenceKO || i.f.Other.State == model.EvidenceNone
}

// OtherNone tells that the machine has no other backup at all.
func (i evidence) OtherNone() bool { return i.f.Other.State == model.EvidenceNone }

// OtherUnknown tells that there is another backup whose state could not be read.
func (i evidence) OtherUnknown() bool { return i.f.Other.State == model.EvidenceUnknown }

// OtherOpen tells that nobody knows.
func (i evidence) OtherOpen() bool { return !i.OtherGood() && !i.OtherBad() }

// OtherVerdict is "Une autre sauvegarde fonctionne" or its contrary.
func (i evidence) OtherVerdict() string {
	switch {
	case i.OtherGood():
		return i.Word("other.confirmed")
	case i.OtherBad():
		return i.Word("other.absent")
	}
	return i.Word("other.open")
}

// OtherProof is what its state rests on.
func (i evidence) OtherProof() string {
	e := i.f.Other
	var parts []string
	if e.By != "" {
		parts = append(parts, i.Say("proof.by", "who", e.By), e.Note)
	}
	parts = append(parts, i.NameOf("engine", e.Engine))
	if e.Plan != "" {
		parts = append(parts, i.Word("quote.open")+e.Plan+i.Word("quote.close"))
	}
	if !e.LastSuccess.IsZero() {
		parts = append(parts, i.Say("proof.success", "moment", i.MomentAgo(e.LastSuccess)))
	}
	switch {
	case e.State == model.EvidenceNone:
		parts = append(parts, i.Word("proof.none"))
	case e.Error != "":
		parts = append(parts, i.Say("proof.error", "error", i.own(e.Error)))
	case i.OtherOpen() && e.By == "":
		parts = append(parts, i.Word("proof.unknown"))
	}
	if !e.AskedAt.IsZero() {
		key := "proof.asked"
		if i.Today(e.AskedAt) {
			key = "proof.asked_today"
		}
		parts = append(parts, i.Say(key, "moment", i.DueAt(e.AskedAt)))
	}
	return joinNonEmpty(", ", parts...)
}

func (i evidence) otherBrief() string {
	if i.Copy() {
		return "" // nobody asks for it
	}
	return cmp.Or(i.NameOf("evidence", string(i.f.Other.State)), i.Word("evidence.unknown"))
}

// doubled says of an incident of the overview that nothing of its machine works.
func (i evidence) doubled() string {
	if !i.hasFlag(model.FlagDoubleFailure) {
		return ""
	}
	return i.Word("digest.double")
}

// Double tells that the machine has no working backup at all.
func (i evidence) Double() bool {
	return i.hasFlag(model.FlagDoubleFailure) || i.f.Other.State == model.EvidenceKO || i.f.Other.State == model.EvidenceNone
}

// Backups are all known backups of the machine, the failing and the other.
func (i evidence) Backups() []planLine {
	var lines []planLine
	for _, p := range i.f.Plans {
		lines = append(lines, i.planLine(p, i.f.Engine, i.f.BackupRole))
	}
	if len(lines) == 0 && i.isBackup() {
		lines = append(lines, i.planLine(incident.PlanRow{Kind: i.f.Kind, LastSuccess: i.f.LastSuccess,
			Failures: i.f.Failures, Error: i.f.Error}, i.f.Engine, i.f.BackupRole))
	}
	for _, p := range i.f.OtherTexts {
		if p.LastSuccess.IsZero() && (p.Plan == i.f.Other.Plan || len(i.f.OtherTexts) == 1) {
			p.LastSuccess = i.f.Other.LastSuccess
		}
		lines = append(lines, i.planLine(p, i.f.Other.Engine, i.f.Other.Role))
	}
	if e := i.f.Other; len(i.f.OtherTexts) == 0 && (e.Engine != "" || e.Plan != "") {
		lines = append(lines, i.planLine(incident.PlanRow{Plan: e.Plan, State: e.State, LastSuccess: e.LastSuccess},
			e.Engine, e.Role))
	}
	return lines
}

// planLine is one backup of the table of a machine without any.
type planLine struct {
	Title string
	Facts []fact
}

func (i evidence) planLine(p incident.PlanRow, engine, role string) planLine {
	if p.Engine != "" {
		engine = p.Engine
	}
	if p.Role != "" {
		role = p.Role
	}
	fs := &facts{t: i.Language}
	if p.Kind != "" {
		fs.add("problem", i.NameOf("kind", p.Kind))
	} else if p.State != "" {
		fs.add("state", i.NameOf("evidence", string(p.State)))
	}
	last := i.MomentAgo(p.LastSuccess)
	if last == "" {
		last = i.Word("unknown")
	}
	fs.add("last_success", last)
	if p.Failures > 0 {
		fs.add("failures", i.Plural("failures", p.Failures))
	}
	fs.add("error", p.Error, code)
	name := i.Word("other_role." + locale.KeyOf(role))
	if name == "" {
		name = i.Word("fact_name.backup")
	}
	plan := ""
	if p.Plan != "" {
		plan = i.Word("quote.open") + p.Plan + i.Word("quote.close")
	}
	return planLine{Title: joinNonEmpty(" – ", name, joinNonEmpty(" ", i.NameOf("engine", engine), plan)), Facts: fs.rows}
}

// Restorable is the newest backup of all that one could restore.
func (i evidence) Restorable() string {
	newest := i.f.LastSuccess
	if i.f.Other.LastSuccess.After(newest) {
		newest = i.f.Other.LastSuccess
	}
	for _, p := range append(slices.Clone(i.f.Plans), i.f.OtherTexts...) {
		if p.LastSuccess.After(newest) {
			newest = p.LastSuccess
		}
	}
	return i.MomentAgo(newest)
}

// NoBackupFact is what fails on a machine without any backup, for a subject.
func (i evidence) NoBackupFact() string {
	own := i.Engine()
	if own == "" {
		own = i.NameOf("backup_role", i.f.BackupRole)
	}
	if i.f.Other.State == model.EvidenceNone {
		return upperFirst(i.Say("fact.only", "own", own))
	}
	other := i.NameOf("engine", i.f.Other.Engine)
	if other == "" {
		other = i.Word("fact.the_other." + locale.KeyOf(i.f.BackupRole))
	}
	if own == "" || other == "" {
		return i.Word("fact.neither")
	}
	return upperFirst(i.Say("fact.both", "own", own, "other", other))
}

// NoOther tells that the scenario does not look at the machine's other backup.
func (i evidence) NoOther() bool { return i.f.NoOther }

// Ungated tells that an end does not wait for the state of the other backup.
func (i evidence) Ungated() bool { return i.f.Ungated }
