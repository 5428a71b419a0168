package mailread

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-message"
)

var (
	encodedLine = regexp.MustCompile(`^[A-Za-z0-9+/]+={0,2}$`)
	headEnd     = regexp.MustCompile(`\r?\n\r?\n`)
	// fullLine of base64: what stands before or behind others of it is half a text.
	fullLine = regexp.MustCompile(`(?m)^[A-Za-z0-9+/]{60,}={0,2}\s*$`)
)

// maxAbove bounds the lines that somebody put above.
const maxAbove = 40

// withWordsAround reads a mail of one part in base64 that could not be decoded as a
// whole: lists and gateways put their words above or below in clear, and some programs
// encode a text piece by piece, each with an end of its own. It is nil for everything else.
func withWordsAround(h message.Header, raw []byte) *message.Entity {
	at := headEnd.FindIndex(raw)
	if kind, _, _ := h.ContentType(); at == nil || strings.HasPrefix(kind, "multipart/") || !strings.EqualFold(strings.TrimSpace(h.Get("Content-Transfer-Encoding")), "base64") {
		return nil
	}
	var above, text []byte
	rest := raw[at[1]:]
	for range maxAbove {
		decoded, behind := decodedLines(rest)
		line, next, more := bytes.Cut(rest, []byte("\n"))
		if full := fullLine.Match(line); len(decoded) > 0 && (full || readable(decoded)) {
			text, rest = decoded, behind
			break
		} else if full || !more {
			return nil
		}
		above, rest = append(append(above, line...), '\n'), next
	}
	if len(text) == 0 || fullLine.Match(rest) {
		return nil
	}
	plain := h.Copy()
	plain.Del("Content-Transfer-Encoding")
	e, err := message.New(plain, bytes.NewReader(bytes.Join([][]byte{above, text, []byte("\n"), rest}, nil)))
	if err != nil {
		return nil
	}
	return e
}

// decodedLines decodes the lines of base64 with which a text begins, piece by piece,
// and gives what stands behind them. It gives nothing of lines that are none.
func decodedLines(s []byte) (text, behind []byte) {
	pieces := [][]byte{nil}
	for len(s) > 0 {
		line, next, _ := bytes.Cut(s, []byte("\n"))
		if line = bytes.TrimSpace(line); len(line) > 0 && !encodedLine.Match(line) {
			break
		}
		last := len(pieces) - 1
		if pieces[last], s = append(pieces[last], line...), next; bytes.HasSuffix(line, []byte("=")) {
			pieces = append(pieces, nil)
		}
	}
	for _, p := range pieces {
		var err error
		if text, err = base64.StdEncoding.AppendDecode(text, p); err != nil {
			return nil, s
		}
	}
	return text, s
}

// readable tells a text from a word in clear that was decoded.
func readable(text []byte) bool {
	return utf8.Valid(text) && !bytes.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) })
}
