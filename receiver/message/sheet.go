package message

import (
	"slices"
	"strings"
	"time"

	"vigie/receiver/message/locale"
	"vigie/rules/incident"
	"vigie/rules/model"
)

// sheet is one notification, its texts made safe to show, with the words of its
// language. What templates may say of it lies in small views over it.
type sheet struct {
	locale.Locale
	n       incident.Notification
	f       *incident.MessageData
	missed  []string       // the clocks that it speaks of
	contact incident.Party // the customer's person to call or write to; may be nobody
	links   linker
	reader  incident.Reader
}

func (i *sheet) few(all []string, most int) string {
	if len(all) > most {
		return strings.Join(all[:most], ", ") + " " + i.Plural("more", len(all)-most)
	}
	return strings.Join(all, ", ")
}

// all joins names as a sentence does: "a, b et c".
func (i *sheet) all(names []string) string {
	if last := len(names) - 1; last > 0 {
		return i.Say("and", "most", strings.Join(names[:last], ", "), "last", names[last])
	}
	return strings.Join(names, "")
}

func (i *sheet) person(name, role string) string {
	if name != "" {
		return name
	}
	return i.Word("the_role." + role)
}

func (i *sheet) hasFlag(f model.Flag) bool { return slices.Contains(i.f.Flags, f) }

// Stranger tells that whoever reads it is known by his own report alone.
func (i *sheet) Stranger() bool { return i.reader == incident.ByStranger }

// Lang is the code of the language.
func (i *sheet) Lang() string { return i.Code }

// F is the sheet of facts itself, cleaned, for templates of admins.
func (i *sheet) F() *incident.MessageData { return i.f }

// leaves is when the message leaves at the earliest, which is when it can be read.
func (i *sheet) leaves() time.Time {
	if i.n.HoldUntil.After(i.n.DecidedAt) {
		return i.n.HoldUntil
	}
	return i.n.DecidedAt
}

// Decided is when the message was decided on.
func (i *sheet) Decided() string { return i.DueAt(i.n.DecidedAt) }

// Scenario is the scenario's title.
func (i *sheet) Scenario() string { return i.title() }

// title is the scenario's title in the reader's language.
func (i *sheet) title() string {
	if t := i.f.ScenarioTitle; len(t) > 0 {
		return t.In(i.Code)
	}
	if i.f.ScenarioText != "" {
		return i.f.ScenarioText
	}
	return strings.ReplaceAll(i.f.Scenario, "_", " ")
}

// own says in the reader's language what Vigie itself says of evidence; the words
// of others stay as they are.
func (i *sheet) own(text string) string {
	if key := "evidence_says." + locale.KeyOf(text); i.Has(key) {
		return i.Word(key)
	}
	return text
}
