package answers

import (
	"regexp"
	"strings"
	"unicode"
)

// The lines with which mail programs begin what they quote.
var (
	// introduced: "On ... wrote:", which may be broken into a second line.
	introduced = regexp.MustCompile(`(?i)^\s*(on|le|am|el|il|op|em)\b.{5,200}(wrote|[ée]crit|schrieb|escribi[óo]|ha scritto|schreef|escreveu)\s*(<[^>]*>)?\s*:\s*$`)
	begun      = regexp.MustCompile(`(?i)^\s*(on|le|am)\b.{10,200}$`)
	ended      = regexp.MustCompile(`(?i)^.{0,120}(wrote|[ée]crit|schrieb)\s*:\s*$`)
	// divided: "-----Original Message-----" and the like.
	divided = regexp.MustCompile(`(?i)^\s*(-{2,}|_{2,})\s*(original message|message d'origine|message original|message transf[ée]r[ée]|forwarded message|urspr[üu]ngliche nachricht|reply above this line)?\s*(-{2,}|_{2,})\s*$`)
	// headed: the block of headers that Outlook puts before what it quotes.
	headed = regexp.MustCompile(`(?i)^\s*\*?(from|de|von)\s?:\*?\s+\S`)
	dated  = regexp.MustCompile(`(?i)^\s*\*?(sent|date|envoy[ée]|gesendet|to|[àa]|subject|objet)\s?:\*?\s+\S`)
	// device: what telephones add.
	device = regexp.MustCompile(`(?i)^\s*(sent from (my |outlook|mail for)|envoy[ée] de(puis)? (mon|outlook|mail|l'application)|obtenir outlook|get outlook|télécharger outlook|von meinem .{2,30} gesendet)`)
)

// Unquoted is what somebody wrote in a mail: without the mail that it answers,
// without signature, and with what was written between quoted lines.
func Unquoted(text string) string {
	var out []string
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if begins(lines, i) {
			break
		}
		if strings.TrimRightFunc(line, unicode.IsSpace) == "--" {
			break // the signature, which nothing of one's own follows
		}
		if strings.HasPrefix(strings.TrimSpace(line), ">") || device.MatchString(line) || introduces(lines, i) {
			continue
		}
		out = append(out, strings.TrimRightFunc(line, unicode.IsSpace))
	}
	return strings.TrimSpace(tight(out))
}

// begins tells whether all from a line on is quoted.
func begins(lines []string, i int) bool {
	line := lines[i]
	if divided.MatchString(line) {
		return true
	}
	// One line that begins like a header is none.
	if headed.MatchString(line) {
		for _, next := range lines[i+1 : min(i+4, len(lines))] {
			if dated.MatchString(next) {
				return true
			}
		}
	}
	// What follows an introduction without a mark is quoted to the end; with marks
	// only the marked lines are.
	if end := introduction(lines, i); end >= 0 {
		for _, next := range lines[end+1:] {
			if strings.TrimSpace(next) != "" {
				return !strings.HasPrefix(strings.TrimSpace(next), ">")
			}
		}
		return true
	}
	return false
}

// introduction gives the last line of an introduction that begins at a line; -1
// without one.
func introduction(lines []string, i int) int {
	if introduced.MatchString(lines[i]) {
		return i
	}
	if i+1 < len(lines) && begun.MatchString(lines[i]) && !strings.HasSuffix(strings.TrimSpace(lines[i]), ".") && ended.MatchString(lines[i+1]) {
		return i + 1
	}
	return -1
}

// introduces tells whether a line is part of an introduction.
func introduces(lines []string, i int) bool {
	return introduction(lines, i) >= 0 || i > 0 && introduction(lines, i-1) == i
}

// tight joins lines, with at most one empty line between.
func tight(lines []string) string {
	var b strings.Builder
	empty := false
	for _, l := range lines {
		if l == "" {
			empty = true
			continue
		}
		if empty && b.Len() > 0 {
			b.WriteByte('\n')
		}
		empty = false
		b.WriteString(l)
		b.WriteByte('\n')
	}
	return b.String()
}
