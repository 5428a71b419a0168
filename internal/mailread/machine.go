package mailread

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// absence are subjects by which programs answer for people; they do not all say so in
// a header. What a report may be called as well is none of them.
var absence = regexp.MustCompile(`(?i)^\s*(?:re ?: *)*\[?(?:` +
	`(?:auto(?:matic)?[ -]?(?:reply|response|r[ée]ponse|responder)|away from my (?:e-?)?mail|i(?: a|['’])m (?:currently )?(?:away|on (?:vacation|leave|holidays?)|out of (?:the )?office)|on vacation|out of (?:the )?office|ooo ?:` +
	`|je suis (?:absente?|en (?:cong[ée]s?|vacances))|en cong[ée]s?|r[ée]ponse automatique|message d['’]absence|absence du bureau|absente? du bureau` +
	`|automatische antwort|abwesend|ich bin (?:abwesend|im urlaub)|automatisch antwoord|afwezig ?:|respuesta autom[áa]tica|fuera de(?: la)? oficina|risposta automatica|fuori (?:sede|ufficio)|resposta autom[áa]tica` +
	`|automatiskt? svar|autosvar|automaattinen vastaus|automatyczna odpowied[zź]|automatick[áa] odpov[eě][dď]|automatikus v[áa]lasz|r[ăa]spuns automat|otomatik yan[ıi]t|автоответ)(?:\P{L}|$)` +
	`|(?:automatische )?abwesenheit|afwezigheid|(?:avis|notification) d['’]absence\s*(?::|$)|absen(?:ce|te?) ?: *re ?:` +
	`|auto ?: .{2,80} (?:is out of (?:the )?office|est absente?|ist (?:abwesend|nicht im b[üu]ro)))`)

// domino is an absence note of Domino: somebody's name stands first.
var domino = regexp.MustCompile(`(?i)^\s*([^:\[\]]{2,60}?) (?:is (?:currently )?out of (?:the )?office|est absente?(?:\(e\))? (?:du bureau|jusqu)|ist (?:bis .{3,20} )?(?:abwesend|nicht im b[üu]ro))`)

// ofSender tells that a subject says of its own sender that he is away, and not of
// somebody or something else, as people do.
func (m *Mail) ofSender() bool {
	away := domino.FindStringSubmatch(m.Subject)
	if away == nil {
		return false
	}
	from := m.Header.Get("From")
	if at := strings.LastIndexByte(from, '@'); at >= 0 {
		from = from[:at] // a customer's name may stand in the domain
	}
	own := nameWord.FindAllString(plainWords(HeaderText(from)), -1)
	return !slices.ContainsFunc(nameWord.FindAllString(plainWords(away[1]), -1), func(word string) bool { return !slices.Contains(own, word) })
}

// nameWord is a word of a name, no initial.
var nameWord = regexp.MustCompile(`\pL{2,}`)

func plainWords(s string) string { return strings.ToLower(WithoutAccents(s)) }

// WithoutAccents is a text as who types without accents writes it.
func WithoutAccents(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.Is(unicode.Mn, c) {
			return -1
		}
		return c
	}, norm.NFD.String(s))
}

// Automatic tells a machine's answer, such as an absence note, by its headers or
// its subject.
func (m *Mail) Automatic() bool {
	h := m.Header
	auto := strings.ToLower(FirstWord(h.Get("Auto-Submitted")))
	return auto == "auto-replied" || h.Has("X-Autoreply") || h.Has("X-Autorespond") || h.Has("X-Autoresponder") || m.vacation() ||
		strings.EqualFold(FirstWord(h.Get("Precedence")), "auto_reply") || absence.MatchString(m.Subject) || m.ofSender()
}

// Program tells a mail that says that a program sent it, as reports and the receipts
// of ticket tools do, or to which nobody can answer (RFC 3834).
func (m *Mail) Program() bool {
	auto := FirstWord(m.Header.Get("Auto-Submitted"))
	bulk := strings.ToLower(FirstWord(m.Header.Get("Precedence")))
	return auto != "" && !strings.EqualFold(auto, "no") || bulk == "bulk" || bulk == "junk" || m.noSender()
}

// vacation tells answers of vacation(1) that follow the examples of its manual:
// the program itself adds no header, so that others look like any mail.
func (m *Mail) vacation() bool {
	return strings.Contains(strings.ToLower(m.Header.Get("Delivered-By-The-Graces-Of")), "vacation") ||
		strings.Contains(strings.ToLower(HeaderText(m.Header.Get("From"))), "via the vacation program")
}

// DeliveryStatus is the kind of a report that says what became of another mail.
const DeliveryStatus = "delivery-status"

