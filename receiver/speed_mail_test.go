package receiver_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/smtp"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// nullSMTP accepts every mail and forgets it.
type nullSMTP struct {
	net.Listener
	mails, connections atomic.Int64
}

func (b *speed) nullSMTP() *nullSMTP {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	b.ok(err)
	s := &nullSMTP{Listener: l}
	b.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.connections.Add(1)
			go s.serve(c)
		}
	}()
	return s
}

func (s *nullSMTP) serve(c net.Conn) {
	defer c.Close()
	fmt.Fprint(c, "220 mail.example\r\n")
	in := bufio.NewReader(c)
	for data := false; ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch verb := strings.ToUpper(strings.TrimSpace(line)); {
		case data && verb == ".":
			data = false
			s.mails.Add(1)
			fmt.Fprint(c, "250 kept\r\n")
		case data:
		case strings.HasPrefix(verb, "EHLO"):
			fmt.Fprint(c, "250-mail.example\r\n250-8BITMIME\r\n250 SIZE 10000000\r\n")
		case verb == "DATA":
			data = true
			fmt.Fprint(c, "354 go on\r\n")
		case verb == "QUIT":
			fmt.Fprint(c, "221 bye\r\n")
			return
		default:
			fmt.Fprint(c, "250 ok\r\n")
		}
	}
}

// outbox measures how fast messages that are due leave, beside the same number
// of mails of the same size sent by net/smtp over as many connections.
func (b *speed) outbox() {
	sink := b.nullSMTP()
	r := newRig(b.T, 0, func(r *rig) { r.relay = sink.Addr().String() })
	var ratio, rate, cpu []float64
	var connections int64
	number := 0
	for range min(b.rounds, 3) {
		var all []alert
		for range b.mails { // platforms are told one by one
			number++
			all = append(all, alert{"alertname": "DiskFull", "signal": "infra_probe", "platform": fmt.Sprintf("lms-%06d", number)})
			if len(all) == 100 || len(all) == b.mails {
				r.post(http.StatusOK, standard(all))
				all = nil
			}
		}
		r.set(r.now().Add(61 * time.Second))
		sink.mails.Store(0)
		sink.connections.Store(0)
		begun, busy := time.Now(), spent()
		b.ok(r.engine.Deliver(b.Context()))
		took := time.Since(begun)
		cpu = append(cpu, ms(spent()-busy)/float64(b.mails))
		if n := int(sink.mails.Load()); n != b.mails {
			b.Fatalf("%d mails of %d have left", n, b.mails)
		}
		connections = max(connections, sink.connections.Load())
		got := float64(b.mails) / took.Seconds()
		rate, ratio = append(rate, got), append(ratio, got/b.plainMail(sink, 2))
	}
	b.say("| P13 %d mails of the outbox to one address: %.0f/s (%d connections opened, %.2f ms of processor each); : net/smtp over 2 connections | %.2f | ≥ 0.3 |",
		b.mails, median(rate), connections, median(cpu), median(ratio))
	b.summary.add("outbox to a null sink : net/smtp over as many connections", "0.02", "≥ 0.5", "%.2f", median(ratio))
}

// plainMail sends mails over connections that are used again and returns mails
// per second.
func (b *speed) plainMail(sink *nullSMTP, connections int) float64 {
	b.Helper()
	body := []byte("Subject: test\r\n\r\n" + strings.Repeat(strings.Repeat("x", 76)+"\r\n", 60))
	begun := time.Now()
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			c, err := smtp.Dial(sink.Addr().String())
			if err != nil {
				b.Error(err)
				return
			}
			defer c.Close()
			for range b.mails / connections {
				b.check(c.Mail("vigie@msp.example"))
				b.check(c.Rcpt("sup@msp.example"))
				w, err := c.Data()
				if err != nil {
					b.Error(err)
					return
				}
				_, err = w.Write(body)
				b.check(err)
				b.check(w.Close())
			}
		})
	}
	wg.Wait()
	return float64(b.mails) / time.Since(begun).Seconds()
}
