package imapbox

import (
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-sasl"

	"vigie/internal/clip"
	"vigie/internal/mailauth"
	"vigie/internal/mailread"
)

// A cause is why a server lets nobody in, as far as it says so.
type cause int

const (
	credentials cause = iota // the name or the password; also what says nothing
	expired                  // they were right once
	notAllowed               // they are right, and may not do this
	unprotected              // they would go over the wire in clear
	later                    // too many of us, or the server is busy
	ask                      // a person has to
	broken                   // the server itself
)

// byCode are the codes of RFC 5530, and what providers add to them.
var byCode = map[imap.ResponseCode]cause{
	"": credentials, imap.ResponseCodeAlert: credentials, "CAPABILITY": credentials, // which stands beside any answer
	imap.ResponseCodeAuthenticationFailed: credentials,
	imap.ResponseCodeExpired:              expired,
	imap.ResponseCodeAuthorizationFailed:  notAllowed,
	imap.ResponseCodeNoPerm:               notAllowed,
	imap.ResponseCodePrivacyRequired:      unprotected,
	imap.ResponseCodeUnavailable:          later,
	imap.ResponseCodeLimit:                later,
	imap.ResponseCodeInUse:                later,
	"THROTTLED":                           later,
	"OVERQUOTA":                           ask,
	imap.ResponseCodeContactAdmin:         ask,
	"WEBALERT":                            ask, // Google: sign in with a browser once
	imap.ResponseCodeServerBug:            broken,
	imap.ResponseCodeCorruption:           broken,
}

// byWords are the words of servers that give no code which says it.
var byWords = []struct {
	cause cause
	words []string
}{
	{later, []string{"too many", "try again", "try later", "rate limit", "throttl", "temporar", "not available", "unavailable", "overload", "maximum number of connections",
		"connection limit", "server busy", "shutting down", "simultaneous"}},
	{notAllowed, []string{"not enabled for imap", "yet to enable imap", "imap access is disabled", "imap is disabled", "imap disabled", "authenticated but not connected"}},
	{ask, []string{"account is locked", "account is disabled", "account has been disabled", "account locked", "account disabled", "suspended"}},
}

var wrongPassword = regexp.MustCompile(`(?i)\b(?:invalid|incorrect|wrong|bad)\b.*\b(?:credentials|password)\b`)

// refusedFor tells why the server refused. Words count only where there is no code
// that says it.
func refusedFor(e *imap.Error) cause {
	why, known := byCode[imap.ResponseCode(strings.ToUpper(string(e.Code)))]
	if !known {
		return broken
	}
	// Yahoo says of a wrong password that it gives no right.
	if why == notAllowed && wrongPassword.MatchString(e.Text) {
		return credentials
	}
	if why != credentials || e.Code == imap.ResponseCodeAuthenticationFailed {
		return why
	}
	text := strings.ToLower(e.Text)
	for _, said := range byWords {
		if slices.ContainsFunc(said.words, func(word string) bool { return strings.Contains(text, word) }) {
			return said.cause
		}
	}
	return why // BAD, too: Dovecot says it of a token that it refuses
}

// loginFault tells a refusal in the words of its cause; refusal is what is said of
// name and password. The server's words might repeat what was sent, so they are not
// shown; its code cannot.
func (v *visit) loginFault(ctx context.Context, err error, refusal string) error {
	var no *imap.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.ErrUnexpectedEOF) && ctx.Err() == nil:
		return &Error{Reason: Throttled, Err: errors.New("the server hangs up at the login without an answer, as one does that has too many connections; it is tried again")}
	case !errors.As(err, &no):
		return fault(ctx, Unreachable, err)
	}
	code := clip.Bytes(mailread.Printable(string(no.Code)), 60)
	told := func(r Reason, words, then string) error {
		if code != "" {
			words += ": [" + code + "]"
		}
		return &Error{Reason: r, Err: errors.New(words + "; " + then)}
	}
	const other = "the server refuses the login, for another reason than the password"
	switch refusedFor(no) {
	case credentials:
		return &Error{Reason: Auth, Err: errors.New(refusal)}
	case expired:
		return told(Auth, "the password or the token has expired", "set a new one")
	case notAllowed:
		return told(Forbidden, "the name and the password are right, but this account may not read mail by IMAP here", "give it the right")
	case unprotected:
		return told(Auth, "the server takes the password over an encrypted connection only", "write security: tls or starttls")
	case later:
		return told(Throttled, other, "it is tried again later")
	case ask:
		return told(Forbidden, other, "ask its administrator, or sign in to the account once with a browser")
	default:
		return told(Server, other, "it is tried again later")
	}
}

