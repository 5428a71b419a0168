package rules

import (
	"fmt"
	"sort"
	"strings"
	"time"
)

// explaining tells why steps were taken, or not, and what comes next.
type explaining struct{ *decider }

func (d *decider) explaining() explaining { return explaining{d} }

// Explained is one step or target of an explanation.
type Explained struct {
	Name     string    `json:"name"`
	Kind     string    `json:"kind"` // step or target
	Template string    `json:"template,omitempty"`
	Status   string    `json:"status"` // done, decided, skipped, blocked, due, waiting, met, breached, running, paused
	At       time.Time `json:"at,omitzero"`
	Due      time.Time `json:"due,omitzero"`
	Reason   string    `json:"reason"`
	To       []string  `json:"to,omitempty"`
	Cc       []string  `json:"cc,omitempty"`
}

// Explanation tells why each step was or was not taken and what comes next.
type Explanation struct {
	Incident string      `json:"incident"`
	Key      string      `json:"key"`
	Scenario string      `json:"scenario"`
	Policy   string      `json:"policy"`
	State    State       `json:"state"`
	Episode  int         `json:"episode"`
	Next     time.Time   `json:"next,omitzero"`
	Summary  string      `json:"summary"`
	Steps    []Explained `json:"steps"`
	Targets  []Explained `json:"targets"`
	Evidence Evidence    `json:"evidence"`
	// Cause is what a person said, or else what the signals propose.
	Cause         string `json:"cause,omitempty"`
	CauseProposed bool   `json:"cause_proposed,omitempty"`
	// Guarantee is the level of service now, GuaranteeNext when the first
	// level begins again.
	Guarantee     string    `json:"guarantee,omitempty"`
	GuaranteeNext time.Time `json:"guarantee_next,omitzero"`
	Plans         []PlanRow `json:"plans,omitempty"`
}

// Explain tells the story of an incident so far and what comes next. It
// changes nothing.
func (b *Book) Explain(inc Incident, facts Facts, now time.Time) Explanation {
	own := inc.clone()
	d := b.decider(&own, facts, now)
	if d == nil {
		return Explanation{Incident: inc.ID, Key: inc.Key, Summary: "policy " + inc.Policy + " is not loaded"}
	}
	d.horizon = now
	e := Explanation{Incident: inc.ID, Key: inc.Key, Scenario: inc.Scenario, Policy: inc.Policy, State: inc.State,
		Episode: inc.Episode, Evidence: d.proof().otherEvidence()}
	for _, st := range d.s.Steps {
		e.Steps = append(e.Steps, d.explaining().explainStep(st)...)
	}
	for _, t := range d.s.Targets {
		e.Targets = append(e.Targets, d.explaining().explainTarget(t))
	}
	if e.Cause = inc.Cause; e.Cause == "" {
		e.Cause = d.telling().proposedCause()
		e.CauseProposed = e.Cause != ""
	}
	e.Guarantee, e.GuaranteeNext = d.telling().guarantee(now)
	var f FactSheet
	d.telling().sheetPlans(&f, "")
	e.Plans = f.Plans
	for n := range e.Steps {
		e.Steps[n].localise(d.p.Zone)
	}
	for n := range e.Targets {
		e.Targets[n].localise(d.p.Zone)
	}
	e.Next, e.Summary = e.next(inc)
	return e
}

// localise writes instants in the zone of the policy, where people read them.
func (x *Explained) localise(zone *time.Location) {
	if !x.At.IsZero() {
		x.At = x.At.In(zone)
	}
	if !x.Due.IsZero() {
		x.Due = x.Due.In(zone)
	}
}

func (e Explanation) next(inc Incident) (time.Time, string) {
	var at time.Time
	name := ""
	for _, s := range append(append([]Explained{}, e.Steps...), e.Targets...) {
		if (s.Status == "due" || s.Status == "running") && !s.Due.IsZero() && (at.IsZero() || s.Due.Before(at)) {
			at, name = s.Due, s.Name
		}
	}
	who := "nobody has it"
	if inc.Assignee != "" {
		who = inc.Assignee + " has it"
	}
	if at.IsZero() {
		return at, fmt.Sprintf("%s; %s; nothing is planned", inc.State, who)
	}
	return at, fmt.Sprintf("%s; %s; next is %s at %s", inc.State, who, name, at.Format(time.RFC3339))
}

// explainStep gives what was done in this episode and what is still to come.
func (d explaining) explainStep(st *Step) []Explained {
	var out []Explained
	for _, key := range d.inc.Steps.sorted() {
		r := d.inc.Steps[key]
		if r.Step != st.Name || r.Episode != d.inc.Episode || r.Status == StepBlocked {
			continue
		}
		x := Explained{Name: st.Name, Kind: "step", Template: st.Template, Status: r.Status, At: r.At, Due: r.DueAt, Reason: r.Reason}
		if r.Status == StepAccepted {
			x.Status = "done"
		}
		for _, p := range r.Pending {
			if p.Cc {
				x.Cc = append(x.Cc, p.Address)
			} else {
				x.To = append(x.To, p.Address)
			}
		}
		out = append(out, x)
	}
	platform := ""
	if st.Per == LabelPlatform {
		if ps := d.contacts().platforms(); len(ps) > 0 {
			platform = ps[0]
		}
	}
	for _, f := range d.schedule().firings(st, platform) {
		if d.schedule().taken(st, platform, f) {
			continue
		}
		out = append(out, d.explainComing(st, platform, f))
	}
	if len(out) == 0 {
		to, cc, _ := d.contacts().recipients(st, st.To, st.Cc, platform)
		out = append(out, Explained{Name: st.Name, Kind: "step", Template: st.Template, Status: "waiting", Reason: "waits for " + waitsFor(st),
			To: addresses(to), Cc: addresses(cc)})
	}
	return out
}

