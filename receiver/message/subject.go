package message

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"vigie/receiver/message/locale"
	"vigie/rules/incident"
)

// subject is what a message is about: whose machine or platform.
type subject struct{ *sheet }

// IsPlatform tells a hosted platform's incident from a backup's.
func (i subject) IsPlatform() bool { return i.f.Platform != "" || len(i.f.Platforms) > 0 }

// ID is the incident's number as people say it: "#123", "INC-77".
func (i subject) ID() string {
	switch {
	case i.f.Number > 0 && i.IsPlatform():
		return "INC-" + strconv.Itoa(i.f.Number)
	case i.f.Number > 0:
		return "#" + strconv.Itoa(i.f.Number)
	}
	return i.n.IncidentID
}

// Mark is the number in brackets that opens each subject of the incident.
func (i subject) Mark() string {
	if id := i.ID(); id != "" {
		return "[" + unbracket(id) + "]"
	}
	return ""
}

// SeveralPlatforms tells a failure that hits more platforms than one.
func (i subject) SeveralPlatforms() bool { return len(i.f.Platforms) > 1 }

// PlatformCount is "3 plates-formes"; "" where one is hit.
func (i subject) PlatformCount() string {
	if !i.SeveralPlatforms() {
		return ""
	}
	return i.Plural("platforms", len(i.f.Platforms))
}

// Customer is the customer's name; "" where several platforms are hit.
func (i subject) Customer() string {
	if i.SeveralPlatforms() {
		return ""
	}
	if i.f.CustomerName != "" {
		return i.f.CustomerName
	}
	return i.f.Customer
}

// Thing is the machine, the platform or the item that the message is about.
func (i subject) Thing() string {
	switch {
	case i.f.Machine != "":
		return i.f.Machine
	case i.SeveralPlatforms():
		return i.few(i.f.Platforms, 3)
	case i.f.Platform != "":
		return i.f.Platform
	case len(i.f.Platforms) > 0:
		return i.f.Platforms[0]
	}
	return i.f.Item
}

// nameOf puts names in the place of the platforms' ids.
func nameOf(f *incident.MessageData, l locale.Locale) {
	name := func(id *string) { *id = l.PlatformName(cmp.Or(f.PlatformNames[*id], *id)) }
	name(&f.Platform)
	f.Platforms = slices.Clone(f.Platforms)
	for n := range f.Platforms {
		name(&f.Platforms[n])
	}
	f.Unavailability = slices.Clone(f.Unavailability)
	for n := range f.Unavailability {
		name(&f.Unavailability[n].Platform)
	}
}

// Whose is the customer's name, unless the thing's says it: "Moodle Académie A".
func (i subject) Whose() string {
	if c := i.Customer(); !strings.Contains(i.Thing(), c) {
		return c
	}
	return ""
}

// isBackup tells a machine's backup from whatever else an alert says of a machine: of
// that there is no run, no last success and no other backup.
func (i subject) isBackup() bool {
	return i.f.Machine != "" && (i.f.Alertname == "" || i.f.BackupRole != "" || slices.ContainsFunc(i.f.Plans, func(p incident.PlanRow) bool { return p.Role != "" }))
}

// Noun is what ran, in a sentence: "sauvegarde", or "copie" where it is no backup.
func (i subject) Noun() string {
	if i.Copy() {
		return i.Word("noun." + i.f.BackupRole)
	}
	return i.Word("noun.backup")
}

// Copy tells the role of what saves no machine: a copy, a replica, an archive.
func (i subject) Copy() bool { return i.Has("noun." + i.f.BackupRole) }

// OnMachine tells an alert about a machine that does not say whether it is its backup.
func (i subject) OnMachine() bool { return i.f.Machine != "" && !i.isBackup() }

// Machine is the protected machine's name.
func (i subject) Machine() string { return i.f.Machine }

// Platform is the platform's name, or "a platform".
func (i subject) Platform() string {
	if i.SeveralPlatforms() {
		return i.few(i.f.Platforms, 4)
	}
	if p := i.f.Platform; p != "" {
		return p
	}
	return i.Word("a_platform")
}

