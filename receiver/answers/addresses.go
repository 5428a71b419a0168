package answers

import (
	"fmt"
	"strings"

	"vigie/rules/mailbox"
)

// tokenLength is that of the tokens of transmissions.
const tokenLength = 26

// Addresses are those at which answers and bounces arrive.
type Addresses struct {
	Replies string // as reply address, without a name
	Bounces string // as envelope sender
	// Separator stands between the name and the token, as the mail server has it.
	Separator string
}

// Check reports what makes an address useless; the token must fit before the @.
func (a Addresses) Check() error {
	if len(a.Separator) != 1 || !strings.Contains("+-=_", a.Separator) {
		return fmt.Errorf("separator %q is not one of + - = _: write the one that the mail server splits addresses at", a.Separator)
	}
	for _, x := range []struct{ key, address string }{{"replies", a.Replies}, {"bounces", a.Bounces}} {
		local, _, _ := strings.Cut(x.address, "@")
		if clean, err := mailbox.Clean(insert(x.address, a.Separator, strings.Repeat("x", tokenLength))); err != nil || clean == "" {
			return fmt.Errorf("%s %q is not an address: %w", x.key, x.address, err)
		}
		if strings.Contains(local, a.Separator) {
			return fmt.Errorf("%s %q holds the separator %s already: write the plain address", x.key, x.address, a.Separator)
		}
	}
	return nil
}

// Reply is the address at which an answer to a transmission arrives.
func (a Addresses) Reply(token string) string { return insert(a.Replies, a.Separator, token) }

// Bounce is the envelope sender of a transmission.
func (a Addresses) Bounce(token string) string { return insert(a.Bounces, a.Separator, token) }

func insert(address, separator, token string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 || token == "" {
		return address
	}
	return address[:at] + separator + token + address[at:]
}

// Token finds the token in the recipients of a mail; "" for none.
func (a Addresses) Token(to []string) string {
	for _, t := range to {
		local, domain, _ := strings.Cut(strings.ToLower(t), "@")
		for _, own := range []string{a.Replies, a.Bounces} {
			name, at, _ := strings.Cut(strings.ToLower(own), "@")
			token, found := strings.CutPrefix(local, name+a.Separator)
			if found && domain == at && len(token) == tokenLength && strings.Trim(token, "abcdefghijklmnopqrstuvwxyz234567") == "" {
				return token
			}
		}
	}
	return ""
}
