package message

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"vigie/receiver/message/locale"
	"vigie/rules"
)

// view is what a template sees: one notification, or several of one bundle. Its
// exported methods, and those of the first item, are the templates' words; each
// returns "" when its fact is not known, so that a sentence can leave it out.
type view struct {
	*item
	Items        []*item
	Organisation string
	Phone        string
	Tag          string // the words in the coloured bar
	Title        string // the subject
	Colour       string // of the bar
	Digest       *digestView
	aliases      map[string]string
	many         bool
	outside      bool // somebody outside the organisation reads it
	acted        bool // each row has its buttons
}

// item is one notification, its texts made safe to show.
type item struct {
	locale.Locale
	n       rules.Notification
	f       *rules.FactSheet
	missed  []string    // the clocks that it speaks of
	contact rules.Party // the customer's person to call or write to; may be nobody
	links   linker
}

func (r *Renderer) newView(ns []rules.Notification, t *locale.Language) *view {
	v := &view{Organisation: r.organisation, Phone: r.phone, aliases: r.aliases}
	for _, n := range ns {
		ref := n.DecidedAt
		if n.HoldUntil.After(ref) {
			ref = n.HoldUntil
		}
		it := &item{n: cleanNotification(n), links: linker{Links: r.links, n: n}}
		it.f = &it.n.Facts
		it.Locale = t.In(it.f.Zone, ref)
		if r.isOutside(it.f.Contact) {
			it.contact = it.f.Contact
		}
		v.add(it)
		v.outside = v.outside || slices.ContainsFunc(n.To, r.isOutside) || slices.ContainsFunc(n.Cc, r.isOutside)
	}
	for _, it := range v.Items {
		it.links.answerOnly = v.outside
	}
	v.item = v.Items[0]
	v.many = len(v.Items) > 1
	return v
}

// add takes in a notification. What is told twice of one incident is one row, as
// it stands now, with the clocks of both; only what people wrote stays apart.
func (v *view) add(it *item) {
	if it.f.Target != "" {
		it.missed = []string{it.f.Target}
	}
	for at, before := range v.Items {
		if !before.sameTale(it) {
			continue
		}
		later := it
		if before.n.DecidedAt.After(it.n.DecidedAt) {
			later = before
		}
		later.missed = before.missed
		for _, name := range it.missed {
			if !slices.Contains(later.missed, name) {
				later.missed = append(slices.Clip(later.missed), name)
			}
		}
		later.f.Percent = max(before.f.Percent, it.f.Percent)
		v.Items[at] = later
		return
	}
	v.Items = append(v.Items, it)
}

// sameTale tells two notifications that differ in nothing that a person wrote.
func (i *item) sameTale(o *item) bool {
	a, b := i.f, o.f
	return i.n.IncidentID != "" && i.n.IncidentID == o.n.IncidentID && i.n.Episode == o.n.Episode &&
		a.Platform == b.Platform && a.Item == b.Item && a.Reason == b.Reason && a.Workaround == b.Workaround && a.Report == b.Report &&
		maps.Equal(a.Call, b.Call) && slices.Equal(a.Refused, b.Refused)
}

// things counts the machines or platforms that the mail speaks of: two roles of
// one server are one machine.
func (v *view) things() int {
	seen := map[[2]string]bool{}
	for _, i := range v.Items {
		seen[[2]string{i.f.Customer, i.Thing()}] = true
	}
	return len(seen)
}

// SameMachine tells that several incidents are all about one machine or platform.
func (v *view) SameMachine() bool { return v.many && v.Thing() != "" && v.things() == 1 }

// Several tells that the mail speaks of several machines or platforms.
func (v *view) Several() bool { return v.many && !v.SameMachine() }

// Erring tells whether the product explains a failure in its own words.
func (v *view) Erring() bool {
	return slices.ContainsFunc(v.Items, func(i *item) bool { return i.f.Error != "" })
}

// Contact is the customer's person to call or write to; empty when unknown.
func (i *item) Contact() rules.Party { return i.contact }

// Closed tells that a person closed the incident without a proof of repair.
func (i *item) Closed() bool { return i.f.State == rules.Closed }

