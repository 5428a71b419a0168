package story

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/internal/strict"
	"vigie/rules"
	"vigie/rules/incident"
	"vigie/rules/incidents"
	"vigie/rules/model"
)

// happen applies one event of the story.
func (p *player) happen(e *event) error {
	switch {
	case e.Fires != nil:
		return p.announce(p.begin(e.Fires))
	case e.Clears != nil:
		ended, err := p.end(e)
		if err != nil {
			return err
		}
		return p.announce(ended...)
	case e.Success != nil:
		return p.success(e)
	case e.Evidence != nil:
		return p.evidence(e)
	case e.Act != nil:
		return p.act(e)
	case e.Silence != nil:
		return p.silence(e)
	case e.Report != nil:
		return p.report(e.Report)
	case e.Probe != nil:
		return p.probe(e)
	case e.SMTP != nil:
		if e.SMTP.Refuse != "" {
			p.mail.refused[strings.ToLower(e.SMTP.Refuse)] = true
		} else {
			return p.later(e, "smtp.down_until", e.SMTP.DownUntil, &p.mail.downUntil)
		}
	case e.Alertmanager != nil:
		if err := p.later(e, "alertmanager.unreachable_until", e.Alertmanager.UnreachableUntil, &p.deaf); err != nil {
			return err
		}
		p.reconnect = true
		p.noticeAt(p.deaf)
	default:
		return p.inventory(e)
	}
	return nil
}

// later sets when something is over, which lies ahead.
func (p *player) later(e *event, key string, m moment, until *time.Time) error {
	if *until = m.in(p.zone); !until.After(p.now) {
		return fault(e.Where, "%s lies not after at: mend the dates", key)
	}
	return nil
}

// noticeAt has reconciliation look at the first full minute from an instant on.
func (p *player) noticeAt(at time.Time) {
	at = at.UTC()
	minute := at.Truncate(time.Minute)
	if minute.Before(at) {
		minute = minute.Add(time.Minute)
	}
	p.minutes[minute.Unix()] = true
}

func (p *player) isDeaf() bool { return p.now.Before(p.deaf) }

func (p *player) hushed(a *alert) bool {
	return slices.ContainsFunc(p.silences, func(s *silence) bool { return s.active(p.now) && s.matchers.Match(a.labels) })
}

// begin makes an alert fire, or fail once more.
func (p *player) begin(f *alertDoc) *alert {
	labels := complete(f.labels)
	fp := fingerprint(labels)
	a := p.alerts[fp]
	if a == nil {
		a = &alert{fingerprint: fp, labels: labels}
		p.alerts[fp] = a
	}
	if !a.firing {
		p.firing = append(p.firing, a)
	}
	a.firing, a.annotations, a.startsAt = true, f.annotations, p.now
	if !f.startsAt.isZero() {
		a.startsAt = f.startsAt.in(p.zone)
	}
	if m, ok := p.truth.failed(labels, p.now); ok {
		p.changed(m)
	}
	return a
}

// end ends the matching alerts.
func (p *player) end(e *event) ([]*alert, error) {
	var found []*alert
	for _, a := range p.firing {
		if a.labels.Contains(e.Clears.labels()) || p.canonical(a.labels).Contains(e.Clears.labels()) {
			found = append(found, a)
		}
	}
	if len(found) == 0 {
		return nil, fault(e.Where, "clears matches no alert that fires: %s", e.Clears)
	}
	for _, a := range found {
		a.firing = false
		p.firing = slices.DeleteFunc(p.firing, func(f *alert) bool { return f == a })
		if p.truth.plan(a.labels) != nil {
			p.changed(p.truth.machine(a.labels))
		}
	}
	return found, nil
}

// canonical are labels under the inventory's name of the machine.
func (p *player) canonical(l model.Labels) model.Labels {
	c := l.Clone()
	if c[model.LabelMachine] != "" {
		c[model.LabelMachine] = p.truth.machine(l).name
	}
	return c
}

// announce posts news of alerts to the receiver at once, unless Alertmanager
// cannot, or keeps quiet because of a silence.
func (p *player) announce(alerts ...*alert) error {
	var now []*alert
	for _, a := range alerts {
		p.changes++
		a.changed = p.changes
		switch {
		case p.isDeaf():
			p.late = append(p.late, a)
		case p.hushed(a):
			p.late = append(p.late, a)
			p.noticeAt(p.now)
		default:
			now = append(now, a)
		}
	}
	return p.hear(now, false)
}

