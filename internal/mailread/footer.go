package mailread

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"strings"

	"github.com/emersion/go-message"
)

var (
	encodedLine = regexp.MustCompile(`^[A-Za-z0-9+/]+={0,2}$`)
	headEnd     = regexp.MustCompile(`\r?\n\r?\n`)
	// moreOfIt is a full line of base64: what stands before it is half a text.
	moreOfIt = regexp.MustCompile(`(?m)^[A-Za-z0-9+/]{60,}={0,2}\s*$`)
)

// withFooter reads a mail of one part in base64 that could not be decoded as a whole:
// lists and gateways put their words below in clear, and some programs encode a text
// piece by piece, each with an end of its own. It is nil for everything else.
func withFooter(h message.Header, raw []byte) *message.Entity {
	at := headEnd.FindIndex(raw)
	if kind, _, _ := h.ContentType(); at == nil || strings.HasPrefix(kind, "multipart/") || !strings.EqualFold(strings.TrimSpace(h.Get("Content-Transfer-Encoding")), "base64") {
		return nil
	}
	pieces, rest := [][]byte{nil}, raw[at[1]:]
	for len(rest) > 0 {
		line, behind, _ := bytes.Cut(rest, []byte("\n"))
		if line = bytes.TrimSpace(line); len(line) > 0 && !encodedLine.Match(line) {
			break
		}
		last := len(pieces) - 1
		if pieces[last], rest = append(pieces[last], line...), behind; bytes.HasSuffix(line, []byte("=")) {
			pieces = append(pieces, nil)
		}
	}
	var text []byte
	for _, p := range pieces {
		var err error
		if text, err = base64.StdEncoding.AppendDecode(text, p); err != nil {
			return nil
		}
	}
	if len(text) == 0 || moreOfIt.Match(rest) {
		return nil
	}
	plain := h.Copy()
	plain.Del("Content-Transfer-Encoding")
	e, err := message.New(plain, bytes.NewReader(append(append(text, '\n'), rest...)))
	if err != nil {
		return nil
	}
	return e
}
