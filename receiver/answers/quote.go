package answers

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"vigie/internal/mailread"
)

// The lines with which mail programs begin what they quote.
var (
	// introduces: "On ... wrote:", in the words of many programs, a date and an
	// address alone, or somebody's name and address before it.
	introduces = regexp.MustCompile(`(?i)^.{5,400}\s` + mailread.Wrote + `\s*(?::|-{2,})\s*$|^.{0,150}\b20\d\d\b.{0,150}<\s*[^<>\s]+@[^<>\s]+>[^<>]{0,40}:\s*$`)
	named      = regexp.MustCompile(`(?i)^[^<>]{2,150}<\s*(?:mailto:)?[^<>\s]+@[^<>\s]+>\s*` + mailread.Wrote + `(?:\s.{0,80}:|\s*:?)\s*$`)
	// whose is a name with an address, or a name alone, of such words when they are
	// broken over two lines; what somebody wrote above them is neither.
	whose = regexp.MustCompile(`^[^<>]{2,150}<[^<>]*>?(?:\s.{0,80})?$|^"?(?:\p{Lu}[\p{L}'’.-]*[\s,"]*){1,5}$`)
	begun = regexp.MustCompile(`(?i)^\s*(?:-{2,}\s*)?(?:(?:on|at|le|am|el|il|op|em|den|in data|w dniu|dnia)\s|\p{L}{2,12}[.,]\s|\d)`)
	// divided: Outlook's line, and the head that webmailers of telephone companies
	// put before what they quote.
	divided = regexp.MustCompile(`(?i)^\s*(?:_{10,}|message du\s?:?\s+\d.*)\s*$`)
	// ruled: a line without words, which stands before what was left out.
	ruled = regexp.MustCompile(`^[\s*_=-]*$`)
	// headed: the block of headers that Outlook puts before what it quotes.
	headed = regexp.MustCompile(`(?i)^\s*\*?(?:from|de|von|da|van|fr[åa]n|fra)\s?:\*?\s+\S`)
	dated  = regexp.MustCompile(`(?i)^\s*\*?(?:sent|date|envoy[ée]|gesendet|inviato|enviado(?: el)?|verzonden|data|fecha|datum|skickat|sendt|to|[àa]|an|aan|para|til|subject|objet|betreff|oggetto|asunto|assunto|onderwerp|emne)\s?:\*?\s+\S`)
	// device: what telephones add, and what stands for a picture.
	device = regexp.MustCompile(`(?i)^\s*(?:\[(?:cid|image):[^\]]*\]\s*$|sent from (?:my |outlook|mail for|yahoo|proton|samsung|typeapp)|envoy[ée] (?:de(?:puis)?|à partir d[e']) ?(?:mon|ma|outlook|mail|yahoo|proton|l['’]application|la messagerie)|(?:obten(?:ir|ez)|t[ée]l[ée]charge[rz]|get|holen sie sich) outlook|von meinem .{2,30} gesendet|gesendet (?:von|mit) |inviato da(?:l mio)? |enviado (?:desde mi|do meu) |verstuurd vanaf |sendt fra min |(?:sent|envoy[ée]) (?:with|from|via|using|avec|par|gr[âa]ce à) (?:the |l['’]application |la messagerie (?:s[ée]curis[ée]e )?)?(?:bluemail|k-9|thunderbird|airmail|spark|proton|mailbox|windows|blackberry|canary|edison|orange|sfr|free|laposte|mobile|aqua ?mail|nine|infomaniak)(?: (?:mail|for|pour|on|sur|from|secure|email|phone|\d).{0,40})?[.!]?\s*$|(?:get|t[ée]l[ée]charge[rz]|obten(?:ir|ez)) bluemail|provenance ?: courrier|this message was sent from my android|cet? (?:e-?mail|message) a [ée]t[ée] envoy[ée] (?:de|depuis) mon )`)
	// notice: what companies add below each mail. It names what it is about at once.
	notice = regexp.MustCompile(`(?i)^\s*(?:\*+\s*)?(?:(?:avertissement|avis|attention|notice|important|warning|disclaimer|confidentiality notice|confidentialit[éy]|avis de confidentialité)\s?:\s*)?(?:(?:l['’]intégrité de )?ce (?:message|courriel|mail|e-mail)|les? informations? contenues? dans ce|l['’]information contenue dans ce|this (?:e-?mail|message|communication)|the (?:information|contents?) (?:contained )?(?:in|of) this|diese (?:e-?mail|nachricht)|confidentialit[éy]|confidentiality notice|disclaimer)\b.{0,300}(?:confiden|vertraulich|destin[ée]|intended|(?:tenue?s?|être) (?:pour )?responsable)` +
		`|^\s*(?:if you are not the intended recipient|si vous n['’]êtes pas (?:le|la|l['’]un des) destinataires?)\b`)
	// stamp: a line that a scanner, a gateway or a company puts into each mail.
	stamp = regexp.MustCompile(`(?i)^\s*(?:p\s+)?(?:please consider the environment before|(?:avant d['’]imprimer.{0,30})?pensez à l['’]environnement|(?:garanti )?sans virus\b.{0,3}www\.|virus-free\.? |(?:\[extern(?:e|al)\] ?|caution: ?|attention ?: ?)?(?:ce (?:message|courriel|mail) provient d|this (?:e-?mail|message) (?:originated|comes|came) from).{0,40}(?:ext[ée]rieur|externe|outside|external))`)
)

