package message

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// The text form of a mail is laid out in two passes. The templates of parts.txt
// set marks around what is a paragraph, a heading or a fact; layText then
// breaks lines and aligns columns. The marks are control characters, which no
// text from outside still contains (see cleanNotification).
const (
	markPara  = '\x01'
	markHead  = '\x02'
	markItem  = '\x03'
	markStep  = '\x04'
	markFact  = '\x05' // name, markSep, value
	markQuote = '\x06'
	markLine  = '\x07' // kept as it is
	markRow   = '\x10' // cells between markSep, the first row of a table is its head
	markTable = '\x11' // begins a table
	markRule  = '\x12'
	markSteps = '\x13' // begins a numbered list
	markAct   = '\x14' // words, markSep, address or command
	markBar   = '\x15' // whose acts follow
	markUnder = '\x16' // what is said of it
	markEnd   = '\x1e'
	markSep   = '\x1f'

	textWidth = 76
)

// textMarks are the names by which parts.txt sets the marks.
func textMarks(name string) string {
	switch name {
	case "p":
		return string(markPara)
	case "h":
		return string(markHead)
	case "li":
		return string(markItem)
	case "step":
		return string(markStep)
	case "steps":
		return string(markSteps) + string(markEnd)
	case "fact":
		return string(markFact)
	case "quote":
		return string(markQuote)
	case "line":
		return string(markLine)
	case "row":
		return string(markRow)
	case "table":
		return string(markTable) + string(markEnd)
	case "rule":
		return string(markRule) + string(markEnd)
	case "act":
		return string(markAct)
	case "bar":
		return string(markBar)
	case "under":
		return string(markUnder)
	case "sep":
		return string(markSep)
	}
	return string(markEnd)
}

type textBlock struct {
	kind rune
	text string
}

// textBlocks cuts the output of a text template into blocks. Whatever stands
// outside of marks is a paragraph.
func textBlocks(s string) []textBlock {
	var blocks []textBlock
	kind, start := markPara, 0
	flush := func(end int) {
		text := s[start:end]
		if kind != markLine {
			text = strings.Join(strings.FieldsFunc(text, breakable), " ")
		}
		if text != "" || kind == markTable || kind == markRule || kind == markSteps {
			blocks = append(blocks, textBlock{kind, text})
		}
	}
	for at, r := range s {
		if r >= ' ' || r == '\n' || r == '\t' || r == '\r' || r == markSep {
			continue
		}
		flush(at)
		kind, start = r, at+1
		if r == markEnd {
			kind = markPara
		}
	}
	flush(len(s))
	return blocks
}

func breakable(r rune) bool { return r == ' ' || r == '\n' || r == '\t' || r == '\r' }

// layText turns marked text into the text part of a mail, with a language's own
// colon and semicolon.
func layText(s, colon, semicolon string) string {
	var b strings.Builder
	blocks := textBlocks(s)
	var head []string
	step := 0
	for n, bl := range blocks {
		if n > 0 && loose(blocks[n-1].kind, bl.kind) {
			b.WriteByte('\n')
		}
		switch bl.kind {
		case markHead:
			b.WriteString(bl.text + "\n" + strings.Repeat("-", min(utf8.RuneCountInString(bl.text), textWidth)) + "\n")
		case markItem:
			wrap(&b, "  - ", "    ", bl.text)
		case markSteps:
			step = 0
		case markStep:
			step++
			lead := "  " + strconv.Itoa(step) + ". "
			wrap(&b, lead, strings.Repeat(" ", len(lead)), bl.text)
		case markFact:
			name, value, _ := strings.Cut(bl.text, string(markSep))
			name = strings.TrimSpace(name)
			wide := factWidth(blocks, n)
			pad := strings.Repeat(" ", max(wide-utf8.RuneCountInString(name), 0))
			wrap(&b, name+pad+colon, strings.Repeat(" ", wide+utf8.RuneCountInString(colon)), strings.TrimSpace(value))
		case markAct:
			label, target, _ := strings.Cut(bl.text, string(markSep))
			wrap(&b, "-> ", "   ", strings.TrimSpace(label)+strings.TrimRight(colon, " "))
			b.WriteString("   " + strings.TrimSpace(target) + "\n")
		case markBar:
			wrap(&b, "* ", "  ", bl.text)
		case markUnder:
			wrap(&b, "  ", "  ", bl.text)
		case markQuote:
			wrap(&b, "> ", "> ", bl.text)
		case markLine:
			b.WriteString(strings.TrimSpace(bl.text) + "\n")
		case markTable:
			head = nil
		case markRow:
			head = layRow(&b, head, strings.Split(bl.text, string(markSep)), colon, semicolon)
		case markRule:
			b.WriteString(strings.Repeat("-", textWidth) + "\n")
		default:
			wrap(&b, "", "", bl.text)
		}
	}
	return strings.TrimLeft(b.String(), "\n")
}

