package ask

import (
	"cmp"
	"errors"

	"vigie/receiver"
	"vigie/receiver/message/locale"
	"vigie/rules/incident"
)

// T is a word of the pages.
func T(l locale.Locale, key string) string { return l.Word(locale.Site + key) }

// Incomplete puts at the fields of a form what they lack, and reports whether they do.
func Incomplete(l locale.Locale, fields []Field) bool {
	wrong := Faults{}
	wrong.Missing(fields, T(l, "field.missing"))
	Mark(fields, wrong)
	return len(wrong) > 0
}

// Mend puts at its field why something was refused, and returns what is said above the
// form: that it is to be mended, or otherwise why.
func Mend(l locale.Locale, fields []Field, err error, said, otherwise string) string {
	refused, ok := errors.AsType[*incident.Refusal](err)
	if !ok || refused.Field == "" || !Mark(fields, Faults{refused.Field: said}) {
		return otherwise
	}
	return T(l, "field.mend")
}

// Refusal says in the reader's words why something was not done. What went wrong
// otherwise is said as it is.
func Refusal(l locale.Locale, err error) string {
	if refused, ok := errors.AsType[*incident.Refusal](err); ok {
		return l.Refusal(refused.Phrase)
	}
	return err.Error()
}

// Done says what became of an act.
func Done(l locale.Locale, o receiver.Opened, d incident.Decision) string {
	text := cmp.Or(l.PageWord("done."+o.Purpose), l.PageWord("done"))
	if at := d.Incident.Progress.FollowUp; o.Verb == "answer" && !at.IsZero() && !o.Outside {
		text += " " + l.PageSay("done.follow_up", "when", l.PageMoment(at))
	}
	if len(d.Notifications) > 0 && !o.Outside {
		text += " " + l.PageWord("done.mail")
	}
	return text
}
