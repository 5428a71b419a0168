package sheet

import (
	"encoding/csv"
	"strings"
	"testing"
)

func TestWrite(t *testing.T) {
	got := string(Write([][]string{{"client", "n"}, {"Dupont; fils \"SA\"", "3,5"}, {"=HYPERLINK(1)", "-2"}, {" @x", "\t=1"}}, ';'))
	want := "\ufeffclient;n\r\n\"Dupont; fils \"\"SA\"\"\";3,5\r\n'=HYPERLINK(1);'-2\r\n' @x;\"'\t=1\"\r\n"
	want = strings.Replace(want, "\"'\t=1\"", "'\t=1", 1)
	if got != want {
		t.Errorf("wrote %q, want %q", got, want)
	}
}

// No cell is a formula, whatever it holds, and the text can be read again.
func FuzzWrite(f *testing.F) {
	f.Add("=1+1")
	f.Add(" \u00a0\t=1\x00")
	f.Fuzz(func(t *testing.T, cell string) {
		r := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(Write([][]string{{"a", cell}}, ',')), mark)))
		r.LazyQuotes = true
		rows, err := r.ReadAll()
		if err != nil || len(rows) != 1 || len(rows[0]) != 2 {
			t.Fatalf("%q became %q, %v", cell, rows, err)
		}
		if first := strings.TrimLeft(rows[0][1], " \n\u00a0\r"); first != "" && strings.ContainsAny(first[:1], "=+-@\t|%") {
			t.Fatalf("%q became %q", cell, rows[0][1])
		}
	})
}
