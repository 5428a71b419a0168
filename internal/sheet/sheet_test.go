package sheet_test

import (
	"strings"
	"testing"

	"vigie/internal/sheet"
)

func TestDecode(t *testing.T) {
	const want = "machine;plans\r\nPOSTE-COMPTABILITÉ;journalière – 5 €\r\n"
	for name, text := range map[string]string{
		"UTF-8":            want,
		"UTF-8, marked":    "\xef\xbb\xbf" + want,
		"Windows-1252":     "machine;plans\r\nPOSTE-COMPTABILIT\xc9;journali\xe8re \x96 5 \x80\r\n",
		"UTF-16LE, marked": utf16(want, false),
		"UTF-16BE, marked": utf16(want, true),
	} {
		got, err := sheet.Decode([]byte(text))
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for name, text := range map[string]string{
		"UTF-16 without a mark":  utf16(want, false)[2:],
		"UTF-16 that is cut off": utf16(want, false)[:9],
		"another code page":      "machine\r\nPOSTE-\x90\r\n",
		"half a pair of UTF-16":  "\xff\xfe\x00\xd8a\x00",
	} {
		if got, err := sheet.Decode([]byte(text)); err == nil || !strings.Contains(err.Error(), "CSV UTF-8") {
			t.Errorf("%s: %q, %v, want the cure", name, got, err)
		}
	}
}

func utf16(s string, big bool) string {
	var b strings.Builder
	for _, r := range "\ufeff" + s {
		low, high := byte(r), byte(r>>8)
		if big {
			low, high = high, low
		}
		b.WriteByte(low)
		b.WriteByte(high)
	}
	return b.String()
}
