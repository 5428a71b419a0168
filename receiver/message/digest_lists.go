package message

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// DigestSilence is a silence that runs.
type DigestSilence struct {
	Matchers    []string
	By, Comment string
	Until       time.Time
	// Long lasts more than a day, Broad names no single machine, plan or platform,
	// Idle covers nothing that fires: each is worth a look.
	Long, Broad, Idle bool
}

// DigestHealth is how well the chain from Prometheus to the mail server works.
type DigestHealth struct {
	// Watchdog is when monitoring was last heard; zero for never.
	Watchdog     time.Time
	WatchdogGone bool
	// Prometheus tells why it could not be asked; empty when it could.
	Prometheus string
	// Silent are the Alertmanagers that do not answer.
	Silent []string
	// Stale are the sources that were not read lately, and Sources how many were
	// asked for.
	Stale   []DigestSource
	Sources int
	// Pending messages have not left, the oldest since Oldest.
	Pending int
	Oldest  time.Time
	// Refused are the addresses that a mail server refused for good.
	Refused []string
}

// DigestSource is a product that backups are read from.
type DigestSource struct {
	Name string
	Read time.Time // zero for never
}

// DigestAnswer is what somebody wrote back about an incident.
type DigestAnswer struct {
	What string // what it is about
	By   string
	// Result is done, away, call_me or not_mine; empty where only words came.
	Result, Note string
}

// DigestFault is a fault of inventory or data, and what shows it.
type DigestFault struct {
	Issue string // unmatched_machine ...
	Count int
	Of    []string
}

// DigestListed is what fires and opens no incident.
type DigestListed struct {
	Alertnames []string
	What, Plan string
	Since      time.Time
	OwedFrom   time.Time // from when it is an incident; zero where it never is one
}

// DigestGap is a time for which nobody can be counted on who is on duty.
type DigestGap struct {
	Role, Person string
	Gap          string // nobody, away, unreached
	From, Until  time.Time
	Otherwise    string // the role that is told instead
}

const (
	// maxListed bounds the lines of what is only listed, maxFaulty the names of one fault.
	maxListed = 100
	maxFaulty = 12
)

// listed are the lines of what is only listed: what it is, of what, since when.
func (v *view) listed(all []DigestListed) []DigestLine {
	var out []DigestLine
	for _, x := range all[:min(len(all), maxListed)] {
		plan := ""
		if x.Plan != "" {
			plan = v.Say("digest.listed_plan", "plan", x.Plan)
		}
		from := ""
		if !x.OwedFrom.IsZero() {
			from = v.Say("digest.listed_owed", "day", v.StampDay(x.OwedFrom))
		}
		var alerts []string
		for _, a := range x.Alertnames {
			alerts = append(alerts, v.NameOf("alert", a))
		}
		out = append(out, DigestLine{What: joinNonEmpty(" – ", x.What, strings.Join(alerts, ", ")),
			Detail: joinNonEmpty(", ", plan, v.Say("digest.listed_since", "moment", v.Moment(x.Since)), from)})
	}
	if n := len(all) - len(out); n > 0 {
		out = append(out, DigestLine{What: v.Plural("more", n)})
	}
	return out
}

// gaps are the lines of what is missing in the duty of the days to come.
func (v *view) gaps(all []DigestGap) []DigestLine {
	var out []DigestLine
	for _, g := range all[:min(len(all), maxFaulty)] {
		from := v.Moment(g.From)
		if !g.From.After(v.Ref) {
			from = v.Word("digest.gap_now")
		}
		span := v.Say("digest.gap_on", "from", from)
		if !g.Until.IsZero() {
			span = v.Say("digest.gap_span", "from", from, "until", v.Moment(g.Until))
		}
		instead := v.Word("digest.gap_untold")
		if g.Otherwise != "" {
			instead = v.Say("digest.gap_instead", "role", v.NameOf("role", g.Otherwise))
		} else if g.Gap == "away" {
			instead = v.Word("digest.gap_away_told")
		}
		out = append(out, DigestLine{What: v.NameOf("role", g.Role), Detail: joinNonEmpty(", ", v.Say("digest.gap."+g.Gap, "who", g.Person), span, instead), Bad: g.Otherwise == ""})
	}
	if n := len(all) - len(out); n > 0 {
		out = append(out, DigestLine{What: v.Plural("more", n)})
	}
	return out
}

