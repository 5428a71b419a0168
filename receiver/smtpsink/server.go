// Package smtpsink is a small real SMTP server that delivers nothing: it keeps
// what it is sent in memory. Tests use it in process, on a free port, and script
// the faults of real relays with [Server.SetFaults]; the lab runs it as the inbox
// of its demonstration, with the pages of [Web].
//
// Everything it holds is bounded: messages, their bytes, connections, and the
// record of commands.
package smtpsink

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// TLSMode says how the sink encrypts.
type TLSMode int

const (
	// TLSNone offers no encryption.
	TLSNone TLSMode = iota
	// TLSStartTLS offers STARTTLS.
	TLSStartTLS
	// TLSImplicit speaks TLS from the first byte.
	TLSImplicit
)

// TLSOptions configures encryption. With a mode and no Config, the sink makes
// itself a certificate for "localhost" and the loopback addresses, whose
// authority is Server.CA.
type TLSOptions struct {
	Mode   TLSMode
	Config *tls.Config
}

// AuthOptions configures authentication; none is offered without a Username.
type AuthOptions struct {
	Username, Password string
	// Mechanisms are offered in this order; PLAIN and LOGIN when empty. A name the
	// sink does not implement is offered all the same, and refused when used.
	Mechanisms []string
	// Required refuses MAIL from those who did not authenticate.
	Required bool
}

// Options configures a sink. The zero value listens on a free port of
// 127.0.0.1, without TLS and authentication.
type Options struct {
	// Listen is a loopback address with a port; "127.0.0.1:0" when empty.
	Listen string
	// Domain is the name in the greeting; "mail.example" when empty.
	Domain string
	TLS    TLSOptions
	Auth   AuthOptions
	// SMTPUTF8 offers that extension.
	SMTPUTF8 bool
	// MaxMessages bounds the messages kept, the oldest going first; 1000 when 0.
	MaxMessages int
	// MaxBytes bounds the bytes kept in all; 256 MiB when 0.
	MaxBytes int64
	// MaxMessageBytes bounds one message; 16 MiB when 0.
	MaxMessageBytes int64
	// Now stamps messages and times the greylisting; the machine's clock when nil.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.Domain == "" {
		o.Domain = "mail.example"
	}
	if o.MaxMessages <= 0 {
		o.MaxMessages = 1000
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 256 << 20
	}
	if o.MaxMessageBytes <= 0 {
		o.MaxMessageBytes = 16 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if len(o.Auth.Mechanisms) == 0 {
		o.Auth.Mechanisms = []string{"PLAIN", "LOGIN"}
	}
	return o
}

const (
	maxConnections = 64
	maxCommands    = 10000
)

// Server is a running sink. Its methods are safe for concurrent use.
type Server struct {
	opts Options
	addr string
	ca   []byte
	done chan struct{}
	wg   sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener // nil while down
	closed   bool
	stop     func() bool
	conns    map[*conn]struct{}
	lastConn int
	faults   Faults
	left     int // connections the faults still apply to, when they are counted
	grey     map[string]*greyEntry
	messages []Message
	bytes    int64
	lastID   int
	dropped  int
	changed  chan struct{} // closed and replaced at each new message
	commands []Command
}

// Start listens and serves until Close is called or ctx ends.
func Start(ctx context.Context, opts Options) (*Server, error) {
	s := &Server{
		opts:    opts.withDefaults(),
		conns:   make(map[*conn]struct{}),
		grey:    make(map[string]*greyEntry),
		changed: make(chan struct{}),
		done:    make(chan struct{}),
	}
	host, _, err := net.SplitHostPort(s.opts.Listen)
	if err != nil {
		return nil, fmt.Errorf("smtpsink: listen address: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("smtpsink: listen address %q: a sink shows everything to everybody and listens on this machine only, for instance on 127.0.0.1:2525", s.opts.Listen)
	}
	if s.opts.TLS.Mode != TLSNone && s.opts.TLS.Config == nil {
		cert, ca, err := NewCertificate(s.opts.Now(), "localhost", "127.0.0.1", "::1")
		if err != nil {
			return nil, fmt.Errorf("smtpsink: %w", err)
		}
		s.ca = ca
		s.opts.TLS.Config = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}
	if err := s.listen(s.opts.Listen); err != nil {
		return nil, err
	}
	s.stop = context.AfterFunc(ctx, func() { _ = s.Close() })
	return s, nil
}

// Addr is the address the sink listens on, or listened on while it is down.
func (s *Server) Addr() string { return s.addr }

// CA is the PEM certificate of the authority behind a certificate the sink made
// itself, nil otherwise.
func (s *Server) CA() []byte { return s.ca }

// Close stops listening, cuts all connections and waits for them to end. What
// was received stays readable.
func (s *Server) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
	s.hangUpLocked()
	stop := s.stop
	s.mu.Unlock()
	if stop != nil {
		stop()
	}
	s.wg.Wait()
	return nil
}

