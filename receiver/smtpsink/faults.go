package smtpsink

import (
	"crypto/tls"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
)

// Faults scripts what the sink does wrong. The zero value is a healthy server.
type Faults struct {
	// Connections limits the faults to that many connections, after which the
	// server is healthy again; 0 means until other faults are set. It does not
	// apply to Down.
	Connections int

	// Down refuses connections and cuts those there are.
	Down bool
	// Greeting replaces the greeting, after which the connection is closed.
	Greeting Reply
	// Banner is the size in bytes of what is sent in place of a greeting, on one
	// line without end.
	Banner int
	// NoStartTLS hides STARTTLS and offers AUTH in clear text, as somebody in the
	// middle would.
	NoStartTLS bool
	// BrokenCertificate presents an expired certificate of an unknown authority
	// for another name.
	BrokenCertificate bool
	// NoAuth offers no authentication.
	NoAuth bool
	// Auth, Mail and Data are the answers to AUTH, to MAIL and to the final dot; a
	// message so answered is not kept.
	Auth, Mail, Data Reply
	// Recipients are the answers to RCPT, by lower-case address; "*" stands for
	// every address not named.
	Recipients map[string]Reply
	// Greylist refuses new combinations of sender and recipient for a while.
	Greylist Greylist
	// Hang names the point after which the sink says nothing more.
	Hang Point
	// Cut names the point at which the sink drops the connection.
	Cut Point
	// Slow delays everything the sink sends.
	Slow time.Duration
}

// Reply is an SMTP answer; none when Code is 0. A text may begin with an enhanced
// status code; otherwise it gets a general one.
type Reply struct {
	Code int
	Text string
}

func (r Reply) err() error {
	if r.Code == 0 {
		return nil
	}
	text := r.Text
	if text == "" {
		text = "scripted answer"
	}
	enhanced := smtp.EnhancedCodeNotSet
	if ownStatus.MatchString(text) {
		enhanced = smtp.NoEnhancedCode // the text has its own, as a server would send it
	}
	return &smtp.SMTPError{Code: r.Code, EnhancedCode: enhanced, Message: text}
}

var ownStatus = regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3} `)

// Greylist answers 451 until a client has tried Tries times and Wait has passed
// since its first attempt, by the sink's clock.
type Greylist struct {
	Tries int
	Wait  time.Duration
}

type greyEntry struct {
	tries int
	first time.Time
}

// Point is a place in the conversation.
type Point string

// The points of Faults.Hang and Faults.Cut. A message is kept at AfterDot, and
// only there: the client cannot know.
const (
	AtConnect  Point = "CONNECT"
	AtEHLO     Point = "EHLO"
	AtStartTLS Point = "STARTTLS"
	AtAuth     Point = "AUTH"
	AtMail     Point = "MAIL"
	AtRcpt     Point = "RCPT"
	AtData     Point = "DATA" // before the sink asks for the message
	BeforeDot  Point = "BODY" // while the message is being sent
	AfterDot   Point = "DOT"  // the message is complete, the answer due
	AtQuit     Point = "QUIT"
)

// SetFaults replaces the script and cuts the connections that wait between two
// messages. Those in the middle of one keep theirs, except that going down cuts
// them.
func (s *Server) SetFaults(f Faults) error {
	s.mu.Lock()
	s.faults, s.left = f, f.Connections
	up := s.listener == nil && !f.Down && !s.closed
	if f.Down {
		s.hangUpLocked()
	}
	for c := range s.conns {
		if c.between {
			_ = c.Close()
		}
	}
	s.mu.Unlock()
	if up {
		return s.listen(s.addr)
	}
	return nil
}

func (s *Server) wait(c *conn, between bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.between = between
}

// recipient answers RCPT.
func (s *Server) recipient(f Faults, from, to string) error {
	r, ok := f.Recipients[strings.ToLower(to)]
	if !ok {
		r = f.Recipients["*"]
	}
	if err := r.err(); err != nil {
		return err
	}
	return s.greylist(f.Greylist, from, to)
}

func (s *Server) greylist(g Greylist, from, to string) error {
	if g == (Greylist{}) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := strings.ToLower(from + "\x00" + to)
	e := s.grey[key]
	if e == nil {
		if len(s.grey) >= maxCommands {
			clear(s.grey)
		}
		e = &greyEntry{first: s.opts.Now()}
		s.grey[key] = e
	}
	e.tries++
	if e.tries > g.Tries && s.opts.Now().Sub(e.first) >= g.Wait {
		return nil
	}
	return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "greylisted, please try again later"}
}

// tlsConfig returns what a connection with these faults presents.
func (s *Server) tlsConfig(f Faults) (*tls.Config, error) {
	if !f.BrokenCertificate {
		return s.opts.TLS.Config, nil
	}
	cert, _, err := NewCertificate(s.opts.Now().AddDate(-10, 0, 0), "elsewhere.example")
	if err != nil {
		return nil, fmt.Errorf("smtpsink: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}, nil
}
