// Package classify says what a signal is: which scenario and incident it belongs
// to, what it makes unreadable, and which incidents have a failure in common.
package classify

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"vigie/rules/book"
	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// Classifier says which incident a signal belongs to, and what incidents have in
// common.
type Classifier struct{ *book.Book }

// Classified is what a signal is: which scenario, which incident.
type Classified struct {
	Signal   model.Signal // with canonical names
	Policy   *policy.Policy
	Scenario *policy.Scenario
	Identity model.Labels
	Key      string
	// Ignored says why no incident follows: "decommissioned", [NotCommissioned],
	// "maintenance", or what the scenario says, such as "watchdog"; empty otherwise.
	Ignored string
	// Again is when an ignored signal that still fires must be offered again.
	Again time.Time
	// Issues are faults of the data, to be counted: machine_class_missing,
	// unmatched_machine ...
	Issues []string
	// Refusal is set for a report that may not be made (S2.15).
	Refusal *incident.Refusal
	// Instead is told to the operator in place of a refused report, so that
	// somebody sorts it out: what was refused may be an alarm all the same.
	Instead *model.Signal
}

// NotCommissioned is why a signal of what nothing is owed to yet opens nothing: it is
// listed, and counts from the day on which it is.
const NotCommissioned = "not commissioned"

// RefusedReport is the alertname of what stands for a refused report.
const RefusedReport = "ReportRefused"

// Ignore is what Choose answers for a signal of something that was taken out
// of service.
const Ignore = -2

// reportMaxAge is how long ago a call may have been received (S2.18).
const reportMaxAge = 24 * time.Hour

// Classify finds a signal's scenario and key in the policy in force.
func (b Classifier) Classify(s model.Signal, now time.Time) Classified {
	c := Classified{Signal: s}
	c.Signal.Labels = s.Labels.Clone()
	if c.Signal.StartsAt.IsZero() || c.Signal.StartsAt.After(now) && !s.IsReport() {
		c.Signal.StartsAt = now
	}
	b.canonical(&c)
	b.checkReport(&c, now)
	c.Policy = b.InForce(c.Signal.StartsAt)
	c.Scenario = c.Policy.For(c.Signal.Labels)
	c.Ignored = c.Scenario.Ignores
	if said := c.Signal.Labels[c.Scenario.Severity.Label]; c.Refusal == nil && said != "" && !slices.Contains(c.Scenario.Severity.Order, said) &&
		(c.Signal.Kind == model.Level2Voluntary) {
		c.Refusal = incident.RefuseUnknown("severity", said, c.Scenario.Severity.Order).About("severity")
	}
	c.Identity = c.Scenario.Identify(c.Signal.Labels)
	c.Key = c.Identity.String()
	b.outOfService(&c, now)
	return c
}

// canonical gives machine and platform the names of the inventory.
func (b Classifier) canonical(c *Classified) {
	l := c.Signal.Labels
	if l[model.LabelSignal] == "" && l[model.LabelPlatform] == "" && c.Signal.Kind == "" {
		c.Signal.Kind = model.BackupAlert
	}
	if c.Signal.Kind == "" {
		c.Signal.Kind = model.SignalKind(l[model.LabelSignal])
		if c.Signal.Kind == "" {
			c.Signal.Kind = model.InfraProbe
		}
	}
	if l[model.LabelSignal] == "" && c.Signal.Kind != model.BackupAlert {
		l[model.LabelSignal] = string(c.Signal.Kind)
	}
	c.Issues = b.Directory.Canonicalize(l)
}

