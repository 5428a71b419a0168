package notify

import (
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"vigie/internal/mailauth"
	"vigie/internal/mailread"
)

// refusal is an SMTP answer that refuses, as it is judged.
type refusal struct {
	phase string
	code  int
	// status is the enhanced status code (RFC 3463), such as "5.1.1"; empty when
	// the server gave none that says more than the code.
	status string
	// text is what is looked for words in: in lower case and without accents, which
	// many servers leave out, without statuses and without addresses, whose own
	// words say nothing.
	text string
	// names is an address that the text quotes, empty when there is none.
	names string
}

// An enhanced status code at the beginning of an answer's line, or at its end as
// qmail writes it; some servers put a general one before the one that says something.
var (
	statusCode  = regexp.MustCompile(`^([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)`)
	statusAtEnd = regexp.MustCompile(`\(#([245]\.\d{1,3}\.\d{1,3})\b[^)]*\)\s*$`)
	anAddress   = regexp.MustCompile(`<[^<>\s]*@[^<>\s]*>|[^\s<>"'(\[]+@[^\s<>"')\]]+`)
)

func readRefusal(phase string, code int, text string) refusal {
	r := refusal{phase: phase, code: code}
	var lines []string
	for line := range strings.Lines(strings.ToLower(text)) {
		line = CleanLine(line)
		for m := statusCode.FindStringSubmatch(line); m != nil; m = statusCode.FindStringSubmatch(line) {
			if line = line[len(m[0]):]; !strings.HasSuffix(m[1], ".0.0") && len(lines) == 0 {
				r.status = m[1]
			}
		}
		lines = append(lines, line)
	}
	whole := strings.Join(lines, " ")
	if m := statusAtEnd.FindStringSubmatch(whole); m != nil && r.status == "" {
		r.status = m[1]
	}
	if named := anAddress.FindString(whole); strings.HasPrefix(named, "<") {
		r.names = strings.Trim(named, "<>")
	}
	r.text = mailread.WithoutAccents(anAddress.ReplaceAllString(whole, ""))
	return r
}

// verdict is what a refusal is taken for. Sure is false when neither its words
// nor its status say it, so that what others meet must tell.
type verdict struct {
	kind Kind
	sure bool
}

// judge says whom or what a refusal is about: our settings, this message, the
// recipient's address, or their own trouble. Only the last refuses nothing.
//
// Servers say much of what they have against a sender or a client only at RCPT,
// so the phase alone decides nothing. See RFC 3463, section 3.
func (r refusal) judge(to string) verdict {
	if _, domain, _ := strings.Cut(strings.ToLower(to), "@"); domain != "" {
		r.text = strings.ReplaceAll(r.text, domain, "") // its words say nothing either
	}
	switch {
	case r.code/100 != 5:
		return verdict{KindTemporary, true} // for now, or out of turn: confused, not decided
	case r.code == 530 || r.code == 534 || r.code == 535 || r.code == 538 || r.phase == phaseAuth:
		return verdict{KindAuth, true} // "authentication required" may come at any command
	case r.phase == phaseStartTLS:
		return verdict{KindTLS, true}
	case r.phase == phaseMail && r.tooLarge():
		return verdict{KindMessage, true} // the announced size
	case r.phase != phaseRcpt && r.phase != phaseData && r.phase != phaseDot:
		return verdict{KindConfig, true} // greeting, EHLO, MAIL: it is us the server does not want
	case r.tooLarge():
		return verdict{KindMessage, true}
	case r.full():
		return verdict{KindTemporary, true}
	case forSomeOnly.MatchString(r.status), r.knowsNobody(to):
		return verdict{KindRecipient, true}
	case r.phase == phaseDot && mentions(r.text, ofWhatWasSent):
		return verdict{KindMessage, true}
	case r.ours():
		return verdict{KindConfig, true}
	case r.theirs():
		return verdict{KindTemporary, true}
	}
	if r.phase == phaseRcpt {
		return r.judgeRecipient(to)
	}
	if r.phase == phaseData && r.about("5.7") && !mentions(r.text, contentWords) {
		return verdict{KindConfig, true} // before it has seen anything of the message
	}
	switch {
	case mentions(r.text, addressWords) && !mentions(r.text, contentWords):
		return verdict{KindRecipient, true} // some servers look at the mailbox only now
	case r.about("5.7") && mentions(r.text, []string{"access denied", "service unavailable"}):
		return verdict{KindConfig, true} // Exchange Online says only now that it does not want us
	}
	return verdict{KindMessage, true}
}

