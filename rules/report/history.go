// Package report says from the journal what became of a month: which targets were
// met and which were missed, what was restored, whether data was lost. It is pure:
// the same journal gives the same report whenever it is made.
package report

import (
	"slices"
	"strings"
	"time"

	"vigie/rules/incident"
	"vigie/rules/model"
)

// Case is an incident as the journal tells it, with what never changes of its row.
type Case struct {
	ID       string
	Number   int
	Scenario string
	Policy   string // hash of the policy that it was opened under
	Severity string // the newest; used only for lines of older builds
	Customer string
	Machine  string
	Role     string // backup_role
	Platform string
	Opened   time.Time
	Lines    []incident.Entry // oldest first
	// Kept tells that it is confidential: its words are for those who are named.
	Kept bool
}

// Outcome is how a target ended.
type Outcome string

// The outcomes.
const (
	Met     Outcome = "met"
	Missed  Outcome = "missed"
	Excused Outcome = "excused" // its time was over by the customer's own cause
)

// verdict is one decision upon a target.
type verdict struct {
	target  string
	outcome Outcome
	at      time.Time // of the decision: when it was met, or when its time was over
	cause   string    // by which it is excused
	done    time.Time // when it was met after all
	incident.Verdict
}

// span is a time from an instant up to another, which is zero while it lasts.
type span struct{ from, to time.Time }

func (s span) touches(from, to time.Time) bool {
	return s.from.Before(to) && (s.to.IsZero() || s.to.After(from))
}

// integrity is what was said of the data when an incident was resolved.
type integrity struct {
	at   time.Time
	said string // none, or what was lost
}

// history is what the lines of one incident come to up to an instant.
type history struct {
	verdicts     []verdict
	open         []span // the episodes
	double       []span // in which no backup worked
	silenced     []span
	restorations []span // restores, from their beginning to their proof
	integrity    []integrity
	people       []string // who acted, in the order of coming
	calls        []Call
	cause        string
	taken        time.Time
	acts         int
}

// historyOf walks the lines that were written before an instant.
func historyOf(c Case, before time.Time) history {
	h := history{open: []span{{from: c.Opened}}}
	for _, l := range c.Lines {
		if !l.At.Before(before) {
			continue
		}
		switch l.Kind {
		case "state":
			h.state(l)
		case "target":
			h.target(l)
		case "breach":
			h.breach(l)
		case "act":
			h.act(l)
		case "flag":
			h.flag(l)
		}
	}
	return h
}

func (h *history) state(l incident.Entry) {
	last := &h.open[len(h.open)-1]
	ended := model.State(l.What).Ended()
	switch {
	case ended && last.to.IsZero():
		last.to = l.At
		end(h.double, l.At)
		end(h.silenced, l.At)
	case !ended && !last.to.IsZero():
		h.open = append(h.open, span{from: l.At})
	}
}

// target takes in that a target is met, excused, or not met after all.
func (h *history) target(l incident.Entry) {
	said, v, _ := incident.VerdictIn(l.Reason)
	found := verdict{target: l.What, at: l.At, Verdict: v}
	last := h.last(l.What)
	switch {
	case strings.HasPrefix(said, "not met after all"):
		if last >= 0 && h.verdicts[last].outcome == Met {
			h.verdicts = slices.Delete(h.verdicts, last, last+1)
		}
	case strings.HasPrefix(said, "met: "):
		if !v.At.IsZero() {
			found.at = v.At
		}
		if found.outcome = Met; last >= 0 && h.verdicts[last].outcome != Met && h.verdicts[last].done.IsZero() && h.same(last, v) {
			late := &h.verdicts[last]
			late.done, late.Used, late.HasUsed = found.at, v.Used, v.HasUsed
			return
		}
		h.verdicts = append(h.verdicts, found)
	case strings.Contains(said, "and is no breach: the cause "):
		_, rest, _ := strings.Cut(said, "and is no breach: the cause ")
		found.outcome, found.cause = Excused, strings.TrimSuffix(rest, " is the customer's own")
		found.due(said)
		h.verdicts = append(h.verdicts, found)
	}
}

// due takes the instant that lines of older builds name as well.
func (v *verdict) due(said string) {
	if v.Due.IsZero() {
		text, _, _ := strings.Cut(strings.TrimPrefix(said, "was due at "), ",")
		v.Due, _ = time.Parse(time.RFC3339, text) // a line that says otherwise has none
	}
}

