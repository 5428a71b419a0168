package inbox

import (
	"bytes"
	"context"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"vigie/exporters"
)

const (
	// mostRefused bounds what is remembered of mails that found no room.
	mostRefused = 10000
	// farewell is how long conversations may go on when the server stops.
	farewell = 2 * time.Second
	// idle bounds the silence of a client.
	idle = time.Minute
)

// server is the door through which products send themselves.
type server struct {
	config *SMTPConfig
	limit  int64
	take   func(envelope, []byte) (bool, error)
	now    func() time.Time

	mu       sync.Mutex
	smtp     *smtp.Server
	listener net.Listener
	hangUp   func()
	failed   chan error
	accepted int
	refused  map[string]bool // identities of mails for which there was no room
	more     int             // beyond mostRefused
}

func newServer(c *Config, take func(envelope, []byte) (bool, error), now func() time.Time) *server {
	return &server{config: c.SMTP, limit: c.Limits.MessageBytes, take: take, now: now, refused: map[string]bool{}}
}

// visit implements door: it opens the server the first time.
func (s *server) visit(context.Context) ([]exporters.Endpoint, int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case err := <-s.failed:
		s.smtp, s.failed = nil, nil
		return nil, 0, &exporters.SourceError{Endpoint: "smtp", Reason: exporters.ReasonOther, Err: err}
	default:
	}
	if s.smtp == nil {
		if err := s.open(); err != nil {
			return nil, 0, &exporters.SourceError{Endpoint: "smtp", Reason: exporters.ReasonOther, Err: err}
		}
	}
	return []exporters.Endpoint{{Name: "smtp", Items: s.accepted}}, len(s.refused) + s.more, nil
}

// done implements door.
func (s *server) done(envelope) {}

// maxLine is of one line: scripts send a whole page in one, whatever RFC 5321 allows.
const maxLine = 1 << 20

func (s *server) open() error {
	srv := smtp.NewServer(smtp.BackendFunc(s.session))
	srv.Domain = s.config.Hostname
	srv.MaxMessageBytes = 0 // a sender that is told the limit keeps its mail, and nobody here hears of it
	srv.MaxLineLength = maxLine
	srv.MaxRecipients = s.config.MaxRcpt
	srv.ReadTimeout, srv.WriteTimeout = min(idle, time.Duration(s.config.Timeout)), idle
	srv.ErrorLog = log.New(io.Discard, "", 0) // what clients do wrong is theirs
	srv.EnableSMTPUTF8 = true
	srv.AllowInsecureAuth = s.config.TLS.CertFile == "" // on loopback only: see validateAuth
	if s.config.TLS.CertFile != "" {
		conf, err := s.config.TLS.load()
		if err != nil {
			return err
		}
		srv.TLSConfig = conf
	}
	l, err := net.Listen("tcp", s.config.Listen)
	if err != nil {
		return err
	}
	s.listener, s.smtp, s.failed = l, srv, make(chan error, 1)
	failed := s.failed
	g := &gate{Listener: l, config: s.config, guests: map[*guest]bool{}}
	s.hangUp = g.hangUp
	go func() {
		if err := srv.Serve(g); err != nil {
			failed <- err
		}
	}()
	return nil
}

func (c SMTPTLS) load() (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}, nil
}

// close lets conversations end that are about to.
func (s *server) close() error {
	s.mu.Lock()
	srv, hangUp := s.smtp, s.hangUp
	s.smtp, s.listener = nil, nil
	s.mu.Unlock()
	if srv == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		hangUp() // what they were saying is not acknowledged, and comes again
	}
	return nil
}

// gate lets in who may speak, as many at once as may, each for its time.
type gate struct {
	net.Listener
	config *SMTPConfig

	mu     sync.Mutex
	guests map[*guest]bool
}

// Accept turns the others away without a word from the server behind.
func (g *gate) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if !g.config.allows(conn.RemoteAddr()) {
			turnAway(conn, "554 5.7.1 your network may not send here\r\n")
			continue
		}
		if in := g.admit(conn); in != nil {
			return in, nil
		}
		turnAway(conn, "421 4.7.0 too many connections, come back later\r\n")
	}
}

