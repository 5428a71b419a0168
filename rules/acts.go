package rules

import (
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/rules/act"
	"vigie/rules/calendar"
)

// acted carries out an act of a person, or refuses it with the reason.
func (d *decider) acted(a Act) {
	a, do := d.admit(a)
	if d.out.Refusal != nil {
		return
	}
	d.act = &a
	do(d, a)
	if d.out.Refusal != nil {
		return
	}
	fields := a.Fields.Clone()
	d.inc.Acts = append(d.inc.Acts, ActRecord{At: d.now, Verb: a.Verb, By: a.By, Episode: d.inc.Episode, Fields: fields, Link: a.Link})
	if len(d.inc.Acts) > maxActs {
		d.inc.Acts = d.inc.Acts[len(d.inc.Acts)-maxActs:]
	}
	d.raise("act:"+a.Verb, d.now)
	d.newOccurrence("act:" + a.Verb)
	d.out.Journal = append(d.out.Journal, Entry{At: d.now, Kind: "act", What: a.Verb, Actor: a.By,
		Reason: d.act.summary(), Personal: strings.TrimSpace(a.Fields["note"] + " " + a.Fields["text"])})
	d.out.Touches = true
}

// admit reports what carries out an act, with the act put straight; it refuses
// what this person may not do, or what cannot be done now.
func (d *decider) admit(a Act) (Act, func(*decider, Act)) {
	row, known := act.Of(a.Verb)
	do := doing()[a.Verb]
	if !known || do == nil {
		d.refuse(422, "%s", unknown("act", a.Verb, verbs))
		return a, nil
	}
	if a.By == "" {
		d.refuse(422, "by is missing: say who acts")
		return a, nil
	}
	if p := d.book.Directory.Person(a.By); p != nil {
		a.By = p.ID
	}
	for _, name := range slices.Sorted(maps.Keys(a.Fields)) {
		if _, has := row.Field(name); !has {
			d.refuse(422, "%s", row.Unknown(name))
			return a, nil
		}
	}
	a.Fields = a.Fields.Clone() // what is put straight later must not reach the caller's map
	if a.Link != "" {
		for _, done := range d.inc.Acts {
			if done.Link == a.Link {
				d.refuse(410, "this link was used at %s by %s: %s", done.At.In(d.p.Zone).Format("2006-01-02 15:04"), done.By, done.Verb)
				return a, nil
			}
		}
	}
	if d.book.outsider(a.By) && !row.May(act.Customer) {
		d.refuse(403, "%s belongs to the customer and may only answer", a.By)
		return a, nil
	}
	if d.inc.State.Ended() && !row.Ended {
		d.refuse(409, "the incident is %s: reopen it first", d.inc.State)
		return a, nil
	}
	if slices.Contains(row.Not, string(d.inc.State)) {
		d.refuse(409, "the incident is %s already", d.inc.State)
		return a, nil
	}
	if row.Platform && d.s.Immediate == nil {
		d.refuse(409, "%s belongs to platform incidents; this one follows scenario %s", a.Verb, d.s.Name)
		return a, nil
	}
	if slices.Contains(d.s.Gate, a.Verb) && d.gated(a) {
		d.refuse(422, "confirm another functional backup first: check_other with result ok or ko")
		return a, nil
	}
	for _, f := range row.Fields {
		if f.Required && f.Missing != "" && a.Fields[f.Name] == "" {
			d.refuse(422, "%s is missing: %s", f.Name, f.Missing)
			return a, nil
		}
	}
	return a, do
}

// maxActs bounds what one incident remembers; the journal keeps all.
const maxActs = 200

// gated tells whether the answer about the other backup is still missing. A
// forecast "today" needs none.
func (d *decider) gated(a Act) bool {
	if a.Verb == "forecast" && yes(a.Fields["today"]) {
		return false
	}
	st, _ := d.other()
	return st == EvidenceUnknown
}

func (a Act) summary() string {
	var parts []string
	for _, k := range []string{"reason", "today", "expected_date", "result", "until", "outcome", "person", "next_date",
		"severity", "cause", "scope", "data_loss", "to", "silence"} {
		if v := a.Fields[k]; v != "" {
			parts = append(parts, k+"="+v)
		}
	}
	if a.Via != "" {
		parts = append(parts, a.Via)
	}
	return strings.Join(parts, ", ")
}

