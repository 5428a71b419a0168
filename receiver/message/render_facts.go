package message

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"vigie/receiver/message/locale"
	"vigie/rules"
)

// fact is one row of the block of facts.
type fact struct {
	Name   string
	Value  string
	URL    string
	Strong bool
	Code   bool // a product's own words
}

// facts gathers rows and leaves out those without a value.
type facts struct {
	t    *locale.Language
	rows []fact
}

func (fs *facts) add(key, value string, marks ...func(*fact)) {
	if value == "" {
		return
	}
	row := fact{Name: fs.t.Word("fact_name." + key), Value: value}
	for _, m := range marks {
		m(&row)
	}
	fs.rows = append(fs.rows, row)
}

func strong(f *fact) { f.Strong = true }
func code(f *fact)   { f.Code = true }

// Facts is the block of facts for staff (F1 to F11); a bundle has a table
// instead.
func (v *view) Facts() []fact {
	if v.many {
		return nil
	}
	if v.IsPlatform() {
		rows := v.platformFacts()
		if v.outside { // a customer in copy has no use for our own pages
			rows = slices.DeleteFunc(rows, func(f fact) bool { return f.URL != "" })
		}
		return rows
	}
	return v.backupFacts()
}

func (i *item) backupFacts() []fact {
	fs := &facts{t: i.Language}
	fs.add("customer", i.Customer())
	fs.add("machine", i.machineFact())
	fs.add("backup", i.backup())
	key := "plan"
	if len(i.f.Plans) > 1 {
		key = "plans"
	}
	fs.add(key, i.Plans())
	if i.f.Machine != "" {
		fs.add("problem", i.problem())
	}
	if i.f.Machine == "" {
		fs.add("alert", i.alertNamed())
		fs.add("severity", i.Severity())
		fs.add("item", i.f.Item)
	}
	fs.add("since", i.Moment(i.f.StartedAt))
	last := i.LastSuccess()
	if last == "" && i.f.Machine != "" {
		last = i.Word("unknown")
		if i.kind() == "never_ran" {
			last = i.Word("never")
		}
	}
	fs.add("last_success", last)
	if i.f.Machine != "" {
		fs.add("failures", joinNonEmpty(", ", i.Failures(), i.daysWithout()))
	}
	fs.add("error", i.f.Error, code)
	if i.f.Machine != "" {
		fs.add("last_seen", i.Seen())
	}
	fs.add("next_run", i.NextRun())
	fs.add("assignee", i.f.Assignee)
	fs.add("deadline", joinNonEmpty(", ", i.DueShort(i.f.Deadline), i.lateNote()), strong)
	if i.f.Machine == "" {
		fs.add("runbook", i.Runbook(), linked)
		fs.add("source", i.Measurement(), linked)
	}
	return fs.rows
}

func (i *item) daysWithout() string {
	if i.Days() == "" {
		return ""
	}
	return i.Say("days.without", "days", i.Days())
}

func (i *item) lateNote() string {
	if i.f.LateStart {
		return i.Word("late_start")
	}
	return ""
}

func (i *item) machineFact() string {
	if i.f.Machine == "" || i.f.MachineClass == "" {
		return i.f.Machine
	}
	return i.f.Machine + " (" + i.NameOf("class", i.f.MachineClass) + ")"
}

func (i *item) backup() string {
	return joinNonEmpty(", ", i.Engine(), i.NameOf("backup_role", i.f.BackupRole))
}

func (i *item) problem() string {
	if i.kind() == "other" && i.f.Kind != "" {
		return i.NameOf("kind", i.f.Kind)
	}
	return i.Word("kind." + i.kind())
}