func (g *gate) admit(conn net.Conn) *guest {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.guests) >= g.config.Connections {
		return nil
	}
	in := &guest{Conn: conn, gate: g, end: time.Now().Add(time.Duration(g.config.Timeout))}
	g.guests[in] = true
	return in
}

func (g *gate) hangUp() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for in := range g.guests {
		_ = in.Conn.Close()
	}
}

func turnAway(conn net.Conn, word string) {
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	_, _ = io.WriteString(conn, word)
	_ = conn.Close()
}

func (c *SMTPConfig) allows(from net.Addr) bool {
	if len(c.networks) == 0 {
		return true
	}
	at, err := netip.ParseAddrPort(from.String())
	return err == nil && slices.ContainsFunc(c.networks, func(n netip.Prefix) bool { return n.Contains(at.Addr().Unmap().WithZone("")) })
}

// guest is a connection that ends in time, however it dawdles.
type guest struct {
	net.Conn
	gate *gate
	end  time.Time
	mail atomic.Bool // what comes is a mail, no command
}

// Scripts and network drives give senders that the library takes for no address, such
// as root: who sends does not matter here, but the mail does. Behind TLS they cannot
// be read, and are refused.
var (
	mailFrom = regexp.MustCompile(`(?i)^MAIL FROM: *([^\r\n]*?)((?: (?:SIZE|BODY|AUTH|RET|ENVID)=[^\r\n]*| SMTPUTF8[^\r\n]*)?\r?\n)`)
	usable   = regexp.MustCompile(`^(?:<>|<?[^\s<>@"]+@[^\s<>@"]+>?)$`)
	somebody = "MAIL FROM:<sender@localhost>"
)

// Read reads, with a sender that can be read.
func (g *guest) Read(p []byte) (int, error) {
	if len(p) <= 2*len(somebody) || g.mail.Load() {
		return g.Conn.Read(p)
	}
	n, err := g.Conn.Read(p[:len(p)-len(somebody)])
	if m := mailFrom.FindSubmatchIndex(p[:n]); m != nil && !usable.Match(p[m[2]:m[3]]) {
		n = copy(p, append([]byte(somebody), p[m[4]:n]...))
	}
	return n, err
}

// SetReadDeadline keeps within the whole conversation's time.
func (g *guest) SetReadDeadline(t time.Time) error {
	return g.Conn.SetReadDeadline(earlier(t, g.end))
}

// SetWriteDeadline keeps within the whole conversation's time.
func (g *guest) SetWriteDeadline(t time.Time) error {
	return g.Conn.SetWriteDeadline(earlier(t, g.end))
}

// SetDeadline keeps within the whole conversation's time.
func (g *guest) SetDeadline(t time.Time) error { return g.Conn.SetDeadline(earlier(t, g.end)) }

// Close gives the place to somebody else.
func (g *guest) Close() error {
	g.gate.mu.Lock()
	delete(g.gate.guests, g)
	g.gate.mu.Unlock()
	return g.Conn.Close()
}

func earlier(t, end time.Time) time.Time {
	if t.IsZero() || t.After(end) {
		return end
	}
	return t
}

// session is one conversation.
type session struct {
	server *server
	conn   *smtp.Conn
	known  bool // authenticated
	to     []string
	null   bool // no sender: a bounce
}

func (s *server) session(c *smtp.Conn) (smtp.Session, error) {
	return &session{server: s, conn: c}, nil
}

func refuse(code int, enhanced smtp.EnhancedCode, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: text}
}

// AuthMechanisms implements smtp.AuthSession.
func (s *session) AuthMechanisms() []string {
	if s.server.config.Username == "" {
		return nil
	}
	return []string{sasl.Plain, sasl.Login}
}

