package inbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	netmail "net/mail"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/charset"
	"golang.org/x/net/html"
	"golang.org/x/text/encoding/charmap"
)

// The bounds of what is taken from one mail. A report of a thousand machines
// has some 300 KiB of text.
const (
	maxHeaderBytes = 256 << 10
	maxTextBytes   = 1 << 20 // of the plain and of the HTML text each
	maxParts       = 100
	maxDepth       = 8
	maxAddresses   = 100
	maxSubject     = 1000
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

	delivery bool // a part says what became of another mail
	// prefix is how long the mark of an answer or of a forwarded mail before the
	// subject is; 0 without one.
	prefix int
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

// ReadMail reads a message. The error says why no rule can look at it; what
// could be read of its header is returned nevertheless.
func ReadMail(raw []byte) (Mail, error) {
	// The library takes a missing header for an empty one.
	e, err := message.ReadWithOptions(bytes.NewReader(raw), &message.ReadOptions{MaxHeaderBytes: maxHeaderBytes})
	if e == nil {
		return Mail{ID: digest(raw)}, fmt.Errorf("not a mail: %w", cleanError(err))
	}
	m := readHeader(&e.Header)
	t := texts{}
	err = t.walk(e, err, 0)
	for _, s := range []string{t.plain.String(), htmlText(t.html.String())} {
		if s = cleanBody(s); strings.TrimSpace(s) != "" {
			m.Texts = append(m.Texts, s)
		}
	}
	m.ID = m.identity(raw)
	m.delivery = t.delivery
	m.prefix = len(passedOn.FindString(m.Subject))
	m.Ignore = ignored(&e.Header, &m)
	return m, err
}

// identity is of what the sender wrote: on its way a mail gets other headers.
// Some scripts give all their mails the same Message-ID.
func (m *Mail) identity(raw []byte) string {
	if m.MessageID == "" && m.Date.IsZero() {
		return digest(raw)
	}
	parts := []string{m.MessageID, m.Date.UTC().Format(time.RFC3339), strings.Join(m.From, " "), m.Subject}
	return digest([]byte(strings.Join(append(parts, m.Texts...), "\x00")))
}

// sent is the mail's own date, or when it was received where it has none or one
// that lies ahead: a machine whose clock is wrong proves no success of tomorrow.
func (m *Mail) sent(received time.Time) time.Time {
	if m.Date.IsZero() || !received.IsZero() && m.Date.After(received.Add(ahead)) {
		return received
	}
	return m.Date
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

func readHeader(h *message.Header) Mail {
	m := Mail{MessageID: strings.Trim(strings.TrimSpace(h.Get("Message-Id")), "<>"), Subject: cut(line(headerText(h.Get("Subject"))), maxSubject)}
	for _, key := range []string{"From", "Sender"} {
		m.From = append(m.From, addresses(h, key)...)
	}
	for _, key := range []string{"To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To"} {
		m.To = append(m.To, addresses(h, key)...)
	}
	if t, err := netmail.ParseDate(strings.TrimSpace(h.Get("Date"))); err == nil && t.Year() >= 2000 && t.Year() <= 2200 {
		m.Date = t
	}
	return m
}

func wordDecoder() *mime.WordDecoder { return &mime.WordDecoder{CharsetReader: charset.Reader} }

// headerText decodes the words of a header; bytes that are not ASCII, which
// old programs write there, are taken for UTF-8 or else for Windows' Latin.
func headerText(s string) string {
	s = utf8Text(s)
	out, err := wordDecoder().DecodeHeader(s)
	if err != nil {
		return s
	}
	return out
}

func utf8Text(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	if out, err := charmap.Windows1252.NewDecoder().String(s); err == nil {
		return out
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

func addresses(h *message.Header, key string) []string {
	var out []string
	p := netmail.AddressParser{WordDecoder: wordDecoder()}
	for f := h.FieldsByKey(key); f.Next() && len(out) < maxAddresses; {
		list, err := p.ParseList(utf8Text(f.Value()))
		if err != nil {
			// Not as it should be: take what stands between blanks and brackets.
			for _, w := range strings.FieldsFunc(utf8Text(f.Value()), func(r rune) bool { return strings.ContainsRune(" \t\r\n<>,;\"()", r) }) {
				if strings.Contains(w, "@") {
					list = append(list, &netmail.Address{Address: w})
				}
			}
		}
		for _, a := range list[:min(len(list), maxAddresses)] {
			out = append(out, strings.ToLower(a.Address))
		}
	}
	return out
}

// texts collects the readable parts of a mail.
type texts struct {
	plain, html strings.Builder
	parts       int
	delivery    bool // a part is a delivery report
}

// walk reads a part and those inside it. Attachments are passed over.
func (t *texts) walk(e *message.Entity, err error, depth int) error {
	if t.parts++; t.parts > maxParts {
		return fmt.Errorf("more than %d parts", maxParts)
	}
	if depth > maxDepth {
		return fmt.Errorf("parts in parts, more than %d deep", maxDepth)
	}
	if err != nil && !message.IsUnknownCharset(err) {
		return fmt.Errorf("a part cannot be read: %w", cleanError(err))
	}
	kind, params, kindErr := e.Header.ContentType()
	if kindErr != nil || kind == "" {
		kind = "text/plain"
	}
	disposition, _, _ := e.Header.ContentDisposition()
	if mr := e.MultipartReader(); mr != nil {
		if params["boundary"] == "" {
			return errors.New("several parts without a boundary between them")
		}
		for {
			part, err := mr.NextPart()
			switch {
			case errors.Is(err, io.EOF):
				return nil
			case part == nil:
				return fmt.Errorf("it ends early: %w", cleanError(err))
			}
			if err := t.walk(part, err, depth+1); err != nil {
				return err
			}
		}
	}
	var to *strings.Builder
	switch {
	case strings.EqualFold(kind, "message/delivery-status"), strings.EqualFold(kind, "message/global-delivery-status"):
		t.delivery = true
		return nil
	case strings.EqualFold(disposition, "attachment"):
		return nil
	case strings.EqualFold(kind, "text/plain"):
		to = &t.plain
	case strings.EqualFold(kind, "text/html"):
		to = &t.html
	default:
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(e.Body, int64(maxTextBytes-to.Len())+1))
	if err != nil {
		return fmt.Errorf("a part cannot be read: %w", cleanError(err))
	}
	if to.Len()+len(text) > maxTextBytes {
		return fmt.Errorf("more than %d bytes of text", maxTextBytes)
	}
	body := utf8Text(string(text))
	if to == &t.plain && strings.EqualFold(params["format"], "flowed") {
		body = unflow(body, strings.EqualFold(params["delsp"], "yes"))
	}
	to.WriteString(body)
	to.WriteByte('\n')
	return nil
}

// unflow joins the lines that a sender broke for others to see (RFC 3676).
func unflow(s string, deleteBlank bool) string {
	var out strings.Builder
	for l := range strings.SplitSeq(strings.ReplaceAll(s, "\r\n", "\n"), "\n") {
		text := strings.TrimPrefix(l, " ") // stuffed
		if strings.HasSuffix(text, " ") && text != "-- " {
			if deleteBlank {
				text = strings.TrimSuffix(text, " ")
			}
			out.WriteString(text)
			continue
		}
		out.WriteString(text)
		out.WriteByte('\n')
	}
	return out.String()
}

// cleanError bounds a library's words about foreign bytes.
func cleanError(err error) error {
	if err == nil {
		return errors.New("it is empty")
	}
	return errors.New(cut(line(strings.ToValidUTF8(err.Error(), "\uFFFD")), 200))
}

// cleanBody gives lines that patterns can be written for.
func cleanBody(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u00a0", " ", "\u202f", " ", "\u200b", "", "\ufeff", "", "\x00", "").Replace(s)
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \t")
	}
	return strings.Join(lines, "\n")
}

// line makes one line of a text.
func line(s string) string { return strings.Join(strings.Fields(s), " ") }

func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// htmlText gives the words that a reader of the page sees. The tokenizer does
// not build a tree, so that nothing grows beyond the input.
func htmlText(page string) string {
	if page == "" {
		return ""
	}
	w := &pageText{}
	z := html.NewTokenizer(strings.NewReader(page))
	z.SetMaxBuf(maxTextBytes)
	for {
		switch z.Next() {
		case html.ErrorToken:
			w.breakLine()
			return w.b.String()
		case html.TextToken:
			if w.hidden == "" {
				w.text(string(z.Text()))
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			w.start(string(name))
		case html.EndTagToken:
			name, _ := z.TagName()
			w.end(string(name))
		}
	}
}

// pageText writes words with single blanks, rows as lines, cells with tabs.
type pageText struct {
	b      strings.Builder
	line   strings.Builder
	hidden string // the element whose content nobody sees
	row    bool   // within a row of a table
	cells  int
	blank  bool
}

func (w *pageText) text(s string) {
	// Entities are decoded by Text.
	for _, r := range s {
		switch {
		case r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '\f' || r == '\u00a0' || r == '\u202f':
			w.blank = true
		case r == '\u200b' || r == '\ufeff':
		default:
			if l := w.line.String(); w.blank && l != "" && !strings.HasSuffix(l, "\t") {
				w.line.WriteByte(' ')
			}
			w.blank = false
			w.line.WriteRune(r)
		}
	}
}

func (w *pageText) start(name string) {
	switch name {
	case "body":
		w.hidden = ""
	case "script", "style", "head", "title", "template":
		if w.hidden == "" {
			w.hidden = name
		}
	case "tr":
		w.breakLine()
		w.row, w.cells = true, 0
	case "td", "th":
		if w.row && w.cells > 0 {
			w.line.WriteByte('\t')
		}
		w.cells++
		w.blank = false
	case "table":
		// A table in a cell has rows of its own.
		w.breakLine()
		w.row = false
	case "br", "p", "div", "li", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "pre", "blockquote":
		if w.row {
			w.blank = true
		} else {
			w.breakLine()
		}
	}
}

func (w *pageText) end(name string) {
	if name == w.hidden {
		w.hidden = ""
	}
	switch name {
	case "tr", "table":
		w.breakLine()
		w.row = false
	case "p", "div", "li", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre":
		if w.row {
			w.blank = true
		} else {
			w.breakLine()
		}
	}
}

func (w *pageText) breakLine() {
	if w.line.Len() > 0 {
		w.b.WriteString(w.line.String())
		w.b.WriteByte('\n')
		w.line.Reset()
	}
	w.blank = false
}