// yes reads a truth value as people and YAML write it.
func yes(text string) bool {
	switch strings.ToLower(text) {
	case "yes", "true", "oui", "on", "1":
		return true
	}
	return false
}

func no(text string) bool {
	switch strings.ToLower(text) {
	case "no", "false", "non", "off", "0":
		return true
	}
	return false
}

// doing is what carries out each act of the table.
func doing() map[string]func(*decider, Act) {
	return map[string]func(*decider, Act){
		"take": (*decider).actTake, "assign": (*decider).actAssign, "note": (*decider).actNote,
		"attempt": (*decider).actAttempt, "forecast": (*decider).actForecast, "escalate": (*decider).actEscalate,
		"answer": (*decider).actAnswer, "call": (*decider).actCall, "check_other": (*decider).actCheckOther,
		"immediate": (*decider).actImmediate, "qualify": (*decider).actQualify, "workaround": (*decider).actWorkaround,
		"cascade": (*decider).actCascade, "promote": (*decider).actPromote, "merge": (*decider).actMerge,
		"restore": (*decider).actRestore, "restore_verified": (*decider).actRestoreVerified, "pause": (*decider).actPause,
		"resume": (*decider).actResume, "resolve": (*decider).actResolve, "close": (*decider).actClose,
		"reopen": (*decider).actReopen, "decommission": (*decider).actDecommission, "rebase": (*decider).actRebase,
		"waive": (*decider).actWaive, VerbSilence: (*decider).actSilence,
	}
}

func (d *decider) actTake(a Act) {
	if d.inc.Assignee != "" && d.inc.Assignee != a.By && !a.Force && !yes(a.Fields["force"]) {
		d.refuse(409, "%s has it already: take it over explicitly with force", d.inc.Assignee)
		return
	}
	if d.inc.Assignee == a.By && !d.inc.TakenAt.IsZero() {
		d.refuse(409, "%s has it already", a.By)
		return
	}
	d.own(a.By)
}

// own makes a person the assignee who works on it.
func (d *decider) own(person string) {
	d.hands(person)
	d.inc.TakenAt = d.now
	if d.inc.State == Open || d.inc.State == Taken {
		d.state(Taken, "taken by "+person)
	}
}

// hands moves the incident to another person and remembers who had it.
func (d *decider) hands(to string) {
	d.inc.Progress.PreviousAssignee = ""
	if from := d.inc.Assignee; from != "" && from != to {
		d.inc.Progress.PreviousAssignee = from
		d.note("note", "reassigned", d.actor(), "from "+from+" to "+to)
	}
	d.inc.Assignee = to
}

// works counts any act of work as taking: somebody is on it.
func (d *decider) works(a Act) {
	if d.inc.TakenAt.IsZero() {
		d.inc.TakenAt = d.now
	}
	if d.inc.Assignee == "" {
		d.inc.Assignee = a.By
	}
	if d.inc.State == Open {
		d.state(Taken, a.By+" works on it")
	}
}

func (d *decider) actAssign(a Act) {
	to := a.Fields["to"]
	p := d.book.Directory.Person(to)
	if p == nil {
		d.refuse(422, "to names nobody in the inventory: %q", to)
		return
	}
	d.hands(p.ID)
	d.inc.TakenAt = time.Time{}
	if p.ID == a.By {
		d.inc.TakenAt = d.now
	}
	if d.inc.State == Open {
		d.state(Taken, "assigned to "+p.ID+" by "+a.By)
	}
	d.raise("assigned", d.now)
}

func (d *decider) actNote(a Act) {
	if a.Fields["note"] == "" && a.Fields["text"] == "" {
		d.refuse(422, "note is missing: say what you found")
	}
}

func (d *decider) actAttempt(a Act) { d.works(a) }

func (d *decider) actForecast(a Act) {
	switch {
	case yes(a.Fields["today"]):
		a.Fields["today"] = "yes"
	case no(a.Fields["today"]):
		a.Fields["today"] = "no"
	default:
		d.refuse(422, "today %q is neither yes nor no", a.Fields["today"])
		return
	}
	d.inc.Progress.Reason, d.inc.Progress.ExpectedDate = a.Fields["reason"], a.Fields["expected_date"]
}

func (d *decider) actEscalate(a Act) {
	d.inc.Progress.Reason = a.Fields["reason"]
}