// hangUpLocked closes the listener and every connection.
func (s *Server) hangUpLocked() {
	if s.listener != nil {
		_ = s.listener.Close()
		s.listener = nil
	}
	for c := range s.conns {
		_ = c.Close()
	}
}

// listen opens the listener and serves it.
func (s *Server) listen(addr string) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("smtpsink: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = l.Close()
		return errors.New("smtpsink: closed")
	}
	s.listener, s.addr = l, l.Addr().String()
	s.wg.Go(func() { s.accept(l) })
	return nil
}

func (s *Server) accept(l net.Listener) {
	for {
		raw, err := l.Accept()
		if err != nil {
			return // closed, by Close or by a script that takes the server down
		}
		c := s.admit(raw)
		if c == nil {
			_ = raw.Close()
			continue
		}
		s.wg.Go(func() {
			defer s.dismiss(c)
			c.serve()
		})
	}
}

// admit registers a connection and gives it the faults of this moment.
func (s *Server) admit(raw net.Conn) *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.conns) >= maxConnections {
		return nil
	}
	s.lastConn++
	c := &conn{Conn: raw, server: s, id: s.lastConn, faults: s.faults, done: make(chan struct{})}
	if s.faults.Connections > 0 {
		if s.left == 0 {
			c.faults = Faults{}
		} else {
			s.left--
		}
	}
	s.conns[c] = struct{}{}
	return c
}

func (s *Server) dismiss(c *conn) {
	_ = c.Close()
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}

// Messages returns what was received, oldest first.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Message returns one message by its number.
func (s *Server) Message(id int) (Message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.messages, func(m Message) bool { return m.ID == id })
	if i < 0 {
		return Message{}, false
	}
	return s.messages[i], true
}

// Dropped counts the messages that made room for newer ones.
func (s *Server) Dropped() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped
}

// Wait returns the first message, received already or yet to come, that match
// accepts. It returns ctx's error when that ends first.
func (s *Server) Wait(ctx context.Context, match func(Message) bool) (Message, error) {
	seen := 0
	for {
		s.mu.Lock()
		messages, changed := slices.Clone(s.messages), s.changed
		s.mu.Unlock()
		for _, m := range messages {
			if m.ID <= seen {
				continue
			}
			seen = m.ID
			if match(m) {
				return m, nil
			}
		}
		select {
		case <-changed:
		case <-s.done:
			return Message{}, errors.New("smtpsink: closed")
		case <-ctx.Done():
			return Message{}, fmt.Errorf("smtpsink: no such message among %d: %w", len(messages), context.Cause(ctx))
		}
	}
}

// Reset forgets messages, commands, faults and greylisting, and brings a server
// that was down back up.
func (s *Server) Reset() error {
	s.mu.Lock()
	s.messages, s.commands, s.bytes, s.dropped = nil, nil, 0, 0
	clear(s.grey)
	s.mu.Unlock()
	return s.SetFaults(Faults{})
}

// keep stores a message and tells those who wait.
func (s *Server) keep(m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastID++
	m.ID = s.lastID
	s.messages = append(s.messages, m)
	s.bytes += m.size()
	for len(s.messages) > 1 && (len(s.messages) > s.opts.MaxMessages || s.bytes > s.opts.MaxBytes) {
		s.bytes -= s.messages[0].size()
		s.messages = slices.Delete(s.messages, 0, 1)
		s.dropped++
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// Command is one command a client sent, for tests that assert what left in clear.
type Command struct {
	// Conn numbers the connections from 1.
	Conn int
	// Line is the command; what follows the mechanism of an AUTH is left out.
	Line string
	// TLS tells whether it arrived encrypted.
	TLS bool
}

// Commands returns the latest commands of all connections, oldest first.
func (s *Server) Commands() []Command {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.commands)
}

func (s *Server) record(c Command) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.commands) >= maxCommands {
		s.commands = slices.Delete(s.commands, 0, maxCommands/10)
	}
	s.commands = append(s.commands, c)
}
