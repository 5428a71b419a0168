package rules

import (
	"maps"
	"slices"
	"strings"
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
	"vigie/rules/policy"
)

// silencing follows the silences that cover an incident.
type silencing struct{ *decider }

func (d *decider) silencing() silencing { return silencing{d} }

// silenced follows the silences that cover the incident. A silence says that
// somebody has the matter in hand until an instant; it never says solved. Nor
// does one of some plans say anything of the others.
func (d silencing) silenced(e incident.Silenced) {
	i := d.Incident
	now := map[string]incident.Silence{}
	for _, s := range e.Active {
		now[s.ID] = s
	}
	for _, id := range slices.Sorted(maps.Keys(now)) {
		s := now[id]
		if old, known := i.Silences[id]; known {
			if !old.EndsAt.Equal(s.EndsAt) {
				d.note("silence", "changed", s.By, "now until "+s.EndsAt.Format(time.RFC3339))
			}
			continue
		}
		d.out.Journal = append(d.out.Journal, incident.Entry{At: d.Now, Kind: "silence", What: "begun", Actor: s.By,
			Reason: "in hand until " + s.EndsAt.Format(time.RFC3339), Personal: s.Comment})
		if !e.Partly {
			d.owns(s)
		}
	}
	var authors, told []string // who ends a silence himself is not told that it is over
	for _, id := range slices.Sorted(maps.Keys(i.Silences)) {
		if _, still := now[id]; !still {
			author := d.Book.AuthorOf(i.Silences[id])
			authors = append(authors, author)
			if !slices.ContainsFunc(i.Acts, func(a incident.ActRecord) bool {
				return a.Verb == VerbUnsilence && a.By == author && slices.Contains(strings.Fields(a.Fields[VerbSilence]), id)
			}) {
				told = append(told, author)
			}
			d.note("silence", "ended", i.Silences[id].By, "the silence has ended")
		}
	}
	i.Silences = now
	d.flag(model.FlagSilenced, e.Whole(), "a silence covers the incident")
	if e.Whole() {
		other := func(t policy.Trigger) bool { return t.Kind != policy.WhenMoment || t.Name != "silence_ended" } // then it may be of something else
		d.intake().withdraw("withdrawn: silenced anew before it left", func(st *policy.Step, _ *incident.StepRecord) bool { return !slices.ContainsFunc(st.When, other) })
	}
	if len(authors) > 0 && !e.Whole() && !i.State.Ended() {
		if len(told) > 0 {
			i.Progress.SilenceAuthors = told
			d.raise("silence_ended", d.Now)
		}
	}
	d.passOn(e)
}

// passOn gives an incident that somebody had by his silence alone to whoever silences it still.
func (d silencing) passOn(e incident.Silenced) {
	owner := d.Incident.Progress.OwnerBySilence
	if owner == "" || d.Incident.State.Ended() || slices.ContainsFunc(e.Active, func(s incident.Silence) bool { return d.Book.AuthorOf(s) == owner }) {
		return
	}
	d.disown()
	if e.Whole() {
		for _, s := range e.Active {
			d.owns(s)
		}
	}
}

// disown gives an incident back to nobody when only a silence made somebody
// its owner and nothing was done: the clock of what nobody took goes on.
func (d silencing) disown() {
	i := d.Incident
	owner := i.Progress.OwnerBySilence
	i.Progress.OwnerBySilence = ""
	if owner == "" || i.Assignee != owner {
		return
	}
	for _, a := range i.Acts {
		if a.Episode == i.Episode && a.By == owner && a.Verb != VerbSilence && a.Verb != VerbUnsilence {
			return
		}
	}
	i.Assignee, i.TakenAt = "", time.Time{}
	d.note("note", "released", owner, "the silence is over and nothing was done under it")
	if i.State == model.Taken {
		d.state(model.Open, "the silence is over and nobody took it")
	}
}

// owns makes the author of a silence of exactly this machine the assignee of
// an incident that nobody has; it never takes one away from somebody.
func (d silencing) owns(s incident.Silence) {
	i := d.Incident
	if i.Assignee != "" || i.State.Ended() {
		return
	}
	ms, err := model.ParseMatchers(s.Matchers)
	if err != nil || ms.Equalities()[model.LabelMachine] == "" || ms.Equalities()[model.LabelMachine] != i.Identity[model.LabelMachine] {
		return
	}
	p := d.Book.Directory.Author(s.By)
	if p == nil {
		return
	}
	i.Progress.OwnerBySilence = p.ID
	i.Assignee, i.TakenAt = p.ID, d.Now
	d.out.Journal = append(d.out.Journal, incident.Entry{At: d.Now, Kind: "act", What: "take", Actor: p.ID,
		Reason: "silenced exactly this machine, which nobody had"})
	if i.State == model.Open {
		d.state(model.Taken, "silenced by "+p.ID)
	}
}