// actAnswer is the customer's word: no phone call, the incident waits for the
// promised date (S1.21).
func (d *decider) actAnswer(a Act) {
	until, ok := d.date(a, "until")
	if !ok {
		return
	}
	d.waitUntil(until)
	d.state(Waiting, "the customer answered")
}

// date reads an optional date or instant of an act.
func (d *decider) date(a Act, field string) (time.Time, bool) {
	text := a.Fields[field]
	if text == "" {
		return time.Time{}, true
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		date, err := calendar.ParseDate(text)
		if err != nil {
			d.refuse(422, "%s %q is not a date: write 2026-03-20 or 2026-03-20T10:00:00+01:00", field, text)
			return time.Time{}, false
		}
		at = d.calendar(d.s.Calendar).At(date, d.followUpClock())
	}
	if !at.After(d.now) {
		d.refuse(422, "%s %s lies in the past: name an instant to come", field, at.Format(time.RFC3339))
		return time.Time{}, false
	}
	return at, true
}

func (d *decider) followUpClock() calendar.Clock {
	if d.s.Calls != nil {
		return d.s.Calls.Clock
	}
	return 9 * 3600
}

// waitUntil sets the end of a wait, moved to the hour of a service day; with
// no date it is the policy's follow-up.
func (d *decider) waitUntil(at time.Time) {
	cal := d.calendar(d.s.Calendar)
	if at.IsZero() {
		days := 7
		if d.s.Calls != nil {
			days = d.s.Calls.FollowUp
		}
		at = cal.At(cal.Date(d.now).AddDays(days), d.followUpClock())
	}
	if date, err := cal.BusinessDayOnOrAfter(cal.Date(at)); err == nil && date != cal.Date(at) {
		at = cal.At(date, d.followUpClock())
	}
	if moved, absent := d.afterAbsence(cal, at, d.followUpClock()); absent {
		at = moved
	}
	d.inc.Until = at
	d.inc.Progress.FollowUp = at.Truncate(time.Second)
}

// actCall records a phone call; the written trace leaves from here, and only
// once it is accepted does the state move (S1.22, S1.23).
func (d *decider) actCall(a Act) {
	c := d.s.Calls
	if c == nil {
		d.refuse(409, "scenario %s has no phone calls", d.s.Name)
		return
	}
	outcome := strings.ReplaceAll(a.Fields["outcome"], " ", "_")
	if !slices.Contains(c.Outcomes, outcome) {
		d.refuse(422, "outcome %q is not one of %s", a.Fields["outcome"], strings.Join(c.Outcomes, ", "))
		return
	}
	a.Fields["outcome"] = outcome
	next, ok := d.date(a, "next_date")
	if !ok {
		return
	}
	if slices.Contains(c.Reached, outcome) {
		d.waitUntil(next)
		d.inc.Progress.CallsMissed = 0
	} else {
		d.retry(c, next)
	}
	d.inc.Until = time.Time{}
}

// retry plans the next try; after too many the account manager is told.
func (d *decider) retry(c *Calls, next time.Time) {
	d.inc.Progress.CallsMissed++
	exhausted := d.inc.Progress.CallsMissed%c.Tries == 0
	if exhausted {
		d.raise("calls_exhausted", d.now)
	}
	if next.IsZero() && !exhausted {
		cal := d.calendar(d.s.Calendar)
		if date, err := cal.AddBusinessDays(cal.Date(d.now), c.RetryAfter); err == nil {
			next = cal.At(date, c.Clock)
		}
	}
	d.waitUntil(next)
}

func (d *decider) actCheckOther(a Act) {
	switch a.Fields["result"] {
	case "ok", "ko":
	default:
		d.refuse(422, "result %q is not ok or ko", a.Fields["result"])
		return
	}
	if st := d.inc.Other.State; st != EvidenceUnknown && st != "" && a.Fields["note"] == "" {
		d.refuse(422, "note is missing: the machine says %s, so say why you judge otherwise", st)
		return
	}
	d.inc.Progress.OtherAnswer, d.inc.Progress.OtherBy, d.inc.Progress.OtherNote = EvidenceState(a.Fields["result"]), a.By, a.Fields["note"]
	if st := d.inc.Other.State; st != EvidenceUnknown && st != "" {
		d.inc.Other.State, d.inc.Other.By, d.inc.Other.Note = EvidenceState(a.Fields["result"]), a.By, a.Fields["note"]
	} else {
		d.inc.Other.State = EvidenceUnknown
	}
	if d.inc.OtherAsked.IsZero() {
		d.inc.OtherAsked = d.now
	}
}

