package inbox

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// notice finds the words that companies put below all their mails, and gateways above
// what comes from outside. They warn and excuse themselves, and say nothing of a backup.
var notice = regexp.MustCompile(`(?i)` + strings.Join([]string{
	`\bthis (?:e-?mail|message|communication|transmission)\b[^.]{0,100}\b(?:confidential|intended for|privileged|addressed to|` + outside + `)\b`,
	`\bintended (?:solely|only|exclusively) for\b|\bintended recipient|\bnamed addressee|\breceived (?:this|it)\b[^.]{0,30} in error\b`,
	`\b(?:e-?mail|message|communication|transmission)s?\b[^.]{0,60}\b(?:cannot|can not|not) be (?:guaranteed|secured?|monitored)\b`,
	`\b(?:cannot|can not|shall not|will not|not|neither) be (?:held )?(?:liable|responsible)\b|\b(?:accept|take|assume)s? (?:no |any )?(?:liability|responsibility)\b`,
	`\b(?:external|outside) (?:sender|e-?mail|message)\b|\b(?:e-?mail|message)\b[^.]{0,40}\b` + outside + `\b`,
	`(?:^|[^\p{L}])(?:ce|cet|le présent) (?:message|courriel|e-?mail|mail|courrier)(?:$|[^\p{L}])[^.]{0,100}(?:confidentiel|destiné|(?:provient|provenant|envoyé|reçu) de l.(?:extérieur|externe)|expéditeur externe)`,
	`re[çc]u (?:ce|cet) [^.]{0,30}par erreur|décline toute responsabilité|aucune responsabilité|(?:pas|ne (?:peut|peuvent|saurait|sauraient)) être (?:tenue?s? )?(?:pour )?responsables?|destinataires? (?:prévus?|désignés?)|expéditeur externe`,
	`\bdiese (?:e-?mail|nachricht)\b[^.]{0,100}(?:vertraulich|bestimmt für|(?:stammt|kommt) von (?:außerhalb|extern|einem externen))|\bkeine haftung\b|\bexterne[rn]? (?:absender|e-?mail|nachricht)`,
}, "|"))

// outside is how gateways say where a mail comes from; reports speak of disks and folders.
const outside = `(?:originat\w+ (?:from )?|(?:comes?|coming|sent|received|is) from )(?:an? |the )?(?:outside|external (?:source|sender|address|account|system|organi[sz]ation))`

// wrapped is how long a line is at least that a mail program broke.
const wrapped = 50

// withoutNotices leaves out of a text the sentences that are such a notice, from the
// line in which they show themselves: what stands above may be of the report.
func withoutNotices(text string) string {
	var out strings.Builder
	for from := 0; from < len(text); {
		end := sentence(text, from)
		s := text[from:end]
		if at := notice.FindStringIndex(strings.ReplaceAll(s, "\n", " ")); at != nil {
			// What stood behind it stays where it was, in the middle of its line.
			s = s[:strings.LastIndexByte(s[:at[0]], '\n')+1] + "\u2026" + strings.Repeat("\n", strings.Count(s[len(s)-1:], "\n"))
		}
		out.WriteString(s)
		from = end
	}
	return out.String()
}

// sentence is where the sentence ends that begins there. A line that a mail program broke
// goes on in small letters; a short one is a sentence by itself.
func sentence(text string, from int) int {
	line := strings.LastIndexByte(text[:from], '\n') + 1
	for i := from; i < len(text); i++ {
		last := i+1 == len(text)
		switch text[i] {
		case '\n':
			if next, _ := utf8.DecodeRuneInString(text[i+1:]); i-line < wrapped || !unicode.IsLower(next) {
				return i + 1
			}
			line = i + 1
		case '.', '!', '?':
			if last || text[i+1] == ' ' || text[i+1] == '\n' {
				return i + 1
			}
		}
	}
	return len(text)
}
