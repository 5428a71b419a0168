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
		"a Mac's UTF-8":    "machine;plans\r\nPOSTE-COMPTABILITE\u0301;journalie\u0300re – 5 €\r\n",
		"read twice":       "machine;plans\r\nPOSTE-COMPTABILIT\u00c3\u2030;journali\u00c3\u00a8re \u00e2\u20ac\u201c 5 \u00e2\u201a\u00ac\r\n",
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
		"a DOS window's":         "machine\r\nPOSTE;journali\x8are\r\n",
		"a DOS window's capital": "machine\r\nPOSTE-COMPTABILIT\x90\r\n",
		"an old Mac's":           "machine\rPOSTE-COMPTABILIT\x83\r",
		"an old Mac's, first":    "machine\rPC-\x83LODIE\r",
		"an old Mac's, small":    "machine\rcl\x8e du poste\r",
	} {
		if got, err := sheet.Decode([]byte(text)); err == nil {
			t.Errorf("%s: %q is taken", name, got)
		}
	}
}

// A capital letter before a mark has the bytes of another letter: it is what it says.
func TestDecodeLeavesWhatIsRight(t *testing.T) {
	for _, text := range []string{"CAFÉ™\n", "ANDRÉ’S\n", "Strauß’\n", "GROẞ – ÉTÉ…\n"} {
		if got, err := sheet.Decode([]byte(text)); err != nil || string(got) != text {
			t.Errorf("%q, %v, want %q", got, err, text)
		}
	}
}

// What appends to a file leaves lines of both: none is read as what it is not.
func TestDecodeLineByLine(t *testing.T) {
	const want = "é\nÉLÉONORE\nà\n"
	for _, text := range []string{"é\n\xc9L\xc9ONORE\nà\n", "\xe9\nÉLÉONORE\n\xe0\n"} {
		if got, err := sheet.Decode([]byte(text)); err != nil || string(got) != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
}

// Signs that Windows-1252 has where words end are no sign of another code page,
// nor are its own letters.
func TestDecodeLeavesWindows1252(t *testing.T) {
	for text, want := range map[string]string{
		"etc\x85 5 \x89 \x84x\x93 l\x92\xe9t\xe9 \x8coeuvre \x8abc": "etc… 5 ‰ „x“ l’été Œoeuvre Šbc",
		"a\rb \xe9\r": "a\nb é\n",
	} {
		if got, err := sheet.Decode([]byte(text)); err != nil || string(got) != want {
			t.Errorf("%q, %v, want %q", got, err, want)
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