func (i *item) platformFacts() []fact {
	fs := &facts{t: i.Language}
	if len(i.f.Platforms) > 1 {
		fs.add("platforms", strings.Join(i.f.Platforms, ", "))
	} else {
		fs.add("platform", i.Platform())
	}
	fs.add("customer", i.Customer())
	fs.add("problem", i.Alert())
	fs.add("since", i.Started())
	fs.add("received", i.Moment(i.f.ReceivedAt))
	fs.add("entry", i.Entry())
	fs.add("reporter", i.f.Reporter)
	severity := i.Severity()
	if severity != "" && i.f.Provisional {
		severity += " (" + i.Word("fact_name.provisional") + ")"
	}
	fs.add("severity", severity, strong)
	fs.add("scope", i.Scope())
	if i.f.Level > 0 {
		fs.add("level", strconv.Itoa(i.f.Level))
	}
	fs.add("cause", i.Cause())
	fs.add("guarantee", i.Guarantee())
	fs.add("error", i.f.Error, code)
	fs.add("assignee", i.f.Assignee)
	fs.rows = append(fs.rows, i.Clocks()...)
	fs.add("runbook", i.Runbook(), linked)
	fs.add("source", i.Measurement(), linked)
	return fs.rows
}

func linked(f *fact) { f.URL = f.Value }

// CustomerFacts are those facts that a platform's customer reads.
func (i *item) CustomerFacts() []fact {
	fs := &facts{t: i.Language}
	fs.add("reference", i.ID())
	fs.add("platform", i.Platform())
	fs.add("received", i.Moment(i.f.ReceivedAt))
	fs.add("entry", i.Entry())
	severity := i.Severity()
	if severity != "" && i.f.Provisional {
		severity += " (" + i.Word("fact_name.provisional") + ")"
	}
	fs.add("severity", severity)
	fs.add("scope", i.Scope())
	fs.add("cause", i.Cause())
	fs.add("guarantee", i.Guarantee())
	return fs.rows
}

// OtherName is what the machine's other backup is called: "Sauvegarde locale".
func (i *item) OtherName() string {
	if w := i.Word("other_role." + locale.KeyOf(i.f.Other.Role)); w != "" && i.f.Other.Role != i.f.BackupRole {
		return w
	}
	if w := i.Word("other." + locale.KeyOf(i.f.BackupRole)); w != "" {
		return w
	}
	return i.Word("other.")
}

// OtherState is "OK", "EN ÉCHEC", "AUCUNE" or "INCONNUE – à vérifier avant 18:00".
func (i *item) OtherState() string {
	s := i.NameOf("evidence", string(i.f.Other.State))
	if s == "" || i.f.Other.State == rules.EvidenceUnknown {
		s = i.Word("evidence.unknown") + " – " + i.Word("evidence.check")
		if due := i.Due(); due != "" {
			s = i.Word("evidence.unknown") + " – " + i.Say("evidence.check_by", "time", due)
		}
	}
	return s
}

// OtherGood, OtherBad and OtherOpen say what is known of the other backup.
func (i *item) OtherGood() bool { return i.f.Other.State.Functional() }

// OtherBad tells that it is known not to work, or not to exist.
func (i *item) OtherBad() bool {
	return i.f.Other.State == rules.EvidenceKO || i.f.Other.State == rules.EvidenceNone
}

// OtherNone tells that the machine has no other backup at all.
func (i *item) OtherNone() bool { return i.f.Other.State == rules.EvidenceNone }

// OtherOpen tells that nobody knows.
func (i *item) OtherOpen() bool { return !i.OtherGood() && !i.OtherBad() }

// OtherVerdict is "Une autre sauvegarde fonctionne" or its contrary.
func (i *item) OtherVerdict() string {
	switch {
	case i.OtherGood():
		return i.Word("other.confirmed")
	case i.OtherBad():
		return i.Word("other.absent")
	}
	return i.Word("other.open")
}

// OtherProof is what its state rests on.
func (i *item) OtherProof() string {
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
	case e.State == rules.EvidenceNone:
		parts = append(parts, i.Word("proof.none"))
	case e.Error != "":
		parts = append(parts, i.Say("proof.error", "error", i.own(e.Error)))
	case i.OtherOpen() && e.By == "":
		parts = append(parts, i.Word("proof.unknown"))
	}
	if !e.AskedAt.IsZero() && e.By == "" {
		key := "proof.asked"
		if i.Today(e.AskedAt) {
			key = "proof.asked_today"
		}
		parts = append(parts, i.Say(key, "moment", i.DueAt(e.AskedAt)))
	}
	return joinNonEmpty(", ", parts...)
}

