package message

import (
	"os"
	"strings"
	"testing"
)

// lettersTo are the mails of a story that somebody gets.
func lettersTo(t *testing.T, file, language, address string) (out []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for mail := range strings.SplitSeq(mailsTold(t, "activeprolearn", string(text), language), strings.Repeat("=", 72)) {
		head, _, _ := strings.Cut(strings.TrimSpace(mail), "\n")
		if strings.Contains(head, address) {
			out = append(out, mail)
		}
	}
	if len(out) == 0 {
		t.Fatalf("%s: nothing is written to %s", file, address)
	}
	return out
}

// covers: S2.23, S2.25; what our people write of a host with several platforms names
// to each customer none but its own, and a loss told of one platform is no loss of another.
func TestWordsOfAHostNameNoOtherCustomer(t *testing.T) {
	names := map[string][]string{
		"exploit@lms-a.example": {"Campus B", "lms-B", "College C", "lms-C"},
		"exploit@lms-b.example": {"Académie A", "lms-A", "College C", "lms-C"},
		"exploit@lms-c.example": {"Académie A", "lms-A", "Campus B", "lms-B"},
	}
	for language, none := range map[string]string{"fr": "pas encore établie", "en": "not established yet"} {
		for address, foreign := range names {
			all := strings.Join(lettersTo(t, "testdata/apart/host.yml", language, address), "\n")
			for _, name := range foreign {
				if strings.Contains(all, name) {
					t.Errorf("%s: %s reads %q:\n%s", language, address, name, all)
				}
			}
			if lost := address == "exploit@lms-c.example"; lost == strings.Contains(all, none) {
				t.Errorf("%s: what was lost at College C, to %s:\n%s", language, address, all)
			}
		}
	}
}