// hear brings news of alerts to the receiver, as one request.
func (p *player) hear(alerts []*alert, confirmed bool) error {
	var fired []model.Signal
	var cleared []incidents.Cleared
	for _, a := range alerts {
		if !a.news() {
			continue
		}
		a.believed, a.heard = a.firing, a.startsAt
		if a.firing {
			fired = append(fired, a.signal())
		} else {
			cleared = append(cleared, incidents.Cleared{Signal: a.signal(), EndsAt: p.now})
		}
	}
	if len(fired)+len(cleared) == 0 {
		return nil
	}
	return p.update(func(b *incidents.Batch) error {
		for _, s := range fired {
			if err := p.take(b, s, confirmed); err != nil {
				return err
			}
		}
		return b.Clear(cleared)
	})
}

// catchUp brings what the receiver has not heard yet: what waited for
// Alertmanager, and, by reconciliation only, what happened under a silence.
func (p *player) catchUp(reconciled bool) error {
	late := p.late
	p.late = nil
	slices.SortStableFunc(late, func(a, b *alert) int { return a.changed - b.changed })
	var now []*alert
	for _, a := range late {
		if !reconciled && p.hushed(a) {
			p.late = append(p.late, a)
			p.noticeAt(p.now)
			continue
		}
		if !slices.Contains(now, a) {
			now = append(now, a)
		}
	}
	return p.hear(now, reconciled)
}

// reconcile is the look at Alertmanager of a full minute, and at Prometheus
// for machines of which there is news.
func (p *player) reconcile() error {
	if !p.isDeaf() {
		if err := p.catchUp(true); err != nil {
			return err
		}
		if err := p.lookAtSilences(); err != nil {
			return err
		}
	}
	if err := p.askAgain(); err != nil {
		return err
	}
	return p.measure()
}

