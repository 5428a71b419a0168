package notify

import (
	"bufio"
	"encoding/base64"
	"errors"
	"io"
	"net/textproto"
	"slices"
	"strings"

	"vigie/internal/mailauth"
)

var errNoTokenAuth = errors.New("oauth2 is configured but the server offers neither XOAUTH2 nor OAUTHBEARER")

// login presents a token, which the library cannot do, over the guarded connection.
// The library begins after it with the greeting and the offer, which are replayed.
func (g *guard) login(hello string, l mailauth.Login) error {
	buf := bufio.NewReader(g)
	text := textproto.NewReader(buf)
	write := func(line string) error {
		_, err := io.WriteString(g, line+"\r\n")
		return err
	}
	if _, _, err := text.ReadResponse(220); err != nil {
		return err
	}
	if err := write("EHLO " + hello); err != nil {
		return err
	}
	_, offer, err := text.ReadResponse(250)
	if err != nil {
		return err
	}
	if l.Mechanism = tokenMechanism(offer); l.Mechanism == "" {
		g.phase = phaseAuth
		return errNoTokenAuth
	}
	name, first, err := l.Start()
	if err != nil {
		return err
	}
	if err := write("AUTH " + name + " " + base64.StdEncoding.EncodeToString(first)); err != nil {
		return err
	}
	code, said, err := text.ReadResponse(0)
	if err == nil && code == 334 { // the reason in the mechanism's own form; the refusal follows
		reply, _ := l.Next(nil)
		if err = write(base64.StdEncoding.EncodeToString(reply)); err == nil {
			code, said, err = text.ReadResponse(0)
		}
	}
	switch {
	case err != nil:
		return err
	case code != 235:
		return &textproto.Error{Code: code, Msg: said}
	case buf.Buffered() > 0:
		return errEarlyData
	}
	g.replay = []byte("220 ready\r\n")
	g.offer = []byte("250-" + strings.Join(strings.Split(offer, "\n"), "\r\n250-") + "\r\n250 HELP\r\n")
	return nil
}

// tokenMechanism is the mechanism for tokens that an answer to EHLO offers; "" for
// none.
func tokenMechanism(offer string) string {
	for line := range strings.SplitSeq(offer, "\n") {
		words := strings.Fields(strings.ToUpper(line))
		if len(words) == 0 || words[0] != "AUTH" {
			continue
		}
		for _, name := range []string{mailauth.XOAuth2, mailauth.OAuthBearer} {
			if slices.Contains(words[1:], name) {
				return name
			}
		}
	}
	return ""
}
