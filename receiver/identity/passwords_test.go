package identity

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPasswords(t *testing.T) {
	file := filepath.Join(t.TempDir(), "passwords")
	for _, x := range [][2]string{{"sup", "tours et détours"}, {"adm1", "another long one"}, {"sup", "the new one of sup"}} {
		line, err := Hash(x[0], x[1])
		if err != nil {
			t.Fatal(err)
		}
		if err := Write(file, x[0], line); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the file has mode %v, %v", info.Mode(), err)
	}
	p, err := ReadPasswords(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		person, password string
		want             bool
	}{{"sup", "the new one of sup", true}, {"sup", "tours et détours", false}, {"adm1", "another long one", true},
		{"adm1", "", false}, {"nobody", "another long one", false}, {"", "", false}} {
		if got := p.Check(c.person, c.password); got != c.want {
			t.Errorf("%s with %q: %t", c.person, c.password, got)
		}
	}
	if p.Mark("sup") == p.Mark("adm1") || p.Mark("sup") == "" || p.Mark("nobody") != "" {
		t.Error("marks do not tell persons apart")
	}
	var none *Passwords
	if none.Check("sup", "") || none.Mark("sup") != "" {
		t.Error("without a file nobody has a password")
	}
}

func TestBadPasswords(t *testing.T) {
	for name, c := range map[string][2]string{"short": {"sup", "short"}, "long": {"sup", strings.Repeat("x", 73)}, "no person": {"", "long enough it is"}} {
		if _, err := Hash(c[0], c[1]); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	file := filepath.Join(t.TempDir(), "passwords")
	good, err := Hash("sup", "long enough it is")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"sup secret\n":               ":1: the hash of sup is not one of bcrypt",
		"# nobody\n\nsup\n":          ":3: write the person's id",
		good + "\n" + good + "\n":    ":2: sup stands twice",
		"sup a b\n":                  ":1: write the person's id",
		strings.Repeat("x", 1<<20+1): "larger than",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadPasswords(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", text, err, want)
		}
	}
}
