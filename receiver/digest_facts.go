package receiver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"vigie/receiver/alertmanager"
	"vigie/receiver/board"
	"vigie/receiver/message"
	"vigie/receiver/store"
	"vigie/rules/incident"
	"vigie/rules/incidents"
	"vigie/rules/model"
)

// The numbers that the shipped recording and alerting rules give.
const (
	machinesQuery = `count(count by (customer, machine) (backup_job:info:known))`
	goodQuery     = `count(count by (customer, machine) (backup_job:info:known)` +
		` unless on (customer, machine) ALERTS{alertstate="firing",machine!="",kind!="warning"}) or vector(0)`
)

// digestIncidents fills in what the store knows.
func (o *digest) digestIncidents(ctx context.Context, d *message.Digest, last, now time.Time) error {
	return o.store.View(ctx, func(tx *store.Tx) error {
		b := o.batch(tx, now)
		opened := map[string]int{}
		open, urgent := 0, []*store.Record{}
		err := tx.EachSince(now.Add(-14*24*time.Hour), func(r *store.Record) error {
			if r.Flags[model.FlagFlaky] {
				d.Flaky = append(d.Flaky, message.DigestLine{What: o.name(r.Incident, d.Language), Detail: fmt.Sprintf("%d ×", len(r.SelfHealed))})
			}
			if r.OpenedAt.After(last) {
				opened[o.title(r.Incident, d.Language)]++
			}
			d.Answers = append(d.Answers, o.answered(r.Incident, d.To, last)...)
			if r.State.Ended() {
				return nil
			}
			if open, urgent = open+1, append(urgent, r); len(urgent) == 2*maxDigest {
				urgent = mostUrgent(urgent)
			}
			for _, step := range r.Steps {
				for _, party := range step.Refused {
					if step.Status == incident.StepDecided && !slices.Contains(d.Health.Refused, party.Address) {
						d.Health.Refused = append(d.Health.Refused, party.Address)
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		slices.Sort(d.Health.Refused)
		for _, title := range slices.Sorted(maps.Keys(opened)) {
			d.Opened = append(d.Opened, message.DigestLine{What: title, Detail: strconv.Itoa(opened[title])})
		}
		if open > maxDigest {
			d.Issues = append(d.Issues, message.DigestLine{What: fmt.Sprintf("%d / %d", maxDigest, open), Bad: true})
		}
		for _, r := range mostUrgent(urgent) {
			around, err := b.Circumstances(b.Track(r))
			if err != nil {
				return err
			}
			if n, ok := b.Book.Brief(r.Incident, around, d.To, now); ok {
				d.Incidents = append(d.Incidents, n)
			}
		}
		listed, err := board.ListedNow(tx, o.Book(), now)
		if err != nil {
			return err
		}
		for _, x := range listed {
			l := model.Labels{model.LabelCustomer: x.Customer, model.LabelMachine: x.Machine, model.LabelPlatform: x.Platform, model.LabelSource: x.Source}
			d.Listed = append(d.Listed, message.DigestListed{Alertnames: append([]string{x.Alertname}, x.Also...), What: o.called(l), Plan: cmp.Or(x.Plan, x.Item), Since: x.Since, OwedFrom: x.OwedFrom})
		}
		backlog, err := tx.Backlog(now)
		d.Health.Pending, d.Health.Oldest = backlog.Pending, backlog.Oldest
		return err
	})
}

// mostUrgent are the incidents with the nearest deadlines, as many as an overview lists.
func mostUrgent(all []*store.Record) []*store.Record {
	slices.SortStableFunc(all, incidents.ByDeadline)
	few := all[:min(len(all), maxDigest)]
	clear(all[len(few):])
	return few
}

// gapsAhead is how far ahead the overview looks for gaps in the duty.
const gapsAhead = 7 * 24 * time.Hour

// gaps are the times of the next days for which nobody can be counted on.
func (o *digest) gaps(now time.Time) (out []message.DigestGap) {
	dir := o.Book().Directory
	for _, d := range o.Book().Duties(now) {
		for _, g := range d.Gaps {
			x := message.DigestGap{Role: d.Role, Gap: string(g.Gap), From: g.From, Until: g.Until, Otherwise: d.Otherwise}
			if p := dir.Person(g.Person); p != nil {
				x.Person = p.Name
			}
			if g.From.Before(now.Add(gapsAhead)) {
				out = append(out, x)
			}
		}
	}
	return out
}

// answered is what was written back about an incident since the last overview;
// of a confidential one the words are left out, unless all who read it may know.
func (o *digest) answered(inc incident.Incident, to []incident.Party, last time.Time) (out []message.DigestAnswer) {
	book := o.Book()
	kept := slices.ContainsFunc(to, func(p incident.Party) bool { return !book.MayRead(&inc, p.Person) })
	for _, a := range book.Answers(inc, last) {
		x := message.DigestAnswer{What: o.name(inc, to[0].Language), By: book.Directory.PersonName(a.By), Result: a.Fields["result"], Note: cmp.Or(a.Fields["note"], a.Fields["text"])}
		if kept {
			x.Note = ""
		}
		out = append(out, x)
	}
	return out
}

// name is whose it is and what; what is nobody's, such as the monitoring itself, has
// its scenario's title.
func (o *digest) name(i incident.Incident, language string) string {
	return cmp.Or(o.called(i.Identity), fmt.Sprintf("%s (#%d)", o.title(i, language), i.Number))
}

func (o *digest) title(i incident.Incident, language string) string {
	if p := o.Book().Policy(i.Policy); p != nil {
		if s := p.Scenario(i.Scenario); s != nil {
			return cmp.Or(s.Title.In(language), s.Name)
		}
	}
	return i.Scenario
}

// digestNumbers fills in what has to be asked for; what does not answer is said.
func (o *digest) digestNumbers(ctx context.Context, d *message.Digest, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, digestWithin)
	defer cancel()
	p := o.live()
	o.watch.mu.Lock()
	d.Health.Watchdog = o.watch.last
	d.Health.WatchdogGone = o.watch.last.IsZero() || now.Sub(o.watch.last) > p.Timings.Watchdog
	o.watch.mu.Unlock()
	if err := o.digestCounts(ctx, d, now); err != nil {
		d.Health.Prometheus = err.Error()
		o.log.Warn("the digest lacks what Prometheus knows", "err", err)
	}
	seen, err := o.reconciler.poll(ctx, now)
	if err != nil {
		o.log.Warn("the digest lacks what an Alertmanager knows", "err", err)
	}
	for _, am := range p.Alertmanagers {
		if o.reconciler.unreachable.Out(am.Name()) {
			d.Health.Silent = append(d.Health.Silent, am.Name())
		}
	}
	if seen != nil {
		d.Silences = o.digestSilences(seen)
	}
	names := o.issues.Names()
	for issue, n := range o.issues.Counts() {
		d.Faults = append(d.Faults, message.DigestFault{Issue: issue, Count: n, Of: names[issue]})
	}
}

func (o *digest) digestCounts(ctx context.Context, d *message.Digest, now time.Time) error {
	p := o.live()
	if p.Evidence == nil {
		return errors.New("no Prometheus is configured")
	}
	all, known, err := p.Evidence.Count(ctx, cmp.Or(p.Counts.Machines, machinesQuery), now)
	if err != nil {
		return err
	}
	if known {
		good, goodKnown, err := p.Evidence.Count(ctx, cmp.Or(p.Counts.Good, goodQuery), now)
		if err != nil {
			return err
		}
		if goodKnown {
			d.Good, d.All = good, all
		}
	}
	sources, err := p.Evidence.Sources(ctx, now)
	d.Health.Sources = len(sources)
	for _, s := range sources {
		if !s.Fresh {
			d.Health.Stale = append(d.Health.Stale, message.DigestSource{Name: s.Name, Read: s.Read})
		}
	}
	if err != nil {
		return err
	}
	mails, err := p.Evidence.Unsorted(ctx, now)
	for _, source := range slices.Sorted(maps.Keys(mails)) {
		d.Unsorted = append(d.Unsorted, message.DigestLine{What: source, Detail: strconv.Itoa(mails[source])})
	}
	return err
}

// digestSilences lists the silences that run, with what is odd about them.
func (o *digest) digestSilences(t *alertmanager.Together) []message.DigestSilence {
	var out []message.DigestSilence
	for _, id := range slices.Sorted(maps.Keys(t.Silences)) {
		s := t.Silences[id]
		x := message.DigestSilence{Matchers: s.Matchers, By: s.By, Comment: s.Comment, Until: s.EndsAt, Long: s.Long(), Broad: s.Broad(), Idle: true}
		if p := o.Book().Directory.Author(s.By); p != nil {
			x.By = p.Name
		}
		ms, err := model.ParseMatchers(s.Matchers)
		for fp, signal := range t.Firing {
			if slices.Contains(t.SilencedBy[fp], id) || err == nil && ms.Match(signal.Labels) {
				x.Idle = false
			}
		}
		out = append(out, x)
	}
	return out
}