// PlatformUp is Platform at the beginning of a sentence; a name keeps its case.
func (i subject) PlatformUp() string {
	if i.IsPlatform() {
		return i.Platform()
	}
	return upperFirst(i.Platform())
}

// OfMachine is "du serveur SRV-AD", "of server SRV-AD".
func (i subject) OfMachine() string { return i.Say("of."+i.class(), "name", i.f.Machine) }

// TheMachine is "le serveur SRV-AD", "server SRV-AD".
func (i subject) TheMachine() string { return i.Say("the."+i.class(), "name", i.f.Machine) }

// TheMachineUp is TheMachine at the beginning of a sentence.
func (i subject) TheMachineUp() string { return upperFirst(i.TheMachine()) }

func (i subject) class() string {
	if i.f.Machine == "" && i.f.MachineClass == "" {
		return "none"
	}
	if i.Has("of." + locale.KeyOf(i.f.MachineClass)) {
		return locale.KeyOf(i.f.MachineClass)
	}
	return "other"
}

// Workstation tells a user's own computer from what the company shares.
func (i subject) Workstation() bool { return i.class() == "workstation" }

// Engine is the backup product: "Acronis".
func (i subject) Engine() string { return i.NameOf("engine", i.f.Engine) }

// Made is the product as it stands beside the word backup: "La sauvegarde Windows
// Server du serveur", not "La sauvegarde Sauvegarde Windows Server"; "" for a
// product without a name.
func (i subject) Made() string {
	engine := locale.KeyOf(i.f.Engine)
	switch {
	case engine == "other":
		return ""
	case i.Has("made_by." + engine):
		return i.Word("made_by." + engine)
	}
	return i.Engine()
}

func (i subject) machineFact() string {
	if i.f.Machine == "" || i.f.MachineClass == "" {
		return i.f.Machine
	}
	return i.f.Machine + " (" + i.NameOf("class", i.f.MachineClass) + ")"
}

func (i subject) backup() string {
	return joinNonEmpty(", ", i.Engine(), i.NameOf("backup_role", i.f.BackupRole))
}

// Local tells a local backup from a primary one.
func (i subject) Local() bool { return locale.KeyOf(i.f.BackupRole) == "local" }

// Item is what expires: "certificat".
func (i subject) Item() string { return i.NameOf("item", i.f.Item) }

// Source is what cannot be read any more, of a monitoring that is blind.
func (i subject) Source() string {
	if i.f.Alertname == watchdogMissing {
		return ""
	}
	if name, is := strings.CutPrefix(i.source(), "alertmanager/"); is {
		return i.Say("source.alertmanager", "name", name)
	}
	if i.f.Exporter != "" && !(i.f.Kind == "source_down" && i.source() != "") { // it tells of its source
		return i.Say("source.exporter", "name", i.f.Exporter)
	}
	return cmp.Or(i.Engine(), i.source(), i.f.Item)
}

// SourceUp is Source at the beginning of a sentence.
func (i subject) SourceUp() string { return upperFirst(i.Source()) }

// Unheard tells that the chain before Vigie is silent, rather than one source.
func (i subject) Unheard() bool {
	return i.f.Alertname == watchdogMissing || strings.HasPrefix(i.source(), "alertmanager/")
}

// watchdogMissing is the alert that says that Prometheus gives no sign of life:
// nothing at all is read, and Vigie is not what is not read.
const watchdogMissing = "VigieMonitoringBlind"

// source is the source that the alerts name.
func (i subject) source() string {
	for _, p := range i.f.Plans {
		if p.Source != "" {
			return p.Source
		}
	}
	return ""
}

// Where is what an alert is about that concerns no machine's backup: the item, the
// store or the disk, and the source that tells of it.
func (i subject) Where() string {
	return joinNonEmpty(", ", cmp.Or(i.NameOf("item", i.f.Item), i.f.Exporter), i.source())
}

// Contact is the customer's person to call or write to; empty when unknown.
func (i subject) Contact() incident.Party { return i.contact }
