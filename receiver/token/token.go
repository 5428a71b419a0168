// Package token tells by a bearer token who is asking.
package token

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

const (
	maxSecret = 64 << 10
	minToken  = 16 // characters; a shorter one can be guessed
)

// Tokens tells by a bearer token who is asking.
type Tokens struct {
	hashes [][sha256.Size]byte
	owners []string
}

// Owner returns whose token it is; false when it is nobody's. It takes the same
// time for every token.
func (t *Tokens) Owner(token string) (string, bool) {
	if t == nil || token == "" {
		return "", false
	}
	sum := sha256.Sum256([]byte(token))
	found := -1
	for i := range t.hashes {
		if subtle.ConstantTimeCompare(t.hashes[i][:], sum[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		return "", false
	}
	return t.owners[found], true
}

// ReadSecret reads a small file that holds a secret.
func ReadSecret(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err == nil && len(b) > maxSecret {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxSecret)
	}
	return b, err
}

// ReadBearers reads tokens as they are, one a line, so that a new one can be
// accepted beside the old one.
func ReadBearers(path string) (*Tokens, error) {
	b, err := ReadSecret(path)
	if err != nil {
		return nil, err
	}
	t := &Tokens{}
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if len(line) < minToken {
			return nil, fmt.Errorf("%s: a token has fewer than %d characters: make one with `openssl rand -hex 32`", path, minToken)
		}
		t.hashes, t.owners = append(t.hashes, sha256.Sum256([]byte(line))), append(t.owners, "alertmanager")
	}
	if len(t.hashes) == 0 {
		return nil, fmt.Errorf("%s holds no token: make one with `openssl rand -hex 32`", path)
	}
	return t, nil
}

// ReadPersons reads whose token is whose: a person's id and the SHA-256 of the
// token in hexadecimal, one a line, `#` begins a remark.
func ReadPersons(path string) (*Tokens, error) {
	b, err := ReadSecret(path)
	if err != nil {
		return nil, err
	}
	t := &Tokens{}
	scan := bufio.NewScanner(bytes.NewReader(b))
	for n := 1; scan.Scan(); n++ {
		line, _, _ := strings.Cut(scan.Text(), "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if len(fields) != 2 {
			return nil, fmt.Errorf("%s:%d: write the person's id, a space and the token's SHA-256: `printf %%s TOKEN | sha256sum`", path, n)
		}
		sum, err := hex.DecodeString(fields[1])
		if err != nil || len(sum) != sha256.Size {
			return nil, fmt.Errorf("%s:%d: the hash of %s is not a SHA-256 in hexadecimal: `printf %%s TOKEN | sha256sum`", path, n, fields[0])
		}
		if slices.Contains(t.hashes, [sha256.Size]byte(sum)) {
			return nil, fmt.Errorf("%s:%d: this token is given to somebody else already", path, n)
		}
		t.hashes, t.owners = append(t.hashes, [sha256.Size]byte(sum)), append(t.owners, fields[0])
	}
	if len(t.hashes) == 0 {
		return nil, errors.New(path + " holds no token: add a line with a person's id and the token's SHA-256")
	}
	return t, nil
}
