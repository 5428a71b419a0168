package situation

import (
	"slices"
	"time"

	"vigie/rules/calendar"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// Ahead is an instant, no step's and no target's, at which the incident is looked at
// again, with the name of the moment that it brings.
type Ahead struct {
	Moment string    `json:"moment"`
	At     time.Time `json:"at"`
	// Said is the moment in the words of whoever asked; empty where nobody did.
	Said string `json:"said,omitempty"`
}

// AllAhead are the moments that are known to come if nobody does anything: an agreed
// wait that ends, a silence or a maintenance that does, a promise or the wait for a
// common failure, and what somebody has that is given back. The nearest stands first.
func (d *Situation) AllAhead() []Ahead {
	var out []Ahead
	add := func(moment string, at time.Time) {
		if at.After(d.Now) {
			out = append(out, Ahead{Moment: moment, At: at})
		}
	}
	i := d.Incident
	if i.State.Ended() {
		return nil
	}
	if i.State == model.Waiting {
		add("waiting_over", i.Until)
	}
	for _, s := range i.Silences {
		add("silence_ended", s.EndsAt)
	}
	if i.Flags[model.FlagOutage] {
		add("outage_held", d.OutageUntil())
	}
	if at, ok := d.Promised(i.Progress.ExpectedDate); ok && i.Progress.ExpectedDate != i.Progress.PromisePassed {
		add("promise_passed", at.Add(time.Second))
	}
	if until, in := d.MaintenanceAt(d.Now); in {
		add("maintenance_over", until)
	}
	if at, ok := lapses(d); ok {
		add("lapsed", at)
	}
	if at, ok := d.Schedule().OutOfService(); ok {
		add("out_of_service", at)
	}
	slices.SortFunc(out, func(a, b Ahead) int { return a.At.Compare(b.At) })
	return out
}

// OutOfService is the first service hour in which nothing is owed for the incident any more.
func (d Schedule) OutOfService() (time.Time, bool) {
	from, ends := d.Book.Directory.OutOfService(d.Incident.Identity)
	if !ends {
		from, ends = d.lastOutOfService()
	}
	if cal := d.Calendar(d.Scenario.Calendar); ends && cal != nil {
		at, err := cal.EffectiveStart(from)
		return at, err == nil
	}
	return from, ends
}

// lastOutOfService is from when on nothing is owed to any of those whom alerts and reports
// name, where the incident is called after none of them: a host's failure is after its site.
func (d Schedule) lastOutOfService() (last time.Time, ends bool) {
	about := make([]model.Labels, 0, len(d.Incident.Alerts)+len(d.Incident.Reports))
	for _, a := range d.Incident.Alerts {
		about = append(about, a.Labels)
	}
	for _, r := range d.Incident.Reports {
		about = append(about, r.Labels)
	}
	for _, l := range about {
		from, leaves := d.Book.Directory.OutOfService(l)
		if !leaves {
			return time.Time{}, false
		}
		last, ends = incident.Later(last, from), true
	}
	return last, ends
}

// lapses is when what somebody has is given back: in the first service hour in which he is
// away, or when he has said nothing about it for the policy's time.
func lapses(d *Situation) (time.Time, bool) {
	i := d.Incident
	if i.Assignee == "" || d.Scenario.Owner == nil || i.State == model.Waiting {
		return time.Time{}, false
	}
	cal := d.Calendar(d.Scenario.Calendar)
	silent := d.Schedule().After(d.LastWord(), d.Scenario.Owner.LapsesAfter)
	if promised, ok := d.Promised(i.Progress.ExpectedDate); ok {
		silent = incident.Later(silent, promised)
	}
	silent, err := cal.EffectiveStart(silent)
	if at, away := d.Schedule().OwnerAway(d.Now); away && at.Before(silent) {
		return at, true
	}
	return silent, err == nil && !i.Flags[model.FlagSilenced]
}

// OwnerAway is the first instant of service hours, from one on, at which whoever has the
// incident is away.
func (d Schedule) OwnerAway(from time.Time) (time.Time, bool) {
	const absences = 50
	cal := d.Calendar(d.Scenario.Calendar)
	for range absences {
		begins, some := d.Book.Directory.NextAway(d.Incident.Assignee, from)
		if !some {
			break
		}
		at, err := cal.EffectiveStart(begins)
		if err != nil {
			break
		}
		if _, away := d.Book.Directory.Away(d.Incident.Assignee, at); away {
			return at, true
		}
		from = at // he was away at night
	}
	return time.Time{}, false
}

// OutageUntil is until when a common failure is told in the incident's place.
func (d *Situation) OutageUntil() time.Time {
	since := d.Incident.Raised["flag:"+string(model.FlagOutage)].At
	for _, c := range d.Policy.Correlations {
		if !c.Marks || !slices.ContainsFunc(incident.SortedAlerts(d.Incident.Alerts), func(f string) bool { return c.Match.Match(d.Incident.Alerts[f].Labels) }) {
			continue
		}
		quiet := c.InhibitFor
		if quiet.Calendar == "" {
			quiet.Calendar = d.Scenario.Calendar
		}
		return d.Schedule().After(since, quiet)
	}
	return since // the policy knows no common failure that it could be part of
}

// Promised is the end of a promised day, or the promised instant.
func (d *Situation) Promised(text string) (time.Time, bool) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, true
	}
	date, err := calendar.ParseDate(text)
	if err != nil {
		return time.Time{}, false
	}
	cal := d.Calendar(d.Scenario.Calendar)
	if date, err = cal.BusinessDayOnOrAfter(date); err != nil {
		return time.Time{}, false
	}
	return cal.Closing(date)
}

// LastWord is when the owner last did something about the incident, or got it.
func (d *Situation) LastWord() time.Time {
	last := d.Incident.TakenAt
	for _, moment := range []string{"waiting_over", "silence_ended"} { // until then nothing was expected of him
		if at, ok := d.Moment(moment); ok && at.After(last) && !last.IsZero() {
			last = at
		}
	}
	for _, a := range d.Incident.Acts {
		if a.Episode == d.Incident.Episode && (a.By == d.Incident.Assignee || a.Verb == "assign") && a.At.After(last) {
			last = a.At
		}
	}
	if last.IsZero() {
		return d.Incident.OpenedAt
	}
	return last
}
