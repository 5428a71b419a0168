// Package identity tells who somebody is: by a password of a local file, by an
// identity provider, or by a proxy that has asked already. What a person may do
// is not its matter.
package identity

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/crypto/bcrypt"

	"vigie/internal/atomicfile"
)

const (
	maxPasswordFile = 1 << 20
	// minPassword and maxPassword bound a password, in bytes; bcrypt reads no more.
	minPassword, maxPassword = 10, 72
	// cost makes one guess take about a quarter of a second.
	cost = 12
)

// Passwords are the hashes of a password file, by person.
type Passwords struct {
	hashes map[string][]byte
	// nobody's hash is compared where there is none, so that both take as long.
	nobody []byte
}

// ReadPasswords reads a file with a line "person bcrypt-hash" for each who logs
// in; `#` begins a remark. Errors name file and line.
func ReadPasswords(path string) (*Passwords, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPasswordFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxPasswordFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxPasswordFile)
	}
	p := &Passwords{hashes: map[string][]byte{}}
	scan := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; scan.Scan(); n++ {
		line, _, _ := strings.Cut(scan.Text(), "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if len(fields) != 2 {
			return nil, fmt.Errorf("%s:%d: write the person's id, a space and the hash, as `vigie password` prints them", path, n)
		}
		if _, err := bcrypt.Cost([]byte(fields[1])); err != nil {
			return nil, fmt.Errorf("%s:%d: the hash of %s is not one of bcrypt: make it with `vigie password %s`", path, n, fields[0], fields[0])
		}
		if p.hashes[fields[0]] != nil {
			return nil, fmt.Errorf("%s:%d: %s stands twice: keep one", path, n, fields[0])
		}
		p.hashes[fields[0]] = []byte(fields[1])
	}
	if err := scan.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, h := range p.hashes {
		if p.nobody == nil {
			p.nobody = h
		}
	}
	return p, nil
}

// Check reports whether it is the person's password. It takes as long for
// somebody who has none.
func (p *Passwords) Check(person, password string) bool {
	if p == nil || p.nobody == nil {
		return false
	}
	hash, known := p.hashes[person]
	if !known {
		hash = p.nobody
	}
	return bcrypt.CompareHashAndPassword(hash, []byte(password)) == nil && known
}

// Mark changes when a person's password does; "" for somebody who has none. It
// does not tell the password's hash.
func (p *Passwords) Mark(person string) string {
	if p == nil || p.hashes[person] == nil {
		return ""
	}
	sum := sha256.Sum256(p.hashes[person])
	return hex.EncodeToString(sum[:8])
}

// Hash is the line of a password file for a person.
func Hash(person, password string) (string, error) {
	switch {
	case person == "" || strings.ContainsAny(person, " \t#"):
		return "", fmt.Errorf("%q is not a person's id of the inventory", person)
	case len(password) < minPassword:
		return "", fmt.Errorf("the password is too short: take %d characters or more", minPassword)
	case len(password) > maxPassword:
		return "", fmt.Errorf("the password is too long: %d bytes are read, no more", maxPassword)
	}
	h, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	if err != nil {
		return "", err
	}
	return person + " " + string(h), nil
}

// Write puts a person's line into a password file in place of the one before.
// The file is made when it is not there, and is replaced whole.
func Write(path, person, line string) error {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var out strings.Builder
	for l := range strings.Lines(string(old)) {
		if f := strings.Fields(l); len(f) == 0 || f[0] != person {
			out.WriteString(strings.TrimSuffix(l, "\n") + "\n")
		}
	}
	out.WriteString(line + "\n")
	mode := os.FileMode(0o640) // root makes it, and the service's group reads it
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	return atomicfile.Replace(path, mode, func(w io.Writer) error {
		_, err := io.WriteString(w, out.String())
		return err
	})
}
