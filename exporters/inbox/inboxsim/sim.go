// Package inboxsim is a simulated mailbox: a real IMAP server on loopback, and
// a Go interface to steer what happens in it and how it misbehaves.
package inboxsim

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

// Options configure a simulator. The zero value is a healthy server with TLS
// from the first byte on a free port of 127.0.0.1.
type Options struct {
	Listen   string // "127.0.0.1:0"
	Username string // "expert"
	Password string // "sim-password"
	Security Security
	NoMove   bool // neither MOVE nor UIDPLUS, as old servers
	UIDPlus  bool // UIDPLUS all the same, as Courier
	// Token is what OAUTHBEARER and XOAUTH2 take in place of the password; empty
	// offers neither. Mechanisms narrows them.
	Token      func() string
	Mechanisms []string
	// Prefix is below what all folders but INBOX lie, such as "INBOX/".
	Prefix string
}

// Security says how a server encrypts.
type Security int

// The ways to encrypt.
const (
	TLS Security = iota
	StartTLS
	Plain
)

// Faults are what the server does wrong, until other faults are set.
type Faults struct {
	RefuseLogin bool
	// LoginCode is the response code with which it is refused, "-" for none, and
	// LoginText what is said with it.
	LoginCode imap.ResponseCode
	LoginText string
	// LoginCut ends the connection in place of an answer.
	LoginCut bool
	// Bye is what the server says in place of a greeting.
	Bye *imap.Error
	// ByeLogin and ByeMail are said in place of an answer to the login and to the
	// demand for a mail, and end the session.
	ByeLogin, ByeMail string
	// Cut breaks the connection in the middle of the mail with this UID, as
	// often as Times says; 0 means each time.
	Cut   uint32
	Times int
	// Flood answers the demand for a mail with one that does not end.
	Flood bool
	// Hang says nothing more when a mail is asked for.
	Hang bool
	// Lose is a mail that is listed and then not given.
	Lose uint32
	// NoUIDValidity leaves out what tells one folder from the next.
	NoUIDValidity bool
	// CopyOne copies the first of the mails that are to be copied, and says so.
	CopyOne bool
}

// Sim is one server with one account.
type Sim struct {
	o        Options
	server   *imapserver.Server
	listener net.Listener
	ca       []byte

	mu     sync.Mutex
	faults Faults
	user   *imapmemserver.User
	boxes  map[string][]mail
	asked  int // bodies
	logins int
	conns  map[*conn]bool
	done   chan struct{}
}

type mail struct {
	raw []byte
	at  time.Time
}

// New starts a server with the folder INBOX. Now is for its certificate.
func New(o Options, now time.Time) (*Sim, error) {
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.Username == "" {
		o.Username = "expert"
	}
	if o.Password == "" {
		o.Password = "sim-password"
	}
	s := &Sim{o: o, boxes: map[string][]mail{}, conns: map[*conn]bool{}, done: make(chan struct{}), user: imapmemserver.NewUser(o.Username, o.Password)}
	cert, ca, err := certificate(now)
	if err != nil {
		return nil, err
	}
	s.ca = ca
	conf := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	caps := imap.CapSet{imap.CapIMAP4rev1: {}}
	if !o.NoMove {
		caps[imap.CapMove], caps[imap.CapUIDPlus] = struct{}{}, struct{}{}
	}
	if o.UIDPlus {
		caps[imap.CapUIDPlus] = struct{}{}
	}
	if o.Prefix != "" {
		caps[imap.CapNamespace] = struct{}{}
	}
	so := &imapserver.Options{NewSession: s.session, Caps: caps, Logger: log.New(io.Discard, "", 0), InsecureAuth: o.Security == Plain}
	if o.Security == StartTLS {
		so.TLSConfig = conf
	}
	s.server = imapserver.New(so)
	if err := s.Create("INBOX"); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, err
	}
	s.listener = l
	var served net.Listener = &listener{Listener: l, sim: s}
	if o.Security == TLS {
		served = tls.NewListener(served, conf)
	}
	go func() { _ = s.server.Serve(served) }() // it ends with Close
	return s, nil
}

// Close ends the server.
func (s *Sim) Close() error {
	s.mu.Lock()
	select {
	case <-s.done:
	default:
		close(s.done)
	}
	s.mu.Unlock()
	s.HangUp()
	return s.server.Close()
}

// Address is host:port.
func (s *Sim) Address() string { return s.listener.Addr().String() }

// CA is the certificate, in PEM, by which the server is verified.
func (s *Sim) CA() []byte { return s.ca }

// SetFaults replaces what the server does wrong.
func (s *Sim) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// HangUp breaks all connections.
func (s *Sim) HangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Conn.Close()
	}
}

// Create makes a folder.
func (s *Sim) Create(folder string) error { return s.user.Create(folder, nil) }

// Deliver puts a mail into a folder.
func (s *Sim) Deliver(folder string, raw []byte, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.deliver(folder, mail{bytes.Clone(raw), at})
}

func (s *Sim) deliver(folder string, m mail) error {
	_, err := s.user.Append(folder, literal{bytes.NewReader(m.raw)}, &imap.AppendOptions{Time: m.at})
	if err == nil {
		s.boxes[folder] = append(s.boxes[folder], m)
	}
	return err
}

type literal struct{ *bytes.Reader }

// Renumber makes the folder anew with all mails that were ever delivered to
// it, as a server does that was restored: UIDs begin at 1, UIDVALIDITY changes.
func (s *Sim) Renumber(folder string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.user.Delete(folder); err != nil {
		return err
	}
	if err := s.user.Create(folder, nil); err != nil {
		return err
	}
	mails := s.boxes[folder]
	s.boxes[folder] = nil
	for _, m := range mails {
		if err := s.deliver(folder, m); err != nil {
			return err
		}
	}
	return nil
}

