package inbox

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"vigie/internal/clip"
)

// block is a part of a text that tells of one thing, with what the patterns
// found in it.
type block struct {
	text  string
	found map[string]string
	bad   string // why it cannot be read; empty if it can
}

// blocks cuts a text in which required patterns fit several times: what
// stands in one block says nothing about the next. Fits tells whether the
// text is for the rule at all.
func (r *rule) blocks(text string, header map[string]string) (out []block, fits bool) {
	all := make([][][]int, len(r.Body))
	var starts [][]int
	for i, p := range r.Body {
		all[i] = p.re.FindAllStringIndex(text, maxRows+1)
		if len(all[i]) == 0 && !p.Optional {
			return nil, false
		}
		if p.Optional || !hasCaptures(p.re) || len(all[i]) < 2 {
			continue
		}
		// Of the patterns that fit most often the one that stands first.
		if len(all[i]) > len(starts) || len(all[i]) == len(starts) && all[i][0][0] < starts[0][0] {
			starts = all[i]
		}
	}
	if len(starts) < 2 {
		found := copied(header)
		for _, p := range r.Body {
			if match := p.re.FindStringSubmatch(text); match != nil {
				keep(p.re, match, found)
			}
		}
		return []block{{text: text, found: found}}, true
	}
	for n := range starts {
		from, to := starts[n][0], len(text)
		if n+1 < len(starts) {
			to = starts[n+1][0]
		}
		b := r.readBlock(text, text[from:to], header, all)
		if !slices.ContainsFunc(out, func(o block) bool { return sameFindings(o, b) }) { // a table within a table says it twice
			out = append(out, b)
		}
	}
	return out, true
}

// readBlock takes from the whole text only what stands there once.
func (r *rule) readBlock(whole, text string, header map[string]string, all [][][]int) block {
	b := block{text: text, found: copied(header)}
	for i, p := range r.Body {
		in := text
		if len(all[i]) == 1 && !p.Optional {
			in = whole
		}
		match := p.re.FindStringSubmatch(in)
		switch {
		case match != nil:
			keep(p.re, match, b.found)
		case !p.Optional:
			b.bad = fmt.Sprintf("the block %q lacks what the pattern %s finds in others", glimpse(text), clip.Bytes(p.Pattern, 100))
		}
	}
	return b
}

func sameFindings(a, b block) bool {
	if a.bad != b.bad || len(a.found) != len(b.found) {
		return false
	}
	for k, v := range a.found {
		if b.found[k] != v {
			return false
		}
	}
	return true
}

func hasCaptures(re *regexp.Regexp) bool {
	return slices.ContainsFunc(re.SubexpNames(), func(n string) bool { return n != "" })
}

func copied(m map[string]string) map[string]string {
	out := map[string]string{}
	maps.Copy(out, m)
	return out
}

func glimpse(text string) string { return clip.Bytes(line(strings.TrimSpace(text)), 100) }

// rowsOf gives the captures of each row, completed by those of its own block:
// of a pattern that fits several times what stands last before the row, or
// first after it where the first row comes before all of them. Unread are the
// lines that look like results and fit no row.
func (r *rule) rowsOf(text string, header map[string]string) (rows []block, unread []string) {
	places := r.rows.FindAllStringSubmatchIndex(text, maxRows+1)
	if len(places) == 0 {
		return nil, nil
	}
	all := make([][][]int, len(r.Body))
	for i, p := range r.Body {
		all[i] = p.re.FindAllStringSubmatchIndex(text, -1)
	}
	for _, at := range places {
		found := map[string]string{}
		keep(r.rows, submatches(text, at), found)
		about := copied(header)
		for i, p := range r.Body {
			if n := nearest(all[i], at[0], places[0][0]); n >= 0 {
				keep(p.re, submatches(text, all[i][n]), about)
			}
		}
		for k, v := range about {
			if found[k] == "" {
				found[k] = v
			}
		}
		rows = append(rows, block{text: text, found: found})
	}
	if r.claims == nil {
		return rows, nil
	}
	for _, c := range r.claims.FindAllStringIndex(text, 2*maxRows) {
		covered := slices.ContainsFunc(places, func(at []int) bool { return c[0] < at[1] && at[0] < c[1] })
		if !covered {
			unread = append(unread, fmt.Sprintf("the pattern rows does not fit %q", glimpse(lineAt(text, c[0]))))
		}
	}
	return rows, unread
}

// nearest chooses among places in a text, none as -1.
func nearest(places [][]int, row, firstRow int) int {
	if len(places) < 2 {
		return len(places) - 1
	}
	if places[0][0] > firstRow { // it closes a block
		return slices.IndexFunc(places, func(p []int) bool { return p[0] > row })
	}
	best := -1
	for i, p := range places {
		if p[0] <= row {
			best = i
		}
	}
	return best
}

func submatches(text string, at []int) []string {
	out := make([]string, len(at)/2)
	for i := range out {
		if at[2*i] >= 0 {
			out[i] = text[at[2*i]:at[2*i+1]]
		}
	}
	return out
}

func lineAt(text string, at int) string {
	l, _, _ := strings.Cut(text[at:], "\n")
	return l
}
