package inbox

import (
	"regexp"
	"strings"

	"github.com/emersion/go-message"

	"vigie/internal/mailread"
)

// ownID is the form of the identifiers of Vigie's mails.
var ownID = regexp.MustCompile(`^[a-z2-7]{26}@[a-z0-9.-]+$`)

// passedOnMarks are what mail programs put before the subject of an answer or of a
// mail that is forwarded, with a colon behind.
const passedOnMarks = `(?:re|r[ée]p(?:onse)?|ref|fw|fwd|forward(?:ed)?|tr|recall|rappel|aw|antwort|wg|weitergeleitet|antw|doorst|svar|sv|vb|vs|vl|rv|rif|enc|res|odp|pd|ynt|[iİ]lt|i)`

var (
	passedOn = regexp.MustCompile(`(?i)^\s*(?:` + passedOnMarks + `(?:\[\d+\])?\s?:\s*)+`)
	// passedOnNamed finds a mark in a pattern; (?i: is none.
	passedOnNamed = regexp.MustCompile(`(?i)(?:^|[^\p{L}?])` + passedOnMarks + `[^\p{L}:]{0,9}:`)
)

// noMark stands where such a mark does and is none.
const noMark = "Qqq: "

// gatewayMark is what mail gateways put before the subject of what comes from
// outside, or of what they suspect.
var gatewayMark = regexp.MustCompile(`(?i)^\s*(?:(?:[\[({<*]+\s*(?:ext|externa?l?|externe[rns]?|extérieur|esterno|externo|extern\s+e-?mail|external\s+(?:e-?mail|mail|sender|message)|courriel externe|(?:possible |suspected )?spam|caution)\s*[\])}>*]+|ext(?:ernal|erne)?\s?:)\s*[-:]?\s*)+`)

// ignored finds mails that are not reports: a quoted report in an answer must
// not become a result.
func ignored(read *mailread.Mail) Ignored {
	switch {
	case own(read):
		return IgnoredOwn
	case bounce(read):
		return IgnoredBounce
	case read.Automatic():
		return IgnoredAutoReply
	case answersOwn(read.Header):
		return IgnoredReply
	default:
		return ""
	}
}

func own(m *mailread.Mail) bool {
	h := m.Header
	for f := h.Fields(); f.Next(); {
		if strings.HasPrefix(strings.ToLower(f.Key()), "x-vigie-") {
			return true
		}
	}
	return strings.EqualFold(mailread.FirstWord(h.Get("Auto-Submitted")), "auto-generated") && ownID.MatchString(strings.ToLower(m.MessageID)) &&
		strings.EqualFold(mailread.FirstWord(h.Get("X-Auto-Response-Suppress")), "all")
}

func bounce(m *mailread.Mail) bool {
	switch m.Report() {
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
