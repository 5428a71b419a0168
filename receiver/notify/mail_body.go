package notify

import (
	"io"
	"mime/multipart"
	"mime/quotedprintable"
	"net/textproto"
	"strings"

	simplemail "github.com/xhit/go-simple-mail/v2"
)

// part is one form of a message's words.
type part struct{ kind, text string }

func (p part) header() [2][2]string {
	return [2][2]string{{"Content-Type", p.kind + "; charset=UTF-8"}, {"Content-Transfer-Encoding", "quoted-printable"}}
}

// written puts the words under the headers of a mail. The library would look
// through each form for pictures that it carries, with an expression that it
// compiles each time, and this mail carries none.
func written(email *simplemail.Email, msg Message) (string, error) {
	parts := []part{{"text/plain", strings.ToValidUTF8(msg.Text, "\uFFFD")}}
	if msg.HTML != "" {
		parts = append(parts, part{"text/html", strings.ToValidUTF8(msg.HTML, "\uFFFD")})
	}
	var body strings.Builder
	body.Grow(len(msg.Text) + len(msg.HTML) + (len(msg.Text)+len(msg.HTML))/4 + 1024)
	if err := alternatives(&body, email, parts); err != nil {
		return "", err
	}
	if email.Error != nil {
		return "", email.Error
	}
	return email.GetMessage() + body.String(), nil // without a body of its own: the headers
}

// alternatives writes the forms, and in the mail's headers how they are written.
func alternatives(body *strings.Builder, email *simplemail.Email, parts []part) error {
	if len(parts) == 1 {
		for _, h := range parts[0].header() {
			email.AddHeader(h[0], h[1])
		}
		return quoted(body, parts[0].text)
	}
	w := multipart.NewWriter(body)
	email.AddHeader("Content-Type", "multipart/alternative; boundary="+w.Boundary())
	for _, p := range parts {
		h := textproto.MIMEHeader{}
		for _, x := range p.header() {
			h.Set(x[0], x[1])
		}
		one, err := w.CreatePart(h)
		if err != nil {
			return err
		}
		if err := quoted(one, p.text); err != nil {
			return err
		}
	}
	return w.Close()
}

func quoted(w io.Writer, text string) error {
	q := quotedprintable.NewWriter(w)
	if _, err := io.WriteString(q, text); err != nil {
		return err
	}
	return q.Close()
}