func (h *history) breach(l incident.Entry) {
	if l.What == "integrity" { // said by the act that resolved it
		return
	}
	said, v, _ := incident.VerdictIn(l.Reason)
	found := verdict{target: l.What, outcome: Missed, at: l.At, Verdict: v}
	found.due(said)
	if last := h.last(l.What); last >= 0 && h.verdicts[last].outcome == Excused && h.same(last, v) {
		found.done = h.verdicts[last].done
		h.verdicts[last] = found // the cause was another after all
		return
	}
	h.verdicts = append(h.verdicts, found)
}

// last is the place of the newest verdict upon a target; -1 for none.
func (h *history) last(target string) int {
	for i := len(h.verdicts) - 1; i >= 0; i-- {
		if h.verdicts[i].target == target {
			return i
		}
	}
	return -1
}

// same reports whether a verdict is upon the same running of a clock.
func (h *history) same(i int, v incident.Verdict) bool {
	return v.From.IsZero() || h.verdicts[i].From.IsZero() || v.From.Equal(h.verdicts[i].From)
}

func (h *history) act(l incident.Entry) {
	h.acts++
	if l.Actor != "" && !slices.Contains(h.people, l.Actor) {
		h.people = append(h.people, l.Actor)
	}
	if cause := field(l.Reason, "cause"); cause != "" {
		h.cause = cause
	}
	switch l.What {
	case "take", "assign", "attempt":
		if h.taken.IsZero() {
			h.taken = l.At
		}
	case "call":
		h.calls = append(h.calls, Call{At: l.At, By: l.Actor, Person: field(l.Reason, "person"), Outcome: field(l.Reason, "outcome")})
	case "restore":
		h.restorations = append(h.restorations, span{from: l.At})
	case "restore_verified":
		h.verified(l.At)
	case "resolve":
		h.verified(l.At)
		if said := field(l.Reason, "data_loss"); said != "" {
			h.integrity = append(h.integrity, integrity{l.At, said})
		}
	}
}

// verified ends the restore that was begun last.
func (h *history) verified(at time.Time) {
	if n := len(h.restorations) - 1; n >= 0 && h.restorations[n].to.IsZero() {
		h.restorations[n].to = at
	}
}

func (h *history) flag(l incident.Entry) {
	name, ends := strings.CutPrefix(l.What, "not ")
	of := map[model.Flag]*[]span{model.FlagDoubleFailure: &h.double, model.FlagSilenced: &h.silenced}[model.Flag(name)]
	switch {
	case of == nil:
	case ends:
		end(*of, l.At)
	case len(*of) == 0 || !(*of)[len(*of)-1].to.IsZero(): // a new episode says once more what still is
		*of = append(*of, span{from: l.At})
	}
}

// end ends the newest of the spans that last.
func end(spans []span, at time.Time) {
	for i := len(spans) - 1; i >= 0; i-- {
		if spans[i].to.IsZero() {
			spans[i].to = at
			return
		}
	}
}

// field reads one field of an act as its line has them: name=value, name=value. A
// value may hold a comma, but no other field's name.
func field(reason, name string) string {
	rest := ""
	switch i := strings.Index(", "+reason, ", "+name+"="); {
	case i < 0:
		return ""
	default:
		rest = reason[i+len(name)+1:]
	}
	for _, next := range []string{"reason", "today", "expected_date", "result", "until", "outcome", "person", "next_date", "severity", "cause", "scope", "data_loss", "to", "silence"} {
		if i := strings.Index(rest, ", "+next+"="); i >= 0 {
			rest = rest[:i]
		}
	}
	for _, via := range []string{", on its page", ", on the list", ", by the link of ", ", by mail, in answer to <"} {
		if i := strings.LastIndex(rest, via); i >= 0 {
			rest = rest[:i]
		}
	}
	return rest
}

// touched reports whether an incident was open, or a target was decided, in a span.
func (h *history) touched(from, to time.Time) bool {
	return slices.ContainsFunc(h.open, func(s span) bool { return s.touches(from, to) }) ||
		slices.ContainsFunc(h.verdicts, func(v verdict) bool { return within(v.at, from, to) })
}

func within(t, from, to time.Time) bool { return !t.Before(from) && t.Before(to) }

// Call is a phone call that was made.
type Call struct {
	At      time.Time `json:"at"`
	By      string    `json:"by,omitempty"`
	Person  string    `json:"person,omitempty"`
	Outcome string    `json:"outcome,omitempty"`
}
