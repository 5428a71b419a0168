package rules

import (
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"vigie/rules/act"
)

// telling gathers what a message may say.
type telling struct{ *decider }

func (d *decider) telling() telling { return telling{d} }

// notification makes the intent to tell; the caller sets its id.
func (d telling) notification(st *Step, template string, to, cc []Party, platform, why string) Notification {
	n := Notification{
		IncidentID: d.inc.ID, Key: d.inc.Key, Episode: d.inc.Episode, Step: st.Name, Template: template,
		DecidedAt: d.now, HoldUntil: d.now.Add(d.p.Hold), To: to, Cc: cc, Language: to[0].Language,
		Trace: st.Trace, Reason: why, Facts: d.sheet(st, platform, slices.Concat(to, cc)),
	}
	if st.AtOnce {
		n.HoldUntil = d.now
	}
	n.BundleKey = bundleKey(n, d.inc.Identity[LabelCustomer], platform)
	return n
}

// bundleKey joins what may leave as one message: the same step, recipients,
// customer and language. Platforms are told one by one.
func bundleKey(n Notification, customer, platform string) string {
	addresses := func(ps []Party) string {
		out := make([]string, len(ps))
		for i, p := range ps {
			out[i] = strings.ToLower(p.Address)
		}
		sort.Strings(out)
		return strings.Join(out, ",")
	}
	parts := []string{n.Step, n.Template, addresses(n.To), addresses(n.Cc), customer, n.Language}
	if customer == "" {
		parts = append(parts, n.IncidentID, platform, strconv.Itoa(n.Episode))
	}
	return strings.Join(parts, "|")
}

// sheet gathers what a mail may say, as it is known at this instant.
func (d telling) sheet(st *Step, platform string, to []Party) FactSheet {
	i := d.inc
	f := FactSheet{
		Number: i.Number, Scenario: i.Scenario, Customer: i.Identity[LabelCustomer], Machine: i.Identity[LabelMachine],
		BackupRole: i.Identity[LabelBackupRole], State: i.State, Zone: d.p.Zone.String(), StartedAt: i.StartedAt,
		OpenedAt: i.OpenedAt, Failures: i.Failures, Error: i.LastErr, Other: d.proof().otherEvidence(), Offline: i.Flags[FlagOffline],
		LateStart: i.Flags[FlagLateStart], ResolvedAt: i.ResolvedAt, PolicyStep: i.Scenario + "/" + st.Name, Actor: d.by,
		Severity: i.Severity, Level: i.Level, Entry: i.Entry, Cause: i.Cause, Scope: i.Scope, DataLoss: i.DataLoss,
		Workaround: i.Progress.Workaround, Report: i.Wording, Reporter: i.Reporter, ReceivedAt: i.StartedAt,
		Provisional: !d.happened("act:qualify"), Reason: i.Progress.Reason, ExpectedDate: i.Progress.ExpectedDate,
	}
	if i.State.Ended() && d.anyFiring() {
		f.StillFires, f.AgainAt = true, d.intake().againAt()
	}
	d.sheetOwn(&f, platform, to)
	f.ScenarioText = d.s.Title.In(to[0].Language)
	f.Contact = to[0]
	d.sheetPeople(&f)
	d.sheetPlans(&f, platform)
	d.sheetTimes(&f)
	d.sheetPlatform(&f, platform)
	d.sheetAgain(&f, st)
	f.History = d.history(slices.ContainsFunc(to, outside))
	for fl := range i.Flags {
		f.Flags = append(f.Flags, fl)
	}
	sort.Slice(f.Flags, func(a, b int) bool { return f.Flags[a] < f.Flags[b] })
	for _, t := range st.When {
		d.speaksOf(&f, t)
	}
	return f
}

// speaksOf names the clock of a trigger.
func (d telling) speaksOf(f *FactSheet, t Trigger) {
	if t.Kind == WhenShare {
		f.Percent, f.Target = t.Percent, t.Name
	}
	if t.Kind == WhenBreach && d.happened("breach:"+t.Name) {
		f.Percent, f.Target = 100, t.Name
	}
}

func outside(p Party) bool { return p.Outside }

