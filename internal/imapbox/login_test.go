package imapbox

import (
	"testing"

	"github.com/emersion/go-imap/v2"
)

// What servers say to a login: the codes of RFC 5530, and the words of Google,
// Microsoft, Yahoo, Zoho, Yandex, Dovecot, Courier and Cyrus where there is no code, or one that says
// nothing of the cause.
func TestRefusals(t *testing.T) {
	no, bad := imap.StatusResponseTypeNo, imap.StatusResponseTypeBad
	for _, c := range []struct {
		kind imap.StatusResponseType
		code imap.ResponseCode
		text string
		want cause
	}{
		{no, "AUTHENTICATIONFAILED", "Invalid credentials (Failure)", credentials},
		{no, "AUTHENTICATIONFAILED", "Authentication failed, please try again.", credentials},
		{no, "", "Login failed.", credentials},
		{no, "", "LOGIN failed.", credentials},
		{no, "ALERT", "Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)", credentials},
		{no, "ALERT", "Too many simultaneous connections. (Failure)", later},
		{no, "LIMIT", "Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)", later},
		{no, "", "Temporary authentication failure. [host:2026-03-10 22:00:00]", later},
		{no, "UNAVAILABLE", "Temporary authentication failure", later},
		{no, "unavailable", "Mailbox is being moved", later},
		{no, "WEBALERT", "Web login required.", ask},
		{no, "CONTACTADMIN", "Account is closed", ask},
		{no, "PRIVACYREQUIRED", "Plaintext authentication disallowed on non-secure (SSL/TLS) connections.", unprotected},
		{no, "AUTHORIZATIONFAILED", "No such authorization-ID", notAllowed},
		{no, "AUTHORIZATIONFAILED", "LOGIN Invalid credentials", credentials},
		{no, "AUTHORIZATIONFAILED", "Incorrect username or password. (#MBR1212)", credentials},
		{no, "AUTHORIZATIONFAILED", "IMAP access is disabled for this account", notAllowed},
		{no, "ALERT", "You are yet to enable IMAP for your account. Please contact your administrator (Failure)", notAllowed},
		{no, "ALERT", "Your account is not enabled for IMAP use. Please visit your Gmail settings page", notAllowed},
		{no, "ALERT", "Invalid credentials (Failure)", credentials},
		{no, "AUTHENTICATIONFAILED", "LOGIN Invalid credentials or IMAP is disabled sc=ebI8JB0ug4Y1", credentials},
		{no, "EXPIRED", "Password expired", expired},
		{bad, "", "User is authenticated but not connected.", notAllowed},
		{bad, "", "Command Argument Error. 11", credentials},
		{no, "SERVERBUG", "Internal error occurred", broken},
		{no, "X-NEW", "Nobody knows", broken},
	} {
		if got := refusedFor(&imap.Error{Type: c.kind, Code: c.code, Text: c.text}); got != c.want {
			t.Errorf("%s [%s] %s: %d, want %d", c.kind, c.code, c.text, got, c.want)
		}
	}
}
