package rules

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
)

// VerbSilence is the act that silences an incident in Alertmanager while
// somebody works on it. What carries it out is outside of the rules: see
// [Book.PlanSilences].
const VerbSilence = "silence"

// VerbUnsilence is the act that ends such a silence before its time.
const VerbUnsilence = "unsilence"

// maxComment bounds a silence's comment, in bytes.
const maxComment = 1000

// PlanSilences are the silences that an act asks for: one for each name under
// which Alertmanager knows the incident's machine, prefilled with customer,
// machine and role. They end with the service day, or earlier when the act says
// so; those that are to be ended, now. Nothing is decided by it; the act itself follows with [Acted] once every
// Alertmanager has taken them.
func (b *Book) PlanSilences(inc incident.Incident, a incident.Act, around incident.Circumstances, now time.Time) ([]incident.Silence, *incident.Refusal) {
	d := b.decider(&inc, around, now)
	if d == nil {
		return nil, notLoaded(&inc)
	}
	a, _ = d.acting().admit(a)
	if d.out.Refusal != nil {
		return nil, d.out.Refusal
	}
	if a.Verb == VerbUnsilence {
		return d.acting().endings(a), d.out.Refusal
	}
	return d.acting().silences(a), d.out.Refusal
}

// SilenceEnd is when a silence that is made now ends unless somebody names an
// earlier end: with the service day, and never later than a day from now.
func (b *Book) SilenceEnd(inc incident.Incident, now time.Time) time.Time {
	d := b.decider(&inc, incident.Circumstances{}, now)
	if d == nil {
		return time.Time{}
	}
	return d.Schedule().SilenceEnd()
}

func (d acting) silences(a incident.Act) []incident.Silence {
	end := d.Schedule().SilenceEnd()
	if text := a.Fields["until"]; text != "" {
		until, ok := d.Schedule().InstantOf(text)
		switch {
		case !ok:
			d.refuseField("until", 422, "until {quoted} is not an instant: write 17:30, 2026-03-20T17:30 or 2026-03-20T17:30:00+01:00", "quoted", text)
			return nil
		case !until.After(d.Now):
			d.refuseField("until", 422, "until {at} lies in the past: name an instant to come", "at", until.Format(time.RFC3339))
			return nil
		case until.After(end):
			d.refuseField("until", 422, "until {at} is too late: a silence ends at {latest} at the latest, with the service day; a longer one can be made in Alertmanager, and is listed every morning",
				"at", until.Format(time.RFC3339), "latest", end.In(until.Location()).Format(time.RFC3339))
			return nil
		}
		end = until
	}
	comment := a.Fields["comment"]
	if len(comment) > maxComment {
		d.refuseField("comment", 422, "comment has {n} bytes, at most {most} are taken", "n", strconv.Itoa(len(comment)), "most", strconv.Itoa(maxComment))
		return nil
	}
	if comment == "" {
		comment = "in hand"
	}
	var out []incident.Silence
	for _, ms := range d.silenceMatchers() {
		out = append(out, incident.Silence{Matchers: ms, By: a.By, Comment: comment + " (vigie " + d.Incident.ID + ")", StartsAt: d.Now, EndsAt: end})
	}
	if len(out) == 0 {
		d.refuse(409, "no alert of Alertmanager is behind this incident: there is nothing to silence")
	}
	return out
}

// silenceMatchers name the incident's alerts by whose backup of which machine in
// which role they are, or else by what the scenario identifies an incident by:
// under the names that Alertmanager knows, each once.
func (d acting) silenceMatchers() [][]string {
	names := []string{model.LabelCustomer, model.LabelMachine, model.LabelBackupRole}
	seen := map[string]bool{}
	var out [][]string
	for _, fp := range incident.SortedAlerts(d.Incident.Alerts) {
		a := d.Incident.Alerts[fp]
		use := names
		if a.Labels[model.LabelMachine] == "" {
			use = slices.Sorted(maps.Keys(d.Incident.Identity))
		}
		var ms []string
		for _, name := range use {
			if v := a.Labels[name]; v != "" {
				ms = append(ms, fmt.Sprintf("%s=%q", name, v))
			}
		}
		if k := strings.Join(ms, ","); len(ms) > 0 && !seen[k] {
			seen[k] = true
			out = append(out, ms)
		}
	}
	sort.Slice(out, func(i, j int) bool { return strings.Join(out[i], ",") < strings.Join(out[j], ",") })
	return out
}

// actSilence records that somebody silenced the incident; the silences
// themselves come back by reconciliation, as those of anybody else do.
func (d acting) actSilence(a incident.Act) {
	if planned := d.silences(a); len(planned) > 0 {
		a.Fields["until"] = planned[0].EndsAt.In(d.Policy.Zone).Format(time.RFC3339)
		a.Fields["note"] = a.Fields["comment"]
	}
}

// endings are the silences that somebody ends before their time: his of this incident, and
// with force others'; what covers more than it stays. Those that he made here a moment ago
// are not known yet: what he would make now stands for them.
func (d acting) endings(a incident.Act) []incident.Silence {
	others := forced(a)
	if d.unexplained(a) {
		return nil
	}
	a.Fields = nil
	out := d.silences(a)
	for _, id := range slices.Sorted(maps.Keys(d.Incident.Silences)) {
		s := d.Incident.Silences[id]
		if !s.Broad() && (others || d.Book.AuthorOf(s) == a.By) {
			out = append(out, s)
		}
	}
	for i := range out {
		out[i].StartsAt, out[i].EndsAt = d.Now, d.Now
	}
	return out
}

// unexplained refuses to end what somebody else silenced without a word.
func (d acting) unexplained(a incident.Act) bool {
	if forced(a) && a.Fields["reason"] == "" {
		d.refuseField("reason", 422, "say why you end what somebody else silenced")
	}
	return d.out.Refusal != nil
}

// actUnsilence records that somebody ended silences; it names which they were.
func (d acting) actUnsilence(a incident.Act) {
	if d.unexplained(a) || a.Fields[VerbSilence] != "" {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(d.Incident.Silences)) {
		s := d.Incident.Silences[id]
		who, until := d.Book.AuthorOf(s), s.EndsAt.In(d.Policy.Zone).Format("2006-01-02 15:04")
		switch {
		case s.Broad():
			d.refuse(409, "the silence of {who} until {at} covers more than this incident: end it in Alertmanager", "who", who, "at", until)
		case who != a.By:
			d.refuseField("force", 409, "{who} silenced it until {at}: say that you end it all the same, and why", "who", who, "at", until)
		}
	}
	if d.out.Refusal == nil {
		d.refuse(409, "no silence of this incident runs: there is nothing to end")
	}
}
