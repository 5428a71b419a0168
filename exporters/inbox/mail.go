package inbox

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"vigie/internal/mailread"
)

// Mail is what rules look at.
type Mail struct {
	// ID tells the mail from every other; two copies of a mail have the same.
	ID        string
	MessageID string
	From      []string // addresses in lower case, of From and Sender
	To        []string // of To, Cc, the delivery headers and the envelope
	Subject   string
	Date      time.Time // zero if there is none that can be read
	// Texts are the bodies that can be read: the plain text, then that of the
	// HTML, in which a row of a table is a line with tabs between its cells.
	Texts []string
	// Ignore is why the mail is not for rules; empty if it is.
	Ignore Ignored

	delivery bool   // a part says what became of another mail
	bare     string // the subject without what a gateway put before it
	// prefix is how long the mark of an answer or of a forwarded mail before the
	// bare subject is; 0 without one.
	prefix int
	quotes bool // the text holds another mail, with its header
}

// Ignored is a reason for which a mail is neither read nor kept.
type Ignored string

// The reasons, which are values of a label.
const (
	IgnoredOwn       Ignored = "own"        // Vigie's own notification
	IgnoredReply     Ignored = "reply"      // somebody's answer to one
	IgnoredAutoReply Ignored = "auto_reply" // a machine's answer: absence, receipt
	IgnoredBounce    Ignored = "bounce"     // a delivery report
	IgnoredRule      Ignored = "rule"       // a rule says so
)

func ignoredReasons() []Ignored {
	return []Ignored{IgnoredOwn, IgnoredReply, IgnoredAutoReply, IgnoredBounce, IgnoredRule}
}

// canonical gives a text in the form that patterns are written in: one character
// for a letter with its accent, where some systems write two, and none that shows
// nothing, such as the marks of direction in Windows's dates or a soft hyphen.
func canonical(s string) string {
	return norm.NFC.String(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, s))
}

// ReadMail reads a message. The error says why no rule can look at it; what
// could be read of its header is returned nevertheless.
func ReadMail(raw []byte) (Mail, error) {
	read, err := mailread.Read(raw)
	m := Mail{ID: read.ID, MessageID: read.MessageID, From: read.From, To: read.To, Subject: canonical(read.Subject), Date: read.Date, delivery: len(read.Reports) > 0}
	if read.Header == nil {
		return m, err
	}
	for _, s := range []string{read.Plain, read.HTML} {
		if strings.TrimSpace(s) != "" {
			m.Texts = append(m.Texts, canonical(s))
		}
	}
	m.bare = m.Subject[len(gatewayMark.FindString(m.Subject)):]
	m.prefix = len(passedOn.FindString(m.bare))
	m.quotes = slices.ContainsFunc(m.Texts, mailread.HoldsMail)
	m.Ignore = ignored(&read)
	return m, err
}

// sent is the mail's own date, or when it was received where it has none or one
// that lies ahead: a machine whose clock is wrong proves no success of tomorrow.
func (m *Mail) sent(received time.Time) time.Time {
	if m.Date.IsZero() || !received.IsZero() && m.Date.After(received.Add(ahead)) {
		return received
	}
	return m.Date
}

// line makes one line of a text.
func line(s string) string { return mailread.Line(s) }

func printable(s string) string { return mailread.Printable(s) }
