// Package sheet reads the text of CSV files as spreadsheets save them.
package sheet

import (
	"bytes"
	"errors"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// cure ends what is said of a text that cannot be read.
const cure = "save it again as \"CSV UTF-8\""

// Decode gives a file's text in UTF-8 without a byte order mark. Beside UTF-8 it
// knows what Excel writes: UTF-16 with a mark ("Unicode text"), and Windows-1252
// ("CSV" in western Europe), which is every other text that has no byte that
// Windows-1252 leaves undefined.
func Decode(text []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("\xfe\xff")):
		if len(text)%2 != 0 {
			return nil, errors.New("the UTF-16 text is cut off: " + cure)
		}
		out, err := unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder().Bytes(text)
		if err != nil || bytes.ContainsRune(out, utf8.RuneError) {
			return nil, errors.New("not sound UTF-16: " + cure)
		}
		return out, nil
	case bytes.IndexByte(text, 0) >= 0:
		return nil, errors.New("it holds zero bytes, as UTF-16 without a mark does: " + cure)
	case utf8.Valid(text):
		return bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), nil
	case hasUndefined(text):
		return nil, errors.New("neither UTF-8 nor Windows-1252: " + cure)
	}
	return charmap.Windows1252.NewDecoder().Bytes(text)
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
