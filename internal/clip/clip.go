// Package clip shortens texts from elsewhere, never inside a character.
package clip

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Mark stands for what was left out.
const Mark = "…"

// Runes shortens s to at most most characters, the last of them [Mark] when
// something is left out. It parts no letter from its combining marks and leaves
// no punctuation that opens or joins before the mark.
func Runes(s string, most int) string {
	if len(s) <= most || utf8.RuneCountInString(s) <= most {
		return s
	}
	if most < 1 {
		return ""
	}
	runes := []rune(s)
	end := most - 1
	for end > 0 && unicode.Is(unicode.M, runes[end]) {
		end--
	}
	return strings.TrimRight(string(runes[:end]), " ,;:–-(") + Mark
}

// Middle is [Runes], but leaves out of the middle: names that differ only in their
// end stay apart, and so does a sentence that says the most important last.
func Middle(s string, most int) string {
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	if most < 8 {
		return Runes(s, most)
	}
	tail := len(runes) - (most-1)/2
	for tail < len(runes) && unicode.Is(unicode.M, runes[tail]) {
		tail++
	}
	return Runes(s, most-(len(runes)-tail)) + strings.TrimLeft(string(runes[tail:]), " ,;:–)")
}

// Clause is [Middle], but keeps what stands after the only comma whole where there is
// room for it: without its first word "no other backup" says the contrary. Several
// commas part a list.
func Clause(s string, most int) string {
	if i := strings.Index(s, ", "); i > 0 && strings.Count(s, ", ") == 1 && utf8.RuneCountInString(s) > most {
		if left := most - utf8.RuneCountInString(s[i:]); left >= 8 {
			return Runes(s[:i], left) + s[i:]
		}
	}
	return Middle(s, most)
}

// Bytes shortens s to at most most bytes, without a mark: for keys and names
// that are compared.
func Bytes(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:max(most, 0)]
}
