package token

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTokenCountsUntilItsLastDayIsOver(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	// A file that somebody edited by hand, without an end of the last line.
	if err := os.WriteFile(file, []byte("# people\nsup1 "+strings.Repeat("ab", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	token, err := Grant(file, "adm1", time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	people, err := ReadPersons(file)
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]bool{"2026-12-01T00:00:00Z": true, "2027-01-31T23:59:59Z": true, "2027-02-01T00:00:00Z": false} {
		now, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if owner, ok := people.OwnerAt(token, now); ok != want || ok && owner != "adm1" {
			t.Errorf("at %s: %q, %v", at, owner, ok)
		}
	}
	for _, id := range []string{"", "two words", "#1"} {
		if _, err := Grant(file, id, time.Time{}); err == nil {
			t.Errorf("a token for %q", id)
		}
	}
}

func TestPersonsLineThatIsNone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	for line, want := range map[string]string{
		"sup1 abc": "not a SHA-256",
		"sup1 " + strings.Repeat("ab", 32) + " 2027-01-31":       "until=2027-01-31",
		"sup1 " + strings.Repeat("ab", 32) + " until=2027-13-31": "until=2027-01-31",
	} {
		if err := os.WriteFile(file, []byte("\n"+line+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadPersons(file); err == nil || !strings.Contains(err.Error(), ":2: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", line, err)
		}
	}
}
