// Package sheet reads text as programs for offices save it, CSV above all.
package sheet

import (
	"bytes"
	"errors"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/unicode/norm"
)

// Decode gives a file's text in UTF-8 without a byte order mark, each letter with its
// accent. Beside UTF-8 it knows what Excel writes: UTF-16 with a mark ("Unicode text"),
// and Windows-1252 ("CSV" in western Europe), which is every other line that has no byte
// that Windows-1252 leaves undefined or that shows another code page: files of both are
// put together with what appends to a file. UTF-8 that was once read as Windows-1252 and
// saved so is read back. Lines that end as on an old Mac end as everywhere else.
func Decode(text []byte) ([]byte, error) {
	text, err := decode(text)
	if err != nil {
		return nil, err
	}
	return norm.NFC.Bytes(eachLine(text, readTwice)), nil
}

func decode(text []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("\xfe\xff")):
		if len(text)%2 != 0 {
			return nil, errors.New("the UTF-16 text is cut off")
		}
		out, err := unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Bytes(text)
		if err != nil || bytes.ContainsRune(out, utf8.RuneError) {
			return nil, errors.New("not sound UTF-16")
		}
		return out, nil
	case bytes.IndexByte(text, 0) >= 0:
		return nil, errors.New("it holds zero bytes, as UTF-16 without a mark does")
	case utf8.Valid(text):
		return lines(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))), nil
	}
	strange := false
	out := eachLine(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), func(line []byte) []byte {
		if utf8.Valid(line) {
			return line
		}
		strange = strange || hasUndefined(line) || otherPage(line)
		out, err := charmap.Windows1252.NewDecoder().Bytes(line)
		strange = strange || err != nil
		return out
	})
	if strange {
		return nil, errors.New("neither UTF-8 nor Windows-1252")
	}
	return lines(out), nil
}

// eachLine puts together what becomes of each line.
func eachLine(text []byte, do func([]byte) []byte) []byte {
	out := make([]byte, 0, len(text))
	for line := range bytes.Lines(text) {
		out = append(out, do(line)...)
	}
	return out
}

// readTwice takes back that a line of UTF-8 was read as Windows-1252: its bytes there are
// sound UTF-8, of letters that western Europe has. Those of CAFÉ™ are UTF-8 as well, of
// letters that it has not.
func readTwice(line []byte) []byte {
	raw, err := charmap.Windows1252.NewEncoder().Bytes(line)
	if err != nil || !utf8.Valid(raw) {
		return line
	}
	if _, err := charmap.Windows1252.NewEncoder().Bytes(raw); err != nil {
		return line
	}
	return raw
}

// lines ends the lines of an old Mac, which has no line feeds.
func lines(text []byte) []byte {
	if bytes.IndexByte(text, '\n') >= 0 {
		return text
	}
	return bytes.ReplaceAll(text, []byte{'\r'}, []byte{'\n'})
}

// otherPage reports what no text of Windows-1252 has: a low quote, an ellipsis or
// a dagger inside a word, or a capital letter with a caron behind a small one. There the code
// pages of a DOS window and of a Mac have the French letters with accents.
func otherPage(text []byte) bool {
	small := func(b byte) bool { return 'a' <= b && b <= 'z' }
	letter := func(b byte) bool { return small(b | 0x20) }
	for n := 1; n < len(text); n++ {
		switch before := text[n-1]; text[n] {
		case 0x82, 0x84, 0x86, 0x87, 0x88:
			if letter(before) {
				return true
			}
		case 0x83: // a Mac's É, also at a word's beginning
			if letter(before) || n+1 < len(text) && letter(text[n+1]) {
				return true
			}
		case 0x85:
			if letter(before) && n+1 < len(text) && letter(text[n+1]) {
				return true
			}
		case 0x8a, 0x8e:
			if small(before) {
				return true
			}
		}
	}
	return false
}

// hasUndefined reports bytes that Windows-1252 has no character for.
func hasUndefined(text []byte) bool {
	for _, b := range text {
		switch b {
		case 0x81, 0x8d, 0x8f, 0x90, 0x9d:
			return true
		}
	}
	return false
}
