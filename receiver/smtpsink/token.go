package smtpsink

import (
	"strings"

	"github.com/emersion/go-smtp"
)

// tokenServer speaks XOAUTH2 as Google and Microsoft document it: a token that is
// refused is answered with the reason, and with the refusal after the client's empty
// reply. The token is the password of [AuthOptions].
type tokenServer struct {
	login   func(username, password string) error
	refused bool
}

// Next implements sasl.Server.
func (s *tokenServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if s.refused {
		return nil, true, smtp.ErrAuthFailed
	}
	if response == nil {
		return []byte{}, false, nil
	}
	user, token := "", ""
	for field := range strings.SplitSeq(string(response), "\x01") {
		name, value, _ := strings.Cut(field, "=")
		switch name {
		case "user":
			user = value
		case "auth":
			token, _ = strings.CutPrefix(value, "Bearer ")
		}
	}
	if s.login(user, token) == nil {
		return nil, true, nil
	}
	s.refused = true
	return []byte(`{"status":"401","schemes":"bearer","scope":"https://mail.example/"}`), false, nil
}
