package visible

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestBytes(t *testing.T) {
	for text, want := range map[string]string{
		"":                     "",
		"Établi\tà\r\n“x” – €": "Établi\tà\r\n“x” – €",
		"a\x00b\x1b[31m\x7f":   "a\ufffdb\ufffd[31m\ufffd",
		"exe\u202egpj\u202c.":  "exe\ufffdgpj\ufffd.",
		"\u2066\u0085":         "\ufffd\ufffd",
		"عربي":                 "عربي",
	} {
		if got := string(Bytes([]byte(text))); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func FuzzBytes(f *testing.F) {
	f.Add("a\u202eb\x00\xe2\x80")
	f.Fuzz(func(t *testing.T, text string) {
		got := string(Bytes([]byte(text)))
		if strings.ContainsAny(got, "\x00\x1b\x7f\u202e\u2066") || utf8.ValidString(text) && !utf8.ValidString(got) {
			t.Errorf("%q: %q", text, got)
		}
	})
}
