package sheet

import (
	"bytes"
	"encoding/csv"
	"strings"
)

// mark is the byte order mark by which Excel knows UTF-8.
const mark = "\ufeff"

// Write gives rows as programs for offices open them: UTF-8 with a mark, lines that
// end as on Windows, and no cell that would be taken for a formula. The separator is
// the one that the reader's language expects: a semicolon where commas are for
// decimals.
func Write(rows [][]string, separator rune) []byte {
	var b bytes.Buffer
	b.WriteString(mark)
	w := csv.NewWriter(&b)
	w.Comma, w.UseCRLF = separator, true
	for _, row := range rows {
		safe := make([]string, len(row))
		for i, cell := range row {
			safe[i] = plain(cell)
		}
		_ = w.Write(safe) // into memory
	}
	w.Flush()
	return b.Bytes()
}

// plain is a cell that stays what it says: an apostrophe in front makes a text of
// what would be a formula.
func plain(cell string) string {
	cell = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, cell)
	if first := strings.TrimLeft(cell, " \n\u00a0"); first != "" && strings.ContainsRune("=+-@\t|%＝＋－＠", []rune(first)[0]) {
		return "'" + cell
	}
	return cell
}
