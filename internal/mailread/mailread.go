// Package mailread reads what strangers' mails say: headers in any character set,
// and the text of their parts, within bounds and without a line of it being
// believed. Both halves read mails: reports there, answers and bounces here.
package mailread

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	netmail "net/mail"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/charset"
	"golang.org/x/net/html"
	"golang.org/x/text/encoding/charmap"

	"vigie/internal/clip"
	"vigie/internal/zoneword"
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
	maxReport      = 64 << 10 // of a delivery report, and of the head of the mail it is about
)

// Mail is a message as far as it could be read.
type Mail struct {
	// ID tells the mail from every other; two copies of a mail have the same.
	ID        string
	MessageID string
	From      []string // addresses in lower case, of From and Sender
	To        []string // of To, Cc, and the delivery headers
	Subject   string
	Date      time.Time // zero if there is none that can be read
	// Plain and HTML are the words of the plain text and of the page; a row of a
	// table is a line with tabs between its cells.
	Plain, HTML string
	// Quoted are the words of the page with those that it quotes marked by >.
	Quoted string
	// Header is nil for what is no mail at all.
	Header *message.Header
	// Reports are the parts that say what became of another mail, Original the
	// beginning of that mail, where there is one.
	Reports  []string
	Original string
}

// Read reads a message. The error says why its text cannot be relied on; what
// could be read of its header is returned nevertheless.
func Read(raw []byte) (Mail, error) {
	// Some mailboxes keep the line by which mbox files separate mails.
	if line, rest, more := bytes.Cut(raw, []byte("\n")); more && bytes.HasPrefix(line, []byte("From ")) {
		raw = rest
	}
	// The library takes a missing header for an empty one.
	e, err := message.ReadWithOptions(bytes.NewReader(raw), &message.ReadOptions{MaxHeaderBytes: maxHeaderBytes})
	if e == nil {
		return Mail{ID: digest(raw)}, fmt.Errorf("not a mail: %w", CleanError(err))
	}
	m := readHeader(&e.Header)
	t := texts{}
	if err = t.walk(e, err, 0); err != nil {
		mended := withWordsAround(e.Header, raw)
		if mended == nil {
			mended = withoutControls(raw)
		}
		if mended != nil {
			t = texts{}
			err = t.walk(mended, nil, 0)
		}
	}
	page := t.html.String()
	m.Plain, m.HTML, m.Quoted = cleanBody(t.plain.String()), cleanBody(htmlText(page, false)), cleanBody(htmlText(page, true))
	m.Reports, m.Original = t.reports, t.original
	m.ID = m.identity(raw)
	return m, err
}

// withoutControls is a mail without the characters that no text has and that quoted-printable
// does not bear; nil where there are none.
func withoutControls(raw []byte) *message.Entity {
	clean := slices.DeleteFunc(bytes.Clone(raw), func(b byte) bool {
		return b < ' ' && b != '\t' && b != '\r' && b != '\n' || b == 0x7f
	})
	if len(clean) == len(raw) {
		return nil
	}
	e, _ := message.ReadWithOptions(bytes.NewReader(clean), &message.ReadOptions{MaxHeaderBytes: maxHeaderBytes})
	return e
}

// identity is of what the sender wrote: on its way a mail gets other headers.
// Some scripts give all their mails the same Message-ID.
func (m *Mail) identity(raw []byte) string {
	if m.MessageID == "" && m.Date.IsZero() {
		return digest(raw)
	}
	parts := []string{m.MessageID, m.Date.UTC().Format(time.RFC3339), strings.Join(m.From, " "), m.Subject}
	for _, s := range []string{m.Plain, m.HTML} {
		if strings.TrimSpace(s) != "" {
			parts = append(parts, s)
		}
	}
	return digest([]byte(strings.Join(parts, "\x00")))
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

func readHeader(h *message.Header) Mail {
	m := Mail{Header: h, MessageID: strings.Trim(strings.TrimSpace(h.Get("Message-Id")), "<>"), Subject: clip.Bytes(Line(HeaderText(h.Get("Subject"))), maxSubject)}
	for _, key := range []string{"From", "Sender"} {
		m.From = append(m.From, addresses(h, key)...)
	}
	for _, key := range []string{"To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To"} {
		m.To = append(m.To, addresses(h, key)...)
	}
	if text, ok := zoneword.Numeric(h.Get("Date")); ok {
		if t, err := netmail.ParseDate(strings.TrimSpace(text)); err == nil && t.Year() >= 2000 && t.Year() <= 2200 {
			m.Date = t
		}
	}
	return m
}

func wordDecoder() *mime.WordDecoder { return &mime.WordDecoder{CharsetReader: charset.Reader} }

// HeaderText decodes the words of a header; bytes that are not ASCII, which
// old programs write there, are taken for UTF-8 or else for Windows' Latin.
func HeaderText(s string) string {
	s = utf8Text(s)
	out, err := wordDecoder().DecodeHeader(s)
	if err != nil {
		return s
	}
	return unlied(out)
}

func utf8Text(s string) string {
	if !utf8.ValidString(s) {
		if out, err := charmap.Windows1252.NewDecoder().String(s); err == nil {
			return out
		}
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	return unlied(s)
}

// unlied mends what senders say wrongly of their characters: UTF-8 that is called
// Latin, and the typographic signs of Windows' Latin, which ISO's does not have.
func unlied(s string) string {
	const foreign = "\u0080\u00c2\u00c3\u00e2" // what begins each of them
	if !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 && r < 0xa0 || strings.ContainsRune(foreign, r) }) {
		return s
	}
	for _, latin := range []*charmap.Charmap{charmap.Windows1252, charmap.ISO8859_1} {
		if raw, err := latin.NewEncoder().String(s); err == nil && utf8.ValidString(raw) {
			return raw
		}
	}
	return strings.Map(func(r rune) rune {
		if r >= 0x80 && r < 0xa0 {
			return charmap.Windows1252.DecodeByte(byte(r))
		}
		return r
	}, s)
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
	reports     []string
	original    string
}

