// Package notify carries a message to one party and says exactly what became of it.
//
// A [Channel] is one way out: [Mail] for people, [Webhook] for chat and SMS
// gateways. It makes one transmission to one recipient and remembers nothing;
// the outbox decides when to try again. What it needs for that decision is in
// the error:
//
//   - nil: the other side took responsibility for the message;
//   - any other: try again later, with the same [Message.ID];
//   - [ErrUnknown] (also temporary): the connection was lost between the end of
//     the message and its acknowledgement, so the message may have arrived. It is
//     sent again with the same Message-ID, which is the only way a party can see
//     one message twice;
//   - [IsPermanent]: trying again as things are is useless. [SubjectOf] tells what
//     was refused: this recipient's address, which ends the transmission; this
//     message, which is kept and tried another way and for a while; or, when
//     [IsConfiguration] holds as well, us: the message is kept, an operator is
//     told by another way, and sending resumes once the settings are mended.
//
// A message that goes to several parties is several transmissions: each has one
// envelope recipient, while the To and Cc headers name everybody. A refused
// recipient therefore never keeps the others from being told.
//
// Everything that reaches a header is made harmless here, whatever it was made
// of: labels of alerts, names from an inventory, texts typed by people. See
// [CleanLine], [CleanSubject] and [ParseAddress].
package notify

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"vigie/internal/clip"
)

// Channel is one way out to a party.
type Channel interface {
	// Name is the channel's name in the policy, the journal and the metrics.
	Name() string
	// Deliver makes one transmission of m to one recipient and returns nil only
	// when the other side accepted it. The recipient is an e-mail address for
	// mail and whatever the gateway understands for a webhook. Every error
	// answers to IsPermanent. Deliver returns when ctx ends.
	Deliver(ctx context.Context, m Message, recipient string) error
}

// Address is a mailbox with an optional display name.
type Address struct {
	Name string
	Addr string
}

// Message is a rendered notification: of one recipient, the same for every
// attempt.
type Message struct {
	// ID is the Message-ID without angle brackets, at most MaxMessageID
	// characters, the same on each retry and for each recipient: see NewMessageID.
	ID string
	// InReplyTo and References thread the messages of one incident. Identifiers
	// that are malformed or longer than MaxMessageID are left out: a thread is a
	// courtesy, the message is not.
	InReplyTo  string
	References []string

	From Address
	// To and Cc are the complete headers, as addresses with or without a name,
	// whoever this transmission goes to. An address that cannot be written in a
	// header is left out of it; delivering to that address fails by itself.
	To, Cc []string
	// ReplyTo is optional.
	ReplyTo string
	// EnvelopeFrom is where this transmission comes back to if it cannot be
	// delivered; as the channel is configured when empty.
	EnvelopeFrom string `json:"-"`

	Subject string
	// Text is required by Mail; HTML is optional.
	Text, HTML string
	// TicketIntake is set for a recipient that a ticket tool reads: the mail then
	// does not call itself automatic, as such tools throw away what does.
	TicketIntake bool `json:",omitempty"`
	// Language is a BCP 47 tag ("fr", "en") for Content-Language; optional.
	Language string
	// IncidentID becomes X-Incident-ID: one incident, or those of a bundle with
	// spaces between them, of which a mail's header lists as many as it can;
	// optional.
	IncidentID string
	// Headers holds further headers. Only the names declared as Header constants
	// are accepted.
	Headers map[string]string
	// Date is the instant the message was decided; required.
	Date time.Time
}

// The names that Message.Headers accepts.
const (
	HeaderStep       = "X-Vigie-Step"
	HeaderTemplate   = "X-Vigie-Template"
	HeaderEpisode    = "X-Vigie-Episode"
	HeaderBundle     = "X-Vigie-Bundle"
	HeaderImportance = "Importance"
	HeaderListID     = "List-Id"
)

func headerAllowed(name string) bool {
	switch name {
	case HeaderStep, HeaderTemplate, HeaderEpisode, HeaderBundle, HeaderImportance, HeaderListID:
		return true
	}
	return false
}

// Kind says what went wrong with a delivery, in the terms that decide what
// happens next.
type Kind int

const (
	// KindTemporary is a refusal for now (SMTP 4yz, HTTP 429 or 5xx) or a
	// connection lost before the message was complete.
	KindTemporary Kind = iota
	// KindConnect means that no conversation came about: name resolution, dial,
	// no greeting. Temporary.
	KindConnect
	// KindUnknown means that the message was sent whole and the answer never
	// came. Temporary; ErrUnknown matches it.
	KindUnknown
	// KindRecipient is a recipient refused for good.
	KindRecipient
	// KindMessage is a message refused for good, by the other side or because it
	// cannot be written as mail at all.
	KindMessage
	// KindAuth means that our credentials, or the lack of them, were refused, or
	// that the server offers no way to present them. Configuration.
	KindAuth
	// KindTLS means that no trustworthy encryption could be had. Configuration.
	KindTLS
	// KindConfig is any other fault of our settings: an unreadable file, a sender
	// the relay does not accept, a wrong URL. Configuration.
	KindConfig
)

