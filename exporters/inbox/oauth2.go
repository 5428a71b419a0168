package inbox

import (
	"context"
	"errors"

	"github.com/emersion/go-imap/v2"

	"vigie/exporters"
	"vigie/exporters/inbox/mailtoken"
)

// OAuth2Config is [mailtoken.Config].
type OAuth2Config = mailtoken.Config

// bearer logs in with a token. One that the server refuses is renewed once: it
// may have been withdrawn before its end.
func (v *visit) bearer(ctx context.Context) error {
	caps := v.client.Caps()
	mechanism := ""
	for _, m := range v.mechanisms {
		if mechanism == "" && caps.Has(imap.AuthCap(m)) {
			mechanism = m
		}
	}
	if mechanism == "" {
		return &exporters.SourceError{Endpoint: "imap", Reason: exporters.ReasonAuth, Err: errors.New("the server takes neither OAUTHBEARER nor XOAUTH2 here; take oauth2 out and give a password_file")}
	}
	refused := ""
	for {
		token, err := v.tokens.Get(ctx, refused)
		if err != nil {
			return err
		}
		if token == refused {
			return &exporters.SourceError{Endpoint: "imap", Reason: exporters.ReasonAuth, Err: errors.New("the server refuses the token again and again")}
		}
		err = v.client.Authenticate(&mailtoken.Login{Mechanism: mechanism, User: v.config.Username, Token: token, Address: v.config.Address})
		var no *imap.Error
		if err == nil || !errors.As(err, &no) || !aboutCredentials(no) || refused != "" {
			return v.loginFault(ctx, err, "the server refuses the token for this mailbox: the application needs the right to IMAP, and to this mailbox")
		}
		refused = token
	}
}