// checkReport refuses a report that nobody may make, or that cannot be true.
func (b Classifier) checkReport(c *Classified, now time.Time) {
	s := &c.Signal
	switch s.Kind {
	case model.BackupAlert, model.InfraProbe, model.FunctionalProbe, model.CorrelatedSignal:
		return
	case model.Level2Voluntary, model.Level3Emergency, model.EmergencyMeans, model.UserAssistance:
	default:
		c.Refusal = incident.RefuseUnknown("kind of signal", string(s.Kind), []string{string(model.InfraProbe), string(model.FunctionalProbe),
			string(model.Level2Voluntary), string(model.Level3Emergency), string(model.EmergencyMeans), string(model.UserAssistance)}).About("kind")
		return
	}
	l := s.Labels
	p := b.Directory.Platforms[l[model.LabelPlatform]]
	about := s.Kind == model.UserAssistance && b.Directory.Machine(l[model.LabelCustomer], l[model.LabelMachine]) != nil
	if l[model.LabelPlatform] == "" && s.Kind == model.UserAssistance && !about {
		c.Refusal = incident.Refuse(422, "platform is missing, or customer and machine of the inventory: say what is concerned").About("platform")
		return
	}
	if l[model.LabelPlatform] == "" && !about {
		c.Refusal = incident.Refuse(422, "platform is missing: say what is concerned").About("platform")
		return
	}
	l["reporter"] = pseudonym(s.By)
	registered := p != nil && b.Directory.Manages(p, s.By)
	switch {
	case s.Kind == model.Level2Voluntary && !registered:
		c.Refusal = incident.Refuse(403, "{who} is not a registered exploitation manager of {platform}", "who", s.By, "platform", l[model.LabelPlatform])
		c.Instead = refusedReport(*s)
	case s.Kind == model.Level3Emergency && !registered:
		s.Unregistered = true
	case s.Kind == model.EmergencyMeans && !slices.Contains([]string{"phone", "mail", "sms"}, s.Means):
		c.Refusal = incident.Refuse(422, "means {quoted} is not phone, mail or sms", "quoted", s.Means).About("means")
	case s.StartsAt.After(now):
		c.Refusal = incident.Refuse(422, "received_at lies in the future").About("received_at")
	case now.Sub(s.StartsAt) > reportMaxAge:
		c.Refusal = incident.Refuse(422, "received_at is more than 24 hours ago").About("received_at")
	}
}

// refusedReport stands for a report that nobody may make. It names no platform:
// no clock of a service level runs from it.
func refusedReport(s model.Signal) *model.Signal {
	l := model.Labels{model.LabelAlertname: RefusedReport, model.LabelKind: "to_sort", model.LabelSource: "report/" + s.Labels[model.LabelPlatform], "item": s.Labels[model.LabelPlatform], "reporter": pseudonym(s.By)}
	return &model.Signal{Kind: model.BackupAlert, Fingerprint: "refused:" + s.Labels[model.LabelPlatform] + ":" + pseudonym(s.By), Labels: l, StartsAt: s.StartsAt,
		Annotations: map[string]string{"error": strings.TrimSpace("refused from " + s.By + " about " + s.Labels[model.LabelPlatform] + ": " + s.Text)}}
}

// pseudonym stands for a reporter where a key must not name a person.
func pseudonym(by string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(by)))
	return hex.EncodeToString(sum[:4])
}

// outOfService notes signals that open nothing: of what was decommissioned or is
// not commissioned yet, and inside a maintenance that was declared in time.
func (b Classifier) outOfService(c *Classified, now time.Time) {
	if c.Ignored != "" || c.Signal.IsReport() {
		return
	}
	l := c.Signal.Labels
	if b.Directory.Decommissioned(l, now) {
		c.Ignored = "decommissioned"
		return
	}
	owed, ahead := b.Directory.OwedFrom(l, now)
	if ahead {
		c.Ignored, c.Again = NotCommissioned, owed
		return
	}
	if until, in := b.Directory.InMaintenance(l, now, c.Policy.MaintenanceNotice); in {
		c.Ignored, c.Again = "maintenance", until
		return
	}
	// What began inside a maintenance counts from its end.
	if until, in := b.Directory.InMaintenance(l, c.Signal.StartsAt, c.Policy.MaintenanceNotice); in && !until.After(now) {
		c.Signal.StartsAt = until
	}
	// So does what failed before anything was owed.
	if c.Signal.StartsAt.Before(owed) {
		c.Signal.StartsAt = owed
	}
}

// Choose finds the incident that a signal belongs to among candidates (those
// of its key, machine or platform, ended ones included). It answers -1 for a
// new incident and [Ignore] for something taken out of service.
func (b Classifier) Choose(c Classified, candidates []incident.Incident, now time.Time) int {
	best, newest := -1, time.Time{}
	for n := range candidates {
		i := &candidates[n]
		if !c.Signal.IsReport() && b.decommissioned(&c, i, now) {
			return Ignore
		}
		if i.Key != c.Key || !b.mayJoin(i, now) && !sameRun(c.Signal, i) {
			continue
		}
		if at := i.OpenedAt; best < 0 || at.After(newest) || !i.State.Ended() {
			best, newest = n, at
		}
	}
	if best >= 0 {
		return best
	}
	return b.joins(&c, candidates)
}

// decommissionKept is how long a decommission by an act can be undone; after
// that the inventory must say it.
const decommissionKept = 30 * 24 * time.Hour

