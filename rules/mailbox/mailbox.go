// Package mailbox says which e-mail addresses can be written to. There is one
// answer: the check of an inventory, the links and the mail channel all ask here.
package mailbox

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/idna"

	"vigie/internal/clip"
)

// Clean returns a bare address in the form that can be sent to: the domain in
// ASCII, lower case, and the local part an ASCII dot-atom. Another local part is an
// error: not every relay carries it, and one that does not damages the address.
func Clean(addr string) (string, error) {
	at := strings.LastIndexByte(addr, '@')
	if at < 0 {
		return "", errors.New("no @ in it")
	}
	local, domain := addr[:at], addr[at+1:]
	if !DotAtom(local) {
		return "", errors.New("only ASCII letters, digits and .!#$%&'*+-/=?^_`{|}~ may stand before the @")
	}
	ascii, err := Domain(domain)
	if err != nil {
		return "", err
	}
	if len(local) > 64 || len(local)+1+len(ascii) > 254 {
		return "", errors.New("longer than mail allows (64 characters before the @, 254 in all)")
	}
	return local + "@" + ascii, nil
}

// Domain returns the lower-case ASCII form of a domain name.
func Domain(domain string) (string, error) {
	lookup := idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true))
	ascii, err := lookup.ToASCII(strings.TrimSuffix(domain, "."))
	if err != nil {
		return "", fmt.Errorf("domain %q: %w", clip.Runes(domain, 100), err)
	}
	return ascii, nil
}

// DotAtom reports whether s needs no quoting before the @ (RFC 5322, 3.2.3).
func DotAtom(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" {
			return false
		}
		for _, c := range []byte(part) {
			letter := c|0x20 >= 'a' && c|0x20 <= 'z'
			digit := c >= '0' && c <= '9'
			if !letter && !digit && strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) < 0 {
				return false
			}
		}
	}
	return true
}