// judgeRecipient judges what RCPT is answered when nothing is said of us.
func (r refusal) judgeRecipient(to string) verdict {
	switch {
	case r.about("5.6"):
		return verdict{KindMessage, true}
	case r.code == 551 && (r.names != "" || mentions(r.text, []string{"not local"})) && !r.about("5.7"), r.about("5.1.6", "5.7.17", "5.7.18"):
		return verdict{KindRecipient, true} // moved, perhaps to an address that is named; or somebody else's now
	case r.names != "" && !strings.EqualFold(r.names, to):
		// Of another address: the sender's, unless the recipient's is what is said to be wrong.
		if r.unknown() {
			return verdict{KindRecipient, false}
		}
		return verdict{KindConfig, true}
	case r.unknown():
		return verdict{KindRecipient, true}
	case r.about("5.7"):
		// It may be a list that takes mail of its members only, or one whole
		// server that does not want us: what others meet tells.
		return verdict{KindConfig, !mentions(r.text, []string{"recipient", "mailbox"})}
	}
	return verdict{KindRecipient, false}
}

// knowsNobody reports words that name the recipient as one that nobody has, whatever
// else they say of reasons.
func (r refusal) knowsNobody(to string) bool {
	return strings.EqualFold(r.names, to) && mentions(r.text, addressWords) && !mentions(r.text, []string{"authenticat", "relay", "sender"})
}

// unknown reports an address that nobody has, or nobody uses any more.
func (r refusal) unknown() bool {
	return r.about("5.1.1", "5.1.2", "5.1.3", "5.1.4", "5.1.10", "5.2.1", "5.4.1", "5.4.4", "5.4.310") || mentions(r.text, addressWords)
}

var codeAndWords = regexp.MustCompile(`\b([45]\d\d)[ -](.*)`)

// OfReturned says what a server had against a message that it gave back later: the
// address, unless its words are about something else. At which command it said them,
// a report does not tell.
func OfReturned(words, to string) Kind {
	code, text := 550, words
	if m := codeAndWords.FindStringSubmatch(words); m != nil {
		code, _ = strconv.Atoi(m[1]) // three digits
		text = m[2]
	}
	r := readRefusal(phaseRcpt, code, text)
	switch v := r.judge(to); {
	case v.kind == KindConfig && v.sure && mentions(r.text, contentWords):
		return KindMessage
	case v.sure:
		return v.kind
	}
	return KindRecipient
}

// ours reports a refusal of the sender, the client or its rights.
func (r refusal) ours() bool {
	if r.about("5.1.7", "5.1.8", "5.1.90", "5.2.252", "5.4.5", "5.5", "5.7.0", "5.7.8", "5.7.9", "5.7.54", "5.7.57", "5.7.60", "5.7.64") &&
		!mentions(r.text, addressWords) && !mentions(r.text, contentWords) {
		return true
	}
	return senderUnproven.MatchString(r.status) || mentions(r.text, ourWords) || r.about("5.7") && mentions(r.text, []string{"quota"})
}

// senderUnproven matches statuses of SPF, DKIM, DMARC, reverse DNS and, at Gmail, TLS (RFC 7372).
var senderUnproven = regexp.MustCompile(`^5\.7\.(2\d|3[0-2])$`)