// own says in the reader's language what Vigie itself says of evidence; the words
// of others stay as they are.
func (i *item) own(text string) string {
	if key := "evidence_says." + locale.KeyOf(text); i.Has(key) {
		return i.Word(key)
	}
	return text
}

// planLine is one backup of the table of a machine without any.
type planLine struct {
	Title string
	Facts []fact
}

// Backups are all known backups of the machine, the failing and the other.
func (i *item) Backups() []planLine {
	var lines []planLine
	for _, p := range i.f.Plans {
		lines = append(lines, i.planLine(p, i.f.Engine, i.f.BackupRole))
	}
	if len(lines) == 0 && i.f.Machine != "" {
		lines = append(lines, i.planLine(rules.PlanRow{Kind: i.f.Kind, LastSuccess: i.f.LastSuccess,
			Failures: i.f.Failures, Error: i.f.Error}, i.f.Engine, i.f.BackupRole))
	}
	for _, p := range i.f.OtherTexts {
		if p.LastSuccess.IsZero() && (p.Plan == i.f.Other.Plan || len(i.f.OtherTexts) == 1) {
			p.LastSuccess = i.f.Other.LastSuccess
		}
		lines = append(lines, i.planLine(p, i.f.Other.Engine, i.f.Other.Role))
	}
	if e := i.f.Other; len(i.f.OtherTexts) == 0 && (e.Engine != "" || e.Plan != "") {
		lines = append(lines, i.planLine(rules.PlanRow{Plan: e.Plan, State: e.State, LastSuccess: e.LastSuccess},
			e.Engine, e.Role))
	}
	return lines
}

