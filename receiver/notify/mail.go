package notify

import (
	"context"
	"errors"
	"fmt"
	"net/textproto"
	"slices"
	"strings"

	simplemail "github.com/xhit/go-simple-mail/v2"

	"vigie/internal/clip"
)

// Mail is the channel to people: one SMTP transaction for one transmission. A
// connection over which all went well waits a few seconds for the next message.
// It is safe for concurrent use.
type Mail struct {
	cfg    MailConfig
	idle   pool
	takers takers
}

// NewMail checks the configuration and returns the channel. It opens no file and
// no connection: see CheckFiles.
func NewMail(cfg MailConfig) (*Mail, error) {
	cfg, err := cfg.normalize()
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	return &Mail{cfg: cfg}, nil
}

// Name returns the configured name, "mail" by default.
func (m *Mail) Name() string { return m.cfg.Name }

// CheckFiles reads the password and CA files once and reports the first that is
// not usable, so that it shows at the start and not with the first message.
func (m *Mail) CheckFiles() error {
	for _, r := range m.relays() {
		a, err := r.access()
		if err == nil {
			_, err = a.tlsConfig()
		}
		if err == nil && r.Tokens != nil {
			err = r.Tokens.Check()
		}
		if err != nil {
			return fmt.Errorf("mail: relay %s: %w", r.addr(), err)
		}
	}
	return nil
}

// Relays are the addresses of the relay and of the fallback, if there is one.
func (m *Mail) Relays() []string {
	var out []string
	for _, r := range m.relays() {
		out = append(out, r.addr())
	}
	return out
}

func (m *Mail) relays() []MailRelay {
	if m.cfg.Fallback.Host == "" {
		return []MailRelay{m.cfg.Relay}
	}
	return []MailRelay{m.cfg.Relay, m.cfg.Fallback}
}

// Deliver sends msg to one recipient through the relay, or through the fallback
// when the relay cannot be reached, refuses for now, or does not want us or this
// message: all but a refused address, and a message that may have arrived. If
// both fail, the error is the relay's, unless the fallback may have accepted the
// message: that the fallback refuses a recipient for good does not mean that the
// relay will.
func (m *Mail) Deliver(ctx context.Context, msg Message, recipient string) error {
	t, err := m.compose(msg, recipient)
	if err != nil {
		return err
	}
	first := m.transmit(ctx, m.cfg.Relay, t)
	retriable := KindOf(first) != KindRecipient && KindOf(first) != KindUnknown
	if first == nil || !retriable || m.cfg.Fallback.Host == "" || ctx.Err() != nil {
		return first
	}
	second := m.transmit(ctx, m.cfg.Fallback, t)
	if second == nil || KindOf(second) == KindUnknown {
		return second
	}
	var e *Error
	if errors.As(first, &e) {
		e.Fallback = second
	}
	return first
}

// transmission is one message as it goes over the wire to one recipient.
type transmission struct {
	from, to string
	raw      string
	others   []string // further addresses of To and Cc
}

// compose turns a message into a transmission, with everything in it checked.
func (m *Mail) compose(msg Message, recipient string) (transmission, error) {
	fail := func(kind Kind, err error) (transmission, error) {
		return transmission{}, &Error{Kind: kind, Channel: m.cfg.Name, Phase: "compose", Err: err}
	}
	to, err := ParseAddress(recipient)
	if err != nil {
		return fail(KindRecipient, err)
	}
	from, err := ParseAddress(msg.From.Addr)
	if err != nil {
		return fail(KindConfig, fmt.Errorf("from: %w", err))
	}
	from.Name = cleanName(msg.From.Name)
	switch {
	case !messageID(msg.ID):
		return fail(KindMessage, fmt.Errorf("message-id %q must be of the form left@right and at most %d characters", clip.Runes(CleanLine(msg.ID), maxName), MaxMessageID))
	case msg.Date.IsZero():
		return fail(KindMessage, errors.New("the message has no date"))
	case msg.Text == "":
		return fail(KindMessage, errors.New("the message has no text"))
	case len(msg.Text)+len(msg.HTML) > maxBody:
		return fail(KindMessage, fmt.Errorf("the message is larger than %d bytes", maxBody))
	}
	raw, err := render(msg, from)
	if err != nil {
		return fail(KindMessage, err)
	}
	envelope := from.Addr
	if m.cfg.EnvelopeFrom != "" {
		envelope = m.cfg.EnvelopeFrom
	}
	if msg.EnvelopeFrom != "" {
		own, err := ParseAddress(msg.EnvelopeFrom)
		if err != nil {
			return fail(KindConfig, fmt.Errorf("envelope from: %w", err))
		}
		envelope = own.Addr
	}
	return transmission{from: envelope, to: to.Addr, raw: raw, others: bare(slices.Concat(msg.To, msg.Cc))}, nil
}

// bare returns the addresses that mail can be sent to, without names.
func bare(addrs []string) []string {
	var out []string
	for _, s := range addrs {
		if a, err := ParseAddress(s); err == nil {
			out = append(out, a.Addr)
		}
	}
	return out
}

// maxBody is far above any bundle's table and below what relays commonly take.
const maxBody = 8 << 20

