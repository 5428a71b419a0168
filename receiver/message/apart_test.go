package message

import (
	"os"
	"regexp"
	"slices"
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

// covers: S2.19, S2.23, S2.24; what goes on after an end is told as that: nobody reads that
// his old report came in again, a stranger who heard of its end is told nothing more, what
// was found the last time is provisional, and "nothing to do" is said when that is known.
func TestWhatIsToldOfAReopening(t *testing.T) {
	for language, words := range map[string][4]string{
		"fr": {"Incident rouvert", "dépôt impossible", "Entrée de données non conformes (provisoire)", "rien à faire"},
		"en": {"Incident reopened", "dépôt impossible", "Unfit data entered (provisional)", "nothing for you to do"},
	} {
		mails := lettersTo(t, "testdata/apart/reopened.yml", language, "exploit@lms-a.example")
		again := mails[slices.IndexFunc(mails, func(m string) bool { return strings.Contains(m, words[0]) })]
		if strings.Contains(again, words[1]) || !strings.Contains(again, words[2]) {
			t.Errorf("%s: of the reopening:\n%s", language, again)
		}
		if end := mails[len(mails)-1]; strings.Contains(flat(Rendered{Text: end}), words[3]) {
			t.Errorf("%s: of the end, while nobody knows of lost data:\n%s", language, end)
		}
		for _, m := range lettersTo(t, "testdata/apart/reopened.yml", language, "passer@by.example") {
			if strings.TrimSpace(m)[:10] > "2026-11-03" {
				t.Errorf("%s: the stranger reads\n%s", language, m)
			}
		}
	}
}

// covers: S2.16; all that is written of one incident names one level, and the level to
// which it was handed back.
func TestOneLevelOfOneIncident(t *testing.T) {
	levels := func(mails string) (all []string) {
		for _, found := range regexp.MustCompile(`(?m)^Level +: (\d)$`).FindAllStringSubmatch(mails, -1) {
			all = append(all, found[1])
		}
		return all
	}
	if got := levels(mailsOf(t, "activeprolearn", "blocking", "en")); len(got) < 3 || slices.Contains(got[1:], "2") {
		t.Errorf("of what is blocking, which level 3 has since the opening: %q", got)
	}
	if got := levels(mailsOf(t, "activeprolearn", "cascade", "en")); got[len(got)-1] != "2" {
		t.Errorf("after it was handed back: %q", got)
	}
}
