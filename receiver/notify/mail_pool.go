package notify

import (
	"context"
	"errors"
	"net/textproto"
	"sync"
	"time"

	simplemail "github.com/xhit/go-simple-mail/v2"

	"vigie/internal/mailauth"
)

const (
	// idleFor is how long a connection waits for the next message: what is due
	// together leaves within it, and relays wait for minutes.
	idleFor = 10 * time.Second
	// mostIdle connections are kept, as many as the outbox sends over at a time.
	mostIdle = 8
	// mailsEach is how many messages leave over one connection; many relays
	// take no more than some hundred.
	mailsEach = 100
)

// session is an authenticated connection to a relay.
type session struct {
	access access
	g      *guard
	client *simplemail.SMTPClient
	mails  int // that it has carried
	timer  *time.Timer
}

// open connects to a relay and lets the library introduce itself over the
// guarded connection. On error it returns the phase that failed, and the
// connection is closed. A token that is refused may have been withdrawn: another
// one is tried, once.
func (m *Mail) open(ctx context.Context, a access) (*session, string, error) {
	if a.relay.Tokens == nil {
		return m.openWith(ctx, a, "")
	}
	token, err := a.relay.Tokens.Get(ctx, "")
	if err != nil {
		return nil, phaseToken, err
	}
	s, phase, err := m.openWith(ctx, a, token)
	var no *textproto.Error
	if phase != phaseAuth || !errors.As(err, &no) {
		return s, phase, err
	}
	other, fault := a.relay.Tokens.Get(ctx, token)
	if fault != nil || other == token {
		return s, phase, err
	}
	return m.openWith(ctx, a, other)
}

func (m *Mail) openWith(ctx context.Context, a access, token string) (*session, string, error) {
	g, phase, err := m.connect(ctx, a)
	if err != nil {
		return nil, phase, err
	}
	stop := context.AfterFunc(ctx, func() { _ = g.Close() })
	defer stop()
	var client *simplemail.SMTPClient
	if token != "" {
		err = g.login(m.cfg.Hello, mailauth.Login{User: a.relay.Username, Token: token, Address: a.relay.addr()})
	}
	if err == nil {
		client, err = m.introduce(g, a)
	}
	if err != nil {
		_ = g.Close()
		return nil, g.phase, err
	}
	g.open = true
	return &session{access: a, g: g, client: client}, "", nil
}

func (m *Mail) introduce(g *guard, a access) (*simplemail.SMTPClient, error) {
	server := &simplemail.SMTPServer{
		Authentication: simplemail.AuthAuto,
		Encryption:     simplemail.EncryptionNone, // it is in place already
		Username:       a.relay.Username,
		Password:       a.password,
		Helo:           m.cfg.Hello,
		Host:           a.relay.Host,
		Port:           a.relay.Port,
		CustomConn:     g,
		KeepAlive:      true,
		// The library's own timeouts leave goroutines behind and do not hold;
		// the guard's do.
		ConnectTimeout: 0,
		SendTimeout:    0,
	}
	if a.relay.Tokens != nil {
		server.Username = "" // it has logged in
	}
	client, err := server.Connect()
	if err != nil {
		if server.Username != "" && g.phase == phaseEHLO && g.failed == nil {
			g.phase = phaseAuth // the library found no mechanism it knows and sent nothing
		}
		return nil, err
	}
	if server.Username != "" && !g.authSent {
		g.phase = phaseAuth
		return nil, errNoAuth
	}
	return client, nil
}

// send sends one message and returns nil once the server answered it with 250.
// The end of ctx closes the connection.
func (s *session) send(ctx context.Context, t transmission) error {
	stop := context.AfterFunc(ctx, func() { _ = s.g.Close() })
	defer stop()
	s.g.limit.left = maxFromServer
	if s.mails > 0 {
		s.g.anew()
		if err := s.client.Reset(); err != nil {
			return err
		}
	}
	s.mails++
	return simplemail.SendMessage(t.from, []string{t.to}, t.raw, s.client)
}

func (s *session) close() { _ = s.g.Close() }

// leave says farewell over a connection without fault. That it fails changes
// nothing: what was sent is accepted.
func (s *session) leave() {
	s.g.limit.left = maxFromServer
	_ = s.client.Quit()
	s.close()
}

// pool keeps connections without fault for the next message.
type pool struct {
	mu   sync.Mutex
	idle []*session
}

// get returns the connection that was used last of those that were opened with
// the same settings and secrets, nil when there is none.
func (p *pool) get(a access) *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.idle) - 1; i >= 0; i-- {
		if s := p.idle[i]; s.access == a && s.timer.Stop() {
			p.remove(i)
			return s
		}
	}
	return nil
}

// put keeps a connection for a while, or ends it when it has served enough.
func (p *pool) put(s *session) {
	p.mu.Lock()
	full := len(p.idle) == mostIdle || s.mails >= mailsEach
	if !full {
		s.timer = time.AfterFunc(idleFor, func() { p.expire(s) })
		p.idle = append(p.idle, s)
	}
	p.mu.Unlock()
	if full {
		s.leave()
	}
}

func (p *pool) expire(s *session) {
	p.mu.Lock()
	for i, other := range p.idle {
		if other == s {
			p.remove(i)
			break
		}
	}
	p.mu.Unlock()
	s.leave()
}

func (p *pool) remove(i int) { p.idle = append(p.idle[:i], p.idle[i+1:]...) }