// lookAtSilences tells every open incident of the silences that cover it,
// whenever those have changed.
func (p *player) lookAtSilences() error {
	if len(p.silences) == 0 {
		return nil
	}
	for _, r := range slices.Clone(p.store.Open()) {
		var now incident.Silenced
		var ids []string
		for _, s := range p.silences {
			if s.active(p.now) && p.covers(s, r) {
				now.Active = append(now.Active, s.Silence)
				ids = append(ids, s.ID)
			}
		}
		for f := range r.Alerts {
			a := p.alerts[f]
			now.Partly = now.Partly || a != nil && a.firing && !slices.ContainsFunc(p.silences, func(s *silence) bool { return s.active(p.now) && s.matchers.Match(a.labels) })
		}
		if joined := strings.Join(ids, " "); joined != p.silenced[r.ID] || now.Whole() != r.Flags[model.FlagSilenced] {
			p.silenced[r.ID] = joined
			err := p.update(func(b *incidents.Batch) error {
				_, err := b.Tell(r.ID, now)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	p.silences = slices.DeleteFunc(p.silences, func(s *silence) bool { return !p.now.Before(s.EndsAt) })
	return nil
}

func (p *player) covers(s *silence, r *incidents.Record) bool {
	for f := range r.Alerts {
		if a := p.alerts[f]; a != nil && s.matchers.Match(a.labels) {
			return true
		}
	}
	return false
}

func (p *player) silence(e *event) error {
	d := e.Silence
	p.silenceCount++
	s := &silence{matchers: d.parsed, Silence: incident.Silence{
		ID: fmt.Sprintf("s%d", p.silenceCount), Matchers: d.Matchers, By: d.By, Comment: d.Comment, StartsAt: p.now, EndsAt: d.Until.endIn(p.zone),
	}}
	if !s.EndsAt.After(p.now) {
		return fault(e.Where, "silence.until lies not after at: mend the dates")
	}
	p.silences = append(p.silences, s)
	p.noticeAt(p.now)
	p.noticeAt(s.EndsAt)
	return nil
}

// changed notes that Prometheus would answer differently about a machine now.
func (p *player) changed(m machineID) {
	p.changes++
	p.dirty[m] = p.changes
	p.noticeAt(p.now)
}

// askAgain asks for evidence where it has changed since the last answer.
func (p *player) askAgain() error {
	var stale []*incidents.Record
	for m, change := range p.dirty {
		open, err := p.store.OnMachine(m.customer, m.name, "")
		if err != nil {
			return err
		}
		for _, r := range open {
			if p.answered[r.ID] < change && !r.PollAt.IsZero() {
				stale = append(stale, r)
			}
		}
	}
	clear(p.dirty)
	slices.SortFunc(stale, func(a, b *incidents.Record) int { return a.Number - b.Number })
	for _, r := range slices.Compact(stale) {
		if r.State.Ended() {
			continue
		}
		err := p.update(func(b *incidents.Batch) error {
			t := b.Track(r)
			_, err := b.Apply(t, p.answer(t, p.need(r)))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// need is what an incident would ask for if it asked now.
func (p *player) need(r *incidents.Record) incident.Need {
	n := incident.Need{Since: p.now, Alerts: r.Alerts}
	policy := p.book.Policy(r.Policy)
	if policy == nil {
		return n
	}
	if s := policy.Scenario(r.Scenario); s != nil && s.OtherBackup != nil {
		id := r.Identity
		n.Other = &incident.OtherNeed{Customer: id[model.LabelCustomer], Machine: id[model.LabelMachine], Role: id[model.LabelBackupRole]}
		n.Other.Expected = p.book.Directory.ExpectsOther(n.Other.Customer, n.Other.Machine, n.Other.Role)
	}
	return n
}

// success sets the last success of the matching plans.
func (p *player) success(e *event) error {
	plans := p.truth.match(e.Success)
	if len(plans) == 0 {
		return fault(e.Where, "success matches no plan of the inventory and no alert: %s", e.Success)
	}
	for _, pl := range plans {
		p.truth.succeeded(pl, p.now)
		p.changed(pl.id.machineID)
	}
	return nil
}

// evidence states what is known of the matching plans; a known machine may be
// given a backup that neither inventory nor alerts speak of.
func (p *player) evidence(e *event) error {
	sel := e.Evidence.selector
	plans := p.truth.match(sel)
	for _, pl := range plans {
		p.truth.stated(pl.id.machineID, pl.id.role, pl, e.Evidence.state)
		p.changed(pl.id.machineID)
	}
	if len(plans) > 0 {
		return nil
	}
	m := p.truth.machine(sel.labels())
	if !p.truth.known[m] || sel[model.LabelBackupRole] == "" {
		return fault(e.Where, "evidence matches no plan of the inventory and no alert: %s", sel)
	}
	p.truth.stated(m, sel[model.LabelBackupRole], nil, e.Evidence.state)
	p.changed(m)
	return nil
}

// act lets a person act on exactly one incident.
func (p *player) act(e *event) error {
	target, err := p.target(e)
	if err != nil {
		return err
	}
	by, err := p.person(e.Where, "act.by", e.Act.by)
	if err != nil {
		return err
	}
	act := incident.Act{Verb: e.Act.verb, By: by, Fields: p.actFields(e), Force: e.Act.force, External: e.Act.external}
	if act.Verb == rules.VerbSilence || act.Verb == rules.VerbUnsilence {
		b := p.batch()
		around, err := b.Circumstances(b.Track(target))
		if err != nil {
			return err
		}
		planned, _ := p.book.PlanSilences(target.Incident, act, around, p.now) // the act itself says why not
		var ids []string
		for _, s := range planned {
			if act.Verb == rules.VerbUnsilence {
				ids = append(ids, endSilences(p.silences, s, p.now)...)
				p.noticeAt(p.now)
				continue
			}
			id, err := p.addSilence(s)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		act.Fields[rules.VerbSilence] = strings.Join(ids, " ")
	}
	err = p.update(func(b *incidents.Batch) error {
		d, err := b.Tell(target.ID, incident.Acted{Act: act})
		if d.Refusal != nil {
			p.tell(target, Happening{What: happenedRefused, Status: d.Refusal.Status, Reason: d.Refusal.Error()})
		}
		return err
	})
	if err != nil {
		return err
	}
	p.complete()
	return nil
}

// endSilences ends the silences with the same matchers by the same person.
func endSilences(all []*silence, s incident.Silence, now time.Time) (ids []string) {
	for _, old := range all {
		if old.active(now) && (old.ID == s.ID || s.ID == "" && old.By == s.By && slices.Equal(old.Matchers, s.Matchers)) {
			old.EndsAt, ids = now, append(ids, old.ID)
		}
	}
	return ids
}

// addSilence puts a silence into Alertmanager.
func (p *player) addSilence(s incident.Silence) (id string, err error) {
	matchers, err := model.ParseMatchers(s.Matchers)
	if err != nil {
		return "", err
	}
	p.silenceCount++
	s.ID = fmt.Sprintf("s%d", p.silenceCount)
	p.silences = append(p.silences, &silence{matchers: matchers, Silence: s})
	p.noticeAt(p.now)
	p.noticeAt(s.EndsAt)
	return s.ID, nil
}

// actFields are an act's fields with people by their ids.
func (p *player) actFields(e *event) model.Labels {
	fields := e.Act.fields.Clone()
	if to := p.book.Directory.Person(fields["to"]); to != nil {
		fields["to"] = to.ID
	}
	return fields
}

func (p *player) target(e *event) (*incidents.Record, error) {
	var found []*incidents.Record
	for _, o := range p.store.Open() {
		if contains(&o.Incident, e.Act.incident) {
			found = append(found, o)
		}
	}
	if len(found) == 0 && e.Act.verb == "reopen" {
		for _, o := range slices.Backward(p.store.All()) {
			if contains(&o.Incident, e.Act.incident) {
				return o, nil
			}
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, fault(e.Where, "act.incident matches no open incident: %s; %s", e.Act.incident, p.openNow())
	}
	var names []string
	for _, o := range found {
		names = append(names, o.ID+" "+o.Key)
	}
	return nil, fault(e.Where, "act.incident matches %d open incidents: %s; add labels until it is one of %s", len(found), e.Act.incident, strings.Join(names, ", "))
}

func (p *player) openNow() string {
	if len(p.store.Open()) == 0 {
		return "none is open at " + p.now.Format(time.RFC3339)
	}
	var names []string
	for _, o := range p.store.Open()[:min(len(p.store.Open()), 10)] {
		names = append(names, o.ID+" "+o.Key)
	}
	return "open are " + strings.Join(names, ", ")
}

// contains reports whether an incident contains a selector: in its identity, or
// in one of its alerts or reports.
func contains(inc *incident.Incident, s selector) bool {
	want := s.labels()
	if inc.Identity.Contains(want) {
		return true
	}
	joined := func(l model.Labels) model.Labels {
		c := l.Clone()
		maps.Copy(c, inc.Identity)
		return c
	}
	for _, a := range inc.Alerts {
		if a.Labels.Contains(want) || joined(a.Labels).Contains(want) {
			return true
		}
	}
	for _, r := range inc.Reports {
		if r.Labels.Contains(want) || joined(r.Labels).Contains(want) {
			return true
		}
	}
	return false
}

// person is the id of somebody named by id or address.
func (p *player) person(at strict.Position, key, name string) (string, error) {
	if known := p.book.Directory.Person(name); known != nil {
		return known.ID, nil
	}
	var ids []string
	for id := range p.book.Directory.People {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	hint := "name somebody by the id in the inventory"
	if best := strict.Nearest(name, ids); best != "" {
		hint = fmt.Sprintf("did you mean %q?", best)
	}
	return "", fault(at, "%s: unknown person %q: %s", key, name, hint)
}

// report brings in what a person reports.
func (p *player) report(d *reportDoc) error {
	p.reports++
	s := model.Signal{
		Kind: model.SignalKind(d.Kind), Fingerprint: fmt.Sprintf("report-%d", p.reports), StartsAt: p.now,
		Labels: model.Labels{model.LabelSignal: d.Kind}, By: d.By, Means: d.Means, Text: d.Text,
	}
	if d.Platform != "" {
		s.Labels[model.LabelPlatform] = d.Platform
	}
	if d.Severity != "" {
		s.Labels[model.LabelSeverity] = d.Severity
	}
	if !d.ReceivedAt.isZero() {
		s.StartsAt = d.ReceivedAt.in(p.zone)
	}
	if known := p.book.Directory.Person(d.By); known != nil {
		s.By = known.ID
	} else {
		s.Unregistered = true
	}
	if !s.IsReport() {
		p.out = append(p.out, Happening{At: p.now, What: happenedRefused, Status: 422, Reason: fmt.Sprintf("unknown kind of report %q", d.Kind)})
		return nil
	}
	return p.update(func(b *incidents.Batch) error { return p.take(b, s, true) })
}
