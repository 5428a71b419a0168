package mailread

import "regexp"

var (
	// divider is the line that mail programs put before a mail in a mail.
	divider = regexp.MustCompile(`(?im)^[ \t>]*-{2,}[ \t]*(?:forwarded message|original message|reply above this line|message d['’]origine|message transf[ée]r[ée]|message original|ursprüngliche nachricht|weitergeleitete nachricht|mensaje (?:original|reenviado)|messaggio (?:originale|inoltrato)|oorspronkelijk bericht|doorgestuurd bericht|mensagem (?:original|encaminhada))[ \t]*-*[ \t]*$` +
		`|^[ \t>]*(?:begin forwarded message|début du message (?:réexpédié|transféré)|anfang der weitergeleiteten (?:nachricht|e-mail)|inizio messaggio inoltrato|inicio del mensaje reenviado)[ \t]*:`)
	// heading is the other mail's header, as Outlook writes it.
	heading = regexp.MustCompile(`(?im)^[ \t>*]*(?:from|de|von|da|van)\*?[ \t]?:.*\n[ \t>*]*(?:sent|date|envoyé|gesendet|datum|inviato|data|enviado(?: el)?|fecha|verzonden)\*?[ \t]?:.*\n(?:.*\n){0,3}?[ \t>*]*(?:subject|objet|betreff|oggetto|asunto|assunto|onderwerp)\*?[ \t]?:`)
)

// Divides tells a line behind which another mail stands.
func Divides(line string) bool { return divider.MatchString(line) }

// HoldsMail tells a text in which another mail stands, with its header or behind
// a line that says so.
func HoldsMail(text string) bool { return divider.MatchString(text) || heading.MatchString(text) }
