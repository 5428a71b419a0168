package inboxsim

import (
	"bytes"
	"errors"
	"strings"

	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-sasl"
)

// bearerSession takes tokens and no password, as Microsoft 365 does.
type bearerSession struct{ *session }

// AuthenticateMechanisms implements imapserver.SessionSASL.
func (s *bearerSession) AuthenticateMechanisms() []string {
	if s.sim.o.Mechanisms != nil {
		return s.sim.o.Mechanisms
	}
	return []string{"OAUTHBEARER", "XOAUTH2"}
}

// Login implements imapserver.Session.
func (s *bearerSession) Login(string, string) error { return imapserver.ErrAuthFailed }

// Authenticate implements imapserver.SessionSASL.
func (s *bearerSession) Authenticate(mechanism string) (sasl.Server, error) {
	return &bearerServer{mechanism: mechanism, session: s.session}, nil
}

// bearerServer answers a token that it does not take with the reason, and
// refuses once the client has heard it, as both mechanisms have it.
type bearerServer struct {
	mechanism string
	session   *session
	refused   bool
}

// Next implements sasl.Server.
func (b *bearerServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if b.refused {
		if want := map[string]string{"OAUTHBEARER": "\x01", "XOAUTH2": ""}[b.mechanism]; string(response) != want {
			return nil, true, errors.New("not the answer to a refusal")
		}
		return nil, true, imapserver.ErrAuthFailed
	}
	if response == nil {
		return []byte{}, false, nil
	}
	sim := b.session.sim
	user, token := "", ""
	for part := range bytes.SplitSeq(response, []byte{1}) {
		text := string(part)
		for _, before := range []string{"user=", "n,a="} {
			if rest, ok := strings.CutPrefix(text, before); ok {
				user = strings.TrimSuffix(rest, ",")
			}
		}
		if rest, ok := strings.CutPrefix(text, "auth=Bearer "); ok {
			token = rest
		}
	}
	if user != sim.o.Username || token == "" || token != sim.o.Token() {
		b.refused = true
		return []byte(`{"status":"401","schemes":"bearer"}`), false, nil
	}
	return nil, true, b.session.Login(sim.o.Username, sim.o.Password)
}