func (b Classifier) decommissioned(c *Classified, i *incident.Incident, now time.Time) bool {
	at := i.Progress.Decommissioned
	if at.IsZero() || now.Sub(at) > decommissionKept {
		return false
	}
	l := c.Signal.Labels
	return i.Identity[model.LabelCustomer] == l[model.LabelCustomer] && i.Identity[model.LabelMachine] == l[model.LabelMachine] && l[model.LabelMachine] != ""
}

// sameRun is true for an alert that fired when a person ended the incident and
// fires on: his word holds until a new run begins.
func sameRun(s model.Signal, i *incident.Incident) bool {
	a := i.Alerts[s.Fingerprint]
	return a != nil && a.Firing && (!s.StartsAt.After(a.StartsAt) || a.Tells(s))
}

// mayJoin is true for an open incident, and for an ended one inside its
// reopen window. One whose policy is not loaded may: what it decides is then refused,
// for whoever can read that policy, where a new incident would be told twice.
func (b Classifier) mayJoin(i *incident.Incident, now time.Time) bool {
	p := b.Policy(i.Policy)
	if !i.State.Ended() || p == nil {
		return true
	}
	s := p.Scenario(i.Scenario)
	return s != nil && p.MayReopen(s, i.ResolvedAt, now)
}

// joins attaches a signal that says less than the whole identity, or meets an
// incident that does, to the one open incident that agrees on the rest. Of several
// problems a person's report joins the nearest, and whoever has that reads his words;
// an alert has a problem of its own.
func (b Classifier) joins(c *Classified, candidates []incident.Incident) int {
	if len(c.Scenario.Joins) == 0 {
		return -1
	}
	var found []int
	for n := range candidates {
		i := &candidates[n]
		if i.State.Ended() || !b.compatible(c, i) {
			continue
		}
		if b.Policy(i.Policy) == nil {
			return n // as in mayJoin
		}
		found = append(found, n)
	}
	if len(found) == 0 || len(found) > 1 && !c.Signal.IsReport() {
		return -1
	}
	return slices.MinFunc(found, func(x, y int) int { return b.nearer(c.Signal.By, &candidates[x], &candidates[y]) })
}

// nearer compares two open problems for a report: that of which this person spoke
// already, then the gravest, then the oldest.
func (b Classifier) nearer(by string, x, y *incident.Incident) int {
	spoken := func(i *incident.Incident) int {
		return slices.IndexFunc(i.Reports, func(r model.Signal) bool { return r.By == by })
	}
	rank := func(i *incident.Incident) int {
		s := b.Policy(i.Policy).Scenario(i.Scenario)
		return slices.Index(s.Severity.Order, i.Severity)
	}
	return cmp.Or(cmp.Compare(min(spoken(y), 0), min(spoken(x), 0)), cmp.Compare(rank(y), rank(x)), x.OpenedAt.Compare(y.OpenedAt))
}

func (b Classifier) compatible(c *Classified, i *incident.Incident) bool {
	if p := b.Policy(i.Policy); p != nil {
		s := p.Scenario(i.Scenario)
		if s == nil || len(s.Joins) == 0 {
			return false
		}
		if vague := len(c.Identity) < len(c.Scenario.Identity) || len(i.Identity) < len(s.Identity); !vague {
			return false
		}
	}
	for name, v := range c.Identity {
		if w, ok := i.Identity[name]; ok && w != v {
			return false
		}
	}
	platform := c.Signal.Labels[model.LabelPlatform]
	if !c.Signal.IsReport() {
		for _, a := range i.Alerts {
			if a.Labels[model.LabelAlertname] != c.Signal.Labels[model.LabelAlertname] {
				return false // the report has found its problem; this is another
			}
		}
	}
	for _, a := range i.Alerts {
		if a.Labels[model.LabelPlatform] == platform {
			return true
		}
	}
	return slices.ContainsFunc(i.Reports, func(r model.Signal) bool { return r.Labels[model.LabelPlatform] == platform })
}

// Begin returns the blank incident for a signal; Decide with [Fired] opens it.
func (b Classifier) Begin(c Classified, id string, number int, now time.Time) incident.Incident {
	return incident.Incident{
		ID: id, Number: number, Key: c.Key, Identity: c.Identity, Scenario: c.Scenario.Name, Policy: c.Policy.Hash,
		Flags: map[model.Flag]bool{}, Raised: map[string]incident.Raise{}, Alerts: map[string]*incident.Alert{},
		Steps: incident.StepRecords{}, Targets: map[string]*incident.Clock{}, Silences: map[string]incident.Silence{},
	}
}
