package imapbox

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"

	"github.com/emersion/go-imap/v2"

	"vigie/internal/clip"
	"vigie/internal/mailread"
)

// longestLine bounds what is kept of a line.
const longestLine = 1 << 10

// lastLine keeps the last line that the server said unasked: of a server that ends
// the session it is its goodbye, of which the library tells nothing. What we say
// goes through here, too, and never begins with a star.
type lastLine struct {
	mu   sync.Mutex
	line []byte // whole
	rest []byte // of the line that goes on
}

// Write never fails.
func (l *lastLine) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for rest := p; len(rest) > 0; {
		before, after, ok := bytes.Cut(rest, []byte{'\n'})
		if !ok {
			l.keep(rest)
			break
		}
		l.keep(before)
		if bytes.HasPrefix(l.rest, []byte("* ")) {
			l.line = append(l.line[:0], l.rest...)
		}
		l.rest, rest = l.rest[:0], after
	}
	return len(p), nil
}

func (l *lastLine) keep(p []byte) {
	l.rest = append(l.rest, p[:min(len(p), longestLine-len(l.rest))]...)
}

var goodbye = regexp.MustCompile(`(?i)^\* BYE(?: \[([A-Z0-9-]+)[^\]]*\])? ?([^\r]*)`)

// bye gives the goodbye, nil if the last line was none.
func (l *lastLine) bye() *imap.Error {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := goodbye.FindSubmatch(l.line)
	if m == nil {
		return nil
	}
	return &imap.Error{Type: imap.StatusResponseTypeBye, Code: imap.ResponseCode(strings.ToUpper(string(m[1]))), Text: string(m[2])}
}

// byeFault tells a session that the server ended. Its words are shown, except while
// it may repeat what was sent to log in.
func (v *visit) byeFault(bye *imap.Error) error {
	words := ""
	if !v.secret {
		words = clip.Bytes(mailread.Printable(strings.TrimSpace(bye.Text)), 200)
	}
	if bye.Code != "" {
		words = strings.TrimSpace("[" + clip.Bytes(mailread.Printable(string(bye.Code)), 60) + "] " + words)
	}
	reason := Throttled // it is there, and wants nobody now
	if refusedFor(bye) == broken {
		reason = Server
	}
	text := "the server ends the session; it goes on at the next visit"
	if words != "" {
		text += ": " + words
	}
	return &Error{Reason: reason, Err: errors.New(text)}
}

// farewell puts the server's goodbye in place of a connection that is gone.
func (v *visit) farewell(ctx context.Context, err error) error {
	var e *Error
	if err == nil || ctx.Err() != nil || !v.begun || !errors.As(err, &e) || e.Reason != Unreachable && e.Reason != Throttled {
		return err
	}
	if bye := v.last.bye(); bye != nil {
		return v.byeFault(bye)
	}
	return err
}
