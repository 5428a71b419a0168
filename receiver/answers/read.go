package answers

import (
	"cmp"
	"net/textproto"
	"regexp"
	"slices"
	"strings"

	"vigie/internal/clip"
	"vigie/internal/mailread"
)

// Sort is what a mail that came back is.
type Sort string

// The sorts, which are values of a label.
const (
	Reply   Sort = "reply"   // a person's words
	Bounced Sort = "bounced" // a message could not be delivered
	Delayed Sort = "delayed" // a message is on its way since
	Absence Sort = "absence" // a machine answered for a person
	Receipt Sort = "receipt" // read, or delivered: nothing follows from it
	Own     Sort = "own"     // our own
	Unread  Sort = "unread"  // it cannot be read
)

// Sorts are all of them.
func Sorts() []Sort { return []Sort{Reply, Bounced, Delayed, Absence, Receipt, Own, Unread} }

// Bounds of what is kept of a mail.
const (
	maxText    = 4000 // characters of an answer
	maxDetail  = 300
	maxNamed   = 50 // Message-IDs and addresses of one mail
	maxSubject = 300
)

// Incoming is a mail as far as it was understood.
type Incoming struct {
	ID      string // tells it from every other
	Sort    Sort
	Token   string // of the transmission that it names; empty for none
	From    string // the sender's address; empty without one
	Subject string
	// Text is what a person wrote, without what is quoted.
	Text string
	// Whole is the text with what it quotes, when nothing in it could be told for the
	// sender's own words.
	Whole string
	// Answers are the Message-IDs that it says it answers, or gives back.
	Answers []string
	// Addresses are those that a bounce is about, as the server names them.
	Addresses []string
	// Detail is a server's reason.
	Detail string
}

// Read understands a mail. Nothing in it is believed: who may say what to which
// incident is decided when it is taken in.
func (a Addresses) Read(raw []byte) Incoming {
	m, err := mailread.Read(raw)
	in := Incoming{ID: m.ID, Sort: Unread, Subject: clip.Bytes(mailread.Printable(m.Subject), maxSubject)}
	if m.Header == nil {
		in.Detail = err.Error()
		return in
	}
	in.Token = a.Token(m.To)
	if len(m.From) > 0 {
		in.From = m.From[0]
	}
	if n := noticeOf(m.Plain); n != nil {
		in.Token = cmp.Or(in.Token, a.Token([]string{n.Mail.Source}))
		in.notice(n)
		return in
	}
	switch kind := m.Report(); {
	case isOwn(&m):
		in.Sort = Own
	case in.From == "" && strings.TrimSpace(m.Plain+m.HTML) == "":
		in.Detail = "it is empty"
	case kind == mailread.DeliveryStatus:
		in.bounce(&m)
	case kind == "disposition-notification":
		in.Sort = Receipt
	case err != nil || kind != "":
		in.Detail = "it is of a kind that is not read: " + clip.Bytes(mailread.Printable(kind), 50)
		if err != nil {
			in.Detail = err.Error()
		}
	case m.Automatic():
		in.Sort, in.Answers = Absence, answered(&m)
	case m.Program():
		// A ticket tool's receipt, or what a person wrote in one.
		in.Text, in.Detail = words(&m), "a program sent it, as it says itself: it may be no person's answer"
	default:
		in.Sort, in.Answers, in.Text = Reply, answered(&m), words(&m)
		if in.Text == "" {
			in.Whole = clip.Runes(strings.TrimSpace(shown(&m)), maxText)
		}
	}
	return in
}

func isOwn(m *mailread.Mail) bool {
	for f := m.Header.Fields(); f.Next(); {
		if strings.HasPrefix(strings.ToLower(f.Key()), "x-vigie-") {
			return true
		}
	}
	return false
}

// answered are the mails that a mail says it answers.
func answered(m *mailread.Mail) []string {
	return identifiers(m.Header.Get("In-Reply-To") + " " + m.Header.Get("References"))
}

var identifier = regexp.MustCompile(`<([^<>\s]{3,250}@[^<>\s]{1,250})>`)

func identifiers(s string) (out []string) {
	for _, found := range identifier.FindAllStringSubmatch(clip.Bytes(s, 16<<10), maxNamed) {
		if !slices.Contains(out, found[1]) {
			out = append(out, found[1])
		}
	}
	return out
}

// bounce reads a delivery report. A failure is what says so, nothing else.
func (in *Incoming) bounce(m *mailread.Mail) {
	told := false
	for _, part := range m.Reports {
		for _, block := range blocks(part) {
			told = in.recipient(block, m.Plain) || told
		}
	}
	for a := range strings.SplitSeq(m.Header.Get("X-Failed-Recipients"), ",") {
		in.about(a)
	}
	said, returned := m.ServerWords()
	if !told {
		in.serverWords(m, said)
	}
	in.Answers = append(given(cmp.Or(m.Original, returned)), answered(m)...) // Exim names it in its own header
}

