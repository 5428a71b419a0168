package link

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var (
	first  = strings.Repeat("a", 64)
	second = strings.Repeat("b", 64)
	now    = time.Date(2025, 3, 10, 9, 0, 0, 0, time.UTC)
)

func keys(t testing.TB, lines ...string) *Keys {
	t.Helper()
	path := filepath.Join(t.TempDir(), "links.key")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	k, err := ReadKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func grant() Grant {
	return Grant{Incident: "i12", Purpose: "take", Persons: []string{"sup"}, Notice: "i12/1/opened", Expires: now.Add(time.Hour).Unix()}
}

// covers: T8; an altered link, one of another key, and one that is too old.
func TestVerify(t *testing.T) {
	k := keys(t, "# the newest first", first)
	token := k.Sign(grant())
	got, err := k.Verify(token, now)
	if err != nil || got.Incident != "i12" || got.Purpose != "take" || got.ID() != grant().ID() {
		t.Fatalf("%+v: %v", got, err)
	}
	if _, err := k.Verify(token, now.Add(time.Hour)); !errors.Is(err, ErrExpired) {
		t.Errorf("expired: %v", err)
	}
	for i := range token {
		altered := []byte(token)
		altered[i] ^= 1
		if g, err := k.Verify(string(altered), now); !errors.Is(err, ErrForged) {
			t.Fatalf("altered at %d: %+v, %v", i, g, err)
		}
	}
	for _, bad := range []string{"", ".", token + "A", token[:len(token)-1], "." + token, token + ".", strings.Repeat("x", 10_000)} {
		if _, err := k.Verify(bad, now); !errors.Is(err, ErrForged) {
			t.Errorf("%.40q: %v", bad, err)
		}
	}
	if _, err := keys(t, second).Verify(token, now); !errors.Is(err, ErrForged) {
		t.Errorf("of another key: %v", err)
	}
}

// covers: T8; a new key beside the old one.
func TestRotation(t *testing.T) {
	old := keys(t, first).Sign(grant())
	both := keys(t, second, first)
	for name, token := range map[string]string{"old": old, "new": both.Sign(grant())} {
		if _, err := both.Verify(token, now); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if both.Sign(grant()) == old {
		t.Error("the new key does not sign")
	}
	if _, err := keys(t, second).Verify(old, now); !errors.Is(err, ErrForged) {
		t.Errorf("the old key has been taken out, and its links still work: %v", err)
	}
}

func TestReadKeys(t *testing.T) {
	for name, text := range map[string]string{"empty": "", "a remark": "# none\n", "short": "abc\n", "many": strings.Repeat(first+"\n", 9)} {
		path := filepath.Join(t.TempDir(), "links.key")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadKeys(path); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A token comes from outside: whatever it is, it is refused or it is ours.
func FuzzVerify(f *testing.F) {
	k := keys(f, first)
	f.Add(k.Sign(grant()))
	f.Add("e30.AAAA")
	f.Fuzz(func(t *testing.T, token string) {
		g, err := k.Verify(token, now)
		if err == nil && k.Sign(g) != token {
			t.Errorf("%q is taken for a link, and is not as it was signed", token)
		}
	})
}
