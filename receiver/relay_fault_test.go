package receiver_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vigie/receiver"
	"vigie/receiver/notify"
	"vigie/receiver/smtpsink"
)

// secured gives a rig a relay that offers STARTTLS, asked with the times that
// are usual divided by scale.
func secured(t *testing.T, scale time.Duration) func(*rig) {
	return func(r *rig) {
		sink, err := smtpsink.Start(t.Context(), smtpsink.Options{Now: r.now, TLS: smtpsink.TLSOptions{Mode: smtpsink.TLSStartTLS}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { sink.Close() })
		ca := filepath.Join(r.dir, "ca.pem")
		if err := os.WriteFile(ca, sink.CA(), 0o600); err != nil {
			t.Fatal(err)
		}
		host, port, _ := net.SplitHostPort(sink.Addr())
		relay := notify.MailRelay{Host: host, TLS: notify.TLSStartTLS, CAFile: ca}
		relay.Port, _ = strconv.Atoi(port)
		mail, err := notify.NewMail(notify.MailConfig{Hello: "vigie.msp.example", Relay: relay, Timeouts: notify.MailTimeouts{
			Dial: 10 * time.Second / scale, Command: 30 * time.Second / scale, Data: 2 * time.Minute / scale, Quit: 2 * time.Second / scale, Total: 4 * time.Minute / scale}})
		if err != nil {
			t.Fatal(err)
		}
		r.tune = func(p *receiver.Reloadable) {
			p.Channel = mail
			r.sink.Close()
			r.sink = sink
		}
	}
}

// K4: what a relay does that says too little, too much, or cannot be trusted.
// With times divided by 60, so that its tarpit of 60 s takes one; make faults
// plays it in full.
func TestFaultSecuredRelay(t *testing.T) {
	scale := time.Duration(long(60, 1))
	for _, c := range []struct {
		name   string
		faults smtpsink.Faults
	}{
		{"tarpit of 60 s before each answer", smtpsink.Faults{Slow: time.Minute / scale}},
		{"banner of 64 MB", smtpsink.Faults{Banner: 64 << 20}},
		{"broken certificate", smtpsink.Faults{BrokenCertificate: true}},
		{"hides STARTTLS", smtpsink.Faults{NoStartTLS: true}},
		{"cuts in STARTTLS", smtpsink.Faults{Cut: smtpsink.AtStartTLS}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 0, secured(t, scale))
			if err := r.sink.SetFaults(c.faults); err != nil {
				t.Fatal(err)
			}
			const incidents = 2
			longest := time.Duration(0)
			for n := range incidents {
				r.fires(backup("dupont", fmt.Sprintf("SRV-%02d", n), "primary"))
				begun := time.Now()
				r.stride(70*time.Second, 35*time.Second)
				longest = max(longest, time.Since(begun))
			}
			if n := len(r.sink.Messages()); n != 0 {
				t.Errorf("%d mails through it", n)
			}
			if n := r.metric("vigie_notification_outbox_pending"); n < 1 {
				t.Errorf("%v are waiting", n)
			}
			if err := r.sink.SetFaults(smtpsink.Faults{}); err != nil {
				t.Fatal(err)
			}
			r.stride(16*time.Minute, 30*time.Second)
			lost, doubles := r.tally("opened", incidents)
			for _, m := range r.sink.Messages() {
				if !m.TLS {
					t.Error("a mail in clear text")
				}
			}
			if doubles > 0 || r.metric("vigie_notification_outbox_pending") != 0 {
				t.Errorf("%d doubles, %v left", doubles, r.metric("vigie_notification_outbox_pending"))
			}
			t.Logf("figure: relay %s: %d incidents, %d lost, %d doubles, nothing in clear text", c.name, incidents, lost, doubles)
		})
	}
}

