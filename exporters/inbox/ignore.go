package inbox

import (
	"regexp"
	"strings"

	"github.com/emersion/go-message"
)

// ownID is the form of the identifiers of Vigie's mails.
var ownID = regexp.MustCompile(`^[a-z2-7]{26}@[a-z0-9.-]+$`)

// absence are subjects by which programs answer for people; they do not all
// say so in a header.
var absence = regexp.MustCompile(`(?i)^\s*(auto(matic)?[ -]?(reply|response)|out of (the )?office|r[ée]ponse automatique|message d'absence|absence du bureau|absent du bureau)\b`)

// ignored finds mails that are not reports: a quoted report in an answer must
// not become a result.
func ignored(h *message.Header, m *Mail) Ignored {
	auto := strings.ToLower(firstWord(h.Get("Auto-Submitted")))
	switch {
	case own(h, m, auto):
		return IgnoredOwn
	case bounce(h):
		return IgnoredBounce
	case auto == "auto-replied" || h.Has("X-Autoreply") || h.Has("X-Autorespond") || h.Has("X-Autoresponder") ||
		strings.EqualFold(firstWord(h.Get("Precedence")), "auto_reply") || absence.MatchString(m.Subject):
		return IgnoredAutoReply
	case answersOwn(h):
		return IgnoredReply
	default:
		return ""
	}
}

func own(h *message.Header, m *Mail, auto string) bool {
	for f := h.Fields(); f.Next(); {
		if strings.HasPrefix(strings.ToLower(f.Key()), "x-vigie-") {
			return true
		}
	}
	return auto == "auto-generated" && ownID.MatchString(strings.ToLower(m.MessageID)) && strings.EqualFold(firstWord(h.Get("X-Auto-Response-Suppress")), "all")
}

func bounce(h *message.Header) bool {
	kind, params, err := h.ContentType()
	if err != nil || !strings.EqualFold(kind, "multipart/report") {
		return false
	}
	switch strings.ToLower(params["report-type"]) {
	case "delivery-status", "disposition-notification", "feedback-report":
		return true
	default:
		return false
	}
}

func answersOwn(h *message.Header) bool {
	for _, key := range []string{"In-Reply-To", "References"} {
		for id := range strings.FieldsSeq(h.Get(key)) {
			if ownID.MatchString(strings.ToLower(strings.Trim(id, "<>"))) {
				return true
			}
		}
	}
	return false
}

// firstWord is a header's value without parameters and comments.
func firstWord(s string) string {
	s, _, _ = strings.Cut(s, ";")
	s, _, _ = strings.Cut(s, "(")
	return strings.TrimSpace(s)
}
