package runbooks

import (
	"html"
	"html/template"
	"regexp"
	"strings"
)

// HTML is a page's Markdown as HTML: headings, lists, paragraphs, `code` and
// *emphasis*, which is all that the pages use. Everything else is shown as it stands.
func HTML(markdown string) template.HTML {
	var b strings.Builder
	open := "" // the element that the next line goes on with
	end := func() {
		switch open {
		case "":
		case "p":
			b.WriteString("</p>\n")
		default:
			b.WriteString("</li>\n</" + open + ">\n")
		}
		open = ""
	}
	item := func(list, text string) {
		if open != list {
			end()
			b.WriteString("<" + list + ">\n<li>")
		} else {
			b.WriteString("</li>\n<li>")
		}
		open = list
		b.WriteString(inline(text))
	}
	for line := range strings.Lines(markdown) {
		line = strings.TrimRight(line, "\r\n")
		mark, rest, _ := strings.Cut(line, " ")
		switch {
		case line == "":
			end()
		case mark == "#", mark == "##":
			end()
			level := string(rune('0' + len(mark)))
			b.WriteString("<h" + level + ">" + inline(rest) + "</h" + level + ">\n")
		case mark == "-":
			item("ul", rest)
		case number.MatchString(mark):
			item("ol", rest)
		case open == "":
			open = "p"
			b.WriteString("<p>" + inline(line))
		default:
			b.WriteString("\n" + inline(strings.TrimSpace(line)))
		}
	}
	end()
	return template.HTML(b.String()) // all text was escaped
}

var (
	number   = regexp.MustCompile(`^[0-9]+\.$`)
	code     = regexp.MustCompile("`([^`]+)`")
	emphasis = regexp.MustCompile(`(^|[\s(;:])\*([^*]+)\*`)
)

func inline(text string) string {
	text = html.EscapeString(text)
	var out strings.Builder
	for at := 0; at < len(text); {
		found := code.FindStringSubmatchIndex(text[at:])
		if found == nil {
			out.WriteString(emphasis.ReplaceAllString(text[at:], "$1<em>$2</em>"))
			break
		}
		out.WriteString(emphasis.ReplaceAllString(text[at:at+found[0]], "$1<em>$2</em>"))
		out.WriteString("<code>" + text[at+found[2]:at+found[3]] + "</code>")
		at += found[1]
	}
	return out.String()
}