// Report is the kind of a report about another mail, such as DeliveryStatus,
// disposition-notification or feedback-report; empty for anything else.
func (m *Mail) Report() string {
	if kind, params, err := m.Header.ContentType(); err == nil && strings.EqualFold(kind, "multipart/report") && params["report-type"] != "" {
		return strings.ToLower(params["report-type"])
	}
	if m.server() || len(m.Reports) > 0 && m.noSender() {
		return DeliveryStatus // OpenSMTPD's are no multipart/report, those of qmail and of old servers are words alone
	}
	return ""
}

// noSender tells a mail to which nobody can answer, as servers send theirs.
func (m *Mail) noSender() bool {
	return slices.ContainsFunc([]string{"Return-Path", "From"}, func(key string) bool {
		return m.Header.Has(key) && strings.Trim(strings.TrimSpace(m.Header.Get(key)), "<>") == ""
	})
}

// server tells mails in which a mail server says who it is. A postmaster may be a
// person, or the sender of reports, unless the subject is a server's; so may who
// takes no answer, unless it tells of deliveries.
func (m *Mail) server() bool {
	if m.Header.Has("X-Failed-Recipients") || daemon.MatchString(HeaderText(m.Header.Get("From"))) {
		return true
	}
	if !failed.MatchString(m.Subject) || answer.MatchString(m.Subject) {
		return false
	}
	return slices.ContainsFunc(m.From, func(a string) bool { return strings.HasPrefix(a, "postmaster@") }) || m.noSender() && delivery.MatchString(m.Subject)
}

var (
	daemon = regexp.MustCompile(`(?i)mailer[ -]daemon|mail deliver(?:y)? (?:sub)?system`)
	answer = regexp.MustCompile(`(?i)^\s*(?:re|r[ée]p|aw|antw|sv)\s?:`)
	// failed and delayed are what servers write without a report that a program could
	// read: qmail, old Exim, Gmail, Exchange 2003, Domino, web mailers.
	failed = regexp.MustCompile(`(?i)undeliver(?:ed|able)|returned mail|returning (?:message )?to sender|failure notice|failed permanently|permanent error|(?:mail|message) delivery failed|delivery (?:has failed|failure|status notification(?: \((?:failure|échec)|: (?:error|failed)))` +
		`|(?:could|can|was|were)(?:n['’]t| ?not) (?:be )?(?:able to )?deliver|unable to deliver|did not reach the following|error delivering your mail|non remis|n['’]a pas pu être (?:remis|distribu|délivr|achemin)|unzustellbar|(?:nicht|konnte nicht) zugestellt`)
	delivery = regexp.MustCompile(`(?i)deliver|returned mail|return(?:ing)? to sender|failure notice|non remis|distribu|unzustellbar|zugestellt`)
	delayed  = regexp.MustCompile(`(?i)\bdelayed\b|\(delay\)|warning message only|only a temporary failure|(?:will|still) be(?:ing)? retried|could not send (?:mail|message) for past|(?:retardé|verzögert)`)
	forGood  = regexp.MustCompile(`(?i)failed permanently|permanent (?:error|failure)|given up|giving up`)
	// copied is where the mail begins that a server gives back within its text.
	copied = regexp.MustCompile(`(?im)^(?:-{2,}[^\n]*(?:copy|original|returned|unsent|header)[^\n]*\n|(?:received|return-path|message-id|x-[a-z-]+|mime-version): ?\S)`)
)

// ServerWords are what a mail server says, and the mail that it gives back below.
func (m *Mail) ServerWords() (said, returned string) {
	text := m.Plain
	if strings.TrimSpace(text) == "" {
		text = m.HTML
	}
	at := copied.FindStringIndex(text)
	if at == nil {
		return text, ""
	}
	said, returned = text[:at[0]], text[at[0]:]
	if strings.HasPrefix(returned, "-") {
		returned = text[at[1]:]
	}
	return said, returned
}

// Failed tells that a mail server's words give a mail up. The subject counts first: a
// server's last word may tell of all the delays before.
func (m *Mail) Failed() bool {
	said, _ := m.ServerWords()
	switch {
	case delayed.MatchString(m.Subject):
		return false
	case failed.MatchString(m.Subject), forGood.MatchString(said):
		return true
	default:
		return failed.MatchString(said) && !delayed.MatchString(said)
	}
}

// Delayed tells that a mail server's words promise a further try.
func (m *Mail) Delayed() bool {
	said, _ := m.ServerWords()
	return !m.Failed() && (delayed.MatchString(m.Subject) || delayed.MatchString(said))
}

// FirstWord is a header's value without parameters and comments.
func FirstWord(s string) string {
	s, _, _ = strings.Cut(s, ";")
	s, _, _ = strings.Cut(s, "(")
	return strings.TrimSpace(s)
}