// K4: of five addresses one is refused for good, one for now, one greylisted: each
// is treated by itself.
func TestFaultEachRecipientByItself(t *testing.T) {
	r := newRig(t, 0, func(r *rig) { r.edits = []string{"lead: {people: [vijay]}", "lead: {people: [vijay, adm1, adm2]}"} })
	if err := r.sink.SetFaults(smtpsink.Faults{
		Recipients: map[string]smtpsink.Reply{"vijay@msp.example": {Code: 550, Text: "no such user"}, "adm1@msp.example": {Code: 452, Text: "mailbox full"}},
	}); err != nil {
		t.Fatal(err)
	}
	r.fires(backup("dupont", "SRV-AD", "primary"))
	r.act(http.StatusOK, adm1Token, "1", "escalate", map[string]string{"reason": "help"})
	r.pass(61 * time.Second)
	reached := func() (got []string) {
		for _, m := range r.mails("account_manager") {
			got = append(got, m.Recipients...)
		}
		slices.Sort(got)
		return got
	}
	if want := []string{"adm2@msp.example", "am.dupont@msp.example", "expert@msp.example"}; !slices.Equal(reached(), want) {
		t.Errorf("in the first minute %v, want %v", reached(), want)
	}
	if err := r.sink.SetFaults(smtpsink.Faults{Recipients: map[string]smtpsink.Reply{"vijay@msp.example": {Code: 550, Text: "no such user"}}}); err != nil {
		t.Fatal(err)
	}
	r.stride(20*time.Minute, 10*time.Second)
	got := reached()
	if want := []string{"adm1@msp.example", "adm2@msp.example", "am.dupont@msp.example", "expert@msp.example"}; !slices.Equal(got, want) {
		t.Errorf("in the end %v, want %v", got, want)
	}
	t.Logf("figure: five recipients, one 550 and one 452 for a while: 3 reached at once, %d in the end, none twice, the fifth told as refused", len(got))
}

// A newer message about an incident does not overtake an older one to the same
// recipient while that is tried again, across a restart either; another incident
// and other recipients do not wait.
func TestFaultOrderWhileRetrying(t *testing.T) {
	r := newRig(t, 0, func(r *rig) { r.edits = []string{"lead: {people: [vijay]}", "lead: {people: [vijay, sup]}"} })
	sup := map[string]smtpsink.Reply{"sup@msp.example": {Code: 451, Text: "later"}}
	if err := r.sink.SetFaults(smtpsink.Faults{Recipients: sup}); err != nil {
		t.Fatal(err)
	}
	r.fires(backup("dupont", "SRV-1", "primary"))
	r.stride(5*time.Minute, 10*time.Second) // the pauses between tries have grown
	r.act(http.StatusOK, adm1Token, "1", "escalate", map[string]string{"reason": "help"})
	r.stride(61*time.Second, 10*time.Second)
	if n := len(r.mails("account_manager")); n != 3 {
		t.Errorf("%d of three other recipients have the newer message", n)
	}
	if err := r.sink.SetFaults(smtpsink.Faults{}); err != nil {
		t.Fatal(err)
	}
	r.restart()
	well := r.now()
	r.fires(backup("martin", "SRV-2", "primary"))
	r.stride(70*time.Second, 10*time.Second)
	steps := func() (out []string) {
		for _, m := range r.sink.Messages() {
			if m.Recipients[0] == "sup@msp.example" {
				out = append(out, m.Header("X-Vigie-Step")+" of "+m.Header("X-Incident-ID"))
			}
		}
		return out
	}
	if got := steps(); !slices.Contains(got, "opened of i2") {
		t.Errorf("another incident waits: %v", got)
	}
	for len(steps()) < 3 && r.now().Sub(well) < 20*time.Minute {
		r.stride(10*time.Second, 10*time.Second)
	}
	got := steps()
	first, second := slices.Index(got, "opened of i1"), slices.Index(got, "account_manager of i1")
	if first < 0 || second < first || len(got) != 3 {
		t.Errorf("in the order %v", got)
	}
	t.Logf("figure: order while an older message is tried again: %s; all %s after the relay was well", strings.Join(got, ", "), r.now().Sub(well).Round(time.Second))
}