// forSomeOnly matches statuses by which Exchange says that this group, folder or mailbox
// takes mail of some senders only, be they members or signed in: whoever else it serves,
// it takes nothing of ours.
var forSomeOnly = regexp.MustCompile(`^5\.7\.1(2\d|3[0-6])$`)

// full reports a mailbox that takes nothing for now. It comes before what is
// ours, for "limit exceeded" is said of both; what we may submit is not its.
func (r refusal) full() bool {
	if mentions(r.text, []string{"submission", "sending", "outgoing", "outbound"}) {
		return false
	}
	return r.about("5.2.2", "5.2.121", "5.2.122") || mentions(r.text, fullWords)
}

// theirs reports trouble that passes, or that the recipient must mend, although
// the server refuses for good.
func (r refusal) theirs() bool {
	if mentions(r.text, addressWords) {
		return false // sendmail's tables have one status for all
	}
	return r.about("5.3.0", "5.3.1", "5.3.2", "5.3.5", "5.4.2", "5.4.3", "5.4.6", "5.4.7", "5.4.12", "5.4.14") || !r.about("5.7") && mentions(r.text, theirWords)
}

func (r refusal) tooLarge() bool {
	return r.about("5.3.4", "5.2.3") || mentions(r.text, []string{
		"size exceeds", "message too large", "message too big", "message is too large", "message is too big", "max message size", "maximum message size", "inbound message size", "message length", "message file too big", "taille limite du message", "line length", "line limit"})
}

// about reports a status that is one of these or below one of them.
func (r refusal) about(statuses ...string) bool {
	return slices.ContainsFunc(statuses, func(s string) bool { return r.status == s || strings.HasPrefix(r.status, s+".") })
}

func mentions(text string, words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
}

