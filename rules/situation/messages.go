package situation

import (
	"cmp"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"vigie/rules/act"
	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// Messages gathers what a message may say.
type Messages struct{ *Situation }

// Messages gathers what the incident's messages say.
func (d *Situation) Messages() Messages { return Messages{d} }

// Notification makes the intent to tell; the caller sets its id.
func (d Messages) Notification(st *policy.Step, template string, to, cc []incident.Party, platform, why string) incident.Notification {
	n := incident.Notification{
		IncidentID: d.Incident.ID, Key: d.Incident.Key, Episode: d.Incident.Episode, Step: st.Name, Template: template,
		DecidedAt: d.Now, HoldUntil: d.Now.Add(d.Policy.Hold), To: to, Cc: cc, Language: to[0].Language,
		Trace: st.Trace, Reason: why, Data: d.Sheet(st, platform, slices.Concat(to, cc)),
	}
	if st.AtOnce {
		n.HoldUntil = d.Now
	}
	customer := d.Incident.Identity[model.LabelCustomer]
	n.BundleKey = bundleKey(n, customer, platform)
	if customer != "" && handsOver(st) && !slices.ContainsFunc(slices.Concat(to, cc), outside) {
		n.BundleKey = bundleKey(n, "*", "") // all that passes, whosever it is
	}
	return n
}

// handsOver reports whether a step tells that work passes from one to another: with
// the duty, or since whoever had it is away or silent.
func handsOver(st *policy.Step) bool {
	return slices.ContainsFunc(st.When, func(t policy.Trigger) bool {
		return t.Kind == policy.WhenShift || t.Kind == policy.WhenMoment && (t.Name == "off_duty" || t.Name == "lapsed")
	})
}

// bundleKey joins what may leave as one message: the same step, recipients,
// customer and language. Platforms are told one by one; what passes to
// somebody, or from him, is one message.
func bundleKey(n incident.Notification, customer, platform string) string {
	addresses := func(ps []incident.Party) string {
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

// Sheet gathers what a mail may say, as it is known at this instant.
func (d Messages) Sheet(st *policy.Step, platform string, to []incident.Party) incident.MessageData {
	i := d.Incident
	f := incident.MessageData{
		Number: i.Number, Scenario: i.Scenario, Customer: i.Identity[model.LabelCustomer], Machine: i.Identity[model.LabelMachine],
		BackupRole: i.Identity[model.LabelBackupRole], State: i.State, Zone: d.Policy.Zone.String(), StartedAt: i.Began(),
		OpenedAt: i.OpenedAt, Failures: i.Failures, Error: i.LastErr, Other: d.OtherEvidence(), Offline: i.Flags[model.FlagOffline],
		LateStart: i.Flags[model.FlagLateStart], ResolvedAt: i.ResolvedAt, PolicyStep: i.Scenario + "/" + st.Name, Actor: d.By,
		Severity: i.Severity, Level: i.Level, Entry: i.Entry, Cause: i.Cause, Scope: i.Scope, DataLoss: i.DataLoss,
		Workaround: i.Progress.Workaround, Report: i.Wording, Reporter: i.Reporter, ReceivedAt: i.StartedAt,
		IntegrityOwed: i.DataLoss == "" && d.IntegrityOwed(i.Cause),
		Provisional:   !d.Happened("act:qualify"), Reason: i.Progress.Reason, ExpectedDate: i.Progress.ExpectedDate,
	}
	if well := i.Progress.WellSince; !well.IsZero() && i.State != model.Closed {
		f.ResolvedAt = well
	}
	if d.Happened("act:promote") && len(i.Reports) > 0 {
		f.ReceivedAt = i.Reports[0].StartsAt // its clocks began later
	}
	if p := d.Book.Directory.Person(i.Reporter); i.Episode > 1 && p != nil && d.Book.Role(p.ID) != act.Customer {
		f.Reporter = "" // one of ours opened it again
	}
	if i.State.Ended() && d.AnyFiring() {
		f.StillFires, f.AgainAt = true, d.Schedule().AgainAt()
	}
	if d.level3Told() || d.ofLevel3(to[0].Role) {
		f.Level = 3
	}
	d.sheetOwn(&f, platform, to)
	if st.OnJoining() || d.joinedWorse() && st.OnWorsening() {
		own(&f, d.LastReport())
	}
	f.ScenarioText, f.ScenarioTitle, f.NoCalls = d.Scenario.Title.In(to[0].Language), d.Scenario.Title, d.Scenario.Calls == nil
	f.NoEscalation, f.NoRepairDue = !d.Scenario.Tells("escalate"), !d.Scenario.OwesRepair()
	f.NoOther, f.Ungated = d.Scenario.OtherBackup == nil, len(d.Scenario.Gate) == 0
	f.Contact = to[0]
	d.sheetPeople(&f)
	d.SheetPlans(&f, platform)
	d.sheetTimes(&f)
	d.sheetPlatform(&f, platform)
	d.sheetAgain(&f, st)
	d.sheetAhead(&f, st)
	f.History = d.history()
	for fl := range i.Flags {
		f.Flags = append(f.Flags, fl)
	}
	slices.Sort(f.Flags)
	for _, t := range st.When {
		d.SpeaksOf(&f, t)
	}
	if slices.ContainsFunc(to, outside) {
		d.sheetApart(&f)
	}
	return f
}

// SpeaksOf names the clock of a trigger, or the wait that is over.
func (d Messages) SpeaksOf(f *incident.MessageData, t policy.Trigger) {
	if t.Kind == policy.WhenShare {
		f.Percent, f.Target = t.Percent, t.Name
	}
	if t.Kind == policy.WhenBreach && d.Happened("breach:"+t.Name) {
		f.Percent, f.Target = 100, t.Name
	}
	switch {
	case t.Kind == policy.WhenMoment && t.Name == "waiting_over":
		f.Again = incident.AgainWaited
	case t.Kind == policy.WhenMoment && t.Name == "promise_passed":
		f.Again = incident.AgainPromise
	case t.Kind == policy.WhenMoment && t.Name == "worsened":
		f.Again = incident.AgainWorse
	}
}

func outside(p incident.Party) bool { return p.Outside }

func (d Messages) ofLevel3(role string) bool {
	r := d.Policy.Roles[role]
	return r != nil && r.Field == "platform.level3"
}

// level3Told tells that level 3 was told in this run, as of what is blocking, though
// nobody handed it over: it is at that level until somebody hands it back.
func (d Messages) level3Told() bool {
	return !d.Happened("act:cascade") && len(d.Incident.Steps.Which(func(r *incident.StepRecord) bool {
		st := d.Step(r.Step)
		told := r.Status == incident.StepDecided || r.Status == incident.StepAccepted
		return st != nil && told && r.Episode == d.Incident.Episode && slices.ContainsFunc(st.To, d.ofLevel3)
	})) > 0
}

// sheetOwn keeps what one platform's people read to that platform, and from a
// customer whatever somebody wrote whom nobody knows: it may be anything.
func (d Messages) sheetOwn(f *incident.MessageData, platform string, to []incident.Party) {
	abroad := slices.ContainsFunc(to, outside)
	if len(d.platforms()) < 2 {
		platform = ""
	}
	if platform == "" && !(abroad && slices.ContainsFunc(d.Incident.Reports, unverified)) {
		return
	}
	if n := slices.IndexFunc(d.Incident.Reports, func(r model.Signal) bool { return r.By == to[0].Person && !d.Incident.OfEarlierRun(r) }); n >= 0 && d.Contacts().stranger(to[0]) {
		own(f, d.Incident.Reports[n])
		return
	}
	f.Report, f.Reporter, f.Entry = "", "", string(model.InfraProbe)
	if platform == "" {
		f.Entry = d.Incident.Entry
	}
	var first time.Time
	for _, key := range incident.SortedAlerts(d.Incident.Alerts) {
		if a := d.Incident.Alerts[key]; (platform == "" || d.hits(a, platform)) && (first.IsZero() || a.StartsAt.Before(first)) {
			first, f.Entry, f.Error = a.StartsAt, orElse(a.Labels[model.LabelSignal], string(model.InfraProbe)), a.Annotations["error"]
		}
	}
	measured := first
	for _, r := range d.reportsOf(platform) {
		switch {
		case d.Incident.OfEarlierRun(r):
			continue
		case abroad && unverified(r):
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
	if f.Unverified && (f.Reporter != "" || !measured.IsZero()) {
		f.Unverified, f.ReceivedAt = false, incident.Later(f.ReceivedAt, measured)
	}
	if platform != "" && !first.IsZero() {
		f.StartedAt, f.ReceivedAt = first, first
	}
	if well := d.WellAgain(platform); f.State == model.Resolved && well.Before(f.ResolvedAt) && !well.IsZero() {
		f.ResolvedAt = well
	}
}

// own has a mail speak of somebody's own report. What anybody may type into the emergency
// entry is not sent back: so is the address.
func own(f *incident.MessageData, r model.Signal) {
	f.Report, f.Reporter, f.Entry, f.ReceivedAt, f.Unverified = r.Text, r.By, string(r.Kind), r.StartsAt, false
	if unverified(r) && r.Kind == model.Level3Emergency {
		f.Report = ""
	}
}

// WellAgain is when the last probe of a platform was well again; zero for none, while
// one is not, and where somebody said since that it still fails.
func (d Messages) WellAgain(platform string) (last time.Time) {
	for _, a := range d.Incident.Alerts {
		if !d.hits(a, platform) {
			continue
		}
		if a.Firing {
			return time.Time{}
		}
		last = incident.Later(last, a.EndedAt)
	}
	if d.failsStill(platform, last) {
		return time.Time{}
	}
	return last
}

// failsStill reports whether since an instant a platform's people, or one of ours, said
// that it still fails.
func (d Messages) failsStill(platform string, since time.Time) bool {
	people := d.Book.Directory
	return slices.ContainsFunc(d.reportsOf(platform), func(r model.Signal) bool { return r.StartsAt.After(since) }) ||
		slices.ContainsFunc(d.Incident.Acts, func(a incident.ActRecord) bool {
			return a.Verb == "reopen" && a.At.After(since) && (people.Answers(a.By, "", "", platform) || !people.Contact(a.By))
		})
}

// unverified tells the words of somebody unknown. A user's request for help is
// answered to himself.
func unverified(r model.Signal) bool { return r.Unregistered && r.Kind != model.UserAssistance }

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (d Messages) sheetPeople(f *incident.MessageData) {
	if c := d.Contacts().customer(); c != nil {
		f.CustomerName = c.Name
	}
	if f.CustomerName == "" {
		f.CustomerName = f.Customer
	}
	name := func(role string) string {
		ps := d.Contacts().Resolve(role, "", d.Now)
		if len(ps) == 0 {
			return ""
		}
		return ps[0].Name
	}
	named := d.Policy.Named
	f.AccountManager, f.TraceQueue, f.BackupLead = name(named.AccountManager), name(named.TraceQueue), name(named.BackupLead)
	if p := d.Book.Directory.Person(d.Incident.Assignee); p != nil {
		f.Assignee = p.Name
	}
	if a := d.LastAct("assign"); a != nil && a.Fields["to"] == d.Incident.Assignee {
		f.AssignedBy = d.Book.Directory.PersonName(a.By)
	}
	if f.Actor == "" && d.Incident.State.Ended() {
		f.Actor = d.endedBy()
	}
	f.Other.By = d.Book.Directory.PersonName(f.Other.By)
	if by := d.Book.Directory.Person(f.Reporter); f.Reporter != "" {
		f.Unwritable = by == nil && !strings.Contains(f.Reporter, "@") || by != nil && !by.Reachable()
	}
	f.Actor, f.Reporter = d.Book.Directory.PersonName(f.Actor), d.Book.Directory.PersonName(f.Reporter)
	for _, s := range d.Incident.Silences {
		if d.Incident.Flags[model.FlagSilenced] && s.EndsAt.After(f.SilenceUntil) {
			f.SilenceBy, f.SilenceUntil = s.By, s.EndsAt
			if p := d.Book.Directory.Author(s.By); p != nil {
				f.SilenceBy = p.Name
			}
		}
	}
	if who := d.Incident.Progress.SilenceAuthors; f.SilenceBy == "" && len(who) > 0 {
		f.SilenceBy = d.Book.Directory.PersonName(who[0])
	}
	if contact := d.Contacts().Resolve(named.Contact, "", d.Now); len(contact) > 0 {
		f.Contact = contact[0]
	}
	if a := d.LastAct("call"); a != nil {
		f.Call = map[string]string{"outcome": a.Fields["outcome"], "person": a.Fields["person"], "agreed": a.Fields["agreed"],
			"next_date": orEmpty(d.Incident.Progress.FollowUp), "at": a.At.Format(time.RFC3339), "by": d.Book.Directory.PersonName(a.By)}
	}
	if a := d.answer(); a != nil {
		f.Answer = map[string]string{"result": a.Fields["result"], "note": cmp.Or(a.Fields["note"], a.Fields["text"]), "until": orEmpty(d.Incident.Progress.FollowUp),
			"by": d.Book.Directory.PersonName(a.By), "at": a.At.Format(time.RFC3339)}
	}
	if r := d.Incident.Progress.RefusedAddress; r != "" {
		f.Refused, f.RefusedWhat = []string{r}, d.Incident.Progress.RefusedWhat
	}
}

// endedBy is who ended it by a word of his own; "" for nobody.
func (d Messages) endedBy() string {
	for _, a := range slices.Backward(d.Incident.Acts) {
		if a.Episode == d.Incident.Episode && slices.Contains([]string{"resolve", "close", "decommission"}, a.Verb) {
			return a.By
		}
	}
	return ""
}

// orEmpty writes an instant, and nothing for none.
func orEmpty(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

// maxUnsaid bounds how many labels of an unknown alert are shown.
const maxUnsaid = 12

// unsaid are the labels of an alert that a mail does not say by themselves, as
// name=value, sorted.
func unsaid(l model.Labels) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(l)) {
		switch name {
		case model.LabelAlertname, model.LabelSeverity, model.LabelCustomer, model.LabelMachine, model.LabelMachineClass, model.LabelPlatform:
			continue
		}
		if len(out) == maxUnsaid {
			return append(out, "…")
		}
		out = append(out, name+"="+l[name])
	}
	return out
}

// affected names machines as people know them: those of one customer by
// themselves, of several with the customer's name.
func (d Messages) affected(keys []string) []string {
	out := make([]string, len(keys))
	for n, key := range keys {
		customer, machine, found := strings.Cut(key, "/")
		if out[n] = machine; !found {
			out[n] = key
		} else if customer != d.Incident.Identity[model.LabelCustomer] {
			out[n] = d.Book.Directory.CustomerName(customer) + " – " + machine
		}
	}
	return out
}

func (d Messages) SheetPlans(f *incident.MessageData, platform string) {
	for _, key := range incident.SortedAlerts(d.Incident.Alerts) {
		a := d.Incident.Alerts[key]
		if of := a.Labels[model.LabelPlatform]; platform != "" && of != "" && !d.hits(a, platform) {
			continue
		}
		row := incident.PlanRow{Machine: a.Labels[model.LabelMachine], Plan: a.Labels[model.LabelPlan], Engine: a.Labels[model.LabelEngine],
			Role: a.Labels[model.LabelBackupRole], Kind: a.Labels[model.LabelKind], LastSuccess: a.Success(), Failures: d.Incident.Failures,
			Error: a.Annotations["error"], State: model.EvidenceKO, Source: a.Labels[model.LabelSource], JobID: a.Labels[model.LabelJobID]}
		if a.Proven && !a.Firing {
			row.State = model.EvidenceOK
		}
		f.Plans = append(f.Plans, row)
		f.MachineClass, f.Engine, f.Kind = a.Labels[model.LabelMachineClass], a.Labels[model.LabelEngine], a.Labels[model.LabelKind]
		f.Summary = cmp.Or(a.Annotations["summary"], a.Annotations["description"], a.Annotations["message"])
		if len(d.Scenario.Match) == 0 {
			f.Labels = unsaid(a.Labels)
		}
		f.Alertname, f.WarnDays, f.Exporter = a.Labels[model.LabelAlertname], a.Labels["warn_days"], a.Labels[model.LabelExporter]
		f.Item = cmp.Or(a.Labels["item"], a.Labels["repository"], a.Labels["mountpoint"])
		if part := a.Part(); part != "" && part != f.Item && a.Labels[model.LabelPlatform] != "" && !slices.Contains(f.Parts, part) {
			f.Parts = append(f.Parts, part)
		}
		if f.LastSuccess.IsZero() || row.LastSuccess.Before(f.LastSuccess) {
			f.LastSuccess = row.LastSuccess
		}
		if a.SizeBytes > 0 {
			f.SizeBytes = a.SizeBytes
		}
		if read := incident.UnixTime(a.Annotations["last_refresh"]); !read.IsZero() {
			f.StartedAt = read // a source is blind since it was last read, not since the alert
		}
		f.AgentLastSeen = incident.UnixTime(a.Annotations["agent_last_seen"])
		f.NextRun = incident.UnixTime(a.Annotations["next_run"])
		f.RunbookURL, f.GeneratorURL = a.Annotations["runbook_url"], a.Annotations["generator_url"]
		if names := a.Annotations["affected"]; names != "" {
			f.Affected = d.affected(strings.Split(names, ", "))
		}
	}
	since := f.LastSuccess
	if since.IsZero() {
		since = f.StartedAt
	}
	if d.Now.After(since) {
		f.Days = daysBetween(since.In(d.Policy.Zone), d.Now.In(d.Policy.Zone))
	}
	for _, s := range d.Circumstances.Siblings {
		for _, p := range s.Plans {
			f.OtherTexts = append(f.OtherTexts, incident.PlanRow{Machine: f.Machine, Plan: p, Engine: s.Engine, Role: s.Role, State: model.EvidenceKO})
		}
	}
}

// daysBetween counts dates, as people do who read both of them.
func daysBetween(from, to time.Time) int {
	noon := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 12, 0, 0, 0, time.UTC) }
	return int(noon(to).Sub(noon(from)) / (24 * time.Hour))
}

// sheetAhead says until when something can still be done.
func (d Messages) sheetAhead(f *incident.MessageData, st *policy.Step) {
	f.ExpiresAt = d.Expires()
	if by := st.AnswerBy; by != nil {
		cal := d.Calendar(by.Calendar)
		date, err := cal.BusinessDayOnOrAfter(cal.Date(d.Now))
		if err == nil && by.Days > 0 {
			date, err = cal.AddBusinessDays(cal.Date(d.Now), by.Days)
		}
		if err == nil {
			f.AnswerBy = cal.At(date, by.Clock)
		}
	}
	if d.Incident.State.Ended() && !d.Scenario.Reopen.IsZero() {
		f.ReopensUntil = d.Schedule().After(d.Incident.ResolvedAt, d.Scenario.Reopen)
	}
}

// sheetAgain says of what is told on a later day that it is, and by when: a
// deadline that is over is none, so the present day counts.
func (d Messages) sheetAgain(f *incident.MessageData, st *policy.Step) {
	if slices.ContainsFunc(st.When, EndsOn) {
		return
	}
	for _, t := range st.When {
		switch {
		case t.Kind == policy.WhenMoment && (t.Name == "promise_passed" || t.Name == "waiting_over"):
			f.Again = incident.AgainPromise
		case t.Kind == policy.WhenMoment && t.Name == "lapsed":
			f.Again, f.LeftBy = incident.AgainLapsed, d.Book.Directory.PersonName(d.Incident.Progress.PreviousAssignee)
		case d.firstDay():
			continue
		case t.Kind == policy.WhenDays && st.Task == "" && (t.Name == "opening" || t.Name == "start"):
			f.Again = incident.AgainFailing
		case !t.Recurs():
			continue
		}
		cal := d.Calendar(d.Scenario.Calendar)
		if closing, ok := cal.Closing(cal.Date(d.Now)); ok && !f.Deadline.IsZero() && f.Deadline.Before(d.Now) {
			f.Deadline = closing
		}
	}
}

func (d Messages) sheetTimes(f *incident.MessageData) {
	f.Deadline = d.deadline()
	for _, st := range d.Scenario.Steps {
		for _, t := range st.When {
			if t.Kind == policy.WhenBefore && st.Trace && f.NextStepAt.IsZero() && !d.toldWithout(t) {
				if at, _, _, ok := d.Schedule().trigger(t); ok {
					f.NextStepAt = at
				}
			}
			if t.Kind == policy.WhenDays && st.Task != "" && f.CallBefore.IsZero() {
				if at, _, _, ok := d.Schedule().trigger(t); ok {
					f.CallBefore = at
				} else if d.Step(t.Name) != nil {
					cal := d.Calendar(t.Calendar)
					if date, err := cal.BusinessDayOnOrAfter(cal.Date(d.Now).AddDays(t.Days)); err == nil {
						f.CallBefore = cal.FromOpening(cal.At(date, t.Clock))
					}
				}
			}
		}
	}
	for _, t := range d.Scenario.Targets {
		if c := d.Incident.Targets[t.Name]; c != nil && !t.Measured {
			row := incident.ClockRow{Target: t.Name, Due: c.Due, MetAt: c.MetAt, Paused: c.Paused, Late: !c.Breached.IsZero(), Excused: c.Excused != ""}
			if well := f.ResolvedAt; f.State == model.Resolved && well.Before(row.MetAt) && slices.Contains(t.MetBy, "ended") {
				row.MetAt, row.Late = well, well.After(c.Due) // this platform was well before the others of its host
			}
			f.Clocks = append(f.Clocks, row)
		}
	}
}

// deadline is what people call so: that of the first clock, or an earlier one that
// still runs and that the same would meet, as of a double failure late in the day.
func (d Messages) deadline() (at time.Time) {
	var first *policy.Target
	for _, t := range d.Scenario.Targets {
		c := d.Incident.Targets[t.Name]
		if c == nil || t.Measured || t.From != "start" && !c.MetAt.IsZero() {
			continue // what a step or a flag asked for is done, and leaves no other
		}
		if first == nil {
			first, at = t, c.Due
			continue
		}
		runs := !c.Paused && !c.Due.IsZero() && c.MetAt.IsZero() && c.Breached.IsZero()
		same := slices.ContainsFunc(t.MetBy, func(by string) bool { return slices.Contains(first.MetBy, by) })
		if runs && same && c.Due.Before(at) {
			at = c.Due
		}
	}
	return at
}

// toldWithout reports whether whom a safety net would tell is told in another way
// already, or is about to be.
func (d Messages) toldWithout(t policy.Trigger) bool {
	if d.FirstHolding(t.Unless) != "" {
		return true
	}
	return slices.ContainsFunc(d.Scenario.Steps, func(st *policy.Step) bool {
		tells := slices.ContainsFunc(st.Raises, func(f model.Flag) bool { return slices.Contains(t.Unless, string(f)) })
		return tells && slices.ContainsFunc(st.When, func(w policy.Trigger) bool {
			return w.Kind == policy.WhenFlag && d.Incident.Flags[model.Flag(w.Name)] && d.FirstHolding(st.Unless) == ""
		})
	})
}

func (d Messages) sheetPlatform(f *incident.MessageData, platform string) {
	f.Platforms = d.Contacts().Platforms()
	f.Platform = platform
	if platform != "" {
		f.Platforms = []string{platform}
	}
	if platform == "" && len(f.Platforms) > 0 {
		f.Platform = f.Platforms[0]
	}
	for _, id := range f.Platforms {
		if p := d.Book.Directory.Platforms[id]; p != nil && p.Name != "" {
			if f.PlatformNames == nil {
				f.PlatformNames = map[string]string{}
			}
			f.PlatformNames[id] = p.Name
		}
	}
	if p := d.Book.Directory.Platforms[f.Platform]; p != nil {
		if c := d.Book.Directory.Customers[p.Customer]; c != nil && f.CustomerName == "" {
			f.CustomerName = c.Name
		}
		if p.Runbook != "" {
			f.RunbookURL = p.Runbook
		}
	}
	for _, p := range f.Platforms {
		if u, measured := d.Incident.Measured[p]; measured {
			f.Unavailability = append(f.Unavailability, incident.UnavailabilityRow{Platform: p, Unavailability: u})
		}
	}
	level, next := d.Guarantee(d.Now)
	f.Guarantee, f.Reopens = level, next
	for _, g := range d.Policy.Guarantees {
		if g.Level == level {
			f.GuaranteeText = g.Text
		}
	}
	f.NoIntervention = slices.ContainsFunc(d.Policy.Guarantees, func(g policy.Guarantee) bool { return g.Level == level && !g.Intervention })
	f.Cause, f.Grades = d.LikelyCause(), d.Scenario.Immediate != nil
	f.CauseProposed = d.Incident.Cause == "" || f.Provisional && d.Incident.Episode > 1 && !d.Incident.State.Ended() // what was found the last time
	f.CauseText = d.Policy.Causes[f.Cause].Text
}

// Guarantee is the level of service in force, and when the first level begins
// again.
func (d Messages) Guarantee(at time.Time) (string, time.Time) {
	held := d.Policy.LevelInForce(func(name string) bool { return d.Calendar(name).IsOpen(at) })
	switch held {
	case -1:
		return "", time.Time{}
	case 0:
		return d.Policy.Guarantees[0].Level, time.Time{}
	}
	next, err := d.Calendar(d.Policy.Guarantees[0].Calendar).EffectiveStart(at)
	if err != nil {
		next = time.Time{}
	}
	return d.Policy.Guarantees[held].Level, next
}

// LikelyCause is what a person said, or else what the signals suggest.
func (d Messages) LikelyCause() string { return orElse(d.Incident.Cause, d.ProposedCause()) }

// ProposedCause is what the signals suggest: a proposal that is shown and never
// overrules a person (S2.4 to S2.11).
func (d Messages) ProposedCause() string {
	codes := slices.Sorted(maps.Keys(d.Policy.Causes))
	failing := len(d.Contacts().Platforms())
	for _, code := range codes {
		if least := d.Policy.Causes[code].Platforms; least > 0 && failing >= least && d.Incident.Identity["site"] != "" {
			return code
		}
	}
	for _, code := range codes {
		c := d.Policy.Causes[code]
		suits := func(l model.Labels) bool {
			return slices.Contains(c.Alerts, l[model.LabelAlertname]) || len(c.Match) > 0 && c.Match.Match(l)
		}
		for _, a := range d.Incident.Alerts {
			if suits(a.Labels) {
				return code
			}
		}
		for _, r := range d.Incident.Reports {
			if suits(r.Labels) {
				return code
			}
		}
	}
	return ""
}

// history is what people need to know of what happened so far.
func (d Messages) history() []incident.HistoryLine {
	out := []incident.HistoryLine{{At: d.Incident.OpenedAt, What: "opened"}}
	for _, a := range d.Incident.Acts {
		if a.Episode != d.Incident.Episode {
			continue
		}
		note := a.Fields["note"]
		out = append(out, incident.HistoryLine{At: a.At, What: a.Verb, Who: d.Book.Directory.PersonName(a.By), Text: cmp.Or(note, a.Fields["reason"]),
			Open: note != "" && (a.Verb == "qualify" || a.Verb == "resolve")}) // as their forms say
	}
	told := func(r *incident.StepRecord) bool {
		// What is only decided may still be withdrawn, or find the mail server away.
		return r.Episode == d.Incident.Episode && r.Status == incident.StepAccepted
	}
	for _, key := range d.Incident.Steps.Which(told) {
		if r := d.Incident.Steps[key]; d.Step(r.Step) != nil {
			out = append(out, incident.HistoryLine{At: r.At, What: "mail", Text: d.Step(r.Step).Template})
		}
	}
	sort.SliceStable(out, func(a, b int) bool { return out[a].At.Before(out[b].At) })
	const most = 40
	if len(out) > most {
		out = append(out[:1:1], out[len(out)-most+1:]...)
	}
	return out
}
