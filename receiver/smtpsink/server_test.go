package smtpsink

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"
)

func start(t *testing.T, opts Options) *Server {
	t.Helper()
	s, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func faults(t *testing.T, s *Server, f Faults) {
	t.Helper()
	if err := s.SetFaults(f); err != nil {
		t.Fatal(err)
	}
}

func code(err error) int {
	var e *textproto.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

const short = "Subject: hi\nMessage-Id: <a@b.example>\n\nbody\n"

func TestKeeps(t *testing.T) {
	now := time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)
	s := start(t, Options{Now: func() time.Time { return now }})
	if err := send(t, s, fmt.Sprintf(mixed, "one"), "am@msp.example", "expert@msp.example"); err != nil {
		t.Fatal(err)
	}
	m := s.Messages()[0]
	if m.From != "vigie@msp.example" || !slices.Equal(m.Recipients, []string{"am@msp.example", "expert@msp.example"}) || !m.Received.Equal(now) {
		t.Errorf("envelope: %+v", m)
	}
	if m.To[0] != (Address{"Zoé", "am@msp.example"}) || m.Cc[0].Address != "expert@msp.example" || !strings.HasPrefix(m.Subject, "Sauvegarde non rétablie") || m.MessageID != "one@msp.example" {
		t.Errorf("headers: %+v", m)
	}
	if !strings.Contains(m.Text, "non rétablie") || !strings.Contains(m.HTML, "Prendre") || !bytes.Contains(m.Raw, []byte("--frontier--")) {
		t.Errorf("bodies: %q, %q", m.Text, m.HTML)
	}
}

func TestKeepsWhatIsMalformed(t *testing.T) {
	for _, raw := range []string{"no header at all\n", "Subject: x\nTo: <<<>>>\n\nbody\n", "Content-Type: multipart/mixed; boundary=x\n\n--y\n", "Content-Type: text/plain; charset=unheard-of\n\nbody\n", "\xff\xfe: \x80\n\n\x80\n"} {
		s := start(t, Options{})
		if err := send(t, s, raw, "am@msp.example"); err != nil {
			t.Errorf("%q: %v", raw, err)
		}
		if len(s.Messages()) != 1 {
			t.Errorf("%q was not kept", raw)
		}
	}
}

func TestBounds(t *testing.T) {
	s := start(t, Options{MaxMessages: 3, MaxMessageBytes: 1000, MaxBytes: 2000})
	for range 5 {
		if err := send(t, s, short, "am@msp.example"); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Messages(); len(got) != 3 || got[0].ID != 3 || s.Dropped() != 2 {
		t.Errorf("%d kept from number %d, %d dropped", len(got), got[0].ID, s.Dropped())
	}
	if err := send(t, s, short+strings.Repeat("x\n", 1000), "am@msp.example"); code(err) != 552 {
		t.Errorf("too large: %v", err)
	}
	for range 4 {
		if err := send(t, s, short+strings.Repeat("x\n", 150), "am@msp.example"); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Messages(); len(got) != 2 {
		t.Errorf("%d kept of 2000 bytes", len(got))
	}
}

func TestWait(t *testing.T) {
	s := start(t, Options{})
	bySubject := func(want string) func(Message) bool {
		return func(m Message) bool { return m.Subject == want }
	}
	result := make(chan error, 1)
	go func() {
		m, err := s.Wait(t.Context(), bySubject("third"))
		if err == nil && m.ID != 3 {
			err = fmt.Errorf("message %d", m.ID)
		}
		result <- err
	}()
	for _, subject := range []string{"first", "second", "third"} {
		if err := send(t, s, "Subject: "+subject+"\n\nbody\n", "am@msp.example"); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-result; err != nil {
		t.Error(err)
	}
	if m, err := s.Wait(t.Context(), bySubject("first")); err != nil || m.ID != 1 {
		t.Errorf("a message already there: %d, %v", m.ID, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Wait(ctx, bySubject("never")); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	go func() {
		_, err := s.Wait(t.Context(), bySubject("never"))
		result <- err
	}()
	_ = s.Close()
	if err := <-result; err == nil {
		t.Error("Wait on a closed server returned no error")
	}
}

func TestReplies(t *testing.T) {
	s := start(t, Options{})
	for _, tt := range []struct {
		name   string
		faults Faults
		code   int
	}{
		{"greeting", Faults{Greeting: Reply{421, "busy"}}, 421},
		{"mail", Faults{Mail: Reply{452, ""}}, 452},
		{"recipient", Faults{Recipients: map[string]Reply{"am@msp.example": {550, "gone"}}}, 550},
		{"everyone", Faults{Recipients: map[string]Reply{"*": {450, "later"}}}, 450},
		{"somebody else", Faults{Recipients: map[string]Reply{"x@msp.example": {550, "gone"}}}, 0},
		{"data", Faults{Data: Reply{554, "spam"}}, 554},
	} {
		faults(t, s, tt.faults)
		before := len(s.Messages())
		err := send(t, s, short, "AM@msp.example")
		if code(err) != tt.code || (err == nil) != (tt.code == 0) {
			t.Errorf("%s: %v, want %d", tt.name, err, tt.code)
		}
		if kept := len(s.Messages()) - before; kept != map[bool]int{true: 1, false: 0}[tt.code == 0] {
			t.Errorf("%s: %d kept", tt.name, kept)
		}
	}
}

func TestConnectionsCount(t *testing.T) {
	s := start(t, Options{})
	faults(t, s, Faults{Data: Reply{451, "later"}, Connections: 2})
	for i, want := range []int{451, 451, 0, 0} {
		if err := send(t, s, short, "am@msp.example"); code(err) != want {
			t.Errorf("attempt %d: %v, want %d", i+1, err, want)
		}
	}
}

func TestDownAndUp(t *testing.T) {
	s := start(t, Options{})
	for range 3 {
		faults(t, s, Faults{Down: true})
		if c, err := net.Dial("tcp", s.Addr()); err == nil {
			_ = c.Close()
			t.Error("a server that is down accepts connections")
		}
		if err := s.Reset(); err != nil {
			t.Fatal(err)
		}
		if err := send(t, s, short, "am@msp.example"); err != nil {
			t.Errorf("back up: %v", err)
		}
	}
}

func TestGreylist(t *testing.T) {
	now := time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)
	s := start(t, Options{Now: func() time.Time { return now }})
	faults(t, s, Faults{Greylist: Greylist{Tries: 2}})
	for i, want := range []int{451, 451, 0, 0} {
		if err := send(t, s, short, "am@msp.example"); code(err) != want {
			t.Errorf("by tries, attempt %d: %v, want %d", i+1, err, want)
		}
	}
	faults(t, s, Faults{Greylist: Greylist{Wait: time.Minute}})
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 451}, {59 * time.Second, 451}, {time.Second, 0}} {
		now = now.Add(step.after)
		if err := send(t, s, short, "vijay@msp.example"); code(err) != step.want {
			t.Errorf("by time, at %s: %v, want %d", now, err, step.want)
		}
	}
}

func TestStartTLSAndAuth(t *testing.T) {
	s := start(t, Options{TLS: TLSOptions{Mode: TLSStartTLS}, Auth: AuthOptions{Username: "u", Password: "p", Required: true}})
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(s.CA()) {
		t.Fatal("no authority")
	}
	dial := func() *smtp.Client {
		t.Helper()
		c, err := smtp.Dial(s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	c := dial()
	if ok, _ := c.Extension("AUTH"); ok {
		t.Error("AUTH is offered in clear text")
	}
	if err := c.StartTLS(&tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}); err != nil {
		t.Fatal(err)
	}
	if err := c.Mail("a@b.example"); code(err) != 530 {
		t.Errorf("unauthenticated: %v", err)
	}
	if err := c.Auth(smtp.PlainAuth("", "u", "p", "127.0.0.1")); err != nil {
		t.Error(err)
	}
	if err := c.Mail("a@b.example"); err != nil {
		t.Error(err)
	}
	for _, cmd := range s.Commands() {
		if strings.HasPrefix(cmd.Line, "AUTH") && (cmd.Line != "AUTH PLAIN" || !cmd.TLS) {
			t.Errorf("recorded %+v", cmd)
		}
	}

	faults(t, s, Faults{NoStartTLS: true})
	c = dial()
	if ok, _ := c.Extension("STARTTLS"); ok {
		t.Error("STARTTLS is offered")
	}
	if ok, _ := c.Extension("AUTH"); !ok {
		t.Error("a stripped server does not tempt with AUTH")
	}

	faults(t, s, Faults{BrokenCertificate: true})
	if err := dial().StartTLS(&tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}); err == nil {
		t.Error("the broken certificate is good")
	}
}

func TestCloseEndsHangingConnections(t *testing.T) {
	for _, p := range []Point{AtConnect, AtEHLO, AtMail, AtRcpt, AtData, BeforeDot, AfterDot} {
		s := start(t, Options{})
		faults(t, s, Faults{Hang: p})
		result := make(chan error, 1)
		go func() { result <- send(t, s, short, "am@msp.example") }()
		if p == AfterDot {
			if _, err := s.Wait(t.Context(), func(Message) bool { return true }); err != nil {
				t.Error(err)
			}
		}
		for p != AtConnect && len(s.Commands()) == 0 {
			time.Sleep(time.Millisecond)
		}
		_ = s.Close()
		select {
		case err := <-result:
			if err == nil {
				t.Errorf("%s: no error", p)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("%s: the client hangs on after Close", p)
		}
	}
}

func TestContextCloses(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s, err := Start(ctx, Options{})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	<-s.done
	_ = s.Close()
	if _, err := net.Dial("tcp", s.Addr()); err == nil {
		t.Error("still listening after its context ended")
	}
}

func TestStartRefusesOtherInterfaces(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "mail.example:0", "127.0.0.1"} {
		if s, err := Start(t.Context(), Options{Listen: listen}); err == nil {
			_ = s.Close()
			t.Errorf("listens on %s", listen)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(strings.ReplaceAll(fmt.Sprintf(mixed, "one"), "\n", "\r\n")))
	f.Add([]byte("To: <<<>>>\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n--x--"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := Parse(raw)
		if !bytes.Equal(m.Raw, raw) {
			t.Error("the message was changed")
		}
	})
}