// walk reads a part and those inside it. Attachments are passed over.
func (t *texts) walk(e *message.Entity, err error, depth int) error {
	if t.parts++; t.parts > maxParts {
		return fmt.Errorf("more than %d parts", maxParts)
	}
	if depth > maxDepth {
		return fmt.Errorf("parts in parts, more than %d deep", maxDepth)
	}
	// What some programs write for an encoding, such as utf-8 or 8-bit, is none.
	if err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
		return fmt.Errorf("a part cannot be read: %w", CleanError(err))
	}
	kind, params, kindErr := e.Header.ContentType()
	if kindErr != nil || kind == "" || strings.EqualFold(kind, "text") {
		kind = "text/plain"
	}
	disposition, named, _ := e.Header.ContentDisposition()
	if mr := e.MultipartReader(); mr != nil {
		if params["boundary"] == "" {
			return errors.New("several parts without a boundary between them")
		}
		var first error // of a part; what the others say stands beside it
		for {
			part, err := mr.NextPart()
			switch {
			case errors.Is(err, io.EOF):
				return first
			case part == nil:
				return cmp.Or(first, fmt.Errorf("it ends early: %w", CleanError(err)))
			}
			if first = cmp.Or(first, t.walk(part, err, depth+1)); t.parts > maxParts {
				return first
			}
		}
	}
	var to *strings.Builder
	switch {
	case strings.EqualFold(kind, "message/delivery-status"), strings.EqualFold(kind, "message/global-delivery-status"):
		text, err := head(e.Body)
		t.reports = append(t.reports, text)
		return err
	case strings.EqualFold(kind, "message/rfc822"), strings.EqualFold(kind, "message/global"), strings.EqualFold(kind, "text/rfc822-headers"), strings.EqualFold(kind, "message/global-headers"):
		if t.original == "" {
			t.original, err = head(e.Body)
		}
		return err
	case strings.EqualFold(disposition, "attachment"), t.plain.Len()+t.html.Len() > 0 && cmp.Or(params["name"], named["filename"]) != "":
		return nil // also what only has a file's name: a log of other days
	case strings.EqualFold(kind, "text/plain"):
		to = &t.plain
	case strings.EqualFold(kind, "text/html"):
		to = &t.html
	default:
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(e.Body, int64(maxTextBytes-to.Len())+1))
	if err != nil {
		return fmt.Errorf("a part cannot be read: %w", CleanError(err))
	}
	if to.Len()+len(text) > maxTextBytes {
		return fmt.Errorf("more than %d bytes of text", maxTextBytes)
	}
	body := utf8Text(unbroken(string(text)))
	if to == &t.plain && strings.EqualFold(params["format"], "flowed") {
		body = unflow(body, strings.EqualFold(params["delsp"], "yes"))
	}
	to.WriteString(body)
	to.WriteByte('\n')
	return nil
}

// relayLine is how long Postfix lets a line be that it sends on.
const relayLine = 998

// unbroken joins lines that Postfix broke, wherever that was: it puts a blank before
// the rest, and a word of a page in one line would be two.
func unbroken(s string) string {
	if len(s) <= relayLine {
		return s
	}
	var out strings.Builder
	lines, broken := strings.SplitAfter(s, "\n"), false
	for i, l := range lines {
		text := strings.TrimRight(l, "\r\n")
		next := len(text) == relayLine && i+1 < len(lines) && strings.HasPrefix(lines[i+1], " ")
		if next {
			l = text
		}
		if broken {
			l = l[1:]
		}
		out.WriteString(l)
		broken = next
	}
	return out.String()
}