func (d *decider) actImmediate(a Act) {
	if !d.staffed() {
		d.refuse(409, "outside the staffed hours nothing can be put right at once")
		return
	}
	if !d.now.Before(d.inc.StartedAt.Add(d.s.Immediate.Within)) {
		d.refuse(409, "%s have passed since the signal", d.s.Immediate.Within)
		return
	}
	d.beginImmediate("estimated by " + a.By)
	d.works(a)
}

func (d *decider) actQualify(a Act) {
	severity, cause := a.Fields["severity"], a.Fields["cause"]
	if severity == "" {
		severity = d.inc.Severity
	}
	if !slices.Contains(d.s.Severity.Order, severity) {
		d.refuse(422, "%s", unknown("severity", severity, d.s.Severity.Order))
		return
	}
	if cause != "" && !d.causeKnown(cause) {
		return
	}
	if least := d.p.Causes[cause].MinSeverity; least != "" && d.rank(severity) < d.rank(least) {
		severity = least
	}
	a.Fields["severity"] = severity
	d.severity(severity, d.now)
	if cause != "" {
		d.inc.Cause = cause
	}
	if s := a.Fields["scope"]; s != "" {
		d.inc.Scope = s
	}
	d.works(a)
}

func (d *decider) causeKnown(cause string) bool {
	if _, ok := d.p.Causes[cause]; ok || cause == "unknown" {
		return true
	}
	codes := make([]string, 0, len(d.p.Causes)+1)
	for c := range d.p.Causes {
		codes = append(codes, c)
	}
	slices.Sort(codes)
	d.refuse(422, "%s", unknown("cause", cause, append(codes, "unknown")))
	return false
}

func (d *decider) actWorkaround(a Act) {
	d.inc.Progress.Workaround = a.Fields["text"]
	d.works(a)
	d.state(WorkedAround, "a workaround is proposed")
}

func (d *decider) actCascade(a Act) {
	if a.Fields["level"] == "2" {
		d.inc.Level = 2
	} else {
		d.inc.Level = 3
	}
	d.inc.Progress.Reason = a.Fields["reason"]
	d.works(a)
}

// actPromote turns a request for assistance into an incident.
func (d *decider) actPromote(a Act) {
	if d.s.Immediate != nil {
		d.refuse(409, "this is an incident already")
		return
	}
	to := a.Fields["scenario"]
	if to == "" {
		to = d.promotesTo()
	}
	s := d.p.Scenario(to)
	if s == nil || s.Name == d.s.Name {
		d.refuse(409, "this is an incident already")
		return
	}
	d.s, d.inc.Scenario = s, s.Name
	d.inc.Severity, d.inc.Severities = "", nil
	severity := a.Fields["severity"]
	if severity == "" {
		severity = s.Severity.Default
	}
	d.inc.StartedAt = d.now
	d.severity(severity, d.now)
	d.inc.Targets = map[string]*Clock{}
	d.raise("not_immediate", d.now)
	d.works(a)
}

// promotesTo is the first scenario with severities: a platform incident.
func (d *decider) promotesTo() string {
	for _, s := range d.p.Scenarios {
		if s.Immediate != nil {
			return s.Name
		}
	}
	return ""
}

func (d *decider) actMerge(a Act) {
	d.end(Closed, "merged into "+a.Fields["into"])
}

func (d *decider) actRestore(a Act) { d.works(a) }

func (d *decider) actRestoreVerified(Act) {
	if !d.happened("act:restore") {
		d.refuse(409, "no restore was begun")
	}
}

func (d *decider) actPause(a Act) {
	if d.isPaused() {
		d.refuse(409, "the clocks are paused already")
		return
	}
	until, ok := d.date(a, "until")
	if !ok {
		return
	}
	d.inc.Pauses = append(d.inc.Pauses, calendar.Pause{From: d.now})
	d.inc.Until = until
	d.state(Waiting, "waits for the customer")
}

func (d *decider) isPaused() bool {
	n := len(d.inc.Pauses)
	return n > 0 && d.inc.Pauses[n-1].To.IsZero()
}

