// Package explain tells why each step of an incident was or was not taken, and
// what comes next.
package explain

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"vigie/rules/book"
	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/policy"
	"vigie/rules/situation"
)

// Explained is one step or target of an explanation.
type Explained struct {
	Name     string    `json:"name"`
	Kind     string    `json:"kind"` // step or target
	Template string    `json:"template,omitempty"`
	Status   string    `json:"status"` // done, decided, skipped, blocked, due, waiting, met, breached, running, paused
	At       time.Time `json:"at,omitzero"`
	Due      time.Time `json:"due,omitzero"`
	Reason   string    `json:"reason"`
	// Said is the reason in the words of whoever asked; empty where nobody did.
	Said string   `json:"said,omitempty"`
	To   []string `json:"to,omitempty"`
	Cc   []string `json:"cc,omitempty"`
}

// Explanation tells why each step was or was not taken and what comes next.
type Explanation struct {
	Incident string            `json:"incident"`
	Key      string            `json:"key"`
	Scenario string            `json:"scenario"`
	Policy   string            `json:"policy"`
	State    model.State       `json:"state"`
	Episode  int               `json:"episode"`
	Next     time.Time         `json:"next,omitzero"`
	Summary  string            `json:"summary"`
	Said     string            `json:"said,omitempty"` // the summary in the words of whoever asked
	Steps    []Explained       `json:"steps"`
	Targets  []Explained       `json:"targets"`
	Evidence incident.Evidence `json:"evidence"`
	// Wakes are all further instants at which it is looked at again, the nearest first.
	Wakes []situation.Ahead `json:"wakes,omitempty"`
	// Cause is what a person said, or else what the signals propose.
	Cause         string `json:"cause,omitempty"`
	CauseProposed bool   `json:"cause_proposed,omitempty"`
	// Guarantee is the level of service now, GuaranteeNext when the first
	// level begins again.
	Guarantee     string             `json:"guarantee,omitempty"`
	GuaranteeNext time.Time          `json:"guarantee_next,omitzero"`
	Plans         []incident.PlanRow `json:"plans,omitempty"`
}

// Explain tells the story of an incident so far and what comes next. It
// changes nothing.
func Explain(b *book.Book, inc incident.Incident, around incident.Circumstances, now time.Time) Explanation {
	own := inc.Clone()
	d := situation.Of(b, &own, around, now)
	if d == nil {
		return Explanation{Incident: inc.ID, Key: inc.Key, Summary: "policy " + inc.Policy + " is not loaded"}
	}
	d.Horizon = now
	if len(own.Silences) > 0 { // whoever made those that run is told when they are over
		own.Progress.SilenceAuthors = nil
		for _, id := range slices.Sorted(maps.Keys(own.Silences)) {
			if p := b.Directory.Author(own.Silences[id].By); p != nil {
				own.Progress.SilenceAuthors = append(own.Progress.SilenceAuthors, p.ID)
			}
		}
	}
	e := Explanation{Incident: inc.ID, Key: inc.Key, Scenario: inc.Scenario, Policy: inc.Policy, State: inc.State,
		Episode: inc.Episode, Evidence: d.OtherEvidence()}
	for _, st := range d.Scenario.Steps {
		e.Steps = append(e.Steps, explaining{d}.explainStep(st)...)
	}
	for _, t := range d.Scenario.Targets {
		e.Targets = append(e.Targets, explaining{d}.explainTarget(t))
	}
	if e.Cause = inc.Cause; e.Cause == "" {
		e.Cause = d.Messages().ProposedCause()
		e.CauseProposed = e.Cause != ""
	}
	e.Guarantee, e.GuaranteeNext = d.Messages().Guarantee(now)
	var f incident.MessageData
	d.Messages().SheetPlans(&f, "")
	e.Plans = f.Plans
	for n := range e.Steps {
		e.Steps[n].localise(d.Policy.Zone)
	}
	for n := range e.Targets {
		e.Targets[n].localise(d.Policy.Zone)
	}
	e.Next, e.Summary = e.next(inc, d)
	e.Wakes = e.wakes(inc, d)
	return e
}