func (i *item) planLine(p rules.PlanRow, engine, role string) planLine {
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
func (i *item) Restorable() string {
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

// moment of a timeline.
type happening struct {
	When, What, Who, Text string
}

// History is what happened so far, oldest first.
func (v *view) History() []happening {
	if v.many {
		return nil
	}
	var all []happening
	for _, h := range v.f.History {
		what := v.NameOf("what", h.What)
		switch locale.KeyOf(h.What) {
		case "state":
			all = append(all, happening{v.Moment(h.At), what, h.Who, v.NameOf("state", h.Text)})
			continue
		case "mail", "told":
			if w := v.Word("mail." + v.templateName(h.Text)); w != "" {
				all = append(all, happening{v.Moment(h.At), w, h.Who, ""})
				continue
			}
		}
		all = append(all, happening{v.Moment(h.At), what, h.Who, h.Text})
	}
	return all
}

// Done is what the person who did the last such act wrote: of "resolve", what
// was done; of "qualify", why.
func (i *item) Done(verb string) string {
	for _, h := range slices.Backward(i.f.History) {
		if locale.KeyOf(h.What) == verb {
			return h.Text
		}
	}
	return ""
}

// Attempts are the parts of the history that people did.
func (v *view) Attempts() []happening {
	var all []happening
	if v.many {
		return nil
	}
	for _, h := range v.f.History {
		switch locale.KeyOf(h.What) {
		case "attempt", "note", "taken", "take", "call", "assign", "assigned", "check_other", "silence", "silenced":
			all = append(all, happening{v.Moment(h.At), v.NameOf("what", h.What), h.Who, h.Text})
		}
	}
	return all
}

// ContactFacts is whom to phone.
func (i *item) ContactFacts() []fact {
	fs := &facts{t: i.Language}
	fs.add("contact", i.contact.Name)
	fs.add("phone", i.contact.Phone, strong)
	fs.add("mail", i.contact.Address)
	fs.add("customer", i.Customer())
	fs.add("machine", i.machineFact())
	fs.add("last_success", i.LastSuccess())
	fs.add("days", i.Days())
	fs.add("problem", i.PlainCause())
	if i.Offline() {
		fs.add("last_seen", i.Seen())
	}
	return fs.rows
}

// ContactName is whom to phone or write to, or "l'utilisateur".
func (i *item) ContactName() string { return i.person(i.contact.Name, "contact") }

// ContactPhone is the number to dial.
func (i *item) ContactPhone() string { return i.contact.Phone }

// PlainCause is the cause in a customer's words.
func (i *item) PlainCause() string {
	if i.Offline() {
		return i.Word("plain.offline")
	}
	return i.Word("plain.error")
}

// CallFacts is the written summary of a phone call.
func (i *item) CallFacts() []fact {
	fs := &facts{t: i.Language}
	c := i.f.Call
	when := c["at"]
	if t, err := time.Parse(time.RFC3339, when); err == nil {
		when = i.Moment(t)
	}
	if when == "" {
		when = i.Moment(i.n.DecidedAt)
	}
	fs.add("called", when)
	fs.add("who", joinNonEmpty(", ", c["person"]))
	fs.add("outcome", i.NameOf("outcome", c["outcome"]))
	fs.add("agreed", c["agreed"])
	fs.add("next", i.dateText(c["next_date"]))
	return fs.rows
}

// CallDay is the day of the call, for a subject.
func (i *item) CallDay() string {
	if t, err := time.Parse(time.RFC3339, i.f.Call["at"]); err == nil {
		return i.Date(t)
	}
	return i.Date(i.n.DecidedAt)
}

// CallReached tells whether somebody answered.
func (i *item) CallReached() bool {
	o := locale.KeyOf(i.f.Call["outcome"])
	return o == "reached" || o == "refused"
}

// CallFailed tells that this message follows a call that reached nobody, rather
// than one that was not made.
func (i *item) CallFailed() bool {
	if len(i.f.Call) == 0 || i.CallReached() {
		return false
	}
	called, err := time.Parse(time.RFC3339, i.f.Call["at"])
	return err != nil || i.n.DecidedAt.Sub(called) < 24*time.Hour
}

// Answered tells that the customer has answered, and Written that we wrote.
func (i *item) Answered() bool { return i.happened("answer") }

func (i *item) Written() bool {
	return slices.ContainsFunc(i.f.History, func(h rules.HistoryLine) bool {
		return h.Text == "B4" || h.Text == "computer-not-backed-up"
	})
}

func (i *item) happened(what string) bool {
	return slices.ContainsFunc(i.f.History, func(h rules.HistoryLine) bool { return locale.KeyOf(h.What) == what })
}

// CallOutcome is how the call ended, in words.
func (i *item) CallOutcome() string { return i.NameOf("outcome", i.f.Call["outcome"]) }

// CallNote is what was agreed.
func (i *item) CallNote() string { return i.f.Call["agreed"] }

// CallNext is the agreed day.
func (i *item) CallNext() string { return i.dateText(i.f.Call["next_date"]) }

// Proof is what shows that the backup works again.
func (i *item) Proof() []fact {
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

// Affected lists what a common failure hits.
func (v *view) Affected() []string {
	if len(v.f.Affected) > 0 {
		return v.f.Affected
	}
	if !v.many {
		return nil
	}
	var all []string
	for _, i := range v.Items {
		all = append(all, joinNonEmpty(" – ", i.Customer(), i.Thing()))
	}
	return all
}

// AffectedCount is "30 machines".
func (v *view) AffectedCount() string {
	n := len(v.Affected())
	if n == 0 {
		return ""
	}
	return v.Plural("machines", n)
}

// Again is why somebody is told once more: "", "promise" or "failing".
func (i *item) Again() string { return i.f.Again }

// RefusedWhat is what was refused: "" an address, "message" or "trouble".
func (i *item) RefusedWhat() string { return i.f.RefusedWhat }

// Refused lists the addresses whose mail was refused.
func (i *item) Refused() string { return i.few(i.f.Refused, 5) }

// Footer says to staff why they get this message and which step it is.
func (v *view) Footer() []string {
	if v.Outside() {
		return nil
	}
	var lines []string
	if to := v.n.To; len(to) == 1 {
		if role := v.Word("role." + locale.KeyOf(to[0].Role)); role != "" {
			lines = append(lines, v.Say("you_are", "role", role))
		}
	} else if names := partyNames(to); names != "" {
		lines = append(lines, v.Say("one_of_you", "names", names))
	}
	if cc := partyNames(v.n.Cc); cc != "" {
		lines = append(lines, v.Say("in_copy", "names", cc))
	}
	step := v.f.PolicyStep
	if step == "" {
		step = v.n.Step
	}
	scenario := v.title()
	if step != "" && scenario != "" {
		lines = append(lines, v.Say("step", "step", v.n.Template+" ("+step+")",
			"scenario", v.Word("quote.open")+scenario+v.Word("quote.close")))
	}
	return lines
}

func partyNames(ps []rules.Party) string {
	var names []string
	for _, p := range ps {
		name := p.Name
		if name == "" {
			name = p.Address
		}
		if name != "" {
			names = append(names, name)
		}
		if len(names) == 10 {
			names = append(names, "…")
			break
		}
	}
	return strings.Join(names, ", ")
}

func joinNonEmpty(sep string, parts ...string) string {
	var some []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			some = append(some, p)
		}
	}
	return strings.Join(some, sep)
}

func upperFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[n:]
}