// endPause lets the clocks run again, if they stand still.
func (d *decider) endPause(at time.Time) {
	if d.isPaused() {
		d.inc.Pauses[len(d.inc.Pauses)-1].To = at
	}
}

func (d *decider) actResume(Act) {
	if !d.isPaused() {
		d.refuse(409, "the clocks are not paused")
		return
	}
	d.endPause(d.now)
	d.inc.Until = time.Time{}
	d.back("the wait is over")
}

// actResolve ends an incident by a person's word: with its cause, with the
// integrity answer, and against a failing probe only with a note (S2.22).
func (d *decider) actResolve(a Act) {
	cause := a.Fields["cause"]
	if d.s.Resolve.Cause && cause == "" {
		d.refuse(422, "cause is missing: name one, or unknown")
		return
	}
	if d.s.Resolve.Cause && !d.causeKnown(cause) {
		return
	}
	integrity := d.p.Causes[cause].Integrity || d.happened("act:restore")
	if integrity && d.s.Resolve.Cause && a.Fields["data_loss"] == "" {
		d.refuse(422, "data_loss is missing: none, or some with what was lost")
		return
	}
	if d.anyFiring() && a.Fields["note"] == "" {
		d.refuse(409, "the signal still fires: add a note that says why it is solved all the same")
		return
	}
	if !d.s.Resolve.Cause && d.s.Proof == ProofSuccess && a.Fields["note"] == "" && a.Fields["reason"] == "" {
		d.refuse(422, "note is missing: without a proven backup, say why it is solved")
		return
	}
	if cause != "" {
		d.inc.Cause = cause
	}
	d.inc.DataLoss = a.Fields["data_loss"]
	if loss := d.inc.DataLoss; loss != "" && loss != "none" {
		d.out.Breaches = append(d.out.Breaches, Breach{Target: "integrity", Due: d.now})
		d.note("breach", "integrity", a.By, "data was lost: "+loss)
	}
	d.works(a)
	d.end(Resolved, "resolved by "+a.By)
}

func (d *decider) actClose(a Act) {
	d.inc.Progress.Reason = a.Fields["reason"]
	d.end(Closed, a.Fields["reason"])
}

func (d *decider) actReopen(a Act) {
	if !d.inc.State.Ended() {
		d.refuse(409, "the incident is not ended")
		return
	}
	d.inc.Progress.Decommissioned = time.Time{}
	d.reopen(Signal{Labels: Labels{}, By: a.By}, d.now, "reopened by "+a.By)
}

func (d *decider) actDecommission(a Act) {
	d.inc.Progress.Decommissioned = d.now.Truncate(time.Second)
	if !d.inc.State.Ended() {
		d.inc.Progress.Reason = "decommissioned"
		d.end(Closed, "decommissioned by "+a.By)
	}
}

// actRebase moves the incident to the policy in force now: explicit, journalled.
func (d *decider) actRebase(a Act) {
	p := d.book.InForce(d.now)
	s := p.Scenario(d.inc.Scenario)
	if s == nil {
		d.refuse(409, "the policy in force has no scenario %q", d.inc.Scenario)
		return
	}
	d.note("act", "rebase", a.By, "from policy "+d.inc.Policy+" to "+p.Hash)
	d.inc.Policy, d.p, d.s, d.cals = p.Hash, p, s, nil
}

// actWaive lets go of one refused To address, with a reason; copies are never
// waived.
func (d *decider) actWaive(a Act) {
	if a.Fields["to"] == "" || a.Fields["reason"] == "" {
		d.refuse(422, "to and reason are missing: whose address, and why the trace is complete without it")
		return
	}
	for _, key := range d.inc.Steps.sorted() {
		r := d.inc.Steps[key]
		for i, p := range r.Refused {
			if !strings.EqualFold(p.Address, a.Fields["to"]) && p.Person != a.Fields["to"] {
				continue
			}
			if p.Cc {
				d.refuse(409, "a copy is never waived: give role %s another address", p.Role)
				return
			}
			r.Refused = slices.Delete(slices.Clone(r.Refused), i, i+1)
			if len(r.Pending) == 0 && len(r.Refused) == 0 && r.Status == StepDecided {
				d.accept(r)
			}
			return
		}
	}
	d.refuse(404, "no refused address %q", a.Fields["to"])
}