// loose tells whether an empty line stands between two kinds of block.
func loose(before, now rune) bool {
	switch now {
	case markUnder:
		return false
	case markItem, markFact, markStep, markQuote, markLine, markAct:
		if before == markBar || before == markUnder {
			return false
		}
		return before != now && before != markHead && before != markSteps && before != markRule
	case markRow, markSteps, markTable:
		return false
	}
	return before != markHead && before != markRule && before != markTable
}

// factWidth is the width of the names in the run of facts around block n.
func factWidth(blocks []textBlock, n int) int {
	from, to := n, n
	for from > 0 && blocks[from-1].kind == markFact {
		from--
	}
	for to+1 < len(blocks) && blocks[to+1].kind == markFact {
		to++
	}
	wide := 0
	for _, bl := range blocks[from : to+1] {
		name, _, _ := strings.Cut(bl.text, string(markSep))
		wide = max(wide, utf8.RuneCountInString(strings.TrimSpace(name)))
	}
	return min(wide, 24)
}

// layRow writes one row as its first two cells on a line and the others named
// below: columns do not hold in proportional fonts. The first row given is the
// head and is returned.
func layRow(b *strings.Builder, head, cells []string, colon, semicolon string) []string {
	for n := range cells {
		cells[n] = strings.TrimSpace(cells[n])
	}
	if head == nil {
		b.WriteByte('\n')
		return cells
	}
	first := cells[0]
	rest := 1
	if strings.HasPrefix(first, "#") || strings.HasPrefix(first, "INC-") {
		if len(cells) > 1 {
			first, rest = joinNonEmpty("  ", first, cells[1]), 2
		}
	}
	wrap(b, "* ", "  ", first)
	var parts []string
	for n := rest; n < len(cells) && n < len(head); n++ {
		if cells[n] != "" {
			parts = append(parts, head[n]+colon+cells[n])
		}
	}
	wrap(b, "    ", "    ", strings.Join(parts, semicolon))
	return head
}

// words splits text where a line may end: not before the punctuation that
// French sets apart, nor after an opening quotation mark.
func words(text string) []string {
	var out []string
	glue := false
	for _, w := range strings.FieldsFunc(text, breakable) {
		switch w {
		case ":", ";", "?", "!", "»", "%", "–", "».", "»,", "?»":
			glue = true
		}
		if glue && len(out) > 0 {
			out[len(out)-1] += " " + w
		} else {
			out = append(out, w)
		}
		glue = w == "«"
	}
	return out
}

// wrap writes text broken into lines of textWidth; what has no space (an
// address of a page) is never broken.
func wrap(b *strings.Builder, lead, hang, text string) {
	if text == "" && strings.TrimSpace(lead) == "" {
		return
	}
	line := lead
	width := utf8.RuneCountInString(lead)
	empty := true
	for _, word := range words(text) {
		w := utf8.RuneCountInString(word)
		if !empty && width+1+w > textWidth {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line, width, empty = hang, utf8.RuneCountInString(hang), true
		}
		if !empty {
			line += " "
			width++
		}
		line += word
		width += w
		empty = false
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
}