// Unquoted is what somebody wrote in a mail: without the mail that it answers,
// without signature, and with what was written between quoted lines.
func Unquoted(text string) string {
	var out []string
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if begins(lines, i) || notice.MatchString(strings.Join(lines[i:min(i+4, len(lines))], " ")) {
			break
		}
		if strings.TrimRightFunc(line, unicode.IsSpace) == "--" {
			break // the signature, which nothing of one's own follows
		}
		if n := introduction(lines, i); n > 0 {
			i += n - 1
			continue
		}
		if strings.HasPrefix(strings.TrimSpace(line), ">") || device.MatchString(line) || stamp.MatchString(line) {
			continue
		}
		out = append(out, strings.TrimRightFunc(line, unicode.IsSpace))
	}
	for len(out) > 0 && ruled.MatchString(out[len(out)-1]) {
		out = out[:len(out)-1]
	}
	return strings.TrimSpace(tight(out))
}

// begins tells whether all from a line on is quoted.
func begins(lines []string, i int) bool {
	line := lines[i]
	if divided.MatchString(line) || !strings.HasPrefix(strings.TrimSpace(line), ">") && mailread.Divides(line) {
		return true
	}
	// One line that begins like a header is none.
	if headed.MatchString(line) {
		if slices.ContainsFunc(lines[i+1:min(i+4, len(lines))], dated.MatchString) {
			return true
		}
	}
	// What follows an introduction without a mark is quoted to the end; with marks
	// only the marked lines are.
	if n := introduction(lines, i); n > 0 {
		for _, next := range lines[i+n:] {
			if strings.TrimSpace(next) != "" {
				return !strings.HasPrefix(strings.TrimSpace(next), ">")
			}
		}
		return true
	}
	return false
}

// introduction tells of how many lines an introduction is that begins at a line:
// programs break long ones. 0 is none.
func introduction(lines []string, i int) int {
	joined, dated := "", begun.MatchString(lines[i])
	for n, line := range lines[i:min(i+4, len(lines))] {
		if line = strings.TrimSpace(line); line == "" {
			return 0
		}
		first := strings.TrimSpace(joined)
		joined += line + " "
		if dated && strings.ContainsAny(joined, "0123456789") && introduces.MatchString(joined) {
			return n + 1
		}
		if n == 0 && named.MatchString(line) || n == 1 && whose.MatchString(first) && named.MatchString(joined) && !named.MatchString(line) {
			return n + 1
		}
		if !dated && n == 1 {
			return 0
		}
	}
	return 0
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