// sheetOwn keeps what one platform's people read to that platform, and from a
// customer whatever somebody wrote whom nobody knows: it may be anything.
func (d telling) sheetOwn(f *FactSheet, platform string, to []Party) {
	abroad := slices.ContainsFunc(to, outside)
	if len(d.inc.Platforms()) < 2 {
		platform = ""
	}
	if platform == "" && !(abroad && slices.ContainsFunc(d.inc.Reports, unverified)) {
		return
	}
	f.Report, f.Reporter, f.Entry = "", "", string(InfraProbe)
	if platform == "" {
		f.Entry = d.inc.Entry
	}
	var first time.Time
	for _, key := range sortedAlerts(d.inc.Alerts) {
		if a := d.inc.Alerts[key]; a.Labels[LabelPlatform] == platform && (first.IsZero() || a.StartsAt.Before(first)) {
			first, f.Entry, f.Error = a.StartsAt, orElse(a.Labels[LabelSignal], string(InfraProbe)), a.Annotations["error"]
		}
	}
	for _, r := range d.reportsOf(platform) {
		if abroad && unverified(r) {
			f.Unverified = true
			continue
		}
		if f.Reporter == "" {
			f.Report, f.Reporter = r.Text, r.By
		}
		if first.IsZero() || r.StartsAt.Before(first) {
			first, f.Entry = r.StartsAt, string(r.Kind)
		}
	}
	if f.Unverified && f.Reporter != "" {
		f.Unverified = false
	}
	if platform != "" && !first.IsZero() {
		f.StartedAt, f.ReceivedAt = first, first
	}
}

// unverified tells the words of somebody unknown. A user's request for help is
// answered to himself.
func unverified(r Signal) bool { return r.Unregistered && r.Kind != UserAssistance }

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (d telling) sheetPeople(f *FactSheet) {
	if c := d.contacts().customer(); c != nil {
		f.CustomerName = c.Name
	}
	if f.CustomerName == "" {
		f.CustomerName = f.Customer
	}
	name := func(role string) string {
		ps := d.contacts().resolve(role, "", d.now)
		if len(ps) == 0 {
			return ""
		}
		return ps[0].Name
	}
	f.AccountManager, f.TraceQueue, f.BackupLead = name("account_manager"), name("trace_queue"), name("backup_lead")
	if p := d.book.Directory.Person(d.inc.Assignee); p != nil {
		f.Assignee = p.Name
	}
	if a := d.lastAct("assign"); a != nil && a.Fields["to"] == d.inc.Assignee {
		f.AssignedBy = d.nameOf(a.By)
	}
	f.Actor, f.Reporter = d.nameOf(f.Actor), d.nameOf(f.Reporter)
	for _, s := range d.inc.Silences {
		f.SilenceBy, f.SilenceUntil = d.nameOf(s.By), s.EndsAt
	}
	if who := d.inc.Progress.SilenceAuthors; f.SilenceBy == "" && len(who) > 0 {
		f.SilenceBy = d.nameOf(who[0])
	}
	if contact := d.contacts().resolve("client_contact", "", d.now); len(contact) > 0 {
		f.Contact = contact[0]
	}
	if a := d.lastAct("call"); a != nil {
		f.Call = map[string]string{"outcome": a.Fields["outcome"], "person": a.Fields["person"], "agreed": a.Fields["agreed"],
			"next_date": orEmpty(d.inc.Progress.FollowUp), "at": a.At.Format(time.RFC3339), "by": d.nameOf(a.By)}
	}
	if a := d.lastAct("answer"); a != nil {
		f.Answer = map[string]string{"result": a.Fields["result"], "note": a.Fields["note"], "until": orEmpty(d.inc.Progress.FollowUp),
			"by": d.nameOf(a.By), "at": a.At.Format(time.RFC3339)}
	}
	if r := d.inc.Progress.RefusedAddress; r != "" {
		f.Refused, f.RefusedWhat = []string{r}, d.inc.Progress.RefusedWhat
	}
}

