package inbox

import (
	"regexp"
	"strings"
)

// notice finds the words that companies put below all their mails, and gateways above
// what comes from outside. They warn and excuse themselves, and say nothing of a backup.
var notice = regexp.MustCompile(`(?i)` + strings.Join([]string{
	`\bthis (?:e-?mail|message|communication|transmission)\b[^.]{0,100}\b(?:confidential|intended for|originated|outside|external|privileged|addressed)\b`,
	`\bintended (?:solely|only|exclusively) for\b|\bintended recipient|\bnamed addressee|\breceived (?:this|it)\b[^.]{0,30} in error\b`,
	`\b(?:e-?mail|message|communication|transmission)s?\b[^.]{0,60}\b(?:cannot|can not|not) be (?:guaranteed|secured?|monitored)\b|\berror[- ]free\b`,
	`\b(?:can ?not |shall not |not )?be (?:held )?(?:liable|responsible)\b|\b(?:can ?not |does not |do not )?(?:accept|take|assume)s? (?:no |any )?(?:liability|responsibility)\b`,
	`\b(?:external|outside) (?:sender|e-?mail|message)\b|\bfrom (?:an )?(?:external|outside) source\b|\b(?:originat\w+|comes?|coming|sent|received) (?:from )?outside\b`,
	`(?:^|[^\p{L}])(?:ce|cet|le présent) (?:message|courriel|e-?mail|mail|courrier)(?:$|[^\p{L}])[^.]{0,100}(?:confidentiel|destiné|provient|provenant|l.extérieur|externe)`,
	`re[çc]u (?:ce|cet) [^.]{0,30}par erreur|toute responsabilité|(?:tenue?s?|être) (?:pour )?responsables?|destinataires? (?:prévus?|désignés?)|expéditeur externe`,
	`\bdiese (?:e-?mail|nachricht)\b[^.]{0,100}(?:vertraulich|bestimmt|stammt|externe)|\bkeine haftung\b|\bexterne[rn]? (?:absender|e-?mail|nachricht)`,
}, "|"))

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

// sentence is where the sentence ends that begins there; a short line is one by itself.
func sentence(text string, from int) int {
	line := strings.LastIndexByte(text[:from], '\n') + 1
	for i := from; i < len(text); i++ {
		last := i+1 == len(text)
		switch text[i] {
		case '\n':
			if i-line < wrapped || last || text[i+1] == '\n' {
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