// Words that servers use in their default answers, in lower case. Sources: the
// answers of Postfix, Exim and OpenSMTPD as shipped by Debian, qmail's, the
// published tables of Exchange Online, Gmail and Amazon SES, and real bounces as
// Sisimai and the SMTP Field Manual collect them; and the same in French and
// German, as servers say it whose administrators set the texts.
var (
	ourWords = []string{
		"relay access denied", "relay not permitted", "relaying denied", "relaying not", "unable to relay", "cannot relay", "not permitted to relay", "relay denied", "no relay", "relaying is", "as a relay", "open relay", "relay mail", "relay traffic", "not relay", "forwarding denied", "rcpthost",
		"sender address", "sender verify", "sender domain", "sender rejected", "sender denied", "sender not", "sender is", "sender was", "invalid sender", "unauthorized sender", "banned send", "envelope sender", "not owned by", "from address", "not one of your addresses",
		"send as", "sendas", "send-as", "mail from", "as this sender", "spoof", "badmailfrom", "not verified", "verified sender", "unregistered domain", "sender or domain", "configuration set", "credits exceeded",
		"client host", "client not", "client address", "helo", "your ip", "this ip", "sending ip", "ip address", "blacklist", "black list", "blocklist", "block list", "listed", "dnsbl", "spamhaus", "spamcop", "reputation", "reverse dns", "reverse lookup", "ptr ", "bad dns",
		"authenticat", "not authorized", "not allowed to send", "not allowed to connect", "starttls", "tls required", "administrative prohibition", "your account", "your access", "sending paused", "sending suspended", "sending activity", "client does not have permission",
		"daily", "hourly", "per hour", "per day", "has exceeded", "have exceeded", "exceeded the max", "sending limit", "sending quota", "sender quota", "submission quota", "submissionquota", "message quota", "sending rate", "outbound", "outgoing", "rate limit", "too many messages", "too many emails", "too many recipients", "frequency limit", "limit exceeded",
		"dmarc", "spf ", "(spf)", "sender policy framework", "dkim",
		"relais", "relayer", "relayage", "expediteur", "emetteur", "liste noire", "authentifi", "autorisations d'envoi", "non autorise",
		"weiterleit", "relaying", "absender", "sperrliste", "authentifizier", "nicht berechtigt",
	}
	// ofWhatWasSent is what Exim and Postfix say of whatever they have just looked at.
	ofWhatWasSent = []string{"administrative prohibition", "end-of-data rejected: access denied"}
	contentWords  = []string{"spam", "virus", "malware", "phish", "content", "header", "attachment", "message rejected", "message refused", "message body", "message contains", "this message",
		"contenu", "pourriel", "indesirable", "piece jointe", "message rejete", "message refuse", "inhalt", "anhang", "nachricht abgelehnt", "nachricht wurde abgelehnt"}
	addressWords = []string{
		"user unknown", "unknown user", "no such user", "no such recipient", "no such mailbox", "unknown recipient", "recipient unknown", "unrouteable address", "unroutable address", "does not exist", "doesn't exist",
		"not found", "mailbox unavailable", "mailbox not", "no mailbox", "invalid recipient", "invalid mailbox", "recipient not found", "unknown address", "address unknown", "addressee unknown", "account is disabled", "mailbox disabled", "mailbox is disabled",
		"account disabled", "inactive", "bad destination", "domain not found", "user not", "user doesn't", "recipient account", "no longer valid", "no such address", "unknown local",
		"utilisateur inconnu", "destinataire inconnu", "adresse inconnue", "boite inconnue", "introuvable", "n'existe pas", "inexistant",
		"unbekannt", "existiert nicht", "nicht gefunden",
	}
	fullWords = []string{"mailbox full", "full mailbox", "mailbox is full", "mailbox size limit", "disk space limit", "mailbox has exceeded", "user has exceeded", "user has too many", "recipient has exceeded", "mailbox quota", "mailbox exceed", "storage", "disk quota", "disk space", "over quota", "overquota",
		"receiving mail at a rate", "receiving mail too", "boite pleine", "boite aux lettres pleine", "destinataire pleine", "espace insuffisant", "postfach voll", "postfach ist voll", "speicherplatz"}
	theirWords = []string{"quota", "insufficient", "out of space", "hop count", "too many hops", "loop"}
)

// alike are two refusals in the same words, whoever they are about.
func alike(a, b refusal) bool {
	return a.code == b.code && a.status == b.status && impersonal.ReplaceAllString(a.text, "#") == impersonal.ReplaceAllString(b.text, "#")
}

// impersonal matches what differs from one recipient, or one second, to another.
var impersonal = regexp.MustCompile(`<[^>]*>|\S*@\S*|\d+`)

// failureKind gives an error without a reply its kind.
func failureKind(ctx context.Context, phase string, dotSent bool, err error) Kind {
	var handshake *handshakeError
	switch {
	case dotSent:
		return KindUnknown
	case errors.Is(err, errNoStartTLS), errors.Is(err, errEarlyData):
		return KindTLS
	case errors.Is(err, errNoAuth), errors.Is(err, errNoTokenAuth), errors.As(err, new(*mailauth.RefusedError)):
		return KindAuth
	case phase == phaseToken:
		return KindConnect // its server was not reached, or is not well
	case errors.Is(err, errNotLoopback), phase == "":
		return KindConfig
	case errors.As(err, &handshake) && ctx.Err() == nil && !interrupted(err):
		return KindTLS
	case phase == phaseDial, phase == phaseGreeting:
		return KindConnect
	case phase == phaseAuth && ctx.Err() == nil && !interrupted(err):
		return KindAuth // no common mechanism, or a challenge the library cannot answer
	}
	return KindTemporary
}

// interrupted reports errors of the network rather than of the conversation.
func interrupted(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error") {
		return false // a TLS alert travels as a network error, but somebody decided it
	}
	var network net.Error
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, errTalkative) ||
		errors.As(err, &network)
}