// render writes the message as MIME. Header names are constants here: the
// library cleans values, in its way, but not names.
func render(msg Message, from Address) (string, error) {
	email := simplemail.NewMSG()
	email.AllowDuplicateAddress = true // somebody may be in To and in Cc
	email.SetFrom(from.String())
	email.AddTo(usable(msg.To)...)
	email.AddCc(usable(msg.Cc)...)
	email.SetReplyTo(strings.Join(usable([]string{msg.ReplyTo}), ""))
	email.SetSubject(CleanSubject(msg.Subject))
	// The library's layout has a zone's abbreviation, which only UTC survives.
	email.SetDate(msg.Date.UTC().Format("2006-01-02 15:04:05 MST"))
	email.AddHeader("Message-Id", "<"+msg.ID+">")
	if messageID(msg.InReplyTo) {
		email.AddHeader("In-Reply-To", "<"+msg.InReplyTo+">")
	}
	if refs := references(msg.References); refs != "" {
		email.AddHeader("References", refs)
	}
	if !msg.TicketIntake {
		email.AddHeader("Auto-Submitted", "auto-generated")
		email.AddHeader("X-Auto-Response-Suppress", "All")
	}
	if languageTag(msg.Language) {
		email.AddHeader("Content-Language", msg.Language)
	}
	if ids := incidentIDs(msg.IncidentID); ids != "" {
		email.AddHeader("X-Incident-Id", ids)
	}
	for name, value := range msg.Headers {
		if !headerAllowed(name) {
			return "", fmt.Errorf("header %q is not one of those a message may set", clip.Runes(CleanLine(name), maxName))
		}
		if value = clip.Runes(CleanLine(value), maxName); value != "" {
			email.AddHeader(name, value)
		}
	}
	return written(email, msg)
}

// usable returns the addresses that can stand in a header, as they stand there.
func usable(addrs []string) []string {
	var out []string
	for _, s := range addrs {
		if a, err := ParseAddress(s); err == nil {
			out = append(out, a.String())
		}
	}
	return out
}

func references(ids []string) string {
	var out []string
	for _, id := range ids {
		if messageID(id) {
			out = append(out, "<"+id+">")
		}
	}
	const most = 20 // the root and the latest ones are what readers thread by
	if len(out) > most {
		out = append(out[:1], out[len(out)-most+1:]...)
	}
	return strings.Join(out, " ")
}

// maxIncidentIDs is the length of X-Incident-ID in bytes; relays bound the
// headers of a mail at some ten times that.
const maxIncidentIDs = 8000

// incidentIDs lists incidents, each whole. What has no room is counted at the
// end, as in "i1 i2 +17": the body and the journal name every one.
func incidentIDs(text string) string {
	ids := strings.Fields(CleanLine(text))
	length := 0
	for n, id := range ids {
		ids[n] = clip.Runes(id, maxName)
		if length += len(ids[n]) + 1; length > maxIncidentIDs {
			return strings.Join(append(ids[:n:n], fmt.Sprintf("+%d", len(ids)-n)), " ")
		}
	}
	return strings.Join(ids, " ")
}

// transmit brings a message to one relay.
func (m *Mail) transmit(ctx context.Context, r MailRelay, t transmission) error {
	access, err := r.access()
	if err != nil {
		return m.fail(r, KindConfig, "", err)
	}
	ctx, cancel := context.WithTimeout(ctx, m.cfg.Timeouts.Total)
	defer cancel()
	if s := m.idle.get(access); s != nil {
		begun, err := m.again(ctx, s, t)
		if begun {
			return m.outcome(ctx, s, t, err)
		}
	}
	s, phase, err := m.open(ctx, access)
	if err != nil {
		return m.classify(ctx, r, phase, false, err, nil)
	}
	return m.outcome(ctx, s, t, s.send(ctx, t))
}

// again sends over a connection that has served before. It returns false when
// the relay does not know it any more, or takes nothing more over it: nothing of
// the message has left then, and a new connection will tell the reason.
func (m *Mail) again(ctx context.Context, s *session, t transmission) (begun bool, err error) {
	err = s.send(ctx, t)
	if err != nil && (s.g.phase == phaseReset || s.g.phase == phaseMail) {
		s.close()
		return false, err
	}
	return true, err
}

// outcome is what a sending has come to. A connection without fault is kept.
func (m *Mail) outcome(ctx context.Context, s *session, t transmission, err error) error {
	if err == nil {
		m.takers.note(s.access.relay.addr(), t.to)
		m.idle.put(s)
		return nil
	}
	defer s.close()
	return m.classify(ctx, s.access.relay, s.g.phase, s.g.dotSent, err, func(r refusal) Kind {
		return m.compare(ctx, s, t, r, r.judge(t.to))
	})
}

// classify gives an error of a conversation its kind; judge does for what a
// server answers, and may be nil where no address was named yet.
func (m *Mail) classify(ctx context.Context, r MailRelay, phase string, dotSent bool, err error, judge func(refusal) Kind) error {
	var reply *textproto.Error
	if errors.As(err, &reply) {
		if dotSent && reply.Code/100 == 2 {
			return nil
		}
		said := readRefusal(phase, reply.Code, reply.Msg)
		kind := said.judge("").kind
		if judge != nil {
			kind = judge(said)
		}
		e := m.fail(r, kind, phase, err)
		e.Code = reply.Code
		e.Reply = clip.Runes(CleanLine(reply.Msg), maxReply)
		return e
	}
	if ctxErr := context.Cause(ctx); ctxErr != nil {
		err = errors.Join(ctxErr, err) // the closed connection is only the symptom
	}
	return m.fail(r, failureKind(ctx, phase, dotSent, err), phase, err)
}

func (m *Mail) fail(r MailRelay, kind Kind, phase string, err error) *Error {
	return &Error{Kind: kind, Channel: m.cfg.Name, Via: r.addr(), Phase: phase, Err: err}
}