// Auth implements smtp.AuthSession.
func (s *session) Auth(mechanism string) (sasl.Server, error) {
	check := func(username, password string) error {
		want, err := s.server.config.password.Read()
		if err != nil {
			return refuse(454, smtp.EnhancedCode{4, 7, 0}, "come back later")
		}
		same := subtle.ConstantTimeCompare([]byte(password), []byte(want)) & subtle.ConstantTimeCompare([]byte(username), []byte(s.server.config.Username))
		if same != 1 {
			return smtp.ErrAuthFailed
		}
		s.known = true
		return nil
	}
	switch {
	case s.server.config.Username == "":
		return nil, smtp.ErrAuthUnsupported
	case mechanism == sasl.Plain:
		return sasl.NewPlainServer(func(_, username, password string) error { return check(username, password) }), nil
	case mechanism == sasl.Login:
		return &loginServer{check: check}, nil
	default:
		return nil, smtp.ErrAuthUnknownMechanism
	}
}

// loginServer is the mechanism LOGIN, which old programs know alone.
type loginServer struct {
	check    func(username, password string) error
	username string
	step     int
}

// Next implements sasl.Server.
func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	l.step++
	switch {
	case l.step == 1 && response == nil:
		return []byte("Username:"), false, nil
	case l.step <= 2 && l.username == "":
		l.username, l.step = string(response), 2
		return []byte("Password:"), false, nil
	default:
		return nil, true, l.check(l.username, string(response))
	}
}

// Mail implements smtp.Session.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.null = from == ""
	if _, secure := s.conn.TLSConnectionState(); s.server.config.TLS.Required && !secure {
		return refuse(530, smtp.EnhancedCode{5, 7, 0}, "say STARTTLS first")
	}
	if s.server.config.Username != "" && !s.known {
		return refuse(530, smtp.EnhancedCode{5, 7, 0}, "authenticate first")
	}
	return nil
}

// Rcpt implements smtp.Session.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if !matches(s.server.config.Recipients, to) {
		return refuse(550, smtp.EnhancedCode{5, 1, 1}, "nobody here is called that")
	}
	s.to = append(s.to, strings.ToLower(to))
	return nil
}

// Data implements smtp.Session: when it returns nil the mail, or all that it
// says, is on disk.
func (s *session) Data(r io.Reader) error {
	if in, is := s.conn.Conn().(*guest); is {
		in.mail.Store(true)
		defer in.mail.Store(false)
	}
	raw, err := io.ReadAll(io.LimitReader(r, s.server.limit+1))
	if err != nil {
		return err // the library's own words
	}
	if int64(len(raw)) > s.server.limit {
		return s.server.tooLong(s, raw, r)
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return refuse(554, smtp.EnhancedCode{5, 6, 0}, "the mail is empty")
	}
	env := envelope{Received: s.server.now().UTC(), Recipients: s.to, Size: int64(len(raw)), Null: s.null}
	_, err = s.server.take(env, raw)
	return s.server.answer(err, raw)
}

// tooLong lists the beginning of a mail, and refuses it for good.
func (s *server) tooLong(c *session, raw []byte, rest io.Reader) error {
	more, err := io.Copy(io.Discard, rest)
	if err != nil {
		return err
	}
	env := envelope{Received: s.now().UTC(), Recipients: c.to, Size: int64(len(raw)) + more, Cut: true, Null: c.null}
	raw = raw[:beginning]
	_, err = s.take(env, raw)
	if err = s.answer(err, raw); err != nil {
		return err // for now: it comes again, and is listed then
	}
	return refuse(552, smtp.EnhancedCode{5, 3, 4}, fmt.Sprintf("the mail has %d bytes, and is not read beyond %d", env.Size, s.limit))
}

// answer counts what found no room: the sender keeps it and comes again.
func (s *server) answer(err error, raw []byte) error {
	m, _ := ReadMail(raw) // its identity is there in any case
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		s.accepted++
		delete(s.refused, m.ID)
		return nil
	case errors.Is(err, errFull):
		if len(s.refused) < mostRefused {
			s.refused[m.ID] = true
		} else if !s.refused[m.ID] {
			s.more++
		}
		return refuse(452, smtp.EnhancedCode{4, 2, 2}, "no room for mails that no rule reads, come back later")
	default:
		return refuse(451, smtp.EnhancedCode{4, 3, 0}, "nothing can be stored now, come back later")
	}
}

// Reset implements smtp.Session.
func (s *session) Reset() { s.to = nil }

// Logout implements smtp.Session.
func (s *session) Logout() error { return nil }