// Count gives how many mails a folder has, and how many of them are unseen.
func (s *Sim) Count(folder string) (all, unseen int, err error) {
	data, err := s.user.Status(folder, &imap.StatusOptions{NumMessages: true, NumUnseen: true})
	if err != nil {
		return 0, 0, err
	}
	return int(*data.NumMessages), int(*data.NumUnseen), nil
}

// Asked counts the mails that clients asked for.
func (s *Sim) Asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// Logins counts the logins that succeeded.
func (s *Sim) Logins() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins
}

// session is one client's, with the faults that it meets.
type session struct {
	*imapmemserver.UserSession
	sim  *Sim
	conn *imapserver.Conn
}

func (s *Sim) session(c *imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
	s.mu.Lock()
	bye := s.faults.Bye
	s.mu.Unlock()
	if bye != nil {
		return nil, nil, bye
	}
	one := &session{UserSession: imapmemserver.NewUserSession(s.user), sim: s, conn: c}
	if s.o.Token == nil {
		return one, nil, nil
	}
	return &bearerSession{one}, nil, nil
}

// Login implements imapserver.Session.
func (s *session) Login(username, password string) error {
	s.sim.mu.Lock()
	bye := s.sim.faults.ByeLogin
	s.sim.mu.Unlock()
	if bye != "" {
		return s.bye(bye)
	}
	s.sim.mu.Lock()
	defer s.sim.mu.Unlock()
	if f := s.sim.faults; f.LoginCut {
		for c := range s.sim.conns {
			_ = c.Conn.Close()
		}
		return imapserver.ErrAuthFailed
	} else if f.LoginCode != "" || f.LoginText != "" {
		return &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCode(strings.Trim(string(f.LoginCode), "-")), Text: cmp.Or(f.LoginText, "Login failed.")}
	}
	if s.sim.faults.RefuseLogin {
		return imapserver.ErrAuthFailed
	}
	if err := s.sim.user.Login(username, password); err != nil {
		return err
	}
	s.sim.logins++
	return nil
}

// bye ends the session.
func (s *session) bye(text string) error {
	wire := s.conn.NetConn()
	_, _ = io.WriteString(wire, "* BYE "+text+"\r\n")
	_ = wire.Close()
	return errors.New("gone")
}

// Select implements imapserver.Session.
func (s *session) Select(name string, o *imap.SelectOptions) (*imap.SelectData, error) {
	data, err := s.UserSession.Select(name, o)
	s.sim.mu.Lock()
	defer s.sim.mu.Unlock()
	if err == nil && s.sim.faults.NoUIDValidity {
		data.UIDValidity = 0
	}
	return data, err
}

// Copy copies mails, or the first of them.
func (s *session) Copy(set imap.NumSet, dest string) (*imap.CopyData, error) {
	s.sim.mu.Lock()
	one := s.sim.faults.CopyOne
	s.sim.mu.Unlock()
	if uids, is := set.(imap.UIDSet); one && is {
		nums, _ := uids.Nums()
		set = imap.UIDSetNum(nums[0])
	}
	return s.UserSession.Copy(set, dest)
}

// Namespace implements imapserver.SessionNamespace.
func (s *session) Namespace() (*imap.NamespaceData, error) {
	return &imap.NamespaceData{Personal: []imap.NamespaceDescriptor{{Prefix: s.sim.o.Prefix, Delim: '/'}}}, nil
}

// Fetch implements imapserver.Session.
func (s *session) Fetch(w *imapserver.FetchWriter, set imap.NumSet, o *imap.FetchOptions) error {
	if len(o.BodySection) == 0 {
		return s.UserSession.Fetch(w, set, o)
	}
	s.sim.mu.Lock()
	s.sim.asked++
	f := s.sim.faults
	uids, _ := set.(imap.UIDSet)
	cut := f.Cut != 0 && uids.Contains(imap.UID(f.Cut))
	if cut && f.Times > 0 {
		if s.sim.faults.Times--; s.sim.faults.Times == 0 {
			s.sim.faults.Cut = 0
		}
	}
	s.sim.mu.Unlock()
	switch {
	case f.Lose != 0 && uids.Contains(imap.UID(f.Lose)):
		return nil
	case f.ByeMail != "":
		return s.bye(f.ByeMail)
	case f.Hang:
		<-s.sim.done
		return errors.New("gone")
	case cut:
		return s.raw(uids, "{100000}\r\nReceived: by nobody", 0)
	case f.Flood:
		return s.raw(uids, "{4000000000}\r\n", 4_000_000_000)
	}
	return s.UserSession.Fetch(w, set, o)
}

// raw writes past the library what it would never say, and hangs up.
func (s *session) raw(uids imap.UIDSet, text string, more int64) error {
	nums, _ := uids.Nums()
	c := s.conn.NetConn()
	_, err := fmt.Fprintf(c, "* 1 FETCH (UID %d BODY[] %s", slices.Max(nums), text)
	chunk := bytes.Repeat([]byte("x"), 64<<10)
	for ; err == nil && more > 0; more -= int64(len(chunk)) {
		_, err = c.Write(chunk)
	}
	_ = c.Close()
	return errors.New("gone")
}

// listener notes connections, so that they can be broken.
type listener struct {
	net.Listener
	sim *Sim
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	out := &conn{Conn: c, sim: l.sim}
	l.sim.mu.Lock()
	l.sim.conns[out] = true
	l.sim.mu.Unlock()
	return out, nil
}

type conn struct {
	net.Conn
	sim *Sim
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.sim.mu.Lock()
	delete(c.sim.conns, c)
	c.sim.mu.Unlock()
	return c.Conn.Close()
}