// unflow joins the lines that a sender broke for others to see (RFC 3676); what is
// quoted and what is not never flow together.
func unflow(s string, deleteBlank bool) string {
	var out strings.Builder
	quoted := func(l string) bool { return strings.HasPrefix(l, ">") }
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for i, l := range lines {
		text := strings.TrimPrefix(l, " ") // stuffed
		if strings.HasSuffix(text, " ") && text != "-- " && (i+1 == len(lines) || quoted(l) == quoted(lines[i+1])) {
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

// head is the beginning of a part. What a server of ours or theirs wrote too
// much of is of no use beyond it.
func head(body io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(body, maxReport))
	if err != nil {
		return "", fmt.Errorf("a part cannot be read: %w", CleanError(err))
	}
	return utf8Text(string(text)), nil
}

// CleanError bounds a library's words about foreign bytes.
func CleanError(err error) error {
	if err == nil {
		return errors.New("it is empty")
	}
	return errors.New(clip.Bytes(Line(strings.ToValidUTF8(err.Error(), "\uFFFD")), 200))
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

// Printable puts blanks for control characters.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// Line makes one line of a text.
func Line(s string) string { return strings.Join(strings.Fields(s), " ") }

// HTMLText gives the words that a reader of the page sees.
func HTMLText(page string) string { return htmlText(page, false) }

// htmlText is [HTMLText]; with quotes it marks what the page quotes. The tokenizer does
// not build a tree, so that nothing grows beyond the input.
func htmlText(page string, quotes bool) string {
	if page == "" {
		return ""
	}
	w := &pageText{quotes: quotes}
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
			name, more := z.TagName()
			w.start(string(name), more && unseen(z))
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
	within int    // how many of its name are open within it
	tables int    // how many tables are open within it, with cells of their own
	row    bool   // within a row of a table
	cells  int
	blank  bool
	pre    int  // how many <pre> are open: their lines and blanks count
	quotes bool // what is quoted is marked
	quoted int  // how deep
}

func (w *pageText) text(s string) {
	// Entities are decoded by Text.
	for _, r := range s {
		switch {
		case w.pre > 0 && r == '\n':
			w.preformatted()
		case w.pre > 0 && (r == ' ' || r == '\t'):
			w.blank = false
			w.line.WriteRune(r)
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

// unseen tells a tag that says that it is not shown, as the words are that mail
// programs put beside the subject.
func unseen(z *html.Tokenizer) bool {
	for {
		key, value, more := z.TagAttr()
		style := strings.ToLower(strings.Join(strings.Fields(string(value)), ""))
		if string(key) == "hidden" || string(key) == "style" && (strings.Contains(style, "display:none") || strings.Contains(style, "visibility:hidden")) {
			return true
		}
		if !more {
			return false
		}
	}
}

func (w *pageText) start(name string, unseen bool) {
	switch {
	case w.hidden != "" && name == w.hidden && w.tables == 0 && slices.Contains([]string{"td", "tr", "p"}, name):
		w.hidden = "" // these end where the next begins
	case w.hidden != "" && name == w.hidden:
		w.within++
	case w.hidden != "" && name == "table":
		w.tables++
	}
	if w.hidden == "" && unseen && slices.Contains([]string{"div", "span", "td", "tr", "table", "p"}, name) {
		w.hidden, w.within, w.tables = name, 0, 0
	}
	switch name {
	case "body":
		w.hidden = ""
	case "script", "style", "head", "title", "template":
		if w.hidden == "" {
			w.hidden, w.within, w.tables = name, 0, 0
		}
	case "tr":
		w.breakLine()
		w.row, w.cells = true, 0
	case "td", "th":
		if w.hidden != "" {
			break
		}
		if w.row && w.cells > 0 {
			w.line.WriteByte('\t')
		}
		w.cells++
		w.blank = false
	case "table":
		// A table in a cell has rows of its own.
		w.breakLine()
		w.row = false
	case "blockquote":
		w.paragraph()
		w.quoted++
	case "pre":
		w.paragraph()
		w.pre++
	case "br", "p", "div", "li", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "hr":
		w.paragraph()
	}
}

func (w *pageText) end(name string) {
	switch {
	case name == w.hidden:
		if w.within--; w.within < 0 {
			w.hidden = ""
		}
	case name == "table" && w.tables > 0:
		w.tables--
	}
	switch name {
	case "tr", "table":
		w.breakLine()
		w.row = false
	case "blockquote":
		w.paragraph()
		w.quoted = max(w.quoted-1, 0)
	case "pre":
		w.preformatted()
		w.pre = max(w.pre-1, 0)
	case "p", "div", "li", "h1", "h2", "h3", "h4", "h5", "h6":
		w.paragraph()
	}
}

// preformatted ends a line of <pre>. In the only cell of a row, which gateways put
// around a mail, it is a line of the text; in others it would take the row apart.
func (w *pageText) preformatted() {
	switch {
	case w.row && w.cells > 1:
		w.blank = true
	case strings.TrimSpace(w.line.String()) == "":
		w.line.Reset()
	default:
		w.breakLine()
	}
}

// paragraph begins another line, except within a row of a table.
func (w *pageText) paragraph() {
	if w.row {
		w.blank = true
	} else {
		w.breakLine()
	}
}

func (w *pageText) breakLine() {
	if w.line.Len() > 0 {
		if w.quotes && w.quoted > 0 {
			w.b.WriteString("> ")
		}
		w.b.WriteString(w.line.String())
		w.b.WriteByte('\n')
		w.line.Reset()
	}
	w.blank = false
}
