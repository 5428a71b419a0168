package notify

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vigie/receiver/smtpsink"
)

// scripted is a server for one connection that says what an SMTP library would not.
func scripted(t *testing.T, serve func(net.Conn, *bufio.Reader)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		serve(c, bufio.NewReader(c))
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return l.Addr().String()
}

func say(c net.Conn, lines ...string) {
	_, _ = c.Write([]byte(strings.Join(lines, "\r\n") + "\r\n"))
}

func hear(r *bufio.Reader) string {
	line, _ := r.ReadString('\n')
	return strings.TrimRight(line, "\r\n")
}

func hearByte(r *bufio.Reader) { _, _ = r.ReadByte() }

func relayAt(t *testing.T, addr string, mode TLSMode) MailRelay {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return MailRelay{Host: host, Port: n, TLS: mode}
}

// noneLeft waits until no goroutine of a delivery is left.
func noneLeft(t *testing.T) {
	t.Helper()
	var stacks string
	for range 400 {
		buf := make([]byte, 1<<20)
		stacks = string(buf[:runtime.Stack(buf, true)])
		left := slices.ContainsFunc(strings.Split(stacks, "\n\n"), func(g string) bool {
			return strings.Contains(g, "go-simple-mail") || strings.Contains(g, "notify.(*guard)") || strings.Contains(g, "notify.(*Mail)")
		})
		if !left {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("goroutines are left behind:\n%s", stacks)
}

func TestMailReplies(t *testing.T) {
	reply := func(code int) smtpsink.Reply { return smtpsink.Reply{Code: code, Text: "scripted"} }
	rcpt := func(code int) smtpsink.Faults {
		return smtpsink.Faults{Recipients: map[string]smtpsink.Reply{"am@msp.example": reply(code)}}
	}
	tests := []struct {
		faults smtpsink.Faults
		kind   Kind
		phase  string
		code   int
	}{
		{smtpsink.Faults{Greeting: reply(421)}, KindTemporary, "greeting", 421},
		{smtpsink.Faults{Greeting: reply(554)}, KindConfig, "greeting", 554},
		{smtpsink.Faults{Mail: reply(451)}, KindTemporary, "mail", 451},
		{smtpsink.Faults{Mail: reply(550)}, KindConfig, "mail", 550},
		{smtpsink.Faults{Mail: reply(530)}, KindAuth, "mail", 530},
		{rcpt(421), KindTemporary, "rcpt", 421},
		{rcpt(450), KindTemporary, "rcpt", 450},
		{rcpt(451), KindTemporary, "rcpt", 451},
		{rcpt(550), KindRecipient, "rcpt", 550},
		{rcpt(553), KindRecipient, "rcpt", 553},
		{smtpsink.Faults{Data: reply(452)}, KindTemporary, "dot", 452},
		{smtpsink.Faults{Data: reply(554)}, KindMessage, "dot", 554},
		{smtpsink.Faults{Data: reply(251)}, -1, "", 0}, // odd, but an acceptance
	}
	for _, tt := range tests {
		for _, mode := range []TLSMode{TLSNone, TLSStartTLS} {
			t.Run(fmt.Sprintf("%s %d %s", tt.phase, tt.code, mode), func(t *testing.T) {
				theirs := map[TLSMode]smtpsink.TLSMode{TLSNone: smtpsink.TLSNone, TLSStartTLS: smtpsink.TLSStartTLS}[mode]
				s := sink(t, smtpsink.Options{TLS: smtpsink.TLSOptions{Mode: theirs}})
				if err := s.SetFaults(tt.faults); err != nil {
					t.Fatal(err)
				}
				err := deliver(t, newMail(t, MailConfig{Relay: relayTo(t, s, mode)}), "am@msp.example")
				if tt.kind < 0 {
					if err != nil {
						t.Error(err)
					}
					return
				}
				wantKind(t, err, tt.kind, tt.phase, tt.code)
				if err == nil || IsPermanent(err) != (tt.code/100 == 5) {
					t.Errorf("%v: permanent %t", err, IsPermanent(err))
				}
				if n := len(s.Messages()); n != 0 {
					t.Errorf("%d messages arrived", n)
				}
			})
		}
	}
}

func TestMailRefusedRecipientDoesNotStopTheOthers(t *testing.T) {
	s := sink(t, smtpsink.Options{})
	if err := s.SetFaults(smtpsink.Faults{Recipients: map[string]smtpsink.Reply{"expert@msp.example": {Code: 550, Text: "no such user"}}}); err != nil {
		t.Fatal(err)
	}
	m := plain(t, s)
	for _, to := range []string{"am@msp.example", "expert@msp.example", "vijay@msp.example"} {
		err := deliver(t, m, to)
		if to == "expert@msp.example" {
			wantKind(t, err, KindRecipient, "rcpt", 550)
			if want := "no such user"; !strings.Contains(err.Error(), want) {
				t.Errorf("%v does not tell %q", err, want)
			}
		} else if err != nil {
			t.Errorf("%s: %v", to, err)
		}
	}
	if n := len(s.Messages()); n != 2 {
		t.Errorf("%d transmissions arrived, want 2", n)
	}
}

func TestMailNeverBlocks(t *testing.T) {
	tests := []struct {
		point smtpsink.Point
		kind  Kind
		phase string
		kept  int
	}{
		{smtpsink.AtConnect, KindConnect, "greeting", 0},
		{smtpsink.AtEHLO, KindTemporary, "ehlo", 0},
		{smtpsink.AtStartTLS, KindTemporary, "starttls", 0},
		{smtpsink.AtAuth, KindTemporary, "auth", 0},
		{smtpsink.AtMail, KindTemporary, "mail", 0},
		{smtpsink.AtRcpt, KindTemporary, "rcpt", 0},
		{smtpsink.AtData, KindTemporary, "data", 0},
		{smtpsink.BeforeDot, KindUnknown, "dot", 0}, // a small message leaves whole before we notice
		{smtpsink.AfterDot, KindUnknown, "dot", 1},
		{smtpsink.AtQuit, -1, "", 1},
	}
	for _, tt := range tests {
		for _, how := range []string{"hang", "cut"} {
			t.Run(how+" at "+string(tt.point), func(t *testing.T) {
				s := sink(t, smtpsink.Options{TLS: smtpsink.TLSOptions{Mode: smtpsink.TLSStartTLS}, Auth: account})
				f, timeouts := smtpsink.Faults{Hang: tt.point}, short()
				timeouts.Command = time.Second // a busy machine takes its time for the handshake
				if how == "cut" {
					f, timeouts.Command = smtpsink.Faults{Cut: tt.point}, 3*time.Second
				}
				if err := s.SetFaults(f); err != nil {
					t.Fatal(err)
				}
				err := deliver(t, newMail(t, MailConfig{Relay: credentials(t, relayTo(t, s, TLSStartTLS)), Timeouts: timeouts}), "am@msp.example")
				switch {
				case tt.kind < 0 && err != nil:
					t.Errorf("the message was accepted, yet: %v", err)
				case tt.kind >= 0:
					wantKind(t, err, tt.kind, tt.phase, 0)
					if err == nil || IsPermanent(err) {
						t.Errorf("%v is not temporary", err)
					}
					var network net.Error
					if how == "hang" && (!errors.As(err, &network) || !network.Timeout()) {
						t.Errorf("%v is not a time-out", err)
					}
				}
				if got, want := errors.Is(err, ErrUnknown), tt.kind == KindUnknown; got != want {
					t.Errorf("errors.Is(%v, ErrUnknown) = %t, want %t", err, got, want)
				}
				if n := len(s.Messages()); n != tt.kept {
					t.Errorf("%d messages kept, want %d", n, tt.kept)
				}
				noneLeft(t)
			})
		}
	}
}

func TestMailUnknownIsRetriedWithTheSameMessageID(t *testing.T) {
	s := sink(t, smtpsink.Options{})
	if err := s.SetFaults(smtpsink.Faults{Cut: smtpsink.AfterDot, Connections: 1}); err != nil {
		t.Fatal(err)
	}
	fallback := sink(t, smtpsink.Options{})
	m := newMail(t, MailConfig{Relay: relayTo(t, s, TLSNone), Fallback: relayTo(t, fallback, TLSNone)})
	if err := deliver(t, m, "am@msp.example"); !errors.Is(err, ErrUnknown) {
		t.Fatalf("error = %v, want ErrUnknown", err)
	}
	if n := len(fallback.Messages()); n != 0 {
		t.Errorf("the fallback was used although the relay may have the message")
	}
	if err := deliver(t, m, "am@msp.example"); err != nil {
		t.Fatal(err)
	}
	got := s.Messages()
	if len(got) != 2 || got[0].MessageID != got[1].MessageID {
		t.Errorf("transmissions = %d, want two with one Message-ID", len(got))
	}
}

func TestMailSlowTrickleDoesNotExtendDeadline(t *testing.T) {
	addr := scripted(t, func(c net.Conn, r *bufio.Reader) {
		say(c, "220 mail.example")
		hear(r)
		for range 100 {
			if _, err := c.Write([]byte("250-x\r\n")); err != nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	})
	start := time.Now()
	err := deliver(t, newMail(t, MailConfig{Relay: relayAt(t, addr, TLSNone)}), "am@msp.example")
	wantKind(t, err, KindTemporary, "ehlo", 0)
	if took := time.Since(start); took > time.Second {
		t.Errorf("took %s with a limit of 300ms", took)
	}
	noneLeft(t)
}

func TestMailHugeBannerIsBounded(t *testing.T) {
	for _, mode := range []TLSMode{TLSNone, TLSStartTLS} {
		s := sink(t, smtpsink.Options{})
		if err := s.SetFaults(smtpsink.Faults{Banner: 64 << 20}); err != nil {
			t.Fatal(err)
		}
		timeouts := short()
		timeouts.Command = 3 * time.Second
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := newMail(t, MailConfig{Relay: relayTo(t, s, mode), Timeouts: timeouts}).Deliver(t.Context(), message(), "am@msp.example")
		runtime.ReadMemStats(&after)
		wantKind(t, err, KindConnect, "greeting", 0)
		if !errors.Is(err, errTalkative) {
			t.Errorf("error = %v", err)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
			t.Errorf("%d bytes were allocated for a banner", grown)
		}
	}
}

func TestMailHugeReplyIsShortened(t *testing.T) {
	s := sink(t, smtpsink.Options{})
	if err := s.SetFaults(smtpsink.Faults{Data: smtpsink.Reply{Code: 554, Text: strings.Repeat("no\nno ", 5000)}}); err != nil {
		t.Fatal(err)
	}
	err := deliver(t, plain(t, s), "am@msp.example")
	wantKind(t, err, KindMessage, "dot", 554)
	if text := err.Error(); len(text) > 500 || strings.ContainsAny(text, "\r\n") {
		t.Errorf("error has %d bytes: %.80q", len(text), text)
	}
}

func TestMailCancel(t *testing.T) {
	s := sink(t, smtpsink.Options{})
	if err := s.SetFaults(smtpsink.Faults{Hang: smtpsink.AtData}); err != nil {
		t.Fatal(err)
	}
	timeouts := MailTimeouts{Command: time.Minute}
	m := newMail(t, MailConfig{Relay: relayTo(t, s, TLSNone), Fallback: relayTo(t, s, TLSNone), Timeouts: timeouts})
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- m.Deliver(ctx, message(), "am@msp.example") }()
	for !slices.Contains(verbs(s), "DATA") {
		time.Sleep(time.Millisecond)
	}
	cancel()
	select {
	case err := <-result:
		wantKind(t, err, KindTemporary, "data", 0)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error = %v, want context.Canceled in it", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("Deliver did not return after its context ended")
	}
	if n := s.Commands()[len(s.Commands())-1].Conn; n != 1 {
		t.Errorf("%d connections, want 1: a cancelled delivery must not go on to the fallback", n)
	}
	noneLeft(t)
}

func TestMailTotalLimit(t *testing.T) {
	s := sink(t, smtpsink.Options{})
	if err := s.SetFaults(smtpsink.Faults{Slow: 200 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	timeouts := MailTimeouts{Total: 500 * time.Millisecond}
	err := deliver(t, newMail(t, MailConfig{Relay: relayTo(t, s, TLSNone), Timeouts: timeouts}), "am@msp.example")
	if IsPermanent(err) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error = %v, want a temporary one for the deadline", err)
	}
}

func TestMailGreylisting(t *testing.T) {
	now := noon
	s := sink(t, smtpsink.Options{Now: func() time.Time { return now }})
	if err := s.SetFaults(smtpsink.Faults{Greylist: smtpsink.Greylist{Tries: 1, Wait: 5 * time.Minute}}); err != nil {
		t.Fatal(err)
	}
	m := plain(t, s)
	wantKind(t, deliver(t, m, "am@msp.example"), KindTemporary, "rcpt", 451)
	wantKind(t, deliver(t, m, "am@msp.example"), KindTemporary, "rcpt", 451)
	now = now.Add(5 * time.Minute)
	if err := deliver(t, m, "am@msp.example"); err != nil {
		t.Error(err)
	}
	wantKind(t, deliver(t, m, "vijay@msp.example"), KindTemporary, "rcpt", 451)
}

func TestMailDown(t *testing.T) {
	s := sink(t, smtpsink.Options{})
	m := plain(t, s)
	if err := s.SetFaults(smtpsink.Faults{Down: true}); err != nil {
		t.Fatal(err)
	}
	err := deliver(t, m, "am@msp.example")
	wantKind(t, err, KindConnect, "dial", 0)
	var network net.Error
	if !errors.As(err, &network) || IsPermanent(err) {
		t.Errorf("error = %v, want a temporary net.Error", err)
	}
	if err := s.SetFaults(smtpsink.Faults{}); err != nil {
		t.Fatal(err)
	}
	if err := deliver(t, m, "am@msp.example"); err != nil {
		t.Errorf("back up: %v", err)
	}
}

func refuses(address string, code int, text string) smtpsink.Faults {
	return smtpsink.Faults{Recipients: map[string]smtpsink.Reply{address: {Code: code, Text: text}}}
}

func TestMailFallback(t *testing.T) {
	tests := []struct {
		name             string
		first, second    smtpsink.Faults
		kind             Kind // -1: delivered
		atFirst, atOther int
	}{
		{name: "relay well", kind: -1, atFirst: 1},
		{name: "relay down", first: smtpsink.Faults{Down: true}, kind: -1, atOther: 1},
		{name: "relay busy", first: smtpsink.Faults{Greeting: smtpsink.Reply{Code: 421, Text: "busy"}}, kind: -1, atOther: 1},
		{name: "recipient refused", first: refuses("am@msp.example", 550, "5.1.1 User unknown"), kind: KindRecipient},
		{name: "recipient refused without a reason, others are taken", first: refuses("am@msp.example", 550, ""), kind: KindRecipient},
		{name: "everybody refused without a reason", first: refuses("*", 550, ""), kind: -1, atOther: 1},
		{name: "relaying denied", first: refuses("*", 554, "5.7.1 <am@msp.example>: Relay access denied"), kind: -1, atOther: 1},
		{name: "no login", first: smtpsink.Faults{Mail: smtpsink.Reply{Code: 530, Text: "5.7.0 Authentication required"}}, kind: -1, atOther: 1},
		{name: "sender refused", first: smtpsink.Faults{Mail: smtpsink.Reply{Code: 550}}, kind: -1, atOther: 1},
		{name: "message refused", first: smtpsink.Faults{Data: smtpsink.Reply{Code: 550, Text: "5.7.1 looks like spam"}}, kind: -1, atOther: 1},
		{name: "too large for the first", first: smtpsink.Faults{Mail: smtpsink.Reply{Code: 552, Text: "5.3.4 Message size exceeds fixed limit"}}, kind: -1, atOther: 1},
		{name: "refused by both for different reasons", first: refuses("*", 554, "5.7.1 Relay access denied"), second: refuses("*", 550, "5.1.1 User unknown"), kind: KindConfig},
		{name: "both down", first: smtpsink.Faults{Down: true}, second: smtpsink.Faults{Down: true}, kind: KindConnect},
		{name: "fallback does not relay", first: smtpsink.Faults{Down: true}, second: smtpsink.Faults{Recipients: map[string]smtpsink.Reply{"*": {Code: 554}}}, kind: KindConnect},
		{name: "fallback unsure", first: smtpsink.Faults{Down: true}, second: smtpsink.Faults{Cut: smtpsink.AfterDot}, kind: KindUnknown, atOther: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			first, second := sink(t, smtpsink.Options{}), sink(t, smtpsink.Options{})
			m := newMail(t, MailConfig{Relay: relayTo(t, first, TLSNone), Fallback: relayTo(t, second, TLSNone)})
			if err := errors.Join(first.SetFaults(tt.first), second.SetFaults(tt.second)); err != nil {
				t.Fatal(err)
			}
			err := deliver(t, m, "am@msp.example")
			if tt.kind < 0 && err != nil || tt.kind >= 0 && (err == nil || KindOf(err) != tt.kind) {
				t.Errorf("error = %v, want %s", err, tt.kind)
			}
			if a, b := len(first.Messages()), len(second.Messages()); a != tt.atFirst || b != tt.atOther {
				t.Errorf("messages at the relay %d, at the fallback %d; want %d, %d", a, b, tt.atFirst, tt.atOther)
			}
		})
	}
}

func TestMailIPv6Literal(t *testing.T) {
	s, err := smtpsink.Start(t.Context(), smtpsink.Options{Listen: "[::1]:0"})
	if err != nil {
		t.Skip("no IPv6 here:", err)
	}
	defer s.Close()
	r := relayTo(t, s, TLSNone)
	for _, host := range []string{"::1", "[::1]"} {
		r.Host = host
		if err := deliver(t, newMail(t, MailConfig{Relay: r}), "am@msp.example"); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestMailAtTheSameTime(t *testing.T) {
	s := sink(t, smtpsink.Options{})
	m := plain(t, s)
	result := make(chan error)
	const n = 40
	for i := range n {
		go func() {
			result <- m.Deliver(t.Context(), message(), fmt.Sprintf("p%d@msp.example", i))
		}()
	}
	for range n {
		if err := <-result; err != nil {
			t.Error(err)
		}
	}
	reached := map[string]bool{}
	for _, m := range s.Messages() {
		if len(m.Recipients) != 1 {
			t.Errorf("a transmission has recipients %v", m.Recipients)
		}
		reached[m.Recipients[0]] = true
	}
	if len(reached) != n || len(s.Messages()) != n {
		t.Errorf("%d recipients reached with %d messages, want %d", len(reached), len(s.Messages()), n)
	}
	if idle := len(m.idle.idle); idle > mostIdle {
		t.Errorf("%d connections are kept", idle)
	}
}

// conversations returns the verbs of each connection, one line each.
func conversations(s *smtpsink.Server) []string {
	var out []string
	for _, c := range s.Commands() {
		verb, _, _ := strings.Cut(c.Line, " ")
		for len(out) < c.Conn {
			out = append(out, "")
		}
		out[c.Conn-1] = strings.TrimSpace(out[c.Conn-1] + " " + verb)
	}
	return out
}

func TestMailConnectionServesAgain(t *testing.T) {
	const first, next = "EHLO MAIL RCPT DATA", " RSET MAIL RCPT DATA"
	reply := func(code int) smtpsink.Reply { return smtpsink.Reply{Code: code, Text: "scripted"} }
	tests := []struct {
		name    string
		between func(*Mail, *smtpsink.Server) error
		faults  smtpsink.Faults
		kind    Kind // of the second of three; -1: delivered
		want    []string
	}{
		{name: "all well", kind: -1, want: []string{first + next + next}},
		{name: "relay hung up", kind: -1, want: []string{first, first + next},
			between: func(_ *Mail, s *smtpsink.Server) error { return s.SetFaults(smtpsink.Faults{}) }},
		{name: "relay gone", kind: KindConnect, want: []string{first, first},
			between: func(_ *Mail, s *smtpsink.Server) error { return s.SetFaults(smtpsink.Faults{Down: true}) }},
		{name: "cut at RSET", kind: -1, faults: smtpsink.Faults{Cut: "RSET", Connections: 1}, want: []string{first + " RSET", first + next}},
		{name: "hung at RSET", kind: -1, faults: smtpsink.Faults{Hang: "RSET", Connections: 1}, want: []string{first + " RSET", first + next}},
		{name: "idle for too long", kind: -1, want: []string{first + " QUIT", first + next},
			between: func(m *Mail, s *smtpsink.Server) error {
				m.idle.mu.Lock()
				kept := m.idle.idle[0]
				kept.timer.Stop()
				m.idle.mu.Unlock()
				m.idle.expire(kept)
				return nil
			}},
		{name: "served enough", kind: -1, want: []string{first + next + " QUIT", first},
			between: func(m *Mail, s *smtpsink.Server) error {
				m.idle.idle[0].mails = mailsEach - 1
				return nil
			}},
		{name: "refused for now", kind: KindTemporary, want: []string{first, "EHLO MAIL RCPT", first},
			between: func(_ *Mail, s *smtpsink.Server) error {
				return s.SetFaults(smtpsink.Faults{Recipients: map[string]smtpsink.Reply{"*": reply(451)}, Connections: 1})
			}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := sink(t, smtpsink.Options{})
			if err := s.SetFaults(tt.faults); err != nil {
				t.Fatal(err)
			}
			m := plain(t, s)
			if err := deliver(t, m, "am@msp.example"); err != nil {
				t.Fatal(err)
			}
			if tt.between != nil {
				if err := tt.between(m, s); err != nil {
					t.Fatal(err)
				}
			}
			err := deliver(t, m, "am@msp.example")
			if tt.kind < 0 && err != nil || tt.kind >= 0 && KindOf(err) != tt.kind {
				t.Errorf("error = %v, want %s", err, tt.kind)
			}
			if tt.name == "relay gone" {
				if err := s.SetFaults(smtpsink.Faults{}); err != nil {
					t.Fatal(err)
				}
			}
			if err := deliver(t, m, "am@msp.example"); err != nil {
				t.Fatal(err)
			}
			if got := conversations(s); !slices.Equal(got, tt.want) {
				t.Errorf("conversations %q, want %q", got, tt.want)
			}
			want := 3
			if tt.kind >= 0 {
				want = 2
			}
			if n := len(s.Messages()); n != want {
				t.Errorf("%d messages arrived, want %d", n, want)
			}
			noneLeft(t)
		})
	}
}

// A relay that takes nothing more over a connection says so to MAIL.
func TestMailTooManyOverOneConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	kept := make(chan int, 10)
	go func() {
		for n := 1; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(10 * time.Second))
				say(c, "220 mail.example")
				r := bufio.NewReader(c)
				mails, body := 0, false
				for {
					line := hear(r)
					switch {
					case line == "" && !body:
						return
					case body && line != ".":
					case body:
						body = false
						kept <- n
						say(c, "250 kept")
					case strings.HasPrefix(line, "MAIL") && mails > 0:
						say(c, "421 4.7.0 one message a connection")
						return
					case strings.HasPrefix(line, "MAIL"):
						mails++
						say(c, "250 ok")
					case line == "DATA":
						body = true
						say(c, "354 go on")
					default:
						say(c, "250 ok")
					}
				}
			}()
		}
	}()
	m := newMail(t, MailConfig{Relay: relayAt(t, l.Addr().String(), TLSNone)})
	for want := 1; want <= 3; want++ {
		if err := deliver(t, m, "am@msp.example"); err != nil {
			t.Fatal(err)
		}
		if got := <-kept; got != want {
			t.Errorf("message %d came over connection %d", want, got)
		}
	}
}

// A new password is used from the next message on.
func TestMailNewPasswordNewConnection(t *testing.T) {
	s := sink(t, smtpsink.Options{TLS: smtpsink.TLSOptions{Mode: smtpsink.TLSStartTLS}, Auth: account})
	r := credentials(t, relayTo(t, s, TLSStartTLS))
	m := newMail(t, MailConfig{Relay: r})
	if err := deliver(t, m, "am@msp.example"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.PasswordFile, []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantKind(t, deliver(t, m, "am@msp.example"), KindAuth, "auth", 535)
}
