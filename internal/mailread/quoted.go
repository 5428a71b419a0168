package mailread

import "regexp"

var (
	// divider is the line that mail programs put before a mail in a mail.
	divider = regexp.MustCompile(`(?im)^[ \t>]*-{2,}[ \t]*(?:forwarded message|original message|reply above this line|(?:message|courriel|mail) (?:d['’]origine|original|initial|transf[ée]r[ée])|ursprüngliche nachricht|weitergeleitete nachricht|mensaje (?:original|reenviado)|messaggio (?:originale|inoltrato)|oorspronkelijk bericht|doorgestuurd bericht|mensagem (?:original|encaminhada))[ \t]*-*[ \t]*$` +
		`|^[ \t>]*(?:begin forwarded message|début du message (?:réexpédié|transféré)|anfang der weitergeleiteten (?:nachricht|e-mail)|inizio messaggio inoltrato|inicio del mensaje reenviado)[ \t]*:`)
	// heading is the other mail's header, as Outlook writes it.
	heading = regexp.MustCompile(`(?im)^[ \t>*]*(?:from|de|von|da|van)\*?[ \t]?:.*\n[ \t>*]*(?:sent|date|envoyé|gesendet|datum|inviato|data|enviado(?: el)?|fecha|verzonden)\*?[ \t]?:.*\n(?:.*\n){0,3}?[ \t>*]*(?:subject|objet|betreff|oggetto|asunto|assunto|onderwerp)\*?[ \t]?:`)
)

// Wrote is how mail programs end the sentence before what they quote, in the words of
// many languages. In some of them the name comes last. It says what somebody wrote, not
// how much: "wrote 3 files" is what a backup does.
const Wrote = `(?:(?:wrote|a [ée]crit|escribi[óo]|ha scritto|escreveu)(?: the following| ce qui suit)?|(?:schrieb|schreef|skrev|napisał(?:\(a\))?)(?:\s[^:\d<>]{1,120})?)(?:\s*<[^>]{1,120}>)?`

// attribution is that sentence, which may be broken over two lines.
var attribution = regexp.MustCompile(`(?im)^[ \t>]*(?:on|le|am|el|il|op|em|den|in data|w dniu)\s[^\n]{0,80}\d[^\n]{0,160}(?:\n[^\n]{0,120})?\s` + Wrote + `\s?:[ \t]*$`)

// Divides tells a line behind which another mail stands.
func Divides(line string) bool { return divider.MatchString(line) }

// HoldsMail tells a text in which another mail stands, with its header or behind
// words that say so.
func HoldsMail(text string) bool {
	return divider.MatchString(text) || heading.MatchString(text) || attribution.MatchString(text)
}