// greetingFault tells a connection that the server ends before anything was asked.
// No secret was sent yet, so its words are shown: those that came over the wire, since the
// library tells a goodbye and the end of the connection behind it as one or the other, by chance.
func (v *visit) greetingFault(ctx context.Context, err error) error {
	var bye *imap.Error
	if !errors.As(err, &bye) {
		if bye = v.last.bye(); bye == nil || ctx.Err() != nil {
			return fault(ctx, Unreachable, err)
		}
	}
	reason := Server
	if refusedFor(bye) == later {
		reason = Throttled
	}
	words := clip.Bytes(mailread.Printable(strings.TrimSpace(bye.Text)), 200)
	if bye.Code != "" {
		words = "[" + clip.Bytes(mailread.Printable(string(bye.Code)), 60) + "] " + words
	}
	return &Error{Reason: reason, Err: errors.New("the server takes no connection now; it is tried again later: " + strings.TrimSpace(words))}
}

// unsaid is the cure for a server that offers no way to log in.
func (v *visit) unsaid() string {
	host, _, _ := net.SplitHostPort(v.Address)
	if v.Security == "none" {
		return "write security: tls or starttls for " + host
	}
	return "it wants a token; write oauth2"
}

func (v *visit) login(ctx context.Context) error {
	if v.Bearer != nil {
		return v.bearer(ctx)
	}
	password, err := v.Password()
	if err != nil {
		return &Error{Reason: Auth, Err: err}
	}
	caps := v.client.Caps()
	if bye := v.last.bye(); bye != nil {
		return v.byeFault(bye)
	}
	v.secret = true
	if caps.Has(imap.AuthCap("PLAIN")) {
		err = v.client.Authenticate(sasl.NewPlainClient("", v.Username, password))
	} else if caps.Has(imap.CapLoginDisabled) {
		return &Error{Reason: Auth, Err: errors.New("the server takes no password here: " + v.unsaid())}
	} else {
		err = v.client.Login(v.Username, password).Wait()
	}
	return v.loginFault(ctx, err, "the server refuses the name or the password")
}

// bearer logs in with a token. One that the server refuses is renewed once: it
// may have been withdrawn before its end.
func (v *visit) bearer(ctx context.Context) error {
	caps := v.client.Caps()
	if bye := v.last.bye(); bye != nil {
		return v.byeFault(bye)
	}
	v.secret = true
	mechanism := ""
	for _, m := range v.Mechanisms {
		if mechanism == "" && caps.Has(imap.AuthCap(m)) {
			mechanism = m
		}
	}
	if mechanism == "" {
		return &Error{Reason: Auth, Err: errors.New("the server takes neither OAUTHBEARER nor XOAUTH2 here; take oauth2 out and give a password_file")}
	}
	refused := ""
	for {
		token, err := v.Bearer(ctx, refused)
		if err != nil {
			return err
		}
		if token == refused {
			return &Error{Reason: Auth, Err: errors.New("the server refuses the token again and again")}
		}
		err = v.client.Authenticate(&mailauth.Login{Mechanism: mechanism, User: v.Username, Token: token, Address: v.Address})
		var no *imap.Error
		if err == nil || !errors.As(err, &no) || refusedFor(no) != credentials || refused != "" {
			return v.loginFault(ctx, err, "the server refuses the token for this mailbox: the application needs the right to IMAP, and to this mailbox")
		}
		refused = token
	}
}
