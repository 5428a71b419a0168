// Package mailauth logs in to mail servers that take a token in place of a
// password.
package mailauth

import (
	"net"
	"strconv"
	"strings"

	"github.com/emersion/go-sasl"
)

// XOAuth2 is Google's mechanism, which Microsoft took over.
const XOAuth2 = "XOAUTH2"

// OAuthBearer is the mechanism of RFC 7628.
const OAuthBearer = sasl.OAuthBearer

// Login speaks OAUTHBEARER (RFC 7628) and XOAUTH2. To a server that
// answers with the reason of its refusal it replies as each of them has it, so
// that the refusal itself follows.
type Login struct {
	Mechanism, User, Token, Address string
}

// Start implements sasl.Client.
func (c *Login) Start() (string, []byte, error) {
	if c.Mechanism == XOAuth2 {
		return XOAuth2, []byte("user=" + c.User + "\x01auth=Bearer " + c.Token + "\x01\x01"), nil
	}
	o := &sasl.OAuthBearerOptions{Username: strings.NewReplacer("=", "=3D", ",", "=2C").Replace(c.User), Token: c.Token}
	if host, port, err := net.SplitHostPort(c.Address); err == nil {
		o.Host = host
		o.Port, _ = strconv.Atoi(port)
	}
	return sasl.NewOAuthBearerClient(o).Start()
}

// Next implements sasl.Client.
func (c *Login) Next([]byte) ([]byte, error) {
	if c.Mechanism == XOAuth2 {
		return []byte{}, nil
	}
	return []byte{1}, nil
}
