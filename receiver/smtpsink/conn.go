package smtpsink

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// conn is one client. Each has an SMTP server of its own, so that the faults of
// one connection are settings of its server, and so that what passes can be
// watched in clear (see Write) although it is encrypted on the wire.
type conn struct {
	net.Conn
	server *Server
	id     int
	faults Faults
	// between says that one message is answered and the next not begun; under the
	// server's mutex.
	between bool
	once    sync.Once
	done    chan struct{}

	// What the watch knows; used by the one goroutine that serves the connection.
	tls     bool
	asked   string // the command last seen
	line    []byte
	body    bool
	bodyEnd []byte
}

// Close ends the connection and everything that waits on it.
func (c *conn) Close() error {
	c.once.Do(func() { close(c.done) })
	return c.Conn.Close()
}

// serve has the whole conversation.
func (c *conn) serve() {
	switch {
	case c.faults.Hang == AtConnect:
		c.hang()
		return
	case c.faults.Cut == AtConnect:
		return
	case c.faults.Greeting.Code != 0:
		_, _ = fmt.Fprintf(c.Conn, "%d %s\r\n", c.faults.Greeting.Code, c.faults.Greeting.Text)
		return
	case c.faults.Banner > 0:
		_, _ = io.Copy(c.Conn, io.MultiReader(strings.NewReader("220 "), io.LimitReader(endless('x'), int64(c.faults.Banner))))
		return
	}
	cfg, err := c.server.tlsConfig(c.faults)
	if err != nil {
		return
	}
	opts := c.server.opts
	srv := smtp.NewServer(smtp.BackendFunc(c.newSession))
	srv.Domain = opts.Domain
	srv.MaxRecipients = 100
	srv.MaxMessageBytes = opts.MaxMessageBytes
	srv.ReadTimeout = 5 * time.Minute
	srv.WriteTimeout = time.Minute
	srv.EnableSMTPUTF8 = opts.SMTPUTF8
	srv.ErrorLog = log.New(io.Discard, "", 0) // faults are its daily bread
	srv.Debug = watch{c}
	var served net.Conn = c
	switch {
	case opts.TLS.Mode == TLSImplicit:
		served, c.tls = tls.Server(c, cfg), true
	case opts.TLS.Mode == TLSStartTLS && !c.faults.NoStartTLS:
		srv.TLSConfig = cfg
	default:
		srv.AllowInsecureAuth = true
	}
	_ = srv.Serve(&single{conn: served, done: c.done})
	_ = srv.Shutdown(context.Background()) // the connection is closed: its goroutine is ending
}

// Write sends, after the scripted delay.
func (c *conn) Write(p []byte) (int, error) {
	if c.faults.Slow > 0 {
		select {
		case <-time.After(c.faults.Slow):
		case <-c.done:
			return 0, net.ErrClosed
		}
	}
	return c.Conn.Write(p)
}

// hang says nothing until the other side gives up or the sink is closed.
func (c *conn) hang() {
	_ = c.SetReadDeadline(time.Time{})
	_, _ = io.Copy(io.Discard, c.Conn)
	_ = c.Close()
}

// at plays the fault scripted for a point and reports whether the connection is
// over.
func (c *conn) at(p Point) bool {
	switch p {
	case c.faults.Hang:
		c.hang()
	case c.faults.Cut:
		if tcp, ok := c.Conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset, not a farewell
		}
		_ = c.Close()
	default:
		return false
	}
	return true
}

// watch receives a copy of everything said in clear, before it is acted on: the
// SMTP library has no hook for EHLO or QUIT.
type watch struct{ c *conn }

func (w watch) Write(p []byte) (int, error) {
	c := w.c
	if !c.body && isReply(p) {
		switch {
		case c.asked == "DATA" && bytes.HasPrefix(p, []byte("354")):
			c.body, c.bodyEnd = true, []byte("\r\n")
		case c.asked == "STARTTLS" && bytes.HasPrefix(p, []byte("220")):
			c.tls = true
		}
		return len(p), nil
	}
	for _, b := range p {
		if !c.client(b) {
			return 0, net.ErrClosed
		}
	}
	return len(p), nil
}

// isReply tells the server's lines from the client's: no command, and no line of
// an AUTH exchange, starts with three digits and a space or a dash.
func isReply(p []byte) bool {
	digit := func(b byte) bool { return b >= '0' && b <= '9' }
	return len(p) > 3 && digit(p[0]) && digit(p[1]) && digit(p[2]) && (p[3] == ' ' || p[3] == '-')
}

// client follows what the client says, byte by byte, and reports whether the
// conversation goes on.
func (c *conn) client(b byte) bool {
	if c.body {
		const end = "\r\n.\r\n"
		c.bodyEnd = append(c.bodyEnd, b)
		c.bodyEnd = c.bodyEnd[max(0, len(c.bodyEnd)-len(end)):]
		if string(c.bodyEnd) == end {
			c.body = false
		}
		return true
	}
	if b != '\n' {
		if len(c.line) < 1000 {
			c.line = append(c.line, b)
		}
		return true
	}
	line := strings.TrimRight(string(c.line), "\r")
	c.line = c.line[:0]
	return c.command(line)
}

func (c *conn) command(line string) bool {
	words := strings.Fields(line)
	if len(words) == 0 {
		return true
	}
	verb := strings.ToUpper(words[0])
	switch verb {
	case "EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "QUIT", "VRFY", "BDAT":
	default:
		return true // a line of an AUTH exchange, or nonsense
	}
	if verb == "AUTH" && len(words) > 2 {
		line = strings.Join(words[:2], " ")
	}
	c.asked = verb
	if verb == "MAIL" {
		c.server.wait(c, false)
	}
	c.server.record(Command{Conn: c.id, Line: line, TLS: c.tls})
	point := Point(verb)
	if verb == "HELO" {
		point = AtEHLO
	}
	return !c.at(point)
}

// single is a listener with one connection to give.
type single struct {
	conn net.Conn
	done <-chan struct{}
}

func (l *single) Accept() (net.Conn, error) {
	if l.conn != nil {
		c := l.conn
		l.conn = nil
		return c, nil
	}
	<-l.done
	return nil, net.ErrClosed
}

func (l *single) Close() error   { return nil }
func (l *single) Addr() net.Addr { return nil }

// endless reads as one byte for ever.
type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}