func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToLower(r)) + s[n:]
}

// Heading is what the mail is about: "Dupont – SRV-AD".
func (v *view) Heading() string {
	if v.Outside() {
		return ""
	}
	if !v.many {
		return joinNonEmpty(" – ", v.Customer(), v.Thing())
	}
	for _, i := range v.Items {
		if i.Customer() != v.Customer() {
			return v.Names()
		}
	}
	return joinNonEmpty(" – ", v.Customer(), v.Names())
}

// DueToday tells whether the deadline is today, or not known.
func (i *item) DueToday() bool { return i.f.Deadline.IsZero() || i.Today(i.f.Deadline) }

// Decided is when the message was decided on.
func (i *item) Decided() string { return i.DueAt(i.n.DecidedAt) }

// TheMachineUp is TheMachine at the beginning of a sentence.
func (i *item) TheMachineUp() string { return upperFirst(i.TheMachine()) }

// Problem is what is wrong, as a noun: "échec".
func (i *item) Problem() string { return i.problem() }

// NoBackupFact is what fails on a machine without any backup, for a subject.
func (i *item) NoBackupFact() string {
	own := i.Engine()
	if own == "" {
		own = i.NameOf("backup_role", i.f.BackupRole)
	}
	if i.f.Other.State == rules.EvidenceNone {
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

// Computer is "votre ordinateur PC-LEA", or "l'ordinateur PC-LEA" for somebody
// who looks after the company's computers.
func (i *item) Computer() string {
	if !i.Workstation() && i.f.MachineClass != "" {
		return i.TheMachine()
	}
	return i.Say("computer."+i.whose(), "name", i.f.Machine)
}

// OfComputer is Computer after "la sauvegarde".
func (i *item) OfComputer() string {
	if !i.Workstation() && i.f.MachineClass != "" {
		return i.OfMachine()
	}
	return i.Say("of_computer."+i.whose(), "name", i.f.Machine)
}

func (i *item) whose() string {
	for _, p := range append(slices.Clone(i.n.To), i.contact) {
		if role := locale.KeyOf(p.Role); role == "it" || strings.HasPrefix(role, "it_") {
			return "one"
		}
	}
	return "yours"
}

// Since is how long the failure has lasted: "45 min".
func (i *item) Since() string {
	if i.f.StartedAt.IsZero() || i.Ref.Sub(i.f.StartedAt) < time.Minute {
		return "" // it is only just known
	}
	return i.Span(i.Ref.Sub(i.f.StartedAt))
}

// Source is what cannot be read any more, of a monitoring that is blind.
func (i *item) Source() string {
	if i.f.Alertname == watchdogMissing {
		return ""
	}
	for _, p := range i.f.Plans {
		if name, is := strings.CutPrefix(p.Source, "alertmanager/"); is {
			return i.Say("source.alertmanager", "name", name)
		}
	}
	if i.f.Exporter != "" {
		return i.Say("source.exporter", "name", i.f.Exporter)
	}
	if e := i.Engine(); e != "" {
		return e
	}
	return cmp.Or(i.source(), i.f.Item)
}

// SourceUp is Source at the beginning of a sentence.
func (i *item) SourceUp() string { return upperFirst(i.Source()) }

// Unheard tells that the chain before Vigie is silent, rather than one source.
func (i *item) Unheard() bool {
	return i.f.Alertname == watchdogMissing || strings.HasPrefix(i.source(), "alertmanager/")
}

// watchdogMissing is the alert that says that Prometheus gives no sign of life:
// nothing at all is read, and Vigie is not what is not read.
const watchdogMissing = "VigieMonitoringBlind"

// source is the source that the alerts name.
func (i *item) source() string {
	for _, p := range i.f.Plans {
		if p.Source != "" {
			return p.Source
		}
	}
	return ""
}

// Where is what an alert is about that concerns no machine's backup: the item, the
// store or the disk, and the source that tells of it.
func (i *item) Where() string {
	what := i.Item()
	if what == "" {
		what = i.f.Exporter
	}
	return joinNonEmpty(", ", what, i.source())
}

// alertNamed is what is wrong in words, with the alert's own name.
func (i *item) alertNamed() string {
	if words := i.AlertOwn(); i.f.Alertname != "" && words != i.f.Alertname {
		return words + " (" + i.f.Alertname + ")"
	}
	return i.f.Alertname
}

// EndedThing is what is over, of anything that is no machine's backup: "Santé de
// la supervision – courriels bloqués".
func (i *item) EndedThing() string {
	what := ""
	switch {
	case rules.SignalKind(i.f.Entry) == rules.CorrelatedSignal:
	case i.Engine() != "" || slices.Contains([]string{"source_down", "exporter_absent", "blind"}, i.f.Kind):
		what = i.Source()
	case i.f.Alertname != "":
		what = joinNonEmpty(", ", i.AlertOwn(), i.Where())
	}
	return joinNonEmpty(" – ", i.Scenario(), what)
}

// AlertOwnUp is AlertOwn at the beginning of a sentence.
func (i *item) AlertOwnUp() string { return upperFirst(i.AlertOwn()) }

// Expires is the day on which what is warned of ends, with its hour.
func (i *item) Expires() string { return i.Moment(i.f.ExpiresAt) }

// AnswerDue is until when an answer is asked for.
func (i *item) AnswerDue() string { return i.DueAt(i.f.AnswerBy) }

// ReopensUntil is until when the same incident goes on if it fails again.
func (i *item) ReopensUntil() string { return i.DueAt(i.f.ReopensUntil) }

// CallDue tells that what is to be done is a phone call.
func (i *item) CallDue() bool { return i.f.State == rules.CallDue }

// Local tells a local backup from a primary one.
func (i *item) Local() bool { return locale.KeyOf(i.f.BackupRole) == "local" }

// Scenario is the scenario's title.
func (i *item) Scenario() string { return i.title() }

// title is the scenario's title in the reader's language.
func (i *item) title() string {
	if t := i.f.ScenarioTitle; len(t) > 0 {
		return t.In(i.Code)
	}
	if i.f.ScenarioText != "" {
		return i.f.ScenarioText
	}
	return strings.ReplaceAll(i.f.Scenario, "_", " ")
}

// DueStamp is the missed deadline for a subject: always with its day.
func (i *item) DueStamp() string { return i.Stamp(i.f.Deadline) }

// ComputerUp is Computer at the beginning of a sentence.
func (i *item) ComputerUp() string { return upperFirst(i.Computer()) }

// ErrorFacts is the error that many machines share.
func (i *item) ErrorFacts() []fact {
	fs := &facts{t: i.Language}
	fs.add("engine", i.Source())
	fs.add("since", i.Moment(i.f.StartedAt))
	fs.add("error", i.f.Error, code)
	return fs.rows
}