// serverWords reads a report without a part for programs.
func (in *Incoming) serverWords(m *mailread.Mail, said string) {
	for _, a := range anAddress.FindAllString(said, maxNamed) {
		in.about(a)
	}
	reason := why.FindString(said)
	switch {
	case m.Failed():
		in.Sort = Bounced
	case m.Delayed():
		in.Sort = Delayed
	default:
		reason = "a mail server's report that names no recipient"
	}
	in.Detail = clip.Bytes(mailread.Printable(mailread.Line(cmp.Or(reason, m.Subject))), maxDetail)
}

var (
	anAddress = regexp.MustCompile(`[^<>\s"'(),:;\[\]]+@[A-Za-z0-9.-]+[A-Za-z0-9]`)
	// why finds a server's answer: a code, with or without its longer form.
	why = regexp.MustCompile(`(?:\b[45]\d\d[ -][^\n]|\b[45]\.\d{1,3}\.\d{1,3}\b)[^\n]*`)
)

// given are the Message-IDs in the head of a mail that is given back.
func given(original string) (out []string) {
	head, _, _ := strings.Cut(strings.ReplaceAll(strings.TrimSpace(original), "\r\n", "\n"), "\n\n")
	for _, line := range unfolded(head) {
		if name, value, is := strings.Cut(line, ":"); is && strings.EqualFold(name, "Message-ID") {
			out = append(out, identifiers(value)...)
		}
	}
	return out
}

// recipient takes in what a report says about one recipient; false is for a block
// that says nothing of one, such as that about the report itself, or no word that
// has a meaning (SendGrid's expired).
func (in *Incoming) recipient(fields textproto.MIMEHeader, text string) bool {
	action := strings.ToLower(mailread.FirstWord(fields.Get("Action")))
	if action == "" {
		return false
	}
	for _, name := range []string{"Original-Recipient", "Final-Recipient"} {
		if _, address, typed := strings.Cut(fields.Get(name), ";"); typed {
			in.about(address)
		}
	}
	switch {
	case action == "failed":
		in.Sort = Bounced
	case action == "delayed" && in.Sort != Bounced:
		in.Sort = Delayed
	case slices.Contains([]string{"delayed", "delivered", "relayed", "expanded", "deliverable"}, action):
		if in.Sort == Unread {
			in.Sort = Receipt
		}
		return true
	default:
		return false
	}
	detail := strings.TrimSpace(fields.Get("Status"))
	if _, why, typed := strings.Cut(fields.Get("Diagnostic-Code"), ";"); typed {
		detail += " " + strings.TrimSpace(why)
	} else if why := explained(text, in.Addresses); why != "" {
		detail += " " + why
	}
	in.Detail = clip.Bytes(mailread.Printable(mailread.Line(detail)), maxDetail)
	return true
}

// about notes an address that a report is about.
func (in *Incoming) about(address string) {
	address = strings.ToLower(strings.Trim(strings.TrimSpace(address), "<>"))
	if strings.Contains(address, "@") && len(address) <= 254 && len(in.Addresses) < maxNamed && !slices.Contains(in.Addresses, address) {
		in.Addresses = append(in.Addresses, address)
	}
}

// explained finds the reason in the text of a server that gives none in its
// report: "ADDRESS: 550 5.1.1 ...".
func explained(text string, addresses []string) string {
	for line := range strings.SplitSeq(text, "\n") {
		for _, a := range addresses {
			if rest, found := strings.CutPrefix(strings.ToLower(strings.TrimSpace(line)), a+":"); found {
				return strings.TrimSpace(strings.TrimSpace(line)[len(strings.TrimSpace(line))-len(rest):])
			}
		}
	}
	return ""
}

// blocks are the groups of fields of a delivery report.
func blocks(part string) (out []textproto.MIMEHeader) {
	for group := range strings.SplitSeq(strings.ReplaceAll(part, "\r\n", "\n"), "\n\n") {
		fields := textproto.MIMEHeader{}
		for _, line := range unfolded(group) {
			if name, value, is := strings.Cut(line, ":"); is && len(fields) < maxNamed {
				fields.Add(strings.TrimSpace(name), strings.TrimSpace(value))
			}
		}
		if out = append(out, fields); len(out) > maxNamed {
			break
		}
	}
	return out
}

// unfolded are the lines of a head, each with those that go on with it.
func unfolded(head string) (out []string) {
	for line := range strings.SplitSeq(head, "\n") {
		if n := len(out); n > 0 && (strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")) {
			out[n-1] += " " + strings.TrimSpace(line)
			continue
		}
		out = append(out, strings.TrimRight(line, "\r"))
	}
	return out
}

// words is what a person wrote.
func words(m *mailread.Mail) string { return clip.Runes(Unquoted(shown(m)), maxText) }

// shown is the plain text, or else that of the page.
func shown(m *mailread.Mail) string {
	if strings.TrimSpace(m.Plain) == "" {
		return m.Quoted
	}
	return m.Plain
}