// wakes adds to what is known to come when evidence is asked again, and when the
// incident is looked at without anything being due.
func (e Explanation) wakes(inc incident.Incident, d *situation.Situation) []situation.Ahead {
	out := d.AllAhead()
	known := func(at time.Time) bool {
		same := func(of time.Time) bool { return !at.Before(of) && at.Sub(of) <= time.Second } // a breach is a second late
		return slices.ContainsFunc(out, func(a situation.Ahead) bool { return same(a.At) }) ||
			slices.ContainsFunc(slices.Concat(e.Steps, e.Targets), func(x Explained) bool { return same(x.Due) })
	}
	if !inc.State.Ended() && inc.PollAt.After(d.Now) {
		out = append(out, situation.Ahead{Moment: "evidence_asked", At: inc.PollAt})
	}
	if inc.WakeAt.After(d.Now) && !known(inc.WakeAt) {
		out = append(out, situation.Ahead{Moment: "looked_at_again", At: inc.WakeAt})
	}
	slices.SortStableFunc(out, func(a, b situation.Ahead) int { return a.At.Compare(b.At) })
	for i := range out {
		out[i].At = out[i].At.In(d.Policy.Zone)
	}
	return out
}

// explaining tells why steps were taken, or not, and what comes next.
type explaining struct{ *situation.Situation }

// localise writes instants in the zone of the policy, where people read them.
func (x *Explained) localise(zone *time.Location) {
	if !x.At.IsZero() {
		x.At = x.At.In(zone)
	}
	if !x.Due.IsZero() {
		x.Due = x.Due.In(zone)
	}
}

