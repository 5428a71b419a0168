package notify

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"time"
)

// The phases of a conversation, as they appear in Error.Phase.
const (
	phaseDial     = "dial"
	phaseGreeting = "greeting"
	phaseEHLO     = "ehlo"
	phaseStartTLS = "starttls"
	phaseTLS      = "tls"
	phaseToken    = "token" // asked of its own server
	phaseAuth     = "auth"
	phaseReset    = "rset"
	phaseMail     = "mail"
	phaseRcpt     = "rcpt"
	phaseData     = "data"
	phaseDot      = "dot"
	phaseQuit     = "quit"
)

// maxFromServer bounds what one server may say in one conversation, TLS
// included. An honest one needs some ten kilobytes.
const maxFromServer = 256 << 10

var (
	errNoStartTLS  = errors.New("the server does not offer STARTTLS and the relay is configured to require it")
	errEarlyData   = errors.New("the server sent data between its STARTTLS answer and the handshake")
	errTalkative   = fmt.Errorf("the server sent more than %d bytes", maxFromServer)
	errNotYet      = errors.New("the message must not be sent yet")
	errNotLoopback = errors.New("plain text is allowed to this machine only, and the host name leads elsewhere")
	errOver        = errors.New("the conversation is over")
	errNoAuth      = errors.New("a user name is configured but the server offers no authentication")
)

// guard is the connection handed to the SMTP library. The library knows neither
// contexts nor deadlines that hold, and sends credentials and mail to whoever
// answers; the guard sees each command in clear on its way to the (encrypted)
// connection, keeps the deadlines, and lets the mail pass only once everything
// that was asked for has happened.
type guard struct {
	net.Conn // encrypted as configured
	raw      net.Conn
	limit    *limitedConn
	timeouts MailTimeouts
	// replay is read before the connection: the greeting, when it was consumed
	// before the library came in.
	replay []byte
	// offer answers the library's EHLO in the server's place, when it was asked before
	// a token was presented: some servers forget who logged in when they are asked again.
	offer []byte

	phase    string
	authSent bool
	open     bool   // MAIL may pass
	body     bool   // between DATA and the final dot
	dotSent  bool   // the final dot was handed to the network
	tail     []byte // the body's last bytes, to recognise the final dot
	failed   error  // the first error of the connection; nothing passes after it
}

// enter begins a phase with its own deadline, which no later byte extends.
func (g *guard) enter(phase string, limit time.Duration) {
	g.phase = phase
	// Socket deadlines are instants of the machine's clock by nature.
	_ = g.Conn.SetDeadline(time.Now().Add(limit))
}

// anew makes ready for the next message: what became of the last one says
// nothing about it.
func (g *guard) anew() {
	g.phase, g.body, g.dotSent, g.tail = phaseReset, false, false, nil
}

// Close hangs up at once: a TLS farewell could wait for the peer.
func (g *guard) Close() error { return g.raw.Close() }

func (g *guard) Read(p []byte) (int, error) {
	if len(g.replay) > 0 {
		n := copy(p, g.replay)
		g.replay = g.replay[n:]
		return n, nil
	}
	if g.failed != nil {
		return 0, g.failed
	}
	n, err := g.Conn.Read(p)
	if err != nil {
		g.failed = err
	}
	return n, err
}

func (g *guard) Write(p []byte) (int, error) {
	if g.failed != nil {
		return 0, g.failed
	}
	if g.offer != nil && bytes.HasPrefix(p, []byte("EHLO ")) {
		g.replay, g.offer = g.offer, nil
		return len(p), nil
	}
	if g.body {
		g.watchBody(p)
	} else if err := g.command(p); err != nil {
		return 0, err
	}
	n, err := g.Conn.Write(p)
	if err != nil {
		g.failed = err
	}
	return n, err
}

// command looks at one command line before it leaves.
func (g *guard) command(line []byte) error {
	verb, _, _ := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(" "))
	switch strings.ToUpper(string(verb)) {
	case "EHLO", "HELO":
		g.enter(phaseEHLO, g.timeouts.Command)
	case "AUTH":
		g.authSent = true
		g.enter(phaseAuth, g.timeouts.Command)
	case "RSET":
		g.enter(phaseReset, g.timeouts.Quit) // a relay that is slow to say so gets a new connection
	case "MAIL":
		if !g.open {
			return errNotYet
		}
		g.enter(phaseMail, g.timeouts.Command)
	case "RCPT":
		g.enter(phaseRcpt, g.timeouts.Command)
	case "DATA":
		g.enter(phaseData, g.timeouts.Command)
		g.body = true // the library writes nothing more unless the server says 354
	case "QUIT":
		if !g.dotSent {
			return errOver // after a failure we hang up instead of waiting for a farewell
		}
		g.enter(phaseQuit, g.timeouts.Quit)
	case "*":
		return errOver // the library's cancelling of an AUTH already refused
	}
	return nil
}

