package smtpsink

import (
	"crypto/subtle"
	"errors"
	"io"
	"slices"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// session is one client's conversation as the SMTP library sees it.
type session struct {
	conn  *conn
	hello string
	user  string
	from  string
	to    []string
}

func (c *conn) newSession(sc *smtp.Conn) (smtp.Session, error) {
	return &session{conn: c, hello: sc.Hostname()}, nil
}

func (s *session) auth() AuthOptions { return s.conn.server.opts.Auth }

// AuthMechanisms lists what is offered.
func (s *session) AuthMechanisms() []string {
	if s.auth().Username == "" || s.conn.faults.NoAuth {
		return nil
	}
	return s.auth().Mechanisms
}

// Auth begins an authentication.
func (s *session) Auth(mech string) (sasl.Server, error) {
	if err := s.conn.faults.Auth.err(); err != nil {
		return nil, err
	}
	if !slices.Contains(s.AuthMechanisms(), mech) {
		return nil, smtp.ErrAuthUnknownMechanism
	}
	switch mech {
	case sasl.Plain:
		return sasl.NewPlainServer(func(_, username, password string) error {
			return s.login(username, password)
		}), nil
	case sasl.Login:
		return &loginServer{login: s.login}, nil
	case "XOAUTH2":
		return &tokenServer{login: s.login}, nil
	}
	return nil, smtp.ErrAuthUnknownMechanism
}

func (s *session) login(username, password string) error {
	want := s.auth()
	same := subtle.ConstantTimeCompare([]byte(username), []byte(want.Username)) &
		subtle.ConstantTimeCompare([]byte(password), []byte(want.Password))
	if same != 1 {
		return smtp.ErrAuthFailed
	}
	s.user = username
	return nil
}

// Mail begins a transmission.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if err := s.conn.faults.Mail.err(); err != nil {
		return err
	}
	if s.auth().Required && s.user == "" {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "authentication required"}
	}
	s.from = from
	return nil
}

// Rcpt adds an envelope recipient.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := s.conn.server.recipient(s.conn.faults, s.from, to); err != nil {
		return err
	}
	s.to = append(s.to, to)
	return nil
}

// errCut is never seen by a client: the connection is gone by then.
var errCut = errors.New("connection cut by the script")

// Data receives the message.
func (s *session) Data(r io.Reader) error {
	if s.conn.at(BeforeDot) {
		return errCut
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := s.conn.faults.Data.err(); err != nil {
		return err
	}
	m := Parse(raw)
	m.From, m.Recipients = s.from, slices.Clone(s.to)
	m.Received = s.conn.server.opts.Now()
	m.Hello, m.User, m.TLS = s.hello, s.user, s.conn.tls
	s.conn.server.keep(m)
	if s.conn.at(AfterDot) {
		return errCut
	}
	s.conn.server.wait(s.conn, true) // before the answer, which whoever sets faults may wait for
	return nil
}

// Reset forgets the transmission under way.
func (s *session) Reset() { s.from, s.to = "", nil }

// Logout does nothing: a session holds no resources.
func (s *session) Logout() error { return nil }

// loginServer is the server's side of LOGIN, which has no standard but many users.
type loginServer struct {
	login func(username, password string) error
	step  int
	user  string
}

// Next takes one line of the client.
func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	if l.step == 0 && response == nil {
		l.step = 1
		return []byte("Username:"), false, nil
	}
	switch l.step {
	case 0, 1:
		l.user, l.step = string(response), 2
		return []byte("Password:"), false, nil
	default:
		return nil, true, l.login(l.user, string(response))
	}
}
