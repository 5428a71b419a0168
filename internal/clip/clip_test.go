package clip

import (
	"testing"
	"unicode/utf8"
)

func TestRunes(t *testing.T) {
	for _, c := range []struct {
		in   string
		most int
		want string
	}{
		{"abcdef", 6, "abcdef"},
		{"abcdef", 4, "abc…"},
		{"sauvegarde échouée", 13, "sauvegarde é…"},
		{"échouée", 7, "échouée"}, // more bytes than characters
		{"e\u0301e\u0301e\u0301", 4, "e\u0301…"},
		{"serveur, poste", 9, "serveur…"},
		{"any", 0, ""},
		{"any", -1, ""},
		{"\u0301\u0301\u0301", 2, "…"},
	} {
		if got := Runes(c.in, c.most); got != c.want {
			t.Errorf("Runes(%q, %d) = %q, want %q", c.in, c.most, got, c.want)
		}
	}
}

func TestMiddle(t *testing.T) {
	for _, c := range []struct {
		in   string
		most int
		want string
	}{
		{"SRV-PROD-PARIS-BACKUP-01", 24, "SRV-PROD-PARIS-BACKUP-01"},
		{"SRV-PROD-PARIS-BACKUP-01", 13, "SRV-PR…KUP-01"},
		{"a, bcdefghijkl, mn", 9, "a, b…mn"},
		{"e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301", 8, "e\u0301e\u0301…e\u0301"},
		{"abcdefghijkl", 5, "abcd…"},
		{"any", 0, ""},
	} {
		if got := Middle(c.in, c.most); got != c.want {
			t.Errorf("Middle(%q, %d) = %q, want %q", c.in, c.most, got, c.want)
		}
	}
}

func TestClause(t *testing.T) {
	const only = "Synology en échec, aucune autre sauvegarde"
	for most, want := range map[int]string{99: only, 41: "Synology en éch…, aucune autre sauvegarde", 35: "Synology…, aucune autre sauvegarde", 20: Middle(only, 20), 0: ""} {
		if got := Clause(only, most); got != want {
			t.Errorf("Clause(%d) = %q, want %q", most, got, want)
		}
	}
}

func TestBytes(t *testing.T) {
	for _, c := range []struct {
		in   string
		most int
		want string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "abc"}, {"aé", 2, "a"}, {"é", 1, ""}, {"any", 0, ""}, {"any", -1, ""},
	} {
		if got := Bytes(c.in, c.most); got != c.want {
			t.Errorf("Bytes(%q, %d) = %q, want %q", c.in, c.most, got, c.want)
		}
	}
}

func FuzzClip(f *testing.F) {
	f.Add("e\u0301 où", 3)
	f.Fuzz(func(t *testing.T, s string, most int) {
		if r := Runes(s, most); utf8.RuneCountInString(r) > max(most, 0) || utf8.ValidString(s) && !utf8.ValidString(r) {
			t.Fatalf("Runes(%q, %d) = %q", s, most, r)
		}
		if r := Middle(s, most); utf8.RuneCountInString(r) > max(most, 0) {
			t.Fatalf("Middle(%q, %d) = %q", s, most, r)
		}
		if r := Clause(s, most); utf8.RuneCountInString(r) > max(most, 0) {
			t.Fatalf("Clause(%q, %d) = %q", s, most, r)
		}
		if b := Bytes(s, most); len(b) > max(most, 0) || utf8.ValidString(s) && !utf8.ValidString(b) {
			t.Fatalf("Bytes(%q, %d) = %q", s, most, b)
		}
	})
}
