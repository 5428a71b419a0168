package inbox

import (
	"regexp"
	"slices"
	"strings"

	"github.com/emersion/go-message"

	"vigie/internal/mailread"
)

// ownID is the form of the identifiers of Vigie's mails.
var ownID = regexp.MustCompile(`^[a-z2-7]{26}@[a-z0-9.-]+$`)

// absence are subjects by which programs answer for people; they do not all
// say so in a header.
var absence = regexp.MustCompile(`(?i)^\s*(auto(matic)?[ -]?(reply|response)|(re *: *)?away from my (e-?)?mail|i( a|')m (away|on (vacation|leave|holidays?))|on vacation|out of (the )?office|(automatische )?abwesenheit|je suis (absente?|en (cong[ée]s?|vacances))|en cong[ée]s?|r[ée]ponse automatique|message d'absence|absence du bureau|absent du bureau)\b`)

// passedOn is what mail programs put before the subject of an answer or of a
// mail that is forwarded.
var passedOn = regexp.MustCompile(`(?i)^\s*(?:(?:re|r[ée]p|ref|fw|fwd|tr|aw|wg|antw|doorst|sv|vs|rv|enc|res|i)(?:\[\d+\])?\s?:\s*)+`)

// ignored finds mails that are not reports: a quoted report in an answer must
// not become a result.
func ignored(h *message.Header, m *Mail) Ignored {
	auto := strings.ToLower(firstWord(h.Get("Auto-Submitted")))
	switch {
	case own(h, m, auto):
		return IgnoredOwn
	case bounce(h) || m.delivery && noSender(h, m):
		return IgnoredBounce
	case auto == "auto-replied" || h.Has("X-Autoreply") || h.Has("X-Autorespond") || h.Has("X-Autoresponder") || vacation(h) ||
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

// noSender tells the bounces of OpenSMTPD, which are no multipart/report.
func noSender(h *message.Header, m *Mail) bool {
	return h.Has("Return-Path") && strings.Trim(strings.TrimSpace(h.Get("Return-Path")), "<>") == "" ||
		slices.ContainsFunc(m.From, func(a string) bool { return strings.HasPrefix(a, "mailer-daemon@") })
}

// vacation tells answers of vacation(1) that follow the examples of its manual:
// the program itself adds no header, so that others look like any mail.
func vacation(h *message.Header) bool {
	return strings.Contains(strings.ToLower(h.Get("Delivered-By-The-Graces-Of")), "vacation") || strings.Contains(strings.ToLower(mailread.HeaderText(h.Get("From"))), "via the vacation program")
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
