// Package visible lets nothing hide in what a page shows: characters that are not
// seen, that end a text where it goes on, or that turn its direction round show as a
// sign in their place.
package visible

import "bytes"

// sign stands where a character was that must not work.
const sign = "\ufffd"

// Bytes returns a page of UTF-8 with signs in the place of control characters other
// than tabs and ends of lines, and of marks that override a text's direction.
func Bytes(page []byte) []byte {
	i := next(page)
	if i < 0 {
		return page
	}
	var out bytes.Buffer
	out.Grow(len(page) + 16)
	for ; i >= 0; i = next(page) {
		out.Write(page[:i])
		out.WriteString(sign)
		page = page[i+width(page[i:]):]
	}
	out.Write(page)
	return out.Bytes()
}

// next is where the first such character stands; -1 for none.
func next(b []byte) int {
	for i := range b {
		if width(b[i:]) > 0 {
			return i
		}
	}
	return -1
}

// width is how many bytes such a character has; 0 for any other.
func width(b []byte) int {
	switch c := b[0]; {
	case c == '\t', c == '\n', c == '\r':
	case c < ' ', c == 0x7f:
		return 1
	case c == 0xc2 && len(b) > 1 && b[1] >= 0x80 && b[1] < 0xa0: // C1
		return 2
	case c == 0xe2 && len(b) > 2 && (b[1] == 0x80 && b[2] >= 0xaa && b[2] <= 0xae || b[1] == 0x81 && b[2] >= 0xa6 && b[2] <= 0xa9): // bidirectional
		return 3
	}
	return 0
}
