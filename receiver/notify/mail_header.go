package notify

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"net/mail"
	"strings"
	"unicode"

	"vigie/internal/clip"
	"vigie/rules/mailbox"
)

const (
	// MaxSubject is the length of a subject in characters.
	MaxSubject = 100
	// MaxMessageID is the length of a Message-ID without its brackets. A longer
	// one would not fit on its header's first line, and the line would be folded
	// right after the name, which some readers take for an empty Message-ID.
	MaxMessageID = 60

	maxName = 100
)

// CleanLine makes any text fit for a header or a log: valid UTF-8, on one line,
// without control characters, without the invisible characters that reverse or
// hide text, with single spaces, and without anything a reader would decode as
// an encoded word.
func CleanLine(s string) string {
	return strings.ReplaceAll(cleanLine(s), "=?", "= ?")
}

// cleanLine is CleanLine for what may hold encoded words.
func cleanLine(s string) string {
	var b strings.Builder
	b.Grow(min(len(s), 4096))
	space := false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r), unicode.IsControl(r):
			space = b.Len() > 0
			continue
		case invisible(r):
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r) // an invalid byte arrives, and is written, as U+FFFD
	}
	return b.String()
}

// invisible reports format characters, except the two joiners that scripts and
// emoji need. The bidirectional controls among them let a name show as another.
func invisible(r rune) bool {
	const zwnj, zwj = '\u200c', '\u200d'
	return unicode.Is(unicode.Cf, r) && r != zwnj && r != zwj
}

// CleanSubject makes any text a subject: CleanLine, and at most MaxSubject
// characters, the last one an ellipsis when something was cut.
func CleanSubject(s string) string {
	return clip.Runes(CleanLine(s), MaxSubject)
}

// ParseAddress reads one address, with or without a display name, and returns it
// in the form that can be written in a header and sent in an envelope: the name
// decoded when it is written in encoded words, as [Address.String] does, and then
// cleaned, the domain in ASCII (punycode), the local part an ASCII dot-atom. A
// local part with other characters is an error: not every relay carries it, and
// one that does not would refuse the mail or damage the address.
func ParseAddress(s string) (Address, error) {
	parsed, err := mail.ParseAddress(cleanLine(s))
	if err != nil {
		// A name in a character set that nobody here reads is no name to decode.
		parsed, err = mail.ParseAddress(CleanLine(s))
	}
	if err != nil {
		return Address{}, fmt.Errorf("address %q: %w", clip.Runes(CleanLine(s), maxName), err)
	}
	addr, err := mailbox.Clean(parsed.Address)
	if err != nil {
		return Address{}, fmt.Errorf("address %q: %w", clip.Runes(CleanLine(parsed.Address), maxName), err)
	}
	return Address{Name: cleanName(parsed.Name), Addr: addr}, nil
}

// cleanName makes any text a display name. A backslash does not survive: package
// net/mail writes it, beside other letters than ASCII, in a form it cannot read.
func cleanName(s string) string {
	return clip.Runes(CleanLine(strings.ReplaceAll(s, `\`, "/")), maxName)
}

// String writes the address as a header does.
func (a Address) String() string {
	return (&mail.Address{Name: a.Name, Address: a.Addr}).String()
}

// NewMessageID derives a Message-ID from what identifies a message (incident,
// episode, step, bundle): the same parts give the same identifier for ever, on
// every retry and after every restart. The domain is the sender's; its leading
// labels are dropped when the whole would exceed MaxMessageID.
func NewMessageID(domain string, parts ...string) (string, error) {
	ascii, err := mailbox.Domain(domain)
	if err != nil {
		return "", fmt.Errorf("message-id: %w", err)
	}
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p) // lengths keep ("ab","c") and ("a","bc") apart
	}
	const digits = 26 // 130 bits
	id := strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil)))[:digits]
	for len(ascii) > MaxMessageID-digits-1 {
		_, rest, found := strings.Cut(ascii, ".")
		if !found {
			return "", fmt.Errorf("message-id: domain %q is too long", domain)
		}
		ascii = rest
	}
	return id + "@" + ascii, nil
}

// messageID reports whether s can stand between the brackets of a Message-ID.
func messageID(s string) bool {
	left, right, found := strings.Cut(s, "@")
	return found && len(s) <= MaxMessageID && mailbox.DotAtom(left) && mailbox.DotAtom(right)
}

// languageTag reports whether s looks like a BCP 47 tag.
func languageTag(s string) bool {
	for i, part := range strings.Split(s, "-") {
		if part == "" || len(part) > 8 || i == 0 && len(part) < 2 {
			return false
		}
		if strings.Trim(strings.ToLower(part), "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			return false
		}
	}
	return true
}
