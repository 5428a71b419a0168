package web

import (
	"errors"
	"time"

	"vigie/receiver"
	"vigie/receiver/message/locale"
	"vigie/rules/act"
	"vigie/rules/incident"
)

// speech says things in one language, for one page.
type speech struct{ locale.Locale }

// speechIn is how to speak to somebody whose language, or whose browser's list
// of them, is known; English when none of ours is among them.
func (l *linkPages) speechIn(language string) *speech {
	return &speech{locale.Locale{Language: l.o.Engine.Languages().Accepting(language).Tied(), Zone: time.UTC, Called: l.called}}
}

// word returns a text; "" when there is none.
func (t *speech) word(key string) string { return t.Word(locale.Pages + key) }

// refusal says in the reader's words why something was not done. What went wrong
// otherwise is said as it is.
func refusal(l locale.Locale, err error) string {
	if refused, ok := errors.AsType[*incident.Refusal](err); ok {
		return l.Refusal(refused.Phrase)
	}
	return err.Error()
}

func (v *view) refusal(err error) string { return refusal(v.Locale, err) }

// say fills in a text's parts, given as name, value, name, value.
func (t *speech) say(key string, parts ...string) string { return t.Say(locale.Pages+key, parts...) }

// plural says how many.
func (t *speech) plural(key string, n int) string { return t.Plural(locale.Pages+key, n) }

// moment is an instant on the wall of the policy's zone.
func (t *speech) moment(at time.Time) string { return t.PageMoment(at) }

// done says what became of an act.
func (t *speech) done(o receiver.Opened, d incident.Decision) string {
	text := t.word("done." + o.Purpose)
	if text == "" {
		text = t.word("done")
	}
	if at := d.Incident.Progress.FollowUp; o.Verb == "answer" && !at.IsZero() && !o.Outside {
		text += " " + t.say("done.follow_up", "when", t.moment(at))
	}
	if len(d.Notifications) > 0 && !o.Outside {
		text += " " + t.word("done.mail")
	}
	return text
}

// otherwise says how to do it without this link.
func (p *page) otherwise(o receiver.Opened) {
	if o.Outside {
		p.Notes = append(p.Notes, p.word("otherwise.outside"))
		return
	}
	p.Notes = append(p.Notes, p.word("otherwise"))
	if o.Grant.Incident != "" {
		p.CommandLabel = p.word("otherwise.command")
		p.Command = act.Command(o.Purpose, o.Grant.Incident)
		if o.Verb == "" {
			p.Command = "vigie explain " + o.Grant.Incident
		}
	}
}
