package web

import (
	"cmp"
	"strconv"
	"strings"

	"vigie/receiver/web/about"
	"vigie/rules/incident"
)

// Mail says what a mail does, by its template.
func (v *view) Mail(template string) string {
	return about.Mail(v.Language, v.site.o.Engine, template)
}

// Ignored says why no incident follows.
func (v *view) Ignored(why string) string { return v.NameOf("site.ignored", why) }

// Happened says a line of the history in words.
func (v *view) Happened(h historyRow) string {
	switch h.Kind {
	case "act":
		return strings.TrimSuffix(cmp.Or(v.PageWord("verb."+h.What), h.What), ":")
	case "state":
		return v.Fill("history.state", "state", v.NameOf("state", h.What))
	case "signal":
		return v.Fill("history.signal", "what", cmp.Or(v.Word("alert."+h.What), v.Word("site.signal."+h.What), v.NameOf("entry", h.What)))
	case "message":
		what, step, _ := strings.Cut(h.What, " ")
		return v.Fill("history.message", "what", v.NameOf("site.delivery", what), "step", v.called("step", step))
	case "step":
		return v.Fill("history.step", "step", v.called("step", h.What))
	case "evidence":
		what, state, _ := strings.Cut(h.What, " ")
		return v.Fill("history.evidence", "what", v.NameOf("site.evidence", what), "state", v.NameOf("evidence", state))
	case "silence":
		return v.NameOf("site.silence", h.What)
	case "renamed":
		return v.Fill("history.renamed", "name", h.What)
	case "breach":
		return v.Fill("history.breach", "target", v.NameOf("target", h.What))
	case "target":
		return v.Fill("history.target", "target", v.NameOf("target", h.What))
	case "flag":
		if flag, over := strings.CutPrefix(h.What, "not "); over {
			return v.Fill("history.flag_over", "what", v.NameOf("site.flag", flag))
		}
		return v.Fill("history.flag", "what", v.NameOf("site.flag", h.What))
	case "note":
		return cmp.Or(v.Word("site.noted."+h.What), v.NameOf("target", h.What))
	}
	return strings.ReplaceAll(h.What, "_", " ")
}

// called says what reasons and lines of the history name by ids.
func (v *view) called(kind, name string) string {
	if v.book == nil { // the words alone
		return strings.ReplaceAll(name, "_", " ")
	}
	var inc incident.Incident
	if o, ok := v.Data.(interface{ about() incident.Incident }); ok {
		inc = o.about()
	}
	return about.Called(v.Language, v.site.o.Engine, inc, v.now)(kind, name)
}

// seenLines is what a form says that its page had seen.
func seenLines(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64) // a form without it asks for no check
	return n
}
