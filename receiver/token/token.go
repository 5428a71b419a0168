// Package token tells by a bearer token who is asking.
package token

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

const (
	untilKey  = "until="
	maxSecret = 64 << 10
	minToken  = 16 // characters; a shorter one can be guessed
)

// Tokens tells by a bearer token who is asking.
type Tokens struct {
	hashes [][sha256.Size]byte
	owners []string
	until  []time.Time // zero: for ever
}

func (t *Tokens) add(hash [sha256.Size]byte, owner string, until time.Time) {
	t.hashes, t.owners, t.until = append(t.hashes, hash), append(t.owners, owner), append(t.until, until)
}

// Owner returns whose token it is; false when it is nobody's. It takes the same
// time for every token.
func (t *Tokens) Owner(token string) (string, bool) { return t.OwnerAt(token, time.Time{}) }

// OwnerAt is [Tokens.Owner] at an instant: a token that has expired is nobody's.
func (t *Tokens) OwnerAt(token string, now time.Time) (string, bool) {
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
	if found < 0 || !t.until[found].IsZero() && !now.Before(t.until[found]) {
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
		t.add(sha256.Sum256([]byte(line)), "alertmanager", time.Time{})
	}
	if len(t.hashes) == 0 {
		return nil, fmt.Errorf("%s holds no token: make one with `openssl rand -hex 32`", path)
	}
	return t, nil
}

// ReadPersons reads whose token is whose: a person's id and the SHA-256 of the
// token in hexadecimal, one a line, perhaps with `until=2027-01-31`, the last day
// on which it counts (UTC); `#` begins a remark.
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
		var until time.Time
		if len(fields) == 3 {
			day, ok := strings.CutPrefix(fields[2], untilKey)
			if until, err = time.Parse(time.DateOnly, day); err != nil || !ok {
				return nil, fmt.Errorf("%s:%d: %q: write the last day of the token as until=2027-01-31", path, n, fields[2])
			}
			until, fields = until.AddDate(0, 0, 1), fields[:2]
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
		t.add([sha256.Size]byte(sum), fields[0], until)
	}
	if len(t.hashes) == 0 {
		return nil, errors.New(path + " holds no token: add a line with a person's id and the token's SHA-256")
	}
	return t, nil
}

// Owners are those whose tokens these are, in the order of the file.
func (t *Tokens) Owners() []string { return slices.Clone(t.owners) }

// Grant makes a token for a person, adds its line to the file that
// [ReadPersons] reads, and returns it: nobody can read it anywhere later. It
// counts up to and with the day of until (UTC), for ever when that is zero.
func Grant(path, person string, until time.Time) (string, error) {
	if len(strings.Fields(person)) != 1 || strings.Contains(person, "#") {
		return "", fmt.Errorf("%q is no person's id", person)
	}
	token := rand.Text() + rand.Text()
	sum := sha256.Sum256([]byte(token))
	line := person + " " + hex.EncodeToString(sum[:])
	if !until.IsZero() {
		line += " " + untilKey + until.UTC().Format(time.DateOnly)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return "", err
	}
	defer f.Close()
	// A last line without an end would become one with ours.
	last := []byte{'\n'}
	if info, err := f.Stat(); err != nil {
		return "", err
	} else if size := info.Size(); size > 0 {
		if _, err := f.ReadAt(last, size-1); err != nil {
			return "", err
		}
	}
	if last[0] != '\n' {
		line = "\n" + line
	}
	if _, err := f.WriteString(line + "\n"); err != nil {
		return "", err
	}
	return token, errors.Join(f.Sync(), f.Close())
}