// faults are the lines of what is wrong with inventory and data, by name.
func (v *view) faults(all []DigestFault) []DigestLine {
	var out []DigestLine
	for _, f := range slices.SortedFunc(slices.Values(all), func(a, b DigestFault) int { return strings.Compare(a.Issue, b.Issue) }) {
		names := strings.Join(f.Of[:min(len(f.Of), maxFaulty)], ", ")
		if n := len(f.Of) - maxFaulty; n > 0 {
			names += " " + v.Plural("more", n)
		}
		detail := strconv.Itoa(f.Count)
		if names != "" {
			detail += " (" + names + ")"
		}
		out = append(out, DigestLine{What: v.NameOf("issue", f.Issue), Detail: detail})
	}
	return out
}

// answers are the lines of what people wrote back.
func (v *view) answers(all []DigestAnswer) []DigestLine {
	var out []DigestLine
	for _, a := range all {
		result := ""
		if a.Result != "" {
			result = v.NameOf("answered", a.Result)
		}
		out = append(out, DigestLine{What: a.What, Detail: joinNonEmpty(" – ", a.By, result, a.Note), Bad: a.Result == "call_me" || a.Result == "not_mine"})
	}
	return out
}

// silences are the lines of the running silences, those worth a look first.
func (v *view) silences(all []DigestSilence) []DigestLine {
	var odd, plain []DigestLine
	for _, s := range all {
		var why []string
		for _, w := range []struct {
			on  bool
			key string
		}{{s.Long, "long"}, {s.Broad, "broad"}, {s.Idle, "idle"}} {
			if w.on {
				why = append(why, v.Word("digest.silence."+w.key))
			}
		}
		line := DigestLine{What: strings.Join(s.Matchers, ", "), Bad: len(why) > 0,
			Detail: joinNonEmpty(", ", strings.Join(why, ", "), v.Say("silenced_by", "who", s.By, "moment", v.Moment(s.Until)), s.Comment)}
		if line.Bad {
			odd = append(odd, line)
		} else {
			plain = append(plain, line)
		}
	}
	return append(odd, plain...)
}

// health are the lines of the chain's health; what is in order is said as well.
func (v *view) health(h *DigestHealth) []DigestLine {
	if h == nil {
		return nil
	}
	var out []DigestLine
	add := func(name string, bad bool, detail string) {
		verdict := v.Word("digest.chain_ok")
		if bad {
			verdict = v.Word("digest.chain_ko")
		}
		out = append(out, DigestLine{What: name, Detail: joinNonEmpty(", ", verdict, detail), Bad: bad})
	}
	heard := v.Word("digest.never")
	if !h.Watchdog.IsZero() {
		heard = v.MomentAgo(h.Watchdog)
	}
	add(v.Word("digest.health.watchdog"), h.WatchdogGone, heard)
	silent := ""
	if h.Prometheus != "" {
		silent = v.Word("digest.health.unanswered")
	}
	add("Prometheus", h.Prometheus != "", silent)
	add("Alertmanager", len(h.Silent) > 0, strings.Join(h.Silent, ", "))
	var stale []string
	for _, s := range h.Stale {
		read := v.Word("digest.never")
		if !s.Read.IsZero() {
			read = v.Moment(s.Read)
		}
		stale = append(stale, s.Name+" ("+read+")")
	}
	sources := v.Plural("digest.sources", h.Sources)
	if len(stale) > 0 {
		sources = strings.Join(stale, ", ")
	}
	if h.Prometheus == "" {
		add(v.Word("digest.health.sources"), len(stale) > 0 || h.Sources == 0, sources)
	}
	pending := ""
	if h.Pending > 0 {
		pending = v.Say("digest.pending", "n", strconv.Itoa(h.Pending), "moment", v.MomentAgo(h.Oldest))
	}
	add(v.Word("digest.health.mail"), h.Pending > 0 && v.Ref.Sub(h.Oldest) > digestLate, pending)
	if len(h.Refused) > 0 {
		add(v.Word("digest.health.refused"), true, strings.Join(h.Refused, ", "))
	}
	return out
}
