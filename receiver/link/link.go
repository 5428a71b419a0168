// Package link makes and reads the signed links of mails. A link lets the people
// whom a mail was written to do one thing to one incident until a date, without
// a password. It proves whom the mail was sent to, not who opened it.
package link

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Grant is what a link permits.
type Grant struct {
	Incident string `json:"i"`
	// Purpose is the one thing that may be done, such as take or answer.
	Purpose string `json:"p"`
	// Persons are the ids, or else the addresses, of those it was sent to.
	Persons []string `json:"w"`
	// Outside says that a customer reads it.
	Outside bool `json:"o,omitempty"`
	// Notice is the message that it stands in, for the journal.
	Notice string `json:"n"`
	// Expires is when it stops to work, in seconds since 1970.
	Expires int64 `json:"x"`
}

// ID names the grant: of the same message and for the same purpose it is the
// same, so that each serves once.
func (g Grant) ID() string {
	b, _ := json.Marshal(g) // texts and numbers only
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:12])
}

// The reasons why a link does not work.
var (
	// ErrForged is of a link that this receiver did not make, or not like this.
	ErrForged = errors.New("the link is not as it was sent: open it from the mail, or copy it whole")
	// ErrExpired is of one whose time is over.
	ErrExpired = errors.New("the link has expired")
)

const (
	minKey   = 32 // characters
	maxKeys  = 8
	maxToken = 2 << 10
	maxFile  = 64 << 10
)

// Keys sign links and tell which ones are genuine. The first signs; all of them
// verify, so that a new key can be put before the old one while links with the
// old one are still about.
type Keys struct{ all [][]byte }

// ReadKeys reads a file with one key a line; `#` begins a remark.
func ReadKeys(path string) (*Keys, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	k := &Keys{}
	scan := bufio.NewScanner(io.LimitReader(f, maxFile))
	for n := 1; scan.Scan(); n++ {
		line, _, _ := strings.Cut(scan.Text(), "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if len(line) < minKey {
			return nil, fmt.Errorf("%s:%d: a key has fewer than %d characters: make one with `openssl rand -hex 32`", path, n, minKey)
		}
		k.all = append(k.all, []byte(line))
	}
	if err := scan.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(k.all) == 0 {
		return nil, fmt.Errorf("%s holds no key: make one with `openssl rand -hex 32`", path)
	}
	if len(k.all) > maxKeys {
		return nil, fmt.Errorf("%s holds %d keys, at most %d are read: take out those whose links have expired", path, len(k.all), maxKeys)
	}
	return k, nil
}

var coding = base64.RawURLEncoding

// Sign makes the token of a grant.
func (k *Keys) Sign(g Grant) string {
	b, _ := json.Marshal(g)
	body := coding.EncodeToString(b)
	return body + "." + coding.EncodeToString(mac(k.all[0], body))
}

// Verify returns what a token permits. The grant is valid with [ErrExpired] as
// well, so that a page can say what the link was for.
func (k *Keys) Verify(token string, now time.Time) (Grant, error) {
	var g Grant
	body, sum, ok := strings.Cut(token, ".")
	if !ok || len(token) > maxToken {
		return g, ErrForged
	}
	given, err := coding.Strict().DecodeString(sum)
	if err != nil {
		return g, ErrForged
	}
	genuine := false
	for _, key := range k.all {
		genuine = hmac.Equal(mac(key, body), given) || genuine
	}
	if !genuine {
		return g, ErrForged
	}
	b, err := coding.Strict().DecodeString(body)
	if err != nil || json.Unmarshal(b, &g) != nil {
		return Grant{}, ErrForged
	}
	if now.Unix() >= g.Expires {
		return g, ErrExpired
	}
	return g, nil
}

// mac signs a body under a name of its own, so that no other use of the same
// key can be passed off as a link.
func mac(key []byte, body string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = io.WriteString(h, "vigie link 1\x00"+body) // a hash never fails
	return h.Sum(nil)
}