// watchBody notes when the final dot leaves. In a dot-stuffed body it is the
// only line that consists of one dot.
func (g *guard) watchBody(p []byte) {
	if g.phase != phaseDot {
		g.enter(phaseDot, g.timeouts.Data)
	}
	const end = "\r\n.\r\n"
	g.tail = append(g.tail, p[max(0, len(p)-len(end)):]...)
	g.tail = g.tail[max(0, len(g.tail)-len(end)):]
	if string(g.tail) == end {
		g.dotSent = true
		g.body = false
	}
}

// limitedConn fails when the peer sends more than it may.
type limitedConn struct {
	net.Conn
	left int
}

func (c *limitedConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errTalkative
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// connect dials the relay and returns a guard over a connection that is
// encrypted as configured. On error it returns the phase that failed, and the
// connection is closed.
func (m *Mail) connect(ctx context.Context, a access) (*guard, string, error) {
	r := a.relay
	tlsCfg, err := a.tlsConfig()
	if err != nil {
		return nil, "", err
	}
	dialer := net.Dialer{Timeout: m.cfg.Timeouts.Dial}
	raw, err := dialer.DialContext(ctx, "tcp", r.addr())
	if err != nil {
		return nil, phaseDial, err
	}
	defer context.AfterFunc(ctx, func() { _ = raw.Close() })()
	conn := &limitedConn{Conn: raw, left: maxFromServer}
	g := &guard{Conn: conn, raw: raw, limit: conn, timeouts: m.cfg.Timeouts}
	switch r.TLS {
	case TLSImplicit:
		g.enter(phaseTLS, g.timeouts.Command)
		err = g.handshake(ctx, tlsCfg)
	case TLSNone:
		if tcp, ok := raw.RemoteAddr().(*net.TCPAddr); !r.AllowPlaintext && (!ok || !tcp.IP.IsLoopback()) {
			err = errNotLoopback
		}
	default:
		err = g.startTLS(ctx, m.cfg.Hello, tlsCfg)
	}
	if err != nil {
		_ = raw.Close()
		return nil, g.phase, err
	}
	g.enter(phaseGreeting, g.timeouts.Command)
	return g, "", nil
}

// startTLS conducts the conversation up to the encrypted connection, so that the
// library never sees the clear one.
func (g *guard) startTLS(ctx context.Context, hello string, cfg *tls.Config) error {
	buf := bufio.NewReader(g.Conn)
	text := textproto.NewReader(buf)
	g.enter(phaseGreeting, g.timeouts.Command)
	if _, _, err := text.ReadResponse(220); err != nil {
		return err
	}
	g.enter(phaseEHLO, g.timeouts.Command)
	if _, err := io.WriteString(g.Conn, "EHLO "+hello+"\r\n"); err != nil {
		return err
	}
	_, offer, err := text.ReadResponse(250)
	if err != nil {
		return err
	}
	g.enter(phaseStartTLS, g.timeouts.Command)
	if !offers(offer, "STARTTLS") {
		return errNoStartTLS
	}
	if _, err := io.WriteString(g.Conn, "STARTTLS\r\n"); err != nil {
		return err
	}
	if _, _, err := text.ReadResponse(220); err != nil {
		return err
	}
	if buf.Buffered() > 0 {
		return errEarlyData // an injected answer would be taken for the encrypted server's
	}
	if err := g.handshake(ctx, cfg); err != nil {
		return err
	}
	g.replay = []byte("220 ready\r\n")
	return nil
}

func (g *guard) handshake(ctx context.Context, cfg *tls.Config) error {
	conn := tls.Client(g.Conn, cfg)
	if err := conn.HandshakeContext(ctx); err != nil {
		return &handshakeError{err}
	}
	g.Conn = conn
	return nil
}

// handshakeError marks what went wrong inside a TLS handshake.
type handshakeError struct{ err error }

func (e *handshakeError) Error() string { return "tls handshake: " + e.err.Error() }
func (e *handshakeError) Unwrap() error { return e.err }

// offers reports whether an EHLO answer lists an extension.
func offers(answer, extension string) bool {
	for i, line := range strings.Split(answer, "\n") {
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if i > 0 && strings.EqualFold(word, extension) {
			return true
		}
	}
	return false
}