// orEmpty writes an instant, and nothing for none.
func orEmpty(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// nameOf is how people call somebody, or what is known of him.
func (d telling) nameOf(id string) string {
	if p := d.book.Directory.Person(id); p != nil && p.Name != "" {
		return p.Name
	}
	return id
}

func (d telling) sheetPlans(f *FactSheet, platform string) {
	for _, key := range sortedAlerts(d.inc.Alerts) {
		a := d.inc.Alerts[key]
		if of := a.Labels[LabelPlatform]; platform != "" && of != "" && of != platform {
			continue
		}
		row := PlanRow{Machine: a.Labels[LabelMachine], Plan: a.Labels[LabelPlan], Engine: a.Labels[LabelEngine],
			Role: a.Labels[LabelBackupRole], Kind: a.Labels[LabelKind], LastSuccess: a.success(), Failures: d.inc.Failures,
			Error: a.Annotations["error"], State: EvidenceKO, Source: a.Labels[LabelSource], JobID: a.Labels[LabelJobID]}
		if a.Proven && !a.Firing {
			row.State = EvidenceOK
		}
		f.Plans = append(f.Plans, row)
		f.MachineClass, f.Engine, f.Kind = a.Labels[LabelMachineClass], a.Labels[LabelEngine], a.Labels[LabelKind]
		f.Alertname, f.WarnDays, f.Item = a.Labels[LabelAlertname], a.Labels["warn_days"], a.Labels["item"]
		if f.LastSuccess.IsZero() || row.LastSuccess.Before(f.LastSuccess) {
			f.LastSuccess = row.LastSuccess
		}
		if a.SizeBytes > 0 {
			f.SizeBytes = a.SizeBytes
		}
		if read := unixTime(a.Annotations["last_refresh"]); !read.IsZero() {
			f.StartedAt = read // a source is blind since it was last read, not since the alert
		}
		f.AgentLastSeen = unixTime(a.Annotations["agent_last_seen"])
		f.NextRun = unixTime(a.Annotations["next_run"])
		f.RunbookURL, f.GeneratorURL = a.Annotations["runbook_url"], a.Annotations["generator_url"]
		if names := a.Annotations["affected"]; names != "" {
			f.Affected = strings.Split(names, ", ")
		}
	}
	since := f.LastSuccess
	if since.IsZero() {
		since = f.StartedAt
	}
	if d.now.After(since) {
		f.Days = int(d.now.Sub(since) / (24 * time.Hour))
	}
	for _, s := range d.facts.Siblings {
		for _, p := range s.Plans {
			f.OtherTexts = append(f.OtherTexts, PlanRow{Machine: f.Machine, Plan: p, Engine: s.Engine, Role: s.Role, State: EvidenceKO})
		}
	}
}

// sheetAgain says of what is told on a later day that it is, and by when: a
// deadline that is over is none, so the present day counts.
func (d telling) sheetAgain(f *FactSheet, st *Step) {
	if slices.ContainsFunc(st.When, endsOn) || d.firstDay() {
		return
	}
	for _, t := range st.When {
		switch {
		case t.Kind == WhenMoment && (t.Name == "promise_passed" || t.Name == "waiting_over"):
			f.Again = AgainPromise
		case t.Kind == WhenDays && st.Trace && st.Task == "" && (t.Name == "opening" || t.Name == "start"):
			f.Again = AgainFailing
		case t.Kind != WhenOpening:
			continue
		}
		cal := d.calendar(d.s.Calendar)
		if closing, ok := cal.Closing(cal.Date(d.now)); ok && !f.Deadline.IsZero() && f.Deadline.Before(d.now) {
			f.Deadline = closing
		}
	}
}

// success is the newest success known of a plan.
func (a *Alert) success() time.Time {
	if !a.LastSuccess.IsZero() {
		return a.LastSuccess
	}
	return a.SuccessBefore
}

func sortedAlerts(m map[string]*Alert) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func (d telling) sheetTimes(f *FactSheet) {
	if c := d.stopwatch().primaryClock(); c != nil {
		f.Deadline = c.Due
	}
	for _, st := range d.s.Steps {
		for _, t := range st.When {
			if t.Kind == WhenBefore && st.Trace && f.NextStepAt.IsZero() {
				if at, _, _, ok := d.schedule().trigger(t); ok {
					f.NextStepAt = at
				}
			}
			if t.Kind == WhenDays && st.Task != "" && f.CallBefore.IsZero() {
				if at, _, _, ok := d.schedule().trigger(t); ok {
					f.CallBefore = at
				} else if d.step(t.Name) != nil {
					cal := d.calendar(t.Calendar)
					if date, err := cal.BusinessDayOnOrAfter(cal.Date(d.now).AddDays(t.Days)); err == nil {
						f.CallBefore = cal.At(date, t.Clock)
					}
				}
			}
		}
	}
	for _, t := range d.s.Targets {
		if c := d.inc.Targets[t.Name]; c != nil {
			f.Clocks = append(f.Clocks, ClockRow{Target: t.Name, Due: c.Due, MetAt: c.MetAt, Paused: c.Paused, Late: !c.Breached.IsZero()})
		}
	}
}

func (d telling) sheetPlatform(f *FactSheet, platform string) {
	f.Platforms = d.contacts().platforms()
	f.Platform = platform
	if platform != "" {
		f.Platforms = []string{platform}
	}
	if platform == "" && len(f.Platforms) > 0 {
		f.Platform = f.Platforms[0]
	}
	if p := d.book.Directory.Platforms[f.Platform]; p != nil {
		if p.Name != "" && f.CustomerName == "" {
			f.CustomerName = p.Name
		}
		if p.Runbook != "" {
			f.RunbookURL = p.Runbook
		}
	}
	level, next := d.guarantee(d.now)
	f.Guarantee, f.Reopens = level, next
	if f.Cause == "" {
		f.Cause = d.proposedCause()
	}
}

// guarantee is the level of service in force, and when the first level begins
// again.
func (d telling) guarantee(at time.Time) (string, time.Time) {
	for k, g := range d.p.Guarantees {
		if g.Calendar == "" || d.calendar(g.Calendar).IsOpen(at) {
			if k == 0 {
				return g.Level, time.Time{}
			}
			next, err := d.calendar(d.p.Guarantees[0].Calendar).EffectiveStart(at)
			if err != nil {
				return g.Level, time.Time{}
			}
			return g.Level, next
		}
	}
	return "", time.Time{}
}

// proposedCause is what the signals suggest: a proposal that is shown and never
// overrules a person (S2.4 to S2.11).
func (d telling) proposedCause() string {
	if len(d.contacts().platforms()) >= 3 && d.inc.Identity["site"] != "" && d.p.Causes["ext.network"].Code != "" {
		return "ext.network"
	}
	for _, code := range slices.Sorted(maps.Keys(d.p.Causes)) {
		c := d.p.Causes[code]
		suits := func(l Labels) bool {
			return contains(c.Alerts, l[LabelAlertname]) || len(c.Match) > 0 && c.Match.Match(l)
		}
		for _, a := range d.inc.Alerts {
			if suits(a.Labels) {
				return code
			}
		}
		for _, r := range d.inc.Reports {
			if suits(r.Labels) {
				return code
			}
		}
	}
	return ""
}

// history is what people need to know of what happened so far. A customer is not
// told what another one's people said.
func (d telling) history(abroad bool) []HistoryLine {
	out := []HistoryLine{{At: d.inc.OpenedAt, What: "opened"}}
	for _, a := range d.inc.Acts {
		if a.Episode != d.inc.Episode || abroad && d.book.Role(a.By) == act.Customer {
			continue
		}
		text := a.Fields["note"]
		if text == "" {
			text = a.Fields["reason"]
		}
		out = append(out, HistoryLine{At: a.At, What: a.Verb, Who: d.nameOf(a.By), Text: text})
	}
	for _, key := range d.inc.Steps.sorted() {
		r := d.inc.Steps[key]
		if r.Episode == d.inc.Episode && (r.Status == StepAccepted || r.Status == StepDecided) {
			st := d.step(r.Step)
			if st == nil {
				continue
			}
			out = append(out, HistoryLine{At: r.DecidedAt, What: "mail", Text: st.Template})
		}
	}
	sort.SliceStable(out, func(a, b int) bool { return out[a].At.Before(out[b].At) })
	const most = 40
	if len(out) > most {
		out = append(out[:1:1], out[len(out)-most+1:]...)
	}
	return out
}
