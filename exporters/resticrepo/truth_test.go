package resticrepo

import (
	"strings"
	"testing"
)

// A password in an address is taken out whole, whatever it is made of.
func TestPasswordsInAddresses(t *testing.T) {
	for _, password := range []string{"hunter2", "p@ss-w0rd", "a:b@c:d", "s%40crêt", "@@@x", "q?x#y"} {
		words := "Fatal: unable to open repository at rest:https://vigie:" + password + "@store.example/dupont: 401"
		got := newMask(nil).clean(words)
		for _, part := range strings.FieldsFunc(password, func(r rune) bool { return strings.ContainsRune("@:", r) }) {
			if strings.Contains(got, part) && len(part) > 1 {
				t.Errorf("%q of %q comes out: %s", part, password, got)
			}
		}
		if !strings.Contains(got, "://***@store.example/dupont: 401") {
			t.Errorf("the rest is lost: %s", got)
		}
	}
	if got := newMask([]string{"AWS_SECRET_ACCESS_KEY=abc+def/ghi"}).clean("sftp://store.example: key abc+def/ghi refused"); got != "sftp://store.example: key *** refused" {
		t.Error(got)
	}
}
