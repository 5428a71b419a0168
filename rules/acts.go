package rules

import (
	"maps"
	"slices"
	"strings"

	"vigie/rules/act"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// acting carries out what people do.
type acting struct{ *decider }

func (d *decider) acting() acting { return acting{d} }

// acted carries out an act of a person, or refuses it with the reason.
func (d acting) acted(a incident.Act) {
	a, do := d.admit(a)
	if d.out.Refusal != nil {
		return
	}
	d.act = &a
	do(d, a)
	if d.out.Refusal != nil {
		return
	}
	fields := a.Fields.Clone()
	d.Incident.Acts = append(d.Incident.Acts, incident.ActRecord{At: d.Now, Verb: a.Verb, By: a.By, Episode: d.Incident.Episode, Fields: fields, Link: a.Link})
	if len(d.Incident.Acts) > maxActs {
		d.Incident.Acts = d.Incident.Acts[len(d.Incident.Acts)-maxActs:]
	}
	d.raise("act:"+a.Verb, d.Now)
	d.newOccurrence("act:" + a.Verb)
	d.out.Journal = append(d.out.Journal, incident.Entry{At: d.Now, Kind: "act", What: a.Verb, Actor: a.By,
		Reason: summary(*d.act), Personal: strings.TrimSpace(a.Fields["note"] + " " + a.Fields["text"] + " " + a.Fields["agreed"])})
	d.out.Touches = true
}

// admit reports what carries out an act, with the act put straight; it refuses
// what this person may not do, or what cannot be done now.
func (d acting) admit(a incident.Act) (incident.Act, func(acting, incident.Act)) {
	row, known := act.Of(a.Verb)
	do := doing()[a.Verb]
	if !known || do == nil {
		d.refused(incident.RefuseUnknown("act", a.Verb, act.Verbs()))
		return a, nil
	}
	if a.By == "" {
		d.refuseField("by", 422, "by is missing: say who acts")
		return a, nil
	}
	if p := d.Book.Directory.Person(a.By); p != nil {
		a.By = p.ID
	}
	if d.forbidden(row, a); d.out.Refusal != nil {
		return a, nil
	}
	for _, name := range slices.Sorted(maps.Keys(a.Fields)) {
		if _, has := row.Field(name); !has {
			d.refused(&incident.Refusal{Status: 422, Phrase: row.Unknown(name), Field: name})
			return a, nil
		}
	}
	a.Fields = a.Fields.Clone() // what is put straight must not reach the caller's map
	for name, text := range a.Fields {
		a.Fields[name] = strings.TrimSpace(text) // blanks say nothing
	}
	if a.Link != "" {
		for _, done := range d.Incident.Acts {
			if done.Link == a.Link {
				d.refuse(410, "this link was used at {when} by {who}: {verb}",
					"when", done.At.In(d.Policy.Zone).Format("2006-01-02 15:04"), "who", done.By, "verb", done.Verb)
				return a, nil
			}
		}
	}
	d.allowed(row, a)
	if d.out.Refusal != nil {
		return a, nil
	}
	return a, do
}

// allowed refuses what the table says this person, or this incident, cannot do now.
func (d acting) allowed(row act.Act, a incident.Act) {
	if d.Incident.State.Ended() && !row.Ended {
		d.refuse(409, "the incident is {state}: reopen it first", "state", string(d.Incident.State))
		return
	}
	if slices.Contains(row.Not, string(d.Incident.State)) {
		d.refuse(409, "the incident is {state} already", "state", string(d.Incident.State))
		return
	}
	if row.Platform && d.Scenario.Immediate == nil {
		d.refuse(409, "{act} belongs to platform incidents; this one follows scenario {scenario}", "act", a.Verb, "scenario", d.Scenario.Name)
		return
	}
	if slices.Contains(d.Scenario.Gate, a.Verb) && d.gated(a) {
		d.refuse(422, "confirm another functional backup first: check_other with result ok or ko")
		return
	}
	for _, f := range row.Fields {
		if f.Required && f.Missing != "" && a.Fields[f.Name] == "" {
			d.refuseField(f.Name, 422, "{field} is missing: {missing}", "field", f.Name, "missing", f.Missing)
			return
		}
		switch text := a.Fields[f.Name]; {
		case text == "":
		case f.Kind == act.YesNo && !yes(text) && !no(text):
			d.refuseField(f.Name, 422, "{field} {quoted} is neither yes nor no", "field", f.Name, "quoted", text)
			return
		case f.Kind == act.Date:
			if _, ok := d.day(f.Name, text); !ok {
				return
			}
		}
	}
}

// forbidden refuses what a person's role does not give, and what is another
// customer's.
func (d acting) forbidden(row act.Act, a incident.Act) {
	role := d.Book.Role(a.By)
	if a.External {
		role = act.Customer
	}
	switch {
	case row.May(role):
	case role == act.Customer:
		d.refuse(403, "{who} belongs to the customer and may only answer", "who", a.By)
	default:
		d.refuse(403, "{who} may look and not act: role {access}", "who", a.By, "access", string(role))
	}
	// A link was sent to whom it concerns; it is its own proof.
	if role == act.Customer && a.Link == "" && d.Book.Role(a.By) == act.Customer && !d.Book.Concerns(d.Incident, a.By) {
		d.refuse(403, "this incident is none of {who}", "who", a.By)
	}
}

// maxActs bounds what one incident remembers; the journal keeps all.
const maxActs = 200

// gated tells whether the answer about the other backup is still missing. A
// forecast "today" needs none.
func (d acting) gated(a incident.Act) bool {
	if a.Verb == "forecast" && yes(a.Fields["today"]) {
		return false
	}
	st, _ := d.OtherBackup()
	return st == model.EvidenceUnknown
}

func summary(a incident.Act) string {
	var parts []string
	for _, k := range []string{"reason", "today", "expected_date", "result", "until", "outcome", "person", "next_date",
		"severity", "cause", "scope", "data_loss", "to", "silence"} {
		if v := a.Fields[k]; v != "" {
			parts = append(parts, k+"="+v)
		}
	}
	if a.Via != "" {
		parts = append(parts, a.Via)
	}
	return strings.Join(parts, ", ")
}

// yes reads a truth value as people and YAML write it.
func yes(text string) bool {
	switch strings.ToLower(text) {
	case "yes", "true", "oui", "on", "1":
		return true
	}
	return false
}

func no(text string) bool {
	switch strings.ToLower(text) {
	case "no", "false", "non", "off", "0":
		return true
	}
	return false
}

// doing is what carries out each act of the table.
func doing() map[string]func(acting, incident.Act) {
	return map[string]func(acting, incident.Act){
		"take": acting.actTake, "assign": acting.actAssign, "note": acting.actNote,
		"attempt": acting.actAttempt, "forecast": acting.actForecast, "escalate": acting.actEscalate,
		"answer": acting.actAnswer, "call": acting.actCall, "check_other": acting.actCheckOther,
		"immediate": acting.actImmediate, "qualify": acting.actQualify, "workaround": acting.actWorkaround,
		"cascade": acting.actCascade, "promote": acting.actPromote, "merge": acting.actMerge,
		"restore": acting.actRestore, "restore_verified": acting.actRestoreVerified, "pause": acting.actPause,
		"resume": acting.actResume, "resolve": acting.actResolve, "close": acting.actClose,
		"reopen": acting.actReopen, "decommission": acting.actDecommission, "rebase": acting.actRebase,
		"waive": acting.actWaive, "release": acting.actRelease, VerbSilence: acting.actSilence, VerbUnsilence: acting.actUnsilence,
	}
}

// Verbs returns the acts of a person, in the order of the handbook.
func Verbs() []string { return act.Verbs() }