func (k Kind) String() string {
	switch k {
	case KindTemporary:
		return "temporary"
	case KindConnect:
		return "connect"
	case KindUnknown:
		return "unknown"
	case KindRecipient:
		return "recipient"
	case KindMessage:
		return "message"
	case KindAuth:
		return "auth"
	case KindTLS:
		return "tls"
	case KindConfig:
		return "config"
	}
	return "kind(" + strconv.Itoa(int(k)) + ")"
}

// ErrUnknown matches, with errors.Is, every error after which the other side may
// have the message although it never said so.
var ErrUnknown = errors.New("the message may have been accepted")

// Error is what a failed delivery returns.
type Error struct {
	Kind Kind
	// Channel is the name of the channel, Via the host and port it spoke to.
	Channel, Via string
	// Phase is the step of the conversation that failed: dial, greeting, ehlo,
	// starttls, auth, mail, rcpt, data, dot, or request for a webhook.
	Phase string
	// Code is the SMTP or HTTP status, 0 when there was none.
	Code int
	// Reply is the other side's text, on one line and shortened.
	Reply string
	// RetryAfter is how long the other side asked us to wait; 0 when it did not.
	RetryAfter time.Duration
	// Err is the cause.
	Err error
	// Fallback is what the second relay said, when it was tried and failed too.
	Fallback error
}

// Error describes the failure on one line, without secrets.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Channel)
	if e.Via != "" {
		b.WriteString(" via " + e.Via)
	}
	if e.Phase != "" {
		b.WriteString(": " + e.Phase)
	}
	b.WriteString(": ")
	switch {
	case e.Code != 0:
		b.WriteString(strconv.Itoa(e.Code))
		if e.Reply != "" {
			b.WriteString(" " + e.Reply)
		}
	case e.Err != nil:
		b.WriteString(clip.Runes(CleanLine(e.Err.Error()), maxReply))
	default:
		b.WriteString(e.Kind.String())
	}
	if e.Kind == KindUnknown {
		b.WriteString(" (" + ErrUnknown.Error() + ")")
	}
	if e.Fallback != nil {
		b.WriteString("; then " + e.Fallback.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is(err, ErrUnknown) true for KindUnknown.
func (e *Error) Is(target error) bool {
	return target == ErrUnknown && e.Kind == KindUnknown
}

// KindOf returns the kind of a delivery's error. Errors that do not come from a
// channel are KindTemporary: nothing is given up for a reason we do not know.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindTemporary
}

// Subject is whom or what a failed delivery is about.
type Subject string

// The subjects of a refusal. Only the first ends a transmission.
const (
	AboutAddress  Subject = "address"
	AboutSettings Subject = "settings" // ours
	AboutMessage  Subject = "message"
	AboutThem     Subject = "them" // their trouble, or nobody knows
)

// SubjectOf returns what a delivery's error is about.
func SubjectOf(err error) Subject {
	switch KindOf(err) {
	case KindRecipient:
		return AboutAddress
	case KindMessage:
		return AboutMessage
	case KindAuth, KindTLS, KindConfig:
		return AboutSettings
	}
	return AboutThem
}

// Words say to a person what a subject means for them, in French and in English:
// who is called when no mail leaves has no language known to us.
func (s Subject) Words() []string {
	return map[Subject][]string{
		AboutAddress:  {"L'adresse d'un destinataire est refusée : corrigez-la.", "A recipient's address is refused: mend it."},
		AboutSettings: {"Le serveur nous refuse à cause de nos propres réglages (droits, identifiants, expéditeur, quota) : corrigez-les, tout repart ensuite.", "The server refuses us for our own settings (rights, login, sender, quota): mend our own settings, everything leaves then."},
		AboutMessage:  {"Le serveur refuse ce message, pour son contenu ou sa taille.", "The server refuses this message, for its content or its size."},
		AboutThem:     {"Le serveur n'accepte rien pour le moment ; Vigie réessaie.", "It is trouble of theirs for now; Vigie tries again."},
	}[s]
}

// IsPermanent reports whether trying again without changing anything is useless.
func IsPermanent(err error) bool {
	if err == nil {
		return false
	}
	switch KindOf(err) {
	case KindRecipient, KindMessage, KindAuth, KindTLS, KindConfig:
		return true
	}
	return false
}

// IsConfiguration reports whether the fault is in our own settings: such a
// message is kept and sent once they are mended, not given up.
func IsConfiguration(err error) bool {
	if err == nil {
		return false
	}
	switch KindOf(err) {
	case KindAuth, KindTLS, KindConfig:
		return true
	}
	return false
}

// maxReply bounds what is kept of the other side's text.
const maxReply = 300