func (d explaining) explainComing(st *Step, platform string, f firing) Explained {
	x := Explained{Name: st.Name, Kind: "step", Template: st.Template, Status: "due", Due: d.schedule().shift(st, f.at), Reason: f.why}
	switch {
	case d.inc.State.Ended() && !endsOn(st.When[f.trigger]):
		x.Status, x.Reason, x.Due = "skipped", "the incident is "+string(d.inc.State), time.Time{}
	default:
		if c := d.firstHolding(append(append([]string{}, st.When[f.trigger].Unless...), st.Unless...)); c != "" {
			x.Reason += "; as things stand it will be dropped: " + c
		}
		if c := d.firstLacking(st.OnlyIf); c != "" {
			x.Status = "waiting"
			x.Reason += "; waits until " + c
		}
	}
	to, cc, _ := d.contacts().recipients(st, st.To, st.Cc, platform)
	x.To, x.Cc = addresses(to), addresses(cc)
	return x
}

func addresses(ps []Party) []string {
	out := make([]string, len(ps))
	for i, p := range ps {
		out[i] = p.Address
	}
	sort.Strings(out)
	return out
}

func waitsFor(s *Step) string {
	var parts []string
	for _, t := range s.When {
		parts = append(parts, string(t.Kind)+" "+t.Name)
	}
	return strings.Join(parts, " or ")
}

func (d explaining) explainTarget(t *Target) Explained {
	x := Explained{Name: t.Name, Kind: "target", Status: "waiting", Reason: "runs from " + t.From + ", met by " + strings.Join(t.MetBy, " or ")}
	c := d.inc.Targets[t.Name]
	if c == nil {
		return x
	}
	x.Due, x.Status = c.Due, "running"
	switch {
	case !c.Breached.IsZero():
		x.Status, x.At = "breached", c.Breached
	case !c.MetAt.IsZero():
		x.Status, x.At = "met", c.MetAt
	case c.Paused:
		x.Status = "paused"
	}
	return x
}

// Preview is what a scenario would do for a failure that began now.
type Preview struct {
	Scenario string      `json:"scenario"`
	Title    Text        `json:"title"`
	Steps    []Explained `json:"steps"`
	Targets  []Explained `json:"targets"`
}

// Preview shows each scenario with the deadlines and recipients that it would
// give now, for an example of the inventory that it fits, if there is one.
func (b *Book) Preview(now time.Time) []Preview {
	var out []Preview
	p := b.InForce(now)
	for _, s := range p.Scenarios {
		if s.Ignores != "" {
			out = append(out, Preview{Scenario: s.Name, Title: s.Title})
			continue
		}
		sig := b.example(s, now)
		c := Classified{Signal: sig, Policy: p, Scenario: s, Identity: sig.Labels.Pick(s.Identity)}
		c.Key = c.Identity.String()
		out = append(out, b.preview(c, "example", now))
	}
	return out
}

// preview decides about a failure of which nothing but its labels is known.
func (b *Book) preview(c Classified, id string, now time.Time) Preview {
	d := b.Decide(b.Begin(c, id, 0, now), Fired{Signal: c.Signal}, Facts{}, now)
	if d.Needs != nil { // nothing is known of an example's backups
		d = b.Decide(d.Incident, Answered{AskedAt: now, Other: &Evidence{State: EvidenceUnknown}}, Facts{}, now)
	}
	e := b.Explain(d.Incident, Facts{}, now)
	return Preview{Scenario: c.Scenario.Name, Title: c.Scenario.Title, Steps: e.Steps, Targets: e.Targets}
}

// example makes a signal that fits a scenario out of the inventory.
func (b *Book) example(s *Scenario, now time.Time) Signal {
	l := s.Match.Equalities()
	for _, m := range b.Directory.Machines {
		try := l.Clone()
		try[LabelCustomer], try[LabelMachine], try[LabelMachineClass] = m.Customer, m.Name, m.Class
		if try[LabelKind] == "" {
			try[LabelKind] = "failed"
		}
		if s.Match.Match(try) && !contains(s.Identity, LabelPlatform) {
			l = try
			break
		}
	}
	if contains(s.Identity, LabelPlatform) || contains(s.Identity, "site") {
		ids := make([]string, 0, len(b.Directory.Platforms))
		for id := range b.Directory.Platforms {
			ids = append(ids, id)
		}
		sort.Strings(ids)
		if len(ids) > 0 {
			l[LabelPlatform] = ids[0]
		}
	}
	return Signal{Kind: BackupAlert, Fingerprint: "example", Labels: l, StartsAt: now}
}