// ByWord tells that a person resolved it while its alert fires on.
func (i *item) ByWord() bool { return i.f.State == rules.Resolved && i.f.StillFires }

// LooksAgain is when what fires on is looked at again.
func (i *item) LooksAgain() string { return i.Moment(i.f.AgainAt) }

// ended adds when it ended; as a repair, and with its length, only what is proven.
func (i *item) ended(fs *facts, style ...func(*fact)) {
	if i.Closed() || i.ByWord() {
		fs.add("ended", i.Moment(i.f.ResolvedAt))
		return
	}
	fs.add("repaired", i.Repaired(), style...)
}

// StillBroken are the other backups, of machines whose own works again, that do
// not: "la sauvegarde locale de SRV-AD". What the same mail says is over is not.
func (v *view) StillBroken() string {
	var names []string
	for _, i := range v.Items {
		over := func(o *item) bool { return o != i && o.f.Customer == i.f.Customer && o.f.Machine == i.f.Machine }
		if i.f.Machine == "" || i.f.Other.State != rules.EvidenceKO || slices.ContainsFunc(v.Items, over) {
			continue
		}
		name := i.Say("the_backup", "backup", lowerFirst(i.OtherName()), "of", i.OfMachine())
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return v.all(names)
}

// AllKnown tells that of each machine whose backup works again the other backup is
// known to work, or not to be there.
func (v *view) AllKnown() bool {
	return !slices.ContainsFunc(v.Items, func(i *item) bool { return i.f.Machine != "" && i.OtherOpen() })
}

// HandedOn tells that the assignment moved from one person to another, and that
// both read about it.
func (i *item) HandedOn() bool { return len(i.n.To) > 1 }

// templateName is the name of the template that a policy calls so.
func (v *view) templateName(id string) string {
	if name, ok := v.aliases[id]; ok {
		return name
	}
	return id
}

// Many tells whether the mail speaks of several incidents.
func (v *view) Many() bool { return v.many }

// Count is how many incidents the mail speaks of.
func (v *view) Count() int { return len(v.Items) }

// Lang is the code of the language.
func (i *item) Lang() string { return i.Code }

// F is the sheet of facts itself, cleaned, for templates of admins.
func (i *item) F() *rules.FactSheet { return i.f }

// Machines is "12 machines", or the number of platforms, of one machine's backups
// or of incidents.
func (v *view) Machines() string {
	switch {
	case v.SameMachine() && v.IsPlatform():
	case v.SameMachine() && !v.outside:
		return v.Plural("backups", len(v.Items))
	case v.IsPlatform():
		return v.Plural("platforms", v.things())
	case v.outside:
		return v.Computers()
	case v.f.Machine != "":
		return v.Plural("machines", v.things())
	}
	return v.Plural("incidents", len(v.Items))
}

// Computers is Machines in the words of a customer.
func (v *view) Computers() string { return v.Plural("computers", v.things()) }

// Names lists the first machines: "SRV-AD, NAS-01 et 10 autres".
func (v *view) Names() string {
	var all []string
	for _, i := range v.Items {
		if name := i.Thing(); name != "" && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return v.few(all, 3)
}

func (i *item) few(all []string, most int) string {
	if len(all) > most {
		return strings.Join(all[:most], ", ") + " " + i.Plural("more", len(all)-most)
	}
	return strings.Join(all, ", ")
}

// IsPlatform tells a hosted platform's incident from a backup's.
func (i *item) IsPlatform() bool { return i.f.Platform != "" || len(i.f.Platforms) > 0 }

// ID is the incident's number as people say it: "#123", "INC-77".
func (i *item) ID() string {
	switch {
	case i.f.Number > 0 && i.IsPlatform():
		return "INC-" + strconv.Itoa(i.f.Number)
	case i.f.Number > 0:
		return "#" + strconv.Itoa(i.f.Number)
	}
	return i.n.IncidentID
}

// Mark is the number in brackets that opens each subject of the incident.
func (i *item) Mark() string {
	if id := i.ID(); id != "" {
		return "[" + unbracket(id) + "]"
	}
	return ""
}

// unbracket keeps a label from looking like the number of another incident.
func unbracket(s string) string { return strings.NewReplacer("[", "(", "]", ")").Replace(s) }

// Customer is the customer's name.
func (i *item) Customer() string {
	if i.f.CustomerName != "" {
		return i.f.CustomerName
	}
	return i.f.Customer
}

// Thing is the machine, the platform or the item that the message is about.
func (i *item) Thing() string {
	switch {
	case i.f.Machine != "":
		return i.f.Machine
	case i.f.Platform != "":
		return i.f.Platform
	case len(i.f.Platforms) > 0:
		return i.few(i.f.Platforms, 2)
	}
	return i.f.Item
}

// Machine is the protected machine's name.
func (i *item) Machine() string { return i.f.Machine }

// Platform is the platform's name, or "a platform".
func (i *item) Platform() string {
	if len(i.f.Platforms) > 1 {
		return i.few(i.f.Platforms, 4)
	}
	if p := i.f.Platform; p != "" {
		return p
	}
	return i.Word("a_platform")
}

// OfMachine is "du serveur SRV-AD", "of server SRV-AD".
func (i *item) OfMachine() string { return i.Say("of."+i.class(), "name", i.f.Machine) }

// TheMachine is "le serveur SRV-AD", "server SRV-AD".
func (i *item) TheMachine() string { return i.Say("the."+i.class(), "name", i.f.Machine) }

func (i *item) class() string {
	if i.f.Machine == "" && i.f.MachineClass == "" {
		return "none"
	}
	if i.Has("of." + locale.KeyOf(i.f.MachineClass)) {
		return locale.KeyOf(i.f.MachineClass)
	}
	return "other"
}

// Workstation tells a user's own computer from what the company shares.
func (i *item) Workstation() bool { return i.class() == "workstation" }

// Engine is the backup product: "Acronis".
func (i *item) Engine() string { return i.NameOf("engine", i.f.Engine) }

// kind is what is wrong, as a key: the sheet's kind, or offline.
func (i *item) kind() string {
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
func (i *item) Offline() bool { return i.f.Offline && i.Workstation() }

// Nth is "2ᵉ nuit": the how-manieth failure in a row; "" for the first.
func (i *item) Nth() string { return i.Night(i.f.Failures, i.f.Days, i.f.StartedAt) }

// Fact is what is wrong, for a subject: "sauvegarde Acronis en échec (2ᵉ nuit)".
func (i *item) Fact() string {
	if i.IsPlatform() || i.f.Machine == "" && i.f.Alertname != "" {
		return i.Alert()
	}
	s := i.Say("fact."+i.kind(), "engine", i.Engine())
	if n := i.Nth(); n != "" && i.kind() != "offline" {
		s += " (" + n + ")"
	}
	return s
}

// Fact is the bundle's common fact, in the plural.
func (v *view) Fact() string {
	if !v.many {
		return v.item.Fact()
	}
	for _, i := range v.Items[1:] {
		if i.kind() != v.kind() || i.Engine() != v.Engine() {
			return v.Word("fact.many")
		}
	}
	return v.Say("fact."+v.kind(), "engine", v.Engine())
}

// Sentence is what is wrong: "La sauvegarde Acronis du serveur SRV-AD a échoué
// (2ᵉ nuit)", without the full stop.
func (i *item) Sentence() string {
	s := i.Say("sentence."+i.kind(), "engine", i.Engine(), "of", i.OfMachine())
	if n := i.Nth(); n != "" && i.kind() != "offline" {
		s = i.Say("sentence.nth", "sentence", s, "nth", n)
	}
	return s
}

// Sentence of a bundle counts the machines.
func (v *view) Sentence() string {
	if !v.many {
		return v.item.Sentence()
	}
	if v.SameMachine() {
		return v.Say("sentence.same", "of", v.OfMachine())
	}
	return v.Say("sentence.many", "machines", v.Machines())
}

// Plans names the failing plans.
func (i *item) Plans() string {
	var all []string
	for _, p := range i.f.Plans {
		if p.Plan != "" && !slices.Contains(all, p.Plan) {
			all = append(all, p.Plan)
		}
	}
	return i.few(all, 5)
}

// Plan is the first failing plan, in the quotation marks of the language.
func (i *item) Plan() string {
	if p := i.Plans(); p != "" {
		return i.Word("quote.open") + p + i.Word("quote.close")
	}
	return ""
}

// LastSuccess is the last good backup with its age; "" when not known.
func (i *item) LastSuccess() string { return i.MomentAgo(i.f.LastSuccess) }

// SinceDate is the day since which nothing is protected.
func (i *item) SinceDate() string { return i.Date(i.unprotectedSince()) }

func (i *item) unprotectedSince() time.Time {
	for _, t := range []time.Time{i.f.LastSuccess, i.f.StartedAt, i.f.OpenedAt} {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// Days is "11 jours", the whole days without a backup; "" for none.
func (i *item) Days() string {
	if i.f.Days <= 0 {
		return ""
	}
	return i.Plural("day", i.f.Days)
}

// Failures is "2 échecs de suite"; "" when not counted.
func (i *item) Failures() string {
	if i.f.Failures <= 0 {
		return ""
	}
	return i.Plural("failures", i.f.Failures)
}

// Error is the product's own message; "" when there is none.
func (i *item) Error() string { return i.f.Error }

// Due is the day's deadline: "18:00", or with its day when it is not today.
func (i *item) Due() string { return i.DueAt(i.f.Deadline) }

// DueTag is "À TRAITER AVANT 18:00".
func (i *item) DueTag() string {
	if i.f.Deadline.IsZero() {
		return i.Word("due_tag_none")
	}
	return i.Say("due_tag", "time", i.Brief(i.f.Deadline))
}

// DueBrief is the deadline for a subject.
func (i *item) DueBrief() string { return i.Brief(i.f.Deadline) }

// ByDue is "aujourd'hui avant 18:00", "avant mardi 11 mars à 18:00" or "dans la
// journée", to end a sentence.
func (i *item) ByDue() string {
	switch {
	case i.f.Deadline.IsZero():
		return i.Word("by_none")
	case i.Today(i.f.Deadline):
		return i.Say("by_today", "time", i.Due())
	}
	return i.Say("by_later", "time", i.Due())
}

// LateStart tells that the failure came late and its deadline stands.
func (i *item) LateStart() bool { return i.f.LateStart }

// NextStep is when the account manager will be told by itself; "" when that
// is past.
func (i *item) NextStep() string {
	if !i.f.NextStepAt.After(i.n.DecidedAt) {
		return ""
	}
	return i.DueAt(i.f.NextStepAt)
}

// AM is the account manager's name, or "le gestionnaire du compte".
func (i *item) AM() string { return i.person(i.f.AccountManager, "account_manager") }

// Lead is the backup lead's name, or the role's words.
func (i *item) Lead() string { return i.person(i.f.BackupLead, "backup_lead") }

// Queue is the trace queue's name, or the role's words.
func (i *item) Queue() string { return i.person(i.f.TraceQueue, "trace_queue") }

// Who is the person on it; "" for nobody.
func (i *item) Who() string { return i.f.Assignee }

// AssignedBy is who assigned it; "" when it was the person's own choice.
func (i *item) AssignedBy() string {
	if i.f.AssignedBy == i.f.Assignee {
		return ""
	}
	return i.f.AssignedBy
}

// Actor is who did what this message follows from.
func (i *item) Actor() string { return i.f.Actor }

func (i *item) person(name, role string) string {
	if name != "" {
		return name
	}
	return i.Word("the_role." + role)
}

// Automatic tells that no person asked for this message.
func (i *item) Automatic() bool { return i.f.Automatic }

// Reason is a person's words.
func (i *item) Reason() string { return i.f.Reason }

// Expected is the promised day: "mercredi 12 mars".
func (i *item) Expected() string { return i.dateText(i.f.ExpectedDate) }

// ExpectedBrief is the promised day for a subject: "12/03", "12 March".
func (i *item) ExpectedBrief() string {
	if t, ok := i.parseDate(i.f.ExpectedDate); ok {
		return i.StampDay(t)
	}
	return i.f.ExpectedDate
}

// dateText shows a date that came as text, or the text when it is not one.
func (i *item) dateText(s string) string {
	if t, ok := i.parseDate(s); ok {
		return i.LongDay(t)
	}
	return s
}

func (i *item) parseDate(s string) (time.Time, bool) {
	if t, err := time.ParseInLocation(time.DateOnly, s, i.Zone); err == nil {
		return t, true
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.In(i.Zone), true
	}
	return time.Time{}, false
}

// Seen is when the machine was last online.
func (i *item) Seen() string { return i.MomentAgo(i.f.AgentLastSeen) }

// SeenLong is the day of Seen, in a sentence.
func (i *item) SeenLong() string { return i.LongDay(i.f.AgentLastSeen) }

// NextRun is when the next backup is due, unless that is past.
func (i *item) NextRun() string {
	if !i.f.NextRun.After(i.Ref) {
		return ""
	}
	return i.Moment(i.f.NextRun)
}

// NextRunLong is NextRun in a sentence: "mardi 11 mars à 12:30".
func (i *item) NextRunLong() string {
	if !i.f.NextRun.After(i.Ref) {
		return ""
	}
	return i.LongMoment(i.f.NextRun)
}

// CallBefore is the day on which we phone when no answer came.
func (i *item) CallBefore() string { return i.LongDay(i.f.CallBefore) }

// SilenceBy is who silenced the alert.
func (i *item) SilenceBy() string { return i.f.SilenceBy }

// SilenceUntil is when that silence ends or ended.
func (i *item) SilenceUntil() string { return i.DueAt(i.f.SilenceUntil) }

// repairedAt is the instant of the repair: of a backup the end of the success that
// proves it, which is earlier than the alert's end.
func (i *item) repairedAt() time.Time {
	if i.f.Machine == "" || i.Closed() || i.ByWord() {
		return i.f.ResolvedAt
	}
	var newest time.Time
	for _, p := range i.f.Plans {
		if p.State == rules.EvidenceOK && p.LastSuccess.After(newest) {
			newest = p.LastSuccess
		}
	}
	if newest.After(i.f.StartedAt) && newest.Before(i.f.ResolvedAt) {
		return newest
	}
	return i.f.ResolvedAt
}

// Repaired is the instant of the repair.
func (i *item) Repaired() string { return i.Moment(i.repairedAt()) }

// RepairedLong is Repaired in a sentence.
func (i *item) RepairedLong() string { return i.LongMoment(i.repairedAt()) }

// RepairedBrief is Repaired for a subject: "10/03 14:32".
func (i *item) RepairedBrief() string { return i.Stamp(i.repairedAt()) }

// Size is the size of the proving backup.
func (i *item) Size() string { return i.Bytes(i.f.SizeBytes) }

// Duration is how long the failure lasted.
func (i *item) Duration() string {
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

// Double tells that the machine has no working backup at all.
func (i *item) Double() bool {
	return i.hasFlag(rules.FlagDoubleFailure) || i.f.Other.State == rules.EvidenceKO || i.f.Other.State == rules.EvidenceNone
}

func (i *item) hasFlag(f rules.Flag) bool { return slices.Contains(i.f.Flags, f) }

// State is where the incident stands, in words.
func (i *item) State() string { return i.NameOf("state", string(i.f.State)) }

// Outside tells whether somebody outside the organisation reads this message.
func (v *view) Outside() bool { return v.outside }

// outsideRole tells by the name of a party's role whether the party is a
// customer's. A name that nobody knows counts as outside: plain words harm no
// technician, jargon, error texts and links to act do harm with a customer.
func outsideRole(p rules.Party) bool {
	switch locale.KeyOf(p.Role) {
	case "supervisor", "account_manager", "trace_queue", "backup_lead", "assignee", "author",
		"admin", "admins", "operator", "operators", "next_operator", "level3", "level_3",
		"service_lead", "service_manager", "report_reader", "duty", "on_call", "deputy",
		"previous_assignee", "silence_authors", "told", "told_in_copy":
		return false
	}
	return true
}