func (e Explanation) next(inc incident.Incident, d *situation.Situation) (time.Time, string) {
	var at time.Time
	name := ""
	for _, s := range append(append([]Explained{}, e.Steps...), e.Targets...) {
		if (s.Status == "due" || s.Status == "running") && !s.Due.IsZero() && (at.IsZero() || s.Due.Before(at)) {
			at, name = s.Due, s.Name
		}
	}
	if ahead := d.AllAhead(); len(ahead) > 0 && (at.IsZero() || ahead[0].At.Before(at)) {
		at, name = ahead[0].At.In(d.Policy.Zone), ahead[0].Moment
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
func (d explaining) explainStep(st *policy.Step) []Explained {
	var out []Explained
	for _, key := range d.Incident.Steps.Sorted() {
		r := d.Incident.Steps[key]
		if r.Step != st.Name || r.Episode != d.Incident.Episode || r.Status == incident.StepBlocked {
			continue
		}
		x := Explained{Name: st.Name, Kind: "step", Template: st.Template, Status: r.Status, At: r.At, Due: r.DueAt, Reason: r.Reason}
		if r.Status == incident.StepAccepted {
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
	if st.Per == model.LabelPlatform {
		if ps := d.Contacts().Told(); len(ps) > 0 {
			platform = ps[0]
		}
	}
	for _, f := range append(d.Schedule().Firings(st, platform), d.foreseen(st)...) {
		if d.Schedule().Taken(st, platform, f) {
			continue
		}
		out = append(out, d.explainComing(st, platform, f))
	}
	if len(out) == 0 {
		to, cc, _ := d.Contacts().Recipients(st, st.To, st.Cc, platform)
		out = append(out, Explained{Name: st.Name, Kind: "step", Template: st.Template, Status: "waiting", Reason: "waits for " + waitsFor(st),
			To: addresses(to), Cc: addresses(cc)})
	}
	return out
}

// foreseen are the firings of a step that waits for what is known to come if nobody
// does anything: a deadline that passes, or a moment with an instant.
func (d explaining) foreseen(st *policy.Step) []situation.Firing {
	var out []situation.Firing
	for n, t := range st.When {
		switch c := d.Incident.Targets[t.Name]; {
		case t.Kind == policy.WhenBreach && c != nil && !c.Paused && !c.Due.IsZero() && c.MetAt.IsZero() && c.Breached.IsZero():
			out = append(out, situation.Firing{At: c.Due.Add(time.Second), Trigger: n, Why: "when " + t.Name + " is missed"})
		case t.Kind == policy.WhenMoment:
			for _, a := range d.AllAhead() {
				if a.Moment == t.Name {
					out = append(out, situation.Firing{At: d.Schedule().After(a.At, t.Delay), Trigger: n, Why: t.Name})
				}
			}
		}
	}
	return out
}

func (d explaining) explainComing(st *policy.Step, platform string, f situation.Firing) Explained {
	x := Explained{Name: st.Name, Kind: "step", Template: st.Template, Status: "due", Due: d.Schedule().Shift(st, f.At), Reason: f.Why}
	switch {
	case d.Incident.State.Ended() && !d.Schedule().EndsOn(st.When[f.Trigger]):
		x.Status, x.Reason, x.Due = "skipped", "the incident is "+string(d.Incident.State), time.Time{}
	default:
		if c := d.asOf(x.Due).FirstHolding(append(append([]string{}, st.When[f.Trigger].Unless...), st.Unless...)); c != "" {
			x.Status = "waiting" // for that to change: nobody is told by it as things stand
			x.Reason += "; as things stand it will be dropped: " + c
		} else if c := d.asOf(x.Due).FirstHolding(st.Rests); c != "" {
			x.Status = "waiting"
			x.Reason += "; as things stand it rests: " + c
		}
		if c := d.FirstLacking(st.OnlyIf); c != "" {
			x.Status = "waiting"
			x.Reason += "; waits until " + c
		}
		if latest, postponed := d.Schedule().PostponedUntil(st.When[f.Trigger], f); postponed && latest.After(x.Due) {
			x.Due = latest
			x.Reason += "; held until then, or until the common failure is over"
		}
	}
	to, cc, _ := d.asOf(x.Due).Contacts().Recipients(st, st.To, st.Cc, platform)
	x.To, x.Cc = addresses(to), addresses(cc)
	if x.Status == "due" && len(to)+len(cc) == 0 && st.Missing == nil {
		x.Status = "waiting" // for somebody whom it could tell
		x.Reason += "; as things stand it tells nobody"
	}
	return x
}

// asOf is the situation in which a step that is due then finds its recipients:
// who is on duty at that instant is told, not who is on duty now. What is overdue
// leaves now.
func (d explaining) asOf(due time.Time) *situation.Situation {
	if !due.After(d.Now) {
		return d.Situation
	}
	then := *d.Situation
	then.Now = due
	return &then
}

func addresses(ps []incident.Party) []string {
	out := make([]string, len(ps))
	for i, p := range ps {
		out[i] = p.Address
	}
	sort.Strings(out)
	return out
}

func waitsFor(s *policy.Step) string {
	var parts []string
	for _, t := range s.When {
		parts = append(parts, string(t.Kind)+" "+t.Name)
	}
	return strings.Join(parts, " or ")
}

func (d explaining) explainTarget(t *policy.Target) Explained {
	x := Explained{Name: t.Name, Kind: "target", Status: "waiting", Reason: "runs from " + t.From + ", met by " + strings.Join(t.MetBy, " or ")}
	c := d.Incident.Targets[t.Name]
	if t.Measured {
		return d.explainMeasured(x, c)
	}
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

// explainMeasured tells what was measured of the incident's platforms.
func (d explaining) explainMeasured(x Explained, c *incident.Clock) Explained {
	x.Reason = "nothing was measured yet"
	var said []string
	for _, p := range slices.Sorted(maps.Keys(d.Incident.Measured)) {
		u := d.Incident.Measured[p]
		said = append(said, fmt.Sprintf("%s was down for %s of the guaranteed hours of %s (at most %s a %s, now %s); not measured: %s; until %s",
			p, u.Down.Round(time.Second), u.Month, u.Tolerance, u.Per, u.Worst.Round(time.Second), u.Unknown.Round(time.Second), u.Until.In(d.Policy.Zone).Format("2006-01-02 15:04")))
	}
	if len(said) > 0 {
		x.Status, x.Reason = "running", strings.Join(said, "; ")
	}
	switch {
	case c == nil:
	case c.Excused != "":
		x.Reason += "; no breach: the cause " + c.Excused + " is the customer's own"
	default:
		x.Status, x.At = "breached", c.Breached
	}
	return x
}
